"""Spreads that are wide for a while, and how exits look past them, drawn for some sessions."""

from random import Random
from typing import Any

from msgspec.structs import replace

from trader.simulation.planned import Plan

SHARE = 0.15  # of the sessions that do not run into the expiry


def drawn(rng: Random, plan: Plan) -> Plan:
    """The plan with wide spreads in it, for a share of the sessions."""
    if plan.market.expiry_secs < 3600 or rng.random() > SHARE:
        return plan
    wide, since = [], rng.uniform(4, 25)
    for _ in range(rng.choice((1, 1, 2))):
        until = since + rng.choice((1.5, 5, 12, 40)) * rng.uniform(0.7, 1.3)
        wide.append((since, until, rng.choice((10.0, 30.0, 80.0))))
        since = until + rng.uniform(2, 15)
    exits: dict[str, Any] = {
        "spread_guard_secs": rng.choice((0, 5, 12, 60)),
        "spread_guard_pct": str(rng.choice((10, 30, 50))),
        "max_loss_pct": str(rng.choice((20, 35, 50))),
    }

    def guarded(preset: dict[str, Any]) -> dict[str, Any]:
        return {**preset, "exits": {**preset["exits"], **exits}}

    market = replace(plan.market, wide=tuple(wide))
    return replace(
        plan, market=market, preset=guarded(plan.preset), others=tuple(guarded(other) for other in plan.others)
    )
