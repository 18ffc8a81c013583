"""Positions whose margin runs out, drawn for some sessions: the exchange liquidates by its own rule, spot slides towards a strike
without a jump, and configurations say what is to come before."""

from random import Random
from typing import Any

from msgspec.structs import replace

from trader.simulation.planned import Plan

SHARE = 0.15  # of the sessions that do not run into the expiry


def drawn(rng: Random, plan: Plan) -> Plan:
    """The plan with margins that may run out, for a share of the sessions."""
    if plan.market.expiry_secs < 3600 or rng.random() > SHARE:
        return plan
    exits: dict[str, Any] = {
        "liquidation_guard_pct": str(rng.choice((0, 50, 70, 70, 90))),
        "max_loss_pct": str(rng.choice((20, 35, 60, 100, 300))),
    }
    risk = {"liquidation": rng.choice(("refuse", "refuse", "warn"))}

    def bounded(preset: dict[str, Any]) -> dict[str, Any]:
        return {**preset, "exits": {**preset["exits"], **exits}, "risk": {**preset["risk"], **risk}}

    market = plan.market
    if rng.random() < 0.7:
        since = rng.uniform(4, 20)
        slide = (since, since + rng.uniform(20, 70), rng.choice((-1, 1)) * rng.uniform(0.008, 0.03))
        market = replace(market, slides=(slide,), jumps=market.jumps if rng.random() < 0.3 else ())
    return replace(
        plan,
        market=market,
        preset=bounded(plan.preset),
        others=tuple(bounded(other) for other in plan.others),
        liquidates=rng.random() < 0.8,
    )
