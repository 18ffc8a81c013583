"""What a closing order may cost: as much as somebody asks, never more for time alone, never more than the preset accepts.

A concession needs somebody to make it to. While nobody offers, or nobody at a price that is accepted by now, one bid stands
just above the mark; when an offer is within reach the order goes to meet it.
"""

from decimal import Decimal

import msgspec

from trader.domain.clock import Now
from trader.domain.order import Purpose, TimeInForce
from trader.domain.quote import Quote
from trader.engine.execution.algo import since_filled
from trader.engine.execution.chase import chase_price, price_bounds
from trader.engine.gate import collar, exit_bounds, exit_ceiling, is_fresh_mark, is_fresh_quote, met_offers
from trader.engine.records import LegTerms
from trader.engine.state import HUNDRED, Run, State, seconds_since


class Terms(msgspec.Struct, frozen=True):
    """How a closing order goes out; without a limit at market. `asked` is the offer it is made in view of, None where nobody
    offers at an accepted price."""

    limit: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    asked: Decimal | None = None


def exit_terms(
    state: State, now: Now, run: Run, leg: LegTerms, purpose: Purpose, *, alone: bool, takes: bool = False
) -> Terms:
    """The next closing order of a leg. `alone`: its other leg is not open, so it goes to meet the book from the start.
    `takes`: it takes what is offered at once, instead of standing in the book."""
    quote = state.market.quotes.get(leg.symbol)
    if quote is None:
        return Terms()
    if quote.mark is None or _is_lost(state, now, run, quote):
        # Nothing to judge a price by: what is asked, where the exchange's band lets it pass, else its band is all there is.
        is_within_band = quote.ask is not None and 0 < quote.ask <= (quote.band_high or quote.ask)
        if is_within_band and is_fresh_quote(state, quote, now):
            return Terms(quote.ask, TimeInForce.IOC, quote.ask)
        return Terms(asked=quote.ask)
    bounds = exit_bounds(run, leg, quote.mark)
    highest = price_bounds(run.preset, leg, quote, quote.mark, bounds)[1]
    if quote.ask is None or not 0 < quote.ask <= highest:
        return Terms(fair_bid(run, leg, quote), asked=None if is_unoffered(run, leg, quote) else quote.ask)
    orders, side = run.preset.orders, leg.side.opposite
    met = sum(met_offers(o) for o in since_filled(run.leg_orders(leg.key, purpose)))
    if takes:
        return Terms(highest, TimeInForce.IOC, quote.ask)
    if orders.market_fallback and met > orders.retries and met % 2 == 1 and is_fresh_mark(state, quote, now):
        return Terms(highest, TimeInForce.IOC, quote.ask)
    if met > (0 if alone else orders.retries):
        # One leg alone, and any leg whose chase is used up: a thin book must not be emptied contract by contract.
        reach = quote.ask * (1 + run.preset.risk.price_collar_pct / HUNDRED)
        limit = chase_price(run.preset, leg, side, quote, reach, 0, bounds)
    else:
        limit = chase_price(run.preset, leg, side, quote, quote.ask, min(met, orders.retries) + 1, bounds)
    # What pays more than the collar around the mark takes what is there; it does not stand in the book for others to meet.
    beyond = limit > collar(leg, quote.mark, run.preset.risk.price_collar_pct)[1]
    return Terms(limit, TimeInForce.IOC if beyond else TimeInForce.GTC, quote.ask)


def _is_lost(state: State, now: Now, run: Run, quote: Quote) -> bool:
    """True for a mark as old as a run may be held blind: it says nothing any more, and must not hold an exit back."""
    newest, longest = state.market.newest, run.preset.exits.blind_exit_secs * max(now.rate, 1.0)
    return quote.ts_mark is None or (newest is not None and seconds_since(quote.ts_mark, newest) > longest)


def fair_bid(run: Run, leg: LegTerms, quote: Quote, steps: int = 1) -> Decimal:
    """The bid that stands while nobody offers: one step of slippage above the mark, however long it has stood."""
    assert quote.mark is not None
    low, high = collar(leg, quote.mark, run.preset.risk.price_collar_pct)
    bounds = low, min(high, exit_ceiling(run.preset, leg, quote.mark))
    return chase_price(run.preset, leg, leg.side.opposite, quote, quote.mark, steps, bounds)


def is_unoffered(run: Run, leg: LegTerms, quote: Quote) -> bool:
    """True when nobody offers the leg, or nobody at a price the preset accepts."""
    if quote.ask is None or quote.ask <= 0:
        return True
    return quote.mark is not None and quote.ask > exit_ceiling(run.preset, leg, quote.mark)


def stands_well(state: State, now: Now, run: Run, leg: LegTerms, limit: Decimal | None, *, is_kept: bool) -> bool:
    """True when a resting bid need not be renewed: nobody offers (or what is offered is not worth it: `is_kept`), and it stands
    no lower than the mark and no more than two steps above, give or take a tick, as the mark moves about."""
    quote = state.market.quotes.get(leg.symbol)
    if quote is None or limit is None or quote.mark is None or not is_fresh_mark(state, quote, now):
        return False
    if not is_kept and not is_unoffered(run, leg, quote):
        return False
    return quote.mark - leg.tick_size <= limit <= fair_bid(run, leg, quote, 2) + leg.tick_size


def is_above_ceiling(state: State, now: Now, run: Run, leg: LegTerms, limit: Decimal | None) -> bool:
    """True when a resting bid pays more than the preset accepts at the mark of now: the mark has fallen, or was absurd."""
    quote = state.market.quotes.get(leg.symbol)
    if quote is None or limit is None or quote.mark is None or not is_fresh_mark(state, quote, now):
        return False
    return limit > exit_ceiling(run.preset, leg, quote.mark)
