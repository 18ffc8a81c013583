"""What a ticket's order ties up, and whether the balance has it."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from trader.domain.clock import Now
from trader.domain.instrument import Kind
from trader.domain.order import OrderIntent, Purpose, Side
from trader.engine.records import LegTerms
from trader.engine.state import HUNDRED, ZERO, Run, State
from trader.engine.valuation import closing_fee, option_held
from trader.engine.verdict import Denied, Passed, judge
from trader.pricing.margin_mode import OptionHeld, margin_in


def funds_flaw(
    state: State, run: Run, leg: LegTerms, quantity: int, price: Decimal | None, now: Now, passed: Passed
) -> Denied | None:
    """Whether what is free, less what has gone out since it was read, suffices for so many contracts."""
    shown = state.shown.get(run.underlying)
    if shown is None or shown.available is None:
        return Denied("ACCOUNT_NOT_READ", "the free balance has not been read yet")
    needed = tied_up(state, run, leg, quantity, price, now)
    if needed is None:
        return Denied("NO_INDEX_PRICE", f"underlying={run.underlying}")
    free = shown.available - sent_since(state, state.unresolved, shown.asked, now)
    most = free * state.account.limits.margin_share_pct / HUNDRED
    numbers = f"needed={needed:.2f}, free={free:.2f} USD, margin_share_pct={state.account.limits.margin_share_pct}"
    return judge(needed > most, "MARGIN_INSUFFICIENT", numbers, passed)


def sent_since(state: State, runs: Iterable[Run], asked: datetime, now: Now) -> Decimal:
    """USD that entries sent since a read of the balance tie up, whether they have filled or not."""
    total = ZERO
    for run in runs:
        for order in run.orders.values():
            size = order.done_qty + order.leaves_qty
            if order.intent.purpose is Purpose.ENTRY and order.intended_at >= asked and size:
                leg = run.leg(order.intent.leg)
                total += tied_up(state, run, leg, size, price_of(state, leg, order.intent), now) or ZERO
    return total


def price_of(state: State, leg: LegTerms, intent: OrderIntent | None = None) -> Decimal | None:
    """What a contract would cost: its limit, its trigger, or what the book asks for."""
    if intent is not None and intent.limit_price is not None:
        return intent.limit_price
    if intent is not None and intent.stop is not None and intent.stop.price is not None:
        return intent.stop.price
    quote = state.market.quotes.get(leg.symbol)
    touch = None if quote is None else quote.ask if leg.side is Side.BUY else quote.bid
    return touch or (None if quote is None else quote.mark)


def tied_up(state: State, run: Run, leg: LegTerms, quantity: int, price: Decimal | None, now: Now) -> Decimal | None:
    """USD that so many contracts take out of the free balance, the commission among it. None without a price."""
    spot = state.market.spots.get(run.underlying)
    if spot is None or price is None:
        return None
    return blocked(state, run, leg, quantity, price, spot, now) + closing_fee(leg, quantity, price, spot)


def initial_share(leg: LegTerms, leverage: Decimal | None) -> Decimal:
    """Initial margin of a perpetual, as a fraction of what it is worth: never less than the contract's own."""
    least = leg.margin_pct / HUNDRED
    return least if leverage is None else max(1 / leverage, least)


def blocked(state: State, run: Run, leg: LegTerms, quantity: int, price: Decimal, spot: Decimal, now: Now) -> Decimal:
    """USD that short options block, that long ones cost, the initial margin of a perpetual; without the commission."""
    worth = price * quantity * leg.contract_value
    if leg.kind is Kind.PERPETUAL:
        return worth * initial_share(leg, None if run.ticket is None else run.ticket.leverage)
    if leg.side is Side.BUY:
        return worth
    quote = state.market.quotes.get(leg.symbol)
    mark, iv = (leg.mark, leg.iv) if quote is None else (quote.mark, quote.mark_iv)
    new = [option_held(leg, quantity, mark, iv)]
    return margin_in(state.mode_on(run.underlying), new, spot=spot, at=now.market, beside=options_beside(state, run))


def options_beside(state: State, run: Run) -> list[OptionHeld]:
    """What others hold in options of the same underlying, at the prices of now."""
    found = []
    for other in state.unresolved:
        for leg in other.held if other.underlying == run.underlying and other.run_id != run.run_id else ():
            if leg.kind is not Kind.PERPETUAL:
                quote = state.market.quotes.get(leg.symbol)
                mark, iv = (None, None) if quote is None else (quote.mark, quote.mark_iv)
                found.append(option_held(leg, other.open_quantity(leg.key), mark, iv))
    return found
