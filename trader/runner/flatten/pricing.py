"""What a closing order may cost: what is asked, with a concession that widens as the book is found empty, up to a most.

Every order here is immediate: none stands in the book above the mark for others to meet."""

from datetime import datetime
from decimal import Decimal

from trader.domain.errors import ExchangeError
from trader.domain.order import Side
from trader.domain.quote import Quote, credible_newest
from trader.domain.rounding import ceil_to_tick, floor_to_tick, round_marketable
from trader.exchange.ports import MarketReads

_CONCESSIONS = (Decimal("0.02"), Decimal("0.05"), Decimal("0.10"), Decimal("0.20"))
_COLLAR, _COLLAR_TICKS = Decimal("0.20"), 5
_MOST, _MOST_TICKS = Decimal(1), 20  # twice the mark, as far as any attempt goes unless a person says "any price"


class Prices:
    """Newest quotes and ticks of the contracts at hand. What cannot be read is absent: then orders go out at market."""

    def __init__(self, gateway: MarketReads) -> None:
        self._gateway = gateway
        self._quotes: dict[str, Quote] = {}
        self._ticks: dict[str, Decimal] = {}
        self._market: datetime | None = None

    def refresh(self, underlyings: set[str]) -> datetime | None:
        """Read them anew; the youngest exchange time seen so far."""
        self._quotes = {}
        for underlying in sorted(underlyings):
            try:
                self._ticks |= {i.symbol: i.tick_size for i in self._gateway.instruments(underlying)}
                self._quotes |= {q.symbol: q for q in self._gateway.tickers(underlying)}
            except ExchangeError:
                continue  # an exit is never held back by missing prices
        newest = credible_newest(quote.ts_mark for quote in self._quotes.values())
        if newest is not None:
            self._market = newest if self._market is None else max(self._market, newest)
        return self._market

    def quote(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def tick(self, symbol: str) -> Decimal | None:
        return self._ticks.get(symbol)


def limit_for(
    side: Side, quote: Quote | None, tick: Decimal | None, attempt: int, *, any_price: bool = False
) -> Decimal | None:
    """The limit (USD per unit of underlying) of the n-th attempt (from 0); None = a market order.

    From the touch on the other side, further by each attempt's concession; first never beyond 20 % (at least 5 ticks) from the
    mark, from the fifth attempt on twice the mark (at least 20 ticks), nor outside the exchange's price band. Market orders
    are for contracts without prices; with `any_price` every other one from the fourth attempt on goes at market.
    """
    if quote is None or tick is None or (any_price and attempt >= 3 and attempt % 2 == 1):
        return None
    touch = quote.ask if side is Side.BUY else quote.bid
    reference = touch if touch is not None and touch > 0 else quote.mark
    if reference is None:
        return None
    concession = _CONCESSIONS[min(attempt, len(_CONCESSIONS) - 1)]
    price = round_marketable(reference * (1 + side.sign * concession), tick, side)
    low, high = quote.band_low, quote.band_high
    if quote.mark is not None:
        share, ticks = (_COLLAR, _COLLAR_TICKS) if attempt < len(_CONCESSIONS) else (_MOST, _MOST_TICKS)
        width = max(quote.mark * share, ticks * tick)
        low = quote.mark - width if low is None else max(low, quote.mark - width)
        high = quote.mark + width if high is None else min(high, quote.mark + width)
    if high is not None:
        price = min(price, floor_to_tick(high, tick))
    if low is not None:
        price = max(price, ceil_to_tick(low, tick))
    return max(price, tick)


def unmet(side: Side, quote: Quote | None, limit: Decimal | None) -> str:
    """Why an order with this limit meets nobody, in words; empty when it may."""
    if quote is None or limit is None:
        return ""
    touch = quote.ask if side is Side.BUY else quote.bid
    if touch is None or touch <= 0:
        return "nobody offers it" if side is Side.BUY else "nobody bids for it"
    if (touch - limit) * side.sign <= 0:
        return ""
    return f"{'offered' if side is Side.BUY else 'bid for'} at {touch}, and {limit} is the most; --any-price pays more"
