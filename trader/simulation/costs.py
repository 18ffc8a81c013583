"""Limits of what an entry may cost, so near to the market's prices that they refuse some, drawn for some sessions."""

from random import Random
from typing import Any

from msgspec.structs import replace

from trader.simulation.planned import Plan

SHARE = 0.15  # of all sessions


def drawn(rng: Random, plan: Plan) -> Plan:
    """The plan with one or two of these limits in its configurations, for a share of the sessions."""
    if rng.random() > SHARE:
        return plan
    limits: dict[str, Any] = {}
    for name in rng.sample(("ticks", "leg", "all", "start", "fees"), rng.choice((1, 1, 2))):
        match name:
            case "ticks":
                limits["min_leg_ticks"] = rng.choice((100, 300, 600, 1000))
            case "leg":
                limits["min_leg_premium_usd"] = str(rng.choice((0.1, 0.2, 0.4, 0.8)))
            case "all":
                limits["min_premium_usd"] = str(rng.choice((0.3, 0.6, 1.2)))
            case "start":
                limits["max_start_loss_pct"] = str(rng.choice((8, 15, 25, 40)))
            case _:
                limits["max_fee_share_pct"] = str(rng.choice((4, 6, 7)))
    market = replace(plan.market, half_spread_pct=rng.choice((0.5, 1.5, 4.0, 8.0)))

    def limited(preset: dict[str, Any]) -> dict[str, Any]:
        return {**preset, "risk": {**preset["risk"], **limits}}

    return replace(
        plan, market=market, preset=limited(plan.preset), others=tuple(limited(other) for other in plan.others)
    )
