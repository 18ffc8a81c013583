"""Prices within which nothing can happen, as the engine tells whatever listens to the market (`trader.engine.horizon`)."""

import msgspec

from trader.domain.order import Side


class Bounds(msgspec.Struct, frozen=True):
    """Where a contract's touch (the ask of what is short, the bid of what is long) may be, and how high its mark, USD per unit."""

    side: Side
    touch_low: float
    touch_high: float
    mark_high: float

    def within(self, other: "Bounds") -> "Bounds":
        """What both allow; two runs may hold a contract, on the same side."""
        return Bounds(
            self.side,
            max(self.touch_low, other.touch_low),
            min(self.touch_high, other.touch_high),
            min(self.mark_high, other.mark_high),
        )


class Horizon(msgspec.Struct, frozen=True):
    """By contract and by underlying. A price of something that is in neither table matters to nobody."""

    contracts: dict[str, Bounds] = {}
    spots: dict[str, tuple[float, float]] = {}
