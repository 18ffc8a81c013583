"""Which market messages wake the runner: those that leave the engine's horizon. Asked in the stream's thread."""

from math import inf

from trader.domain.horizon import Bounds, Horizon
from trader.domain.instrument import underlying_of_index
from trader.domain.order import Side
from trader.exchange.delta.wire.core import BestQuote, MarketMessage, MarkPrice, Number, Ticker, TickerItem

_MARK_PREFIX = "MARK:"


class Lookout:
    """Judges messages as they were decoded. Without a horizon every message matters."""

    def __init__(self) -> None:
        self.horizon: Horizon | None = None

    def matters(self, message: MarketMessage) -> bool:
        """True when what the message says may make a difference before the next tick."""
        horizon = self.horizon
        if horizon is None:
            return True
        try:
            return _leaves(horizon, message)
        except (ValueError, IndexError, KeyError):
            return True  # a number that is none: what it means is judged where it is read


def _leaves(horizon: Horizon, message: MarketMessage) -> bool:
    if isinstance(message, BestQuote):
        bounds = horizon.contracts.get(message.sy)
        return bounds is not None and _touch_leaves(bounds, message.ap, message.bp)
    if isinstance(message, MarkPrice):
        bounds = horizon.contracts.get(message.sy.removeprefix(_MARK_PREFIX))
        return bounds is not None and _outside(message.p, -inf, bounds.mark_high)
    if isinstance(message, Ticker):
        return any(_ticker_leaves(horizon, message, item) for item in message.d)
    limits = horizon.spots.get(underlying_of_index(message.sy))
    return limits is not None and _outside(message.p, *limits)


def _ticker_leaves(horizon: Horizon, message: Ticker, item: TickerItem) -> bool:
    bounds = horizon.contracts.get(item.s)
    if bounds is None:
        return False
    quotes = item.q or ()
    ask, bid = (quotes[0], quotes[2]) if len(quotes) >= 4 else (None, None)
    limits = horizon.spots[item.s.split("-")[1]]
    return _touch_leaves(bounds, ask, bid) or _outside(item.m, -inf, bounds.mark_high) or _outside(message.sp, *limits)


def _touch_leaves(bounds: Bounds, ask: Number, bid: Number) -> bool:
    touch = ask if bounds.side is Side.SELL else bid
    return _outside(touch, bounds.touch_low, bounds.touch_high)


def _outside(number: Number, low: float, high: float) -> bool:
    """A price that is not there is outside: what is decided without it is not known here."""
    return number is None or not low <= float(number) <= high
