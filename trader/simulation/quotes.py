"""What the exchange publishes of a contract at one instant, and what may be wrong with it (Q rows)."""

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from msgspec.structs import replace

from trader.domain.order import Side
from trader.domain.quote import Greeks, Quote
from trader.simulation.market import UNDERLYING
from trader.simulation.venue import SimVenue


def quote_of(venue: SimVenue, symbol: str) -> Quote:
    """The true quote of a live contract, own orders included in the book."""
    stats = venue.market.option_stats(symbol)
    book = venue.core.book(symbol)
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    now = venue.core.now
    return Quote(
        symbol=symbol,
        mark=stats.mark,
        bid=bid[0] if bid else None,
        ask=ask[0] if ask else None,
        bid_size=bid[1] if bid else None,
        ask_size=ask[1] if ask else None,
        greeks=stats.greeks if stats.mark_iv else None,
        mark_iv=stats.mark_iv or None,
        spot=venue.market.spot(UNDERLYING),
        open_interest=stats.open_interest,
        band_low=stats.band_low,
        band_high=stats.band_high,
        ts_mark=now,
        ts_quote=now,
        ts_greeks=now,
    )


def is_credible(quote: Quote) -> bool:
    """Whether the mark lies where the book is: on an absurd one no price can be reckoned."""
    if not quote.mark_iv or not quote.mark or not quote.bid or not quote.ask:
        return False
    return quote.bid * Decimal("0.8") <= quote.mark <= quote.ask * Decimal("1.25")


def aged(quote: Quote, by: timedelta) -> Quote:
    """Q1: the stamps of a quote that has not been renewed for a while."""

    def back(instant: datetime | None) -> datetime | None:
        return None if instant is None else instant - by

    return replace(quote, ts_mark=back(quote.ts_mark), ts_quote=back(quote.ts_quote), ts_greeks=back(quote.ts_greeks))


def spoiled(quote: Quote, draw: Random) -> Quote:
    """Q2: one absurd message."""
    mark = quote.mark or Decimal(1)
    match draw.randrange(8):
        case 0:
            return replace(quote, bid=None, ask=None, bid_size=None, ask_size=None)
        case 1:
            return replace(quote, bid=(quote.ask or mark) + 50, ask=quote.bid or mark)
        case 2:
            return replace(quote, bid=Decimal(0), ask=Decimal(0))
        case 3:
            return replace(quote, mark=mark * 100)
        case 4:
            return replace(quote, mark=None)
        case 5:
            return replace(quote, mark=Decimal(0))
        case 6:
            return replace(quote, greeks=None)
        case _:
            return replace(quote, greeks=Greeks(float("nan"), 0.0, 0.0, 0.0, 0.0))


ABSURD_SPOTS = (Decimal(0), Decimal("1e308"), Decimal(1), Decimal(-5))


def absurd(quote: Quote, draw: Random) -> Quote:
    """Q2: numbers that no market has, as far as the parsers let them pass."""
    greeks = quote.greeks
    match draw.randrange(6):
        case 0:
            return replace(quote, mark=Decimal("1e308"))
        case 1:
            return replace(quote, mark=Decimal(-3), bid=Decimal(-4), ask=Decimal(-2))
        case 2:
            return replace(quote, bid=quote.ask, ask=quote.ask)  # locked
        case 3:
            return replace(quote, ask=None, ask_size=None)
        case 4 if greeks is not None:
            return replace(quote, greeks=replace(greeks, delta=draw.choice((1.0, -1.0, float("inf"), 0.0))))
        case _:
            return replace(quote, mark=(quote.mark or Decimal(1)) / 100, bid=None, bid_size=None)
