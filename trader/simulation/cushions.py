"""Where a stop at breakeven stands, drawn for some sessions; with a profit that comes and goes."""

from random import Random
from typing import Any

from msgspec.structs import replace

from trader.simulation.planned import Plan

SHARE = 0.2  # of the sessions whose stop trails


def drawn(rng: Random, plan: Plan) -> Plan:
    """The plan with another cushion, for a share of the sessions."""
    if not plan.preset["exits"].get("trailing_enabled") or rng.random() > SHARE:
        return plan
    cushion: dict[str, Any] = {"breakeven_cushion": rng.choice(("cost", "pct", "pct", "none"))}
    if cushion["breakeven_cushion"] == "pct":
        cushion["breakeven_cushion_pct"] = str(rng.choice((1, 3, 10)))
    market = plan.market
    if rng.random() < 0.6:
        first, fall = rng.uniform(6, 20), rng.choice((0.7, 0.8, 0.9))
        market = replace(market, iv_moves=((first, fall), (first + rng.uniform(5, 15), rng.choice((1.0, 1.05)) / fall)))
    exits = {**plan.preset["exits"], **cushion, "max_profit_pct": "80"}
    return replace(plan, market=market, preset={**plan.preset, "exits": exits})
