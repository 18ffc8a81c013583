"""How orders are worked: the algorithm of entry and exit, prices, retries."""

from decimal import Decimal
from math import ceil
from typing import Any, Literal

from trader.config.numbers import Flag, Number, Whole
from trader.config.section import Section, setting
from trader.domain.structure import Structure

Algo = Literal["chase", "market", "twap", "iceberg"]


# What algorithms that cut a leg into slices need to know; entry and exit have each of these for themselves.
_SLICING: dict[str, dict[str, Any]] = {
    "duration_secs": {
        "title": "duration",
        "description": "TWAP: over how long the slices are spread. What is left then is worked as a chase.",
        "unit": "market seconds",
        "algos": ["twap"],
        "ge": 2,
        "le": 86_400,
    },
    "slices": {
        "title": "slices",
        "description": "TWAP: into how many equal parts each leg is cut; every part is at least one contract.",
        "unit": "slices",
        "algos": ["twap"],
        "ge": 2,
        "le": 500,
    },
    "visible_pct": {
        "title": "share shown",
        "description": "Iceberg: how much of a leg is in the book at a time, rounded up to whole contracts.",
        "unit": "% of quantity",
        "algos": ["iceberg"],
        "gt": 0,
        "le": 100,
    },
    "refresh_secs": {
        "title": "refresh",
        "description": "Iceberg: how long after one part has filled the next is shown.",
        "unit": "seconds",
        "algos": ["iceberg"],
        "ge": 0,
        "le": 3600,
    },
    "child": {
        "title": "slice",
        "description": "TWAP and iceberg: limit works each slice as a chase, market takes what the book has.",
        "algos": ["twap", "iceberg"],
    },
}


def _slicing(side: str, name: str, default: Any) -> Any:
    terms = dict(_SLICING[name])
    title, algos = f"{side.capitalize()} {terms.pop('title')}", terms.pop("algos")
    return setting(default, title, since=4, used={f"{side}_algo": algos}, **terms)


class Orders(Section):
    """How orders are worked."""

    entry_algo: Algo = setting(
        "chase",
        "Entry algorithm",
        "How a leg is sold: chase stands in the book and concedes step by step, market takes what the book has, twap sells equal "
        "slices over a time, iceberg shows a share at a time.",
        since=4,
    )
    entry_duration_secs: Whole = _slicing("entry", "duration_secs", 600)
    entry_slices: Whole = _slicing("entry", "slices", 10)
    entry_visible_pct: Number = _slicing("entry", "visible_pct", Decimal(10))
    entry_refresh_secs: Whole = _slicing("entry", "refresh_secs", 2)
    entry_child: Literal["limit", "market"] = _slicing("entry", "child", "limit")
    exit_algo: Algo = setting(
        "chase",
        "Exit algorithm",
        "How a leg is bought back at the exit time and at the maximum profit. Stops and whatever else must end quickly take no "
        "slices: there twap and iceberg count as chase.",
        since=4,
    )
    exit_duration_secs: Whole = _slicing("exit", "duration_secs", 300)
    exit_slices: Whole = _slicing("exit", "slices", 10)
    exit_visible_pct: Number = _slicing("exit", "visible_pct", Decimal(10))
    exit_refresh_secs: Whole = _slicing("exit", "refresh_secs", 2)
    exit_child: Literal["limit", "market"] = _slicing("exit", "child", "limit")
    stop_in_slices: Flag = setting(
        False,
        "Stop in slices",
        "Whether Stop & Exit takes the exit's slices too; without it everything is closed at once.",
        since=4,
        used={"exit_algo": ["twap", "iceberg"]},
    )
    entry_reference: Literal["touch", "mid", "mark"] = setting(
        "touch",
        "Entry price from",
        "Where the first entry limit stands: the bid (touch), the middle of the book, or the mark.",
    )
    retries: Whole = setting(4, "Retries", "Further limit attempts after the first one.", "attempts", ge=0, le=4)
    slippage_pct: Number = setting(
        Decimal(2),
        "Slippage per retry",
        "Each retry concedes this much more in the filling direction.",
        "% of price",
        ge=0,
        le=20,
    )
    timeout_secs: Whole = setting(
        30, "Timeout", "How long an entry order may rest before it is cancelled and retried.", "seconds", ge=1, le=600
    )
    exit_timeout_secs: Whole = setting(
        3,
        "Exit timeout",
        "How long a closing order may rest before it is cancelled and retried.",
        "seconds",
        ge=1,
        le=60,
    )
    market_fallback: Flag = setting(
        True,
        "Market fallback",
        "After the last limit attempt, send a market order for the remainder; a closing order takes at once what the book "
        "has, as far as is accepted by then.",
    )
    partial_policy: Literal["accept", "unwind"] = setting(
        "unwind",
        "Partly filled entry",
        "When a leg cannot be completed: accept keeps it if enough is filled on both legs, unwind buys everything back.",
    )
    min_fill_pct: Number = setting(
        Decimal(50),
        "Smallest accepted share",
        "With accept: each leg must be filled at least this much.",
        "% of quantity",
        used={"partial_policy": ["accept"]},
        gt=0,
        le=100,
    )

    def must_fit(self, structure: Structure, quantity: int, *, entry_mins: int, exit_mins: int) -> None:
        """What an algorithm needs of quantity and time is there. Raises ValueError with the fields at fault."""
        ranks = len({leg.rank for leg in structure.legs})
        for side, window, mins in (
            ("entry", "schedule.entry_window_mins", entry_mins),
            ("exit", "schedule.exit_before_expiry_mins", exit_mins),
        ):
            algo, duration, slices = (getattr(self, f"{side}_{name}") for name in ("algo", "duration_secs", "slices"))
            if algo == "twap":
                if slices > quantity:
                    raise ValueError(
                        f"orders.{side}_slices ({slices}) exceeds strategy.quantity ({quantity}): "
                        "a slice is at least one contract"
                    )
                if duration < slices:
                    raise ValueError(
                        f"orders.{side}_duration_secs ({duration}) is too short for orders.{side}_slices ({slices}): "
                        "a slice takes at least a second"
                    )
            elif algo == "iceberg":
                parts = ceil(100 / getattr(self, f"{side}_visible_pct"))
                most = quantity * max(leg.ratio for leg in structure.legs)
                duration = (min(parts, most) - 1) * getattr(self, f"{side}_refresh_secs")
            duration *= ranks  # one rank is complete before the next is begun
            if algo in ("twap", "iceberg") and duration > mins * 60:
                named = "duration_secs" if algo == "twap" else "refresh_secs"
                raise ValueError(
                    f"orders.{side}_{named} makes the {side} last {duration} s, longer than {window} ({mins} min) allows"
                )
