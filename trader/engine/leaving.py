"""Closing one leg: entries cancelled first, then reduce-only orders until nothing is left, whatever is refused meanwhile."""

from decimal import Decimal

from trader.domain.order import OrderStatus, Purpose, Side
from trader.domain.quote import Quote
from trader.domain.wording import refusal_words
from trader.engine.chase import chase_price
from trader.engine.gate import closable, exit_widening, is_fresh_mark, within_collar
from trader.engine.levels import trip
from trader.engine.naked import alone_since
from trader.engine.records import LegTerms
from trader.engine.state import HUNDRED, Order, Run, seconds_since
from trader.engine.turn import Turn
from trader.engine.working import RETRY_SECS, ask_cancel, ask_fate, await_order, is_resting, paused, place

EXIT_OVERLAP_SECS = 2.0  # an exit waits this long for the fate of an earlier one; reduce-only bounds both
OVERLAPPING = "overlapping_buy_sell_orders"  # an order of the same account is in the way
ALONE_PATIENCE_SECS = 2.0  # of the five kept for buying one leg back: two attempts fit
_LONGEST_RETRY_SECS = 5.0
_REFUSED = (OrderStatus.REJECTED, OrderStatus.DENIED)
_NOT_PROCESSED = ("not_sent", "rate_limit_exceeded")  # it never left, or was turned away by the rate limit
_SLOW_EXIT_SECS = 4.5  # between exit orders once too many have filled nothing: the next is never 5 s away
_THROTTLED_REPEAT_SECS = 60.0


def work_exit(turn: Turn, run_id: str, leg: LegTerms, purpose: Purpose, *, priced: bool = True) -> bool:
    """Advance the closing of one leg; True when nothing of it is left to do by our own books. Not `priced`: at market.

    Live entries are cancelled first; an exit waits at most two seconds for the fate of an earlier order, then goes out
    beside it: it is reduce-only and never larger than our position or the one last read.
    """
    run = turn.run(run_id)
    _cancel_entries(turn, run, leg)
    run = turn.run(run_id)
    blocking = [o for o in run.leg_orders(leg.key) if o.status.live and _blocks(run, o, turn)]
    for order in run.leg_orders(leg.key, Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN):
        if order.status.live:
            await_order(turn, run, order, _patience(run, order))
    if any(o.fills_missing for o in run.leg_orders(leg.key)):
        turn.look(run_id, account_wanted=True)
    if run.open_quantity(leg.key) <= 0:
        return not any(o.status.live or o.fills_missing for o in run.leg_orders(leg.key))
    if blocking or paused(turn, run_id, leg.key):
        return False
    closing = run.leg_orders(leg.key, Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN)
    working = sum(o.leaves_qty for o in closing if is_resting(o))
    unbooked = sum(max(o.reported_filled - o.filled_qty, 0) for o in closing)
    quantity = closable(run, leg) - working - unbooked
    if quantity <= 0:
        turn.look(run_id, account_wanted=True)
        return False
    if _has_expired(turn, run, leg):
        turn.look(run_id, account_wanted=True)  # no order for an expired contract: its settlement closes the leg
        return False
    _exit_attempt(turn, run, leg, purpose, quantity, priced=priced)
    return False


def _patience(run: Run, order: Order) -> float:
    """Seconds a closing order may rest. One leg alone has less time than a whole strangle."""
    patience = float(run.preset.orders.exit_timeout_secs)
    return min(patience, ALONE_PATIENCE_SECS) if _is_alone(run, order.intent.purpose) else patience


def _is_alone(run: Run, purpose: Purpose) -> bool:
    """Whether what is to be closed stands without its other leg."""
    return purpose is Purpose.UNWIND or alone_since(run) is not None


def _has_expired(turn: Turn, run: Run, leg: LegTerms) -> bool:
    """By the exchange's time; after a restart, until that is heard, by what ended the run."""
    if turn.now.market is None:
        return run.exit_reason == "expiry"
    return leg.has_expired(turn.now.market)


def _blocks(run: Run, order: Order, turn: Turn) -> bool:
    """Whether an exit should still wait for this live order."""
    if is_resting(order) and order.intent.purpose is not Purpose.ENTRY:
        return True  # it works; its own time-out ends it
    watch = turn.watch(run.run_id)
    since = run.exit_decided_at if order.intent.purpose is Purpose.ENTRY else order.intended_at
    if watch.recovered and watch.account_read is None and since is not None:
        since = max(since, watch.since)  # after a restart what has become of it is read first, if it can be
    return seconds_since(since, turn.wall) < EXIT_OVERLAP_SECS


def _cancel_entries(turn: Turn, run: Run, leg: LegTerms) -> None:
    for order in run.leg_orders(leg.key, Purpose.ENTRY):
        if order.status.live:
            ask_cancel(turn, run.run_id, order, "exit")
            turn.look(run.run_id, account_wanted=True)
            if not is_resting(order):
                ask_fate(turn, run, order)


def _exit_attempt(turn: Turn, run: Run, leg: LegTerms, purpose: Purpose, quantity: int, *, priced: bool) -> None:
    attempts = len(run.leg_orders(leg.key, purpose))
    last = run.leg_orders(leg.key, purpose)[-1] if attempts else None
    if last is not None and last.status in _REFUSED:
        if seconds_since(last.ended_at, turn.wall) < _refusal_pause(run.leg_orders(leg.key, purpose)):
            return
        turn.alert(run.run_id, "error", f"exit_refused:{last.code}", _refused_words(turn, run, leg, last))
    if last is not None and _is_throttled(turn, run, leg, last, purpose):
        return
    quote = turn.state.market.quotes.get(leg.symbol)
    limit = _exit_limit(turn, run, leg, purpose, quote, attempts) if priced else None
    reference = quote.ask if quote is not None else None
    denied = place(turn, run.run_id, leg, purpose, quantity, limit, reference)
    if denied is not None and denied.code.startswith("PRICE_"):
        # One absurd print must not hold an exit back: without a price to be judged, the exchange's own band rules.
        place(turn, run.run_id, leg, purpose, quantity, None, reference)


def _refused_words(turn: Turn, run: Run, leg: LegTerms, last: Order) -> str:
    """What a person needs to know of a refused exit: where another order of the account is in its way, which."""
    words = f"Closing {leg.symbol} was refused ({refusal_words(last.code, last.message)}); trying again."
    if last.code != OVERLAPPING:
        return words
    others = [order for order in turn.watch(run.run_id).foreign_orders if order.startswith(leg.symbol)]
    named = f": {', '.join(others)}" if others else ""
    return f"{words} An order of this account that is not this run's rests on the other side{named}; cancel it."


def _is_throttled(turn: Turn, run: Run, leg: LegTerms, last: Order, purpose: Purpose) -> bool:
    """True while the next exit order must wait. So many orders without a single fill are no bad luck: trading is halted
    and a person called; closing is never given up, only tried more slowly."""
    fruitless = sum(_is_fruitless(o) for o in run.leg_orders(leg.key, purpose))
    if fruitless < run.preset.risk.max_orders_per_leg:
        return False
    words = f"{fruitless} orders to close {leg.symbol} have filled nothing"
    if fruitless == run.preset.risk.max_orders_per_leg:
        trip(turn, "order_throttle", words)
    text = f"{words}; trying again every {_SLOW_EXIT_SECS:g} s. Look at it."
    turn.alert_again(run.run_id, "error", f"exit_throttled:{leg.key}", text, every_secs=_THROTTLED_REPEAT_SECS)
    return seconds_since(last.ended_at or last.intended_at, turn.wall) < _SLOW_EXIT_SECS


def _is_fruitless(order: Order) -> bool:
    """An order that may have reached the exchange and has filled nothing."""
    return order.done_qty == 0 and order.status is not OrderStatus.DENIED and order.code not in _NOT_PROCESSED


def _refusal_pause(orders: list[Order]) -> float:
    """Seconds until the next attempt: doubling with each refusal in a row, never beyond five."""
    in_a_row = 0
    for order in reversed(orders):
        if order.status not in _REFUSED:
            break
        in_a_row += 1
    return float(min(RETRY_SECS * 2 ** (in_a_row - 1), _LONGEST_RETRY_SECS))


def _exit_limit(
    turn: Turn, run: Run, leg: LegTerms, purpose: Purpose, quote: Quote | None, attempts: int
) -> Decimal | None:
    """A limit that reaches across the book, or None for a market order: when limits have not done it and what is asked
    lies within the collar, or when there is no mark to judge a price by. The collar widens with the attempts. One leg alone
    that has not been bought back at the ask, and any leg whose chase is used up, is bought at whatever the book has as far as
    the collar's width from there: a thin book must not be emptied contract by contract."""
    if quote is None:
        return None
    orders = run.preset.orders
    if quote.mark is None:
        # A worthless option may have an ask and no mark; market orders find no band there, so the two take turns.
        return quote.ask if quote.ask and attempts % 2 == 0 else None
    side: Side = leg.side.opposite
    widening = exit_widening(run, leg)
    if orders.market_fallback and attempts > orders.retries and attempts % 2 == 1:
        # From then on market and limit take turns: one of them meets whatever the book allows.
        near = within_collar(leg, quote, side, run.preset.risk.price_collar_pct, widening)
        if near and is_fresh_mark(turn.state, quote, turn.now):
            return None
    concession = min(attempts, orders.retries) + 1
    if quote.ask is None or quote.ask <= 0:
        # Nothing is asked, or nobody has said so: bid from the mark, and more with each attempt.
        return chase_price(run.preset, leg, side, quote, quote.mark, concession * widening, widening)
    if attempts > (0 if _is_alone(run, purpose) else orders.retries):
        reach = quote.ask * (1 + run.preset.risk.price_collar_pct / HUNDRED)
        return chase_price(run.preset, leg, side, quote, reach, 0, widening)
    return chase_price(run.preset, leg, side, quote, quote.ask, concession, widening)
