"""What the gate asks of a ticket's order beyond what it asks of every order: its own prices, and what a person may not know of the
account. Pure, as the gate is; `trader.engine.gate` calls these."""

from collections.abc import Sequence
from decimal import Decimal

from trader.domain.clock import Now
from trader.domain.order import OrderIntent, OrderType, Purpose, Side
from trader.domain.quote import Quote
from trader.domain.rounding import is_on_tick
from trader.domain.trigger import Stop, StopKind, Trigger
from trader.engine.account.allocation import explained, newest_fill_at, others_in
from trader.engine.records import LegTerms
from trader.engine.state import POSITION_LAG_SECS, Order, Run, State, seconds_since
from trader.engine.tickets.funds import funds_flaw, price_of
from trader.engine.verdict import Denied, Passed, judge

Bounds = tuple[Decimal, Decimal]


def entry_price_flaw(
    spot: Decimal | None, intent: OrderIntent, quote: Quote, bounds: Bounds | None, passed: Passed
) -> Denied | None:
    """A person's own limit and trigger. On the passive side a limit may lie as far from the market as the exchange's band lets
    it; towards the market the collar bounds it (around the trigger, where it waits for one)."""
    price, stop = intent.limit_price, intent.stop
    if stop is not None and (
        met := _trigger_flaw(intent, spot if stop.trigger is Trigger.SPOT else quote.mark, passed)
    ):
        return met
    if price is None or bounds is None:
        return None
    low, high = bounds
    if stop is not None and stop.price is not None:
        width = (high - low) / 2
        low, high = stop.price - width, stop.price + width
    numbers = f"limit_price={price}, collar={low:.2f}..{high:.2f}, mark={quote.mark}"
    beyond = price > high if intent.side is Side.BUY else price < low
    if denied := judge(beyond, "PRICE_OUTSIDE_COLLAR", numbers, passed):
        return denied
    return None if stop is not None else band_flaw(price, quote, passed)


def band_flaw(price: Decimal, quote: Quote, passed: Passed) -> Denied | None:
    """Whether the exchange takes an order at that price, by its band as it was told."""
    low, high = quote.band_low, quote.band_high
    outside = (low is not None and price < low) or (high is not None and price > high)
    return judge(outside, "PRICE_OUTSIDE_BAND", f"limit_price={price}, band={low}..{high}", passed)


def _trigger_flaw(intent: OrderIntent, reference: Decimal | None, passed: Passed) -> Denied | None:
    """A trigger has to lie ahead of the market: one that is met already is a market order that does not say so. What last traded is
    not told: the mark stands in. `spot`, where the index sets it off."""
    stop = intent.stop
    if stop is None or stop.price is None:
        return None
    if reference is None:
        return Denied("NO_FRESH_MARK", f"symbol={intent.symbol}")
    numbers = f"stop_price={stop.price}, now={reference}"
    return judge(is_met(stop, intent.side, reference), "TRIGGER_ALREADY_MET", numbers, passed)


def is_met(stop: Stop, side: Side, reference: Decimal) -> bool:
    """Whether a stop would be set off at this price."""
    if stop.price is None:
        return False
    waits_for_rise = (side is Side.BUY) is (stop.kind is StopKind.STOP_LOSS)
    return reference >= stop.price if waits_for_rise else reference <= stop.price


def closing_price_flaw(leg: LegTerms, intent: OrderIntent, quote: Quote | None) -> Denied | None:
    """A closing order that rests: its prices have to be prices. How far they lie from the market is a person's own matter."""
    stop = intent.stop
    for name, price in (("limit_price", intent.limit_price), ("stop_price", None if stop is None else stop.price)):
        if price is None:
            continue
        if not price.is_finite() or price <= 0:
            return Denied("PRICE_NOT_POSITIVE", f"{name}={price}")
        if not is_on_tick(price, leg.tick_size):
            return Denied("PRICE_OFF_TICK", f"{name}={price}, tick_size={leg.tick_size}")
    if intent.limit_price is None and intent.order_type is OrderType.LIMIT:
        return Denied("PRICE_NOT_POSITIVE", "limit_price=None")
    if stop is None and intent.limit_price is not None and quote is not None:
        return band_flaw(intent.limit_price, quote, {})
    return None


def entry_size_flaw(leg: LegTerms, earlier: Sequence[Order], intent: OrderIntent, passed: Passed) -> Denied | None:
    """One order at a time, and no more in all than was asked for. How often a person changes it is not counted."""
    if any(order.status.live for order in earlier):
        return Denied("EARLIER_ORDER_UNRESOLVED", f"leg={leg.key}")
    worst = sum(order.done_qty for order in earlier) + intent.quantity
    numbers = f"worst case={worst}, asked for={leg.quantity}"
    return judge(worst > leg.quantity, "POSITION_WOULD_EXCEED", numbers, passed)


def entry_flaw(state: State, run: Run, leg: LegTerms, intent: OrderIntent, now: Now, passed: Passed) -> Denied | None:
    """What of the account stands against a ticket's order."""
    return (
        _contract_maximum(state, run, leg, intent, passed)
        or _against_others(state, run, leg)
        or _meets_own(state, run, leg, intent)
        or funds_flaw(state, run, leg, intent.quantity, price_of(state, leg, intent), now, passed)
    )


def _contract_maximum(state: State, run: Run, leg: LegTerms, intent: OrderIntent, passed: Passed) -> Denied | None:
    listing = state.listings.get(run.underlying)
    contract = None if listing is None else listing.contracts.get(leg.symbol)
    most = 0 if contract is None else contract.position_size_limit
    if not most:
        return None
    working = sum(
        order.leaves_qty
        for other in (run, *others_in(state, run, leg.symbol))
        for order in other.live_orders()
        if order.intent.purpose is Purpose.ENTRY and order.intent.symbol == leg.symbol
    )
    size = abs(explained(state, leg.symbol)) + working + intent.quantity
    return judge(size > most, "CONTRACT_MAXIMUM", f"contracts={size}, position_size_limit={most}", passed)


def _against_others(state: State, run: Run, leg: LegTerms) -> Denied | None:
    """A position of somebody else's in the contract: the exchange nets what is on the other side, and where it moved our way a lost
    order could never be told from it. While orders work there, or right after a fill, what a read shows may be theirs."""
    shown = state.shown.get(run.underlying)
    if shown is None:
        return Denied("ACCOUNT_NOT_READ", "positions and balance have not been read yet")
    traded = newest_fill_at(state, leg.symbol)
    if traded is not None and seconds_since(traded, shown.asked) < POSITION_LAG_SECS:
        return None
    if any(o.intent.symbol == leg.symbol for other in state.unresolved for o in other.live_orders()):
        return None
    foreign = shown.held.get(leg.symbol, 0) - explained(state, leg.symbol)
    return Denied("FOREIGN_POSITION", f"position={foreign:+d}") if foreign else None


def _meets_own(state: State, run: Run, leg: LegTerms, intent: OrderIntent) -> Denied | None:
    """Closing limits of other tickets that this order would trade with: the exchange lets no account meet itself."""
    price = intent.limit_price
    if price is None or intent.stop is not None:
        return None
    for other in others_in(state, run, leg.symbol):
        for order in other.live_orders():
            theirs = order.intent
            if theirs.side is intent.side or theirs.stop is not None or theirs.limit_price is None:
                continue
            if (price - theirs.limit_price) * intent.side.sign >= 0:
                return Denied(
                    "WOULD_MEET_OWN_ORDER", f"order={theirs.client_order_id}, limit_price={theirs.limit_price}"
                )
    return None
