"""What a closing order may cost: as much as somebody asks, never more for time alone, never more than the preset accepts.

A concession needs somebody to make it to. While nobody offers, or nobody at a price that is accepted by now, one bid stands
just above the mark; when an offer is within reach the order goes to meet it. What is long is sold in the same way with the
signs turned: `touch` is the offer that a short leg is bought back from, or the bid that a long one is sold to.
"""

from decimal import Decimal

import msgspec

from trader.domain.clock import Now
from trader.domain.order import Purpose, Side, TimeInForce
from trader.domain.quote import Quote
from trader.domain.rounding import ceil_to_tick, floor_to_tick
from trader.engine.execution.algo import since_filled
from trader.engine.execution.chase import chase_price, price_bounds
from trader.engine.gate import collar, exit_bounds, exit_limit, is_fresh_mark, is_fresh_quote, met_offers
from trader.engine.records import LegTerms
from trader.engine.state import HUNDRED, Run, State, seconds_since

_BAND_MARGIN = Decimal("0.1")  # of the way from the price band's edge to the mark


class Terms(msgspec.Struct, frozen=True):
    """How a closing order goes out; without a limit at market. `asked` is the touch it is made in view of, None where there is
    none at an accepted price."""

    limit: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    asked: Decimal | None = None


def touch_of(leg: LegTerms, quote: Quote) -> Decimal | None:
    """The best price on the side that closing a leg meets; None where nobody is there."""
    touch = quote.ask if leg.side is Side.SELL else quote.bid
    return touch if touch is not None and touch > 0 else None


def is_beyond(leg: LegTerms, price: Decimal, limit: Decimal) -> bool:
    """Whether closing at `price` is worse than at `limit`: dearer for a purchase, cheaper for a sale."""
    return price > limit if leg.side is Side.SELL else price < limit


def exit_terms(
    state: State, now: Now, run: Run, leg: LegTerms, purpose: Purpose, *, alone: bool, takes: bool = False
) -> Terms:
    """The next closing order of a leg. `alone`: its other leg is not open, so it goes to meet the book from the start.
    `takes`: it takes what is offered at once, instead of standing in the book."""
    quote = state.market.quotes.get(leg.symbol)
    if quote is None:
        return Terms()
    touch, is_sale = touch_of(leg, quote), leg.side is Side.BUY
    if quote.mark is None or _is_lost(state, now, run, quote):
        # Nothing to judge a price by: what is asked, where the exchange's band lets it pass, else its band is all there is.
        band = quote.band_low if is_sale else quote.band_high
        if touch is not None and not is_beyond(leg, touch, band or touch) and is_fresh_quote(state, quote, now):
            return Terms(touch, TimeInForce.IOC, touch)
        return Terms(asked=touch)
    bounds = exit_bounds(run, leg, quote.mark)
    worst = price_bounds(run.preset, leg, quote, quote.mark, bounds)[0 if is_sale else 1]
    if touch is None or is_beyond(leg, touch, worst):
        return Terms(fair_price(run, leg, quote), asked=None if is_unoffered(run, leg, quote) else touch)
    worst = _inside_band(leg, quote, touch, worst)
    orders, side = run.preset.orders, leg.side.opposite
    met = sum(met_offers(o) for o in since_filled(run.leg_orders(leg.key, purpose)))
    if takes:
        return Terms(worst, TimeInForce.IOC, touch)
    if orders.market_fallback and met > orders.retries and met % 2 == 1 and is_fresh_mark(state, quote, now):
        return Terms(worst, TimeInForce.IOC, touch)
    if met > (0 if alone else orders.retries):
        # One leg alone, and any leg whose chase is used up: a thin book must not be emptied contract by contract.
        reach = touch * (1 + side.sign * run.preset.risk.price_collar_pct / HUNDRED)
        limit = chase_price(run.preset, leg, side, quote, reach, 0, bounds)
    else:
        limit = chase_price(run.preset, leg, side, quote, touch, min(met, orders.retries) + 1, bounds)
    limit = _inside_band(leg, quote, touch, limit)
    # What pays more than the collar around the mark takes what is there; it does not stand in the book for others to meet.
    edge = collar(leg, quote.mark, run.preset.risk.price_collar_pct)[0 if is_sale else 1]
    return Terms(limit, TimeInForce.IOC if is_beyond(leg, limit, edge) else TimeInForce.GTC, touch)


def _inside_band(leg: LegTerms, quote: Quote, touch: Decimal, limit: Decimal) -> Decimal:
    """A limit on the edge of the price band as it was read is refused as soon as the mark has moved, and the band with it: a tenth of the
    way from the edge to the mark is left free, unless the best offer itself lies in it."""
    edge = quote.band_low if leg.side is Side.BUY else quote.band_high
    if edge is None or quote.mark is None:
        return limit
    inner = edge + (quote.mark - edge) * _BAND_MARGIN
    inner = ceil_to_tick(inner, leg.tick_size) if leg.side is Side.BUY else floor_to_tick(inner, leg.tick_size)
    return inner if is_beyond(leg, limit, inner) and not is_beyond(leg, touch, inner) else limit


def _is_lost(state: State, now: Now, run: Run, quote: Quote) -> bool:
    """True for a mark as old as a run may be held blind: it says nothing any more, and must not hold an exit back."""
    newest, longest = state.market.newest, run.preset.exits.blind_exit_secs * max(now.rate, 1.0)
    return quote.ts_mark is None or (newest is not None and seconds_since(quote.ts_mark, newest) > longest)


def fair_price(run: Run, leg: LegTerms, quote: Quote, steps: int = 1) -> Decimal:
    """The limit that stands while nobody is there to meet: one step of slippage beyond the mark, however long it has stood."""
    assert quote.mark is not None
    low, high = collar(leg, quote.mark, run.preset.risk.price_collar_pct)
    worst = exit_limit(run.preset, leg, quote.mark)
    bounds = (low, min(high, worst)) if leg.side is Side.SELL else (max(low, worst), high)
    return chase_price(run.preset, leg, leg.side.opposite, quote, quote.mark, steps, bounds)


def is_unoffered(run: Run, leg: LegTerms, quote: Quote) -> bool:
    """True when nobody is there to close the leg with, or nobody at a price the preset accepts."""
    touch = touch_of(leg, quote)
    if touch is None:
        return True
    return quote.mark is not None and is_beyond(leg, touch, exit_limit(run.preset, leg, quote.mark))


def stands_well(state: State, now: Now, run: Run, leg: LegTerms, limit: Decimal | None, *, is_kept: bool) -> bool:
    """True when a resting limit need not be renewed: nobody is there to meet (or who is is not worth it: `is_kept`), and it
    stands no better than the mark and no more than two steps beyond, give or take a tick, as the mark moves about."""
    quote = state.market.quotes.get(leg.symbol)
    if quote is None or limit is None or quote.mark is None or not is_fresh_mark(state, quote, now):
        return False
    if not is_kept and not is_unoffered(run, leg, quote):
        return False
    least, most = sorted((quote.mark, fair_price(run, leg, quote, 2)))
    return least - leg.tick_size <= limit <= most + leg.tick_size


def is_past_limit(state: State, now: Now, run: Run, leg: LegTerms, limit: Decimal | None) -> bool:
    """True when a resting limit concedes more than the preset accepts at the mark of now: the mark has moved, or was absurd."""
    quote = state.market.quotes.get(leg.symbol)
    if quote is None or limit is None or quote.mark is None or not is_fresh_mark(state, quote, now):
        return False
    return is_beyond(leg, limit, exit_limit(run.preset, leg, quote.mark))
