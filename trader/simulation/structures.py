"""Structures other than the short strangle, drawn for some sessions, with the strikes that they need."""

from random import Random
from typing import Any

SHARE = 0.25  # of all sessions
_WINGS = {"structure": "iron_condor", "wings_by": "width"}
_DRAWN: tuple[dict[str, Any], ...] = (
    _WINGS,
    _WINGS,
    {"structure": "iron_condor", "wings_by": "delta", "wing_delta_min": "0.01", "wing_delta_max": "0.07"},
    {"structure": "iron_fly", "wings_by": "width"},
    {"structure": "short_straddle"},
    {"structure": "ratio_strangle"},
    {"structure": "one_leg", "leg_side": "buy"},
    {"structure": "one_leg", "leg_side": "sell"},
    {"structure": "custom"},
)
FARTHER = (0.0, 1.8, 2.2)  # deviations from spot: at the money, and where wings are found


def drawn(rng: Random, strategy: dict[str, Any]) -> dict[str, Any] | None:
    """The strategy of a configuration with another structure in it, for a share of the sessions."""
    if rng.random() > SHARE:
        return None
    strategy = {**strategy, **rng.choice(_DRAWN)}
    match strategy["structure"]:
        case "iron_condor" | "iron_fly":
            strategy["wing_width_usd"] = str(rng.choice((20, 500, 2000)))
        case "ratio_strangle":
            strategy |= {"call_ratio": rng.choice((1, 2)), "put_ratio": rng.choice((2, 3))}
        case "one_leg":
            strategy["leg_kind"] = rng.choice(("call", "put"))
        case "custom":
            strategy["legs"] = _legs(rng)
    return strategy


def _legs(rng: Random) -> list[dict[str, Any]]:
    """A spread of one kind for a credit or a debit, a back spread, or a strangle of which one side alone is covered."""
    kind = rng.choice(("call", "put"))
    near = {"key": "N", "kind": kind, "ratio": 1, "by": "delta", "value": "0.08-0.40"}
    far = {"key": "FAR", "kind": kind, "ratio": 1, "by": "width", "value": "500 from N"}
    match rng.choice(("credit", "debit", "back", "half")):
        case "credit":
            return [{**near, "side": "sell"}, {**far, "side": "buy"}]
        case "debit":
            return [{**near, "side": "buy"}, {**far, "side": "sell"}]
        case "back":
            return [{**near, "side": "sell"}, {**far, "side": "buy", "ratio": 2}]
        case _:
            other = {**near, "key": "O", "kind": "put" if kind == "call" else "call"}
            return [{**near, "side": "sell"}, {**far, "side": "buy"}, {**other, "side": "sell"}]
