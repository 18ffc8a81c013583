"""The one gate every order passes. It judges from the state alone and does not ask the strategy.

A refusal is a value: reason code plus the numbers. What passes is noted the same way, under the code each check would have
refused with, and recorded with the order. Cancels never pass through here; exits are only held to what protects
them (reduce-only, size, sanity of the price), never to limits that exist to keep new risk out.
"""

from collections.abc import Iterator
from decimal import Decimal

from trader.config.preset import Preset
from trader.domain.clock import Now
from trader.domain.order import OrderIntent, OrderStatus, OrderType, Purpose, Side
from trader.domain.quote import Quote
from trader.domain.rounding import is_on_tick
from trader.engine.account.abnormal import bars
from trader.engine.account.allocation import others_in
from trader.engine.account.crossing import crossing
from trader.engine.account.limits import entry_bounds
from trader.engine.account.losses import made_today, runs_sold
from trader.engine.beside import bars_beginning
from trader.engine.cover import Sizes, beyond_cover, covers, shorts
from trader.engine.execution.algo import entry_bound, since_filled
from trader.engine.levels import bars_entry, level_words
from trader.engine.records import LegTerms, Phase
from trader.engine.state import HUNDRED, MARK_AGE, QUOTE_AGE, Order, Run, State, age_slack
from trader.engine.tickets.gate import closing_price_flaw, entry_flaw, entry_price_flaw, entry_size_flaw
from trader.engine.verdict import Denied, Passed, judge

HARD_ORDERS_PER_SECOND = 10
RESERVED_FOR_EXITS = 4  # of them: closing both legs, and once more, is possible in the second of any entry
COLLAR_TICKS = 5
EXIT_TICKS = 20
_WIDEST_DOUBLINGS = 6
TOO_MANY_ORDERS = "TOO_MANY_ORDERS"
TOO_FAST = ("ORDER_RATE_EXCEEDED", "RATE_LIMITED")  # refusals that pass by themselves in a moment


def collar(leg: LegTerms, mark: Decimal, collar_pct: Decimal, widening: int = 1) -> tuple[Decimal, Decimal]:
    """Lowest and highest limit price allowed around `mark`: the percentage, but at least 5 ticks, times `widening`."""
    width = max(mark * collar_pct / HUNDRED, COLLAR_TICKS * leg.tick_size) * widening
    return mark - width, mark + width


def exit_widening(run: Run, leg: LegTerms) -> int:
    """How much wider than the preset's the collar of the next exit is: once the limit attempts are used up it doubles with
    each further one, so that no exit is kept out of a book that has moved away from the mark. Only attempts that somebody
    could have met count: time alone widens nothing."""
    beyond = max(sum(met_offers(o) for o in since_filled(run.leg_orders(leg.key))) - run.preset.orders.retries, 0)
    return int(2 ** min(beyond, _WIDEST_DOUBLINGS))


def met_offers(order: Order) -> bool:
    """True for a closing order that came into the book while the other side was there (`reference` is the ask then)."""
    if order.intent.purpose is Purpose.ENTRY or order.status in (OrderStatus.DENIED, OrderStatus.REJECTED):
        return False
    return order.reference is not None and order.reference > 0


def exit_limit(preset: Preset, leg: LegTerms, mark: Decimal) -> Decimal:
    """The worst price a closing order may have: so much above the mark, or for what is sold below it, as the preset accepts,
    but at least 20 ticks; never below one tick."""
    leeway = max(mark * preset.risk.exit_limit_pct / HUNDRED, EXIT_TICKS * leg.tick_size)
    return max(mark - leg.side.sign * leeway, leg.tick_size)


def exit_bounds(run: Run, leg: LegTerms, mark: Decimal) -> tuple[Decimal, Decimal]:
    """Lowest and highest limit of the next closing order: the collar as wide as it is by now, never beyond the worst price."""
    low, high = collar(leg, mark, run.preset.risk.price_collar_pct, exit_widening(run, leg))
    worst = exit_limit(run.preset, leg, mark)
    return (low, min(high, worst)) if leg.side is Side.SELL else (max(low, worst), high)


def within_collar(leg: LegTerms, quote: Quote | None, side: Side, collar_pct: Decimal, widening: int = 1) -> bool:
    """True when the price a market order would meet, the best on the other side, lies no further from the mark than a
    limit might."""
    touch = None if quote is None else quote.bid if side is Side.SELL else quote.ask
    if quote is None or quote.mark is None or touch is None or touch <= 0:
        return False
    low, high = collar(leg, quote.mark, collar_pct, widening)
    return touch >= low if side is Side.SELL else touch <= high


def check_order(state: State, run: Run, intent: OrderIntent, now: Now, passed: Passed | None = None) -> Denied | None:
    """None when the order may go out, else the first reason it may not. Into `passed` go the numbers of what it passed."""
    passed = {} if passed is None else passed
    if run.env != state.env:
        return Denied("WRONG_ENVIRONMENT", f"run={run.env}, runner={state.env}")
    leg = run.leg(intent.leg)
    quote = state.market.quotes.get(intent.symbol)
    checks = [
        _identity(run, leg, intent, now, passed),
        _rate(state, run, intent, now, passed),
        _price(state, run, leg, intent, quote, now, passed),
    ]
    if intent.purpose is Purpose.ENTRY:
        is_ticket = run.ticket is not None
        checks += [
            _entry_state(state, run, now),
            _entry_size(run, leg, intent, now, passed),
            entry_flaw(state, run, leg, intent, now, passed) if is_ticket else _entry_limits(state, run, now, passed),
            _entry_cover(run, leg, intent, passed),
            _entry_beside(state, run, leg, passed),
            _account_limits(state, run, leg, intent, now, passed),
        ]
    else:
        checks += [_exit_size(run, leg, intent, passed), _exit_cover(run, leg, intent, passed)]
    return next((denied for denied in checks if denied is not None), None)


def account_flaws(state: State, run: Run, leg: LegTerms, intent: OrderIntent, now: Now) -> Iterator[Denied]:
    """Everything of the account that stands against the entry of a ticket, for who asks before it is sent."""
    for denied in (
        _entry_state(state, run, now),
        entry_flaw(state, run, leg, intent, now, {}),
        _entry_beside(state, run, leg, {}),
    ):
        if denied is not None:
            yield denied
    yield from (
        Denied(bound.code, bound.numbers) for bound in entry_bounds(state, run, leg, intent, now) if bound.fails
    )


def _identity(run: Run, leg: LegTerms, intent: OrderIntent, now: Now, passed: Passed) -> Denied | None:
    if intent.client_order_id in run.orders:
        return Denied("DUPLICATE_CLIENT_ORDER_ID", f"client_order_id={intent.client_order_id}")
    if len(intent.client_order_id) > 32:
        return Denied("CLIENT_ORDER_ID_TOO_LONG", f"length={len(intent.client_order_id)}, max=32")
    if intent.symbol != leg.symbol or intent.product_id != leg.product_id:
        return Denied("WRONG_CONTRACT", f"symbol={intent.symbol}, leg={leg.symbol}")
    if leg.has_expired(now.market):
        return Denied("CONTRACT_EXPIRED", f"expiry={leg.expiry:%Y-%m-%dT%H:%MZ}")
    if intent.quantity < 1:
        return Denied("QUANTITY_BELOW_MINIMUM", f"quantity={intent.quantity}, min=1")
    if intent.purpose is not Purpose.ENTRY:
        return None
    most = run.preset.risk.max_order_quantity
    numbers = f"quantity={intent.quantity}, max={most}"
    return judge(intent.quantity > most, "QUANTITY_EXCEEDS_MAXIMUM", numbers, passed)


def _rate(state: State, run: Run, intent: OrderIntent, now: Now, passed: Passed) -> Denied | None:
    """Runs and tickets are counted apart: no list of tickets keeps a run's exit back."""
    is_entry, is_ticket = intent.purpose is Purpose.ENTRY, run.ticket is not None
    limit = hard_rate(state, is_ticket=is_ticket)
    if is_entry and is_ticket:
        limit = state.account.limits.ticket_orders_per_second
    elif is_entry:
        limit = min(run.preset.risk.orders_per_second, HARD_ORDERS_PER_SECOND - RESERVED_FOR_EXITS)
    recent = state.account.sent_lately(now.wall, is_ticket=is_ticket)
    return judge(recent >= limit, "ORDER_RATE_EXCEEDED", f"orders in the last second={recent}, max={limit}", passed)


def hard_rate(state: State, *, is_ticket: bool) -> int:
    """Most orders in any second, exits and all."""
    return HARD_ORDERS_PER_SECOND + (state.account.limits.ticket_orders_per_second if is_ticket else 0)


def _price(
    state: State, run: Run, leg: LegTerms, intent: OrderIntent, quote: Quote | None, now: Now, passed: Passed
) -> Denied | None:
    if intent.order_type is OrderType.MARKET:
        return _market(state, run, leg, intent, quote, now, passed)
    if intent.purpose is Purpose.CLOSE:
        return closing_price_flaw(leg, intent, quote)
    price = intent.limit_price
    if price is None or not price.is_finite() or price <= 0:
        return Denied("PRICE_NOT_POSITIVE", f"limit_price={price}")
    if not is_on_tick(price, leg.tick_size):
        return Denied("PRICE_OFF_TICK", f"limit_price={price}, tick_size={leg.tick_size}")
    if quote is None or quote.mark is None or not is_fresh_mark(state, quote, now):
        return _no_reference(intent)
    if intent.purpose is Purpose.ENTRY:
        low, high = collar(leg, quote.mark, run.preset.risk.price_collar_pct)
        if _is_own_price(run):
            return entry_price_flaw(state.market.spots.get(run.underlying), intent, quote, (low, high), passed)
    else:
        low, high = exit_bounds(run, leg, quote.mark)
    numbers = f"limit_price={price}, collar={low:.2f}..{high:.2f}, mark={quote.mark}"
    if denied := judge(not low <= price <= high, "PRICE_OUTSIDE_COLLAR", numbers, passed):
        return denied
    if quote.band_low is None and quote.band_high is None:
        return None
    outside = (quote.band_low is not None and price < quote.band_low) or (
        quote.band_high is not None and price > quote.band_high
    )
    numbers = f"limit_price={price}, band={quote.band_low}..{quote.band_high}"
    return judge(outside, "PRICE_OUTSIDE_BAND", numbers, passed)


def _is_own_price(run: Run) -> bool:
    """Whether the limit is a person's, and not what an algorithm made of the book."""
    return run.ticket is not None and run.ticket.work == "once"


def is_fresh_mark(state: State, quote: Quote, now: Now) -> bool:
    """True when the mark is young enough to judge a price by."""
    if quote.mark is None or quote.ts_mark is None:
        return False
    return state.market.newest is None or state.market.newest - quote.ts_mark <= MARK_AGE + age_slack(now)


def is_fresh_quote(state: State, quote: Quote, now: Now) -> bool:
    """True when bid and ask are young enough to be met."""
    if quote.ts_quote is None:
        return False
    return state.market.newest is None or state.market.newest - quote.ts_quote <= QUOTE_AGE + age_slack(now)


def _market(
    state: State, run: Run, leg: LegTerms, intent: OrderIntent, quote: Quote | None, now: Now, passed: Passed
) -> Denied | None:
    """A market entry is judged by the price it would meet. A market exit is not: it is what is left when no price is."""
    if intent.purpose is Purpose.CLOSE and intent.stop is not None:
        return closing_price_flaw(leg, intent, quote)
    if intent.purpose is not Purpose.ENTRY:
        return None
    if quote is None or not is_fresh_mark(state, quote, now):
        return _no_reference(intent)
    if intent.stop is not None:
        return entry_price_flaw(state.market.spots.get(run.underlying), intent, quote, None, passed)
    outside = not within_collar(leg, quote, intent.side, run.preset.risk.price_collar_pct)
    numbers = f"bid={quote.bid}, ask={quote.ask}, mark={quote.mark}"
    return judge(outside, "MARKET_OUTSIDE_COLLAR", numbers, passed)


def _no_reference(intent: OrderIntent) -> Denied | None:
    """Without a fresh mark new risk is refused; an exit is never held back by missing prices."""
    if intent.purpose is Purpose.ENTRY:
        return Denied("NO_FRESH_MARK", f"symbol={intent.symbol}")
    return None


def slowed(state: State, now: Now) -> str:
    """Why nothing but exits may be sent just now, in words; empty when the exchange has not asked for less."""
    if state.slow_until is None or now.wall >= state.slow_until:
        return ""
    return f"the exchange asked us to slow down (429); {(state.slow_until - now.wall).total_seconds():.0f} s left"


def _entry_state(state: State, run: Run, now: Now) -> Denied | None:
    if state.journal_fault:
        return Denied("JOURNAL_UNWRITABLE", state.journal_fault)
    if run.stop_command is not None or run.exit_reason is not None:
        return Denied("ENTRY_AFTER_STOP", f"run={run.run_id}")
    if slow := slowed(state, now):
        return Denied("RATE_LIMITED", slow)
    if run.cancelled:
        return Denied("ENTRY_AFTER_CANCEL", run.cancelled)
    if bars_entry(state, run):
        return Denied(f"TRADING_{state.account.trading.level}", level_words(state))
    if run.phase not in (Phase.WAITING, Phase.ENTERING):
        return Denied("NOT_ENTERING", f"phase={run.phase}")
    if trip := bars(state, run):
        return Denied(trip.code, trip.words)
    if foreign := bars_beginning(state, run):
        return Denied("ACCOUNT_NOT_CLEAN", foreign)
    return None


def _entry_size(run: Run, leg: LegTerms, intent: OrderIntent, now: Now, passed: Passed) -> Denied | None:
    if intent.side is not leg.side or intent.reduce_only:
        return Denied("WRONG_SIDE", f"side={intent.side}, leg={leg.side}")
    earlier = run.leg_orders(leg.key, Purpose.ENTRY)
    if _is_own_price(run):
        return entry_size_flaw(leg, earlier, intent, passed)
    bound = entry_bound(run, leg, now)
    if sum(o.status.live for o in earlier) >= bound.live:
        return Denied("EARLIER_ORDER_UNRESOLVED", f"leg={leg.key}")
    tried = len(since_filled(earlier))
    worst = sum(o.done_qty for o in earlier) + intent.quantity
    return (
        judge(tried >= bound.unfilled, TOO_MANY_ORDERS, f"orders for this leg={tried}, max={bound.unfilled}", passed)
        or judge(
            worst > leg.quantity, "POSITION_WOULD_EXCEED", f"worst case={worst}, configured={leg.quantity}", passed
        )
        or judge(
            intent.quantity > bound.at_once,
            "MORE_THAN_A_SLICE",
            f"quantity={intent.quantity}, slice={bound.at_once}",
            passed,
        )
        or judge(worst > bound.by_now, "AHEAD_OF_SCHEDULE", f"worst case={worst}, due={bound.by_now}", passed)
    )


def _entry_limits(state: State, run: Run, now: Now, passed: Passed) -> Denied | None:
    """The preset's own bounds of a day. A run that has sold today is counted already."""
    made, limit = made_today(state, now), run.preset.risk.daily_loss_limit_usd
    numbers = f"lost today={made.lost:.2f}, booked={made.booked:.2f}, open={made.open:.2f}, limit={limit} USD"
    if denied := judge(made.lost >= limit, "DAILY_LOSS_LIMIT", numbers, passed):
        return denied
    if run.fills:
        return None
    sold, most = runs_sold(state, run.underlying, now), run.preset.risk.max_runs_per_day
    numbers = f"sold today={sold}, max_runs_per_day={most}"
    return judge(sold >= most, "RUNS_PER_DAY", numbers, passed)


def _account_limits(
    state: State, run: Run, leg: LegTerms, intent: OrderIntent, now: Now, passed: Passed
) -> Denied | None:
    """What all runs together may hold, order and lose. What passes is noted in one line: the limits are on record already."""
    numbers = []
    for bound in entry_bounds(state, run, leg, intent, now):
        if bound.fails:
            return Denied(bound.code, bound.numbers)
        if bound.brief:
            numbers.append(bound.brief)
    passed["ACCOUNT_LIMITS"] = ", ".join(numbers)
    return None


def _entry_beside(state: State, run: Run, leg: LegTerms, passed: Passed) -> Denied | None:
    found = crossing(state, run, leg)
    if found is not None:
        return Denied(found.code, found.numbers)
    if others := [other.run_id for other in others_in(state, run, leg.symbol)]:
        passed["OPPOSITE_RUN"] = f"beside={','.join(others)}"
    return None


def _exit_size(run: Run, leg: LegTerms, intent: OrderIntent, passed: Passed) -> Denied | None:
    if intent.side is not leg.side.opposite or not intent.reduce_only:
        return Denied("EXIT_MUST_REDUCE", f"side={intent.side}, reduce_only={intent.reduce_only}")
    open_quantity = closable(run, leg)
    numbers = f"quantity={intent.quantity}, open={open_quantity}"
    return judge(intent.quantity > open_quantity, "EXIT_EXCEEDS_POSITION", numbers, passed)


def _entry_cover(run: Run, leg: LegTerms, intent: OrderIntent, passed: Passed) -> Denied | None:
    """No short leg without the long one that its structure gives it: by fills that are held, against all that could be short."""
    if leg.side is not Side.SELL or not any(covers(run.legs, one) for one in run.legs if one.kind is leg.kind):
        return None
    sizes = {one.key: run.open_quantity(one.key) for one in run.legs}
    for short in shorts(run.legs):
        entries = run.leg_orders(short.key, Purpose.ENTRY)
        sizes[short.key] = max(sizes[short.key], sum(o.done_qty + o.leaves_qty for o in entries))
    sizes[leg.key] += intent.quantity
    return _uncovered(run, leg, sizes, passed)


def _exit_cover(run: Run, leg: LegTerms, intent: OrderIntent, passed: Passed) -> Denied | None:
    """A long leg is sold only as far as the short ones it covers do not need it."""
    if leg.side is not Side.BUY or not covers(run.legs, leg):
        return None
    sizes = {one.key: closable(run, one) for one in run.legs}
    sizes[leg.key] = run.open_quantity(leg.key) - intent.quantity
    return _uncovered(run, leg, sizes, passed)


def _uncovered(run: Run, leg: LegTerms, sizes: Sizes, passed: Passed) -> Denied | None:
    lacking = beyond_cover(run.legs, sizes, leg.kind)
    return judge(lacking > 0, "NOT_COVERED", f"{leg.kind}s short without cover={lacking}, leg={leg.key}", passed)


def closable(run: Run, leg: LegTerms) -> int:
    """Contracts an exit may close: our net by fills, never more than the position last read at the exchange."""
    ours = max(run.open_quantity(leg.key), 0)
    seen = run.positions.get(leg.symbol)
    if seen is None:
        return max(ours - run.missing.get(leg.symbol, 0), 0)
    return min(ours, max(seen * leg.side.sign, 0))
