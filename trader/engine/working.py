"""Working one leg: place, wait, cancel and confirm, concede, fall back to market. Entry and exit share it."""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from trader.domain.order import OrderIntent, OrderStatus, OrderType, Purpose, Side, TimeInForce
from trader.domain.quote import Quote
from trader.engine import records as rec
from trader.engine.chase import chase_price, entry_reference, price_bounds
from trader.engine.effects import Cancel, Submit
from trader.engine.gate import (
    TOO_MANY_ORDERS,
    Denied,
    check_order,
    closable,
    exit_widening,
    is_fresh_mark,
    slowed,
    within_collar,
)
from trader.engine.ids import client_order_id
from trader.engine.levels import trip
from trader.engine.naked import entry_patience
from trader.engine.orders import GONE, NEVER_ACCEPTED, PROVEN_ABSENT, mark_unknown
from trader.engine.records import LegTerms
from trader.engine.state import Order, Run, seconds_since
from trader.engine.turn import Turn
from trader.engine.valuation import staleness

CANCEL_REPEAT_SECS = 2.0
EXIT_OVERLAP_SECS = 2.0  # an exit waits this long for the fate of an earlier one; reduce-only bounds both
_RETRY_SECS = 1.0
_LONGEST_RETRY_SECS = 5.0
_REFUSED = (OrderStatus.REJECTED, OrderStatus.DENIED)
_NO_ANSWER_SECS = 15.0  # a submit has a total deadline of 5 s; beyond this the answer is lost
_SLOW_EXIT_SECS = 4.5  # between exit orders once too many have filled nothing: the next is never 5 s away
_THROTTLED_REPEAT_SECS = 60.0
_UNRESOLVED_SECS = 30.0  # an order whose fate is unknown for longer than this is alerted

# Refusals after which another attempt may succeed; every other code ends the entry of that leg.
OVERLAPPING = "overlapping_buy_sell_orders"  # an order of the same account is in the way
RETRYABLE_ENTRY_CODES = frozenset(
    {
        "not_sent",
        "order_size_exceed_available",
        "order_size_not_available_in_orderbook",
        "no_liquidity_for_market_order",
        "limit_price_out_of_price_band",
        "stale_order",
        "rate_limit_exceeded",
        NEVER_ACCEPTED,
        GONE,
    }
)


class Work(StrEnum):
    """How far a leg's entry is."""

    WORKING = "working"
    COMPLETE = "complete"
    FAILED = "failed"


def place(
    turn: Turn,
    run_id: str,
    leg: LegTerms,
    purpose: Purpose,
    quantity: int,
    limit_price: Decimal | None,
    reference: Decimal | None,
    time_in_force: TimeInForce = TimeInForce.GTC,
) -> Denied | None:
    """Put one order through the gate; passed orders are recorded, then sent. No limit price means a market order."""
    run = turn.run(run_id)
    entry = purpose is Purpose.ENTRY
    attempt = len(run.leg_orders(leg.key, purpose))
    state = turn.state
    intent = OrderIntent(
        client_order_id=client_order_id(
            installation=state.installation,
            epoch=state.epoch,
            run_id=run_id,
            leg=leg.key,
            purpose=purpose,
            attempt=attempt,
            holder=state.holder,
        ),
        run_id=run_id,
        leg=leg.key,
        purpose=purpose,
        attempt=attempt,
        symbol=leg.symbol,
        product_id=leg.product_id,
        side=leg.side if entry else leg.side.opposite,
        quantity=quantity,
        order_type=OrderType.MARKET if limit_price is None else OrderType.LIMIT,
        limit_price=limit_price,
        time_in_force=TimeInForce.IOC if limit_price is None else time_in_force,
        reduce_only=not entry,
    )
    denied = check_order(state, run, intent, turn.now)
    if denied is None:
        turn.write(rec.OrderIntended, run_id, intent=intent, reference=reference)
        turn.do(Submit(intent))
        return None
    wait = 0.25 if denied.code == "ORDER_RATE_EXCEEDED" else _RETRY_SECS
    pause(turn, run_id, leg.key, wait)
    if denied.code == TOO_MANY_ORDERS:
        trip(turn, "order_throttle", f"{leg.symbol}: {denied.detail}")
    if denied.code != "ORDER_RATE_EXCEEDED":
        turn.write(rec.OrderDenied, run_id, intent=intent, code=denied.code, detail=denied.detail)
    return denied


def pause(turn: Turn, run_id: str, key: str, secs: float) -> None:
    """Leave a leg alone for a while (wall clock)."""
    watch = turn.watch(run_id)
    turn.look(run_id, retry_after={**watch.retry_after, key: turn.wall + timedelta(seconds=secs)})


def paused(turn: Turn, run_id: str, key: str) -> bool:
    until = turn.watch(run_id).retry_after.get(key)
    return until is not None and turn.wall < until


def ask_cancel(turn: Turn, run_id: str, order: Order, reason: str) -> None:
    """Ask for a cancel, and again every two seconds until the exchange has ended the order."""
    if order.cancel_asked_at is not None and seconds_since(order.cancel_asked_at, turn.wall) < CANCEL_REPEAT_SECS:
        return
    intent = order.intent
    turn.write(rec.CancelIntended, run_id, client_order_id=intent.client_order_id, reason=reason)
    turn.do(
        Cancel(
            client_order_id=intent.client_order_id,
            venue_order_id=order.venue_order_id,
            product_id=intent.product_id,
        )
    )
    if order.cancel_asked_at is not None:
        turn.look(run_id, account_wanted=True)  # the first cancel has not ended it: read the order


def _await_order(turn: Turn, run: Run, order: Order, timeout_secs: float) -> None:
    """A live order: cancel it when its time is up; find out what became of it when nobody has said."""
    if not _resting(order):
        _ask_fate(turn, run, order)
    elif order.code in PROVEN_ABSENT:
        ask_cancel(turn, run.run_id, order, "resurrected")
    elif seconds_since(order.intended_at, turn.wall) >= timeout_secs:
        ask_cancel(turn, run.run_id, order, "timeout")


def _ask_fate(turn: Turn, run: Run, order: Order) -> None:
    """An order that neither rests nor has ended: past the deadline of its answer it is unknown, and is looked for."""
    age = seconds_since(order.intended_at, turn.wall)
    if order.status is not OrderStatus.UNKNOWN:
        if age <= _NO_ANSWER_SECS:
            return
        mark_unknown(turn, run, order, code="no_answer", message="nothing was heard of it within its deadline")
    turn.look(run.run_id, account_wanted=True)
    if age > _UNRESOLVED_SECS:
        coid = order.intent.client_order_id
        text = f"{coid} ({order.intent.symbol}) may or may not exist at the exchange; still looking for proof."
        turn.alert(run.run_id, "error", f"unresolved:{coid}", text)


def work_entry(turn: Turn, run_id: str, leg: LegTerms) -> Work:
    """Advance the entry of one leg by what is known now."""
    run = turn.run(run_id)
    orders = run.leg_orders(leg.key, Purpose.ENTRY)
    live = [o for o in orders if o.status.live]
    if live:
        for order in live:
            tries_left = _attempts(run) - order.intent.attempt
            _await_order(turn, run, order, entry_patience(run, leg, order.intended_at, tries_left))
        return Work.WORKING
    if any(o.fills_missing for o in orders):
        turn.look(run_id, account_wanted=True)
        return Work.WORKING
    remaining = leg.quantity - run.entered(leg.key)
    if remaining <= 0:
        return Work.COMPLETE
    if leg.key in turn.watch(run_id).leg_failed:
        return Work.FAILED
    if paused(turn, run_id, leg.key):
        return Work.WORKING
    failure = _entry_failure(run, orders)
    if failure:
        return give_up(turn, run_id, leg, failure)
    unproven = _unproven(turn, run, leg)
    refused = [o for o in orders[-1:] if o.status is OrderStatus.REJECTED and o.code not in PROVEN_ABSENT]
    if any(seconds_since(o.ended_at, turn.wall) < _RETRY_SECS for o in refused):
        return Work.WORKING
    return _entry_attempt(turn, run, leg, remaining, unproven)


def _entry_failure(run: Run, orders: list[Order]) -> str:
    """Why no further entry attempt makes sense, in words; empty when one does."""
    last = orders[-1] if orders else None
    if last is not None and last.status is OrderStatus.REJECTED and last.code not in RETRYABLE_ENTRY_CODES:
        return f"the exchange refused: {last.code} {last.message}".strip()
    if last is not None and last.status is OrderStatus.DENIED:
        return f"our gate refused: {last.code} ({last.message})"
    return f"not filled after {len(orders)} attempts" if len(orders) >= _attempts(run) else ""


def _attempts(run: Run) -> int:
    """Orders an entry may make for one leg."""
    orders = run.preset.orders
    return min(1 + orders.retries + (1 if orders.market_fallback else 0), run.preset.risk.max_orders_per_leg)


def give_up(turn: Turn, run_id: str, leg: LegTerms, why: str) -> Work:
    """A leg will not be completed: remembered and told."""
    watch = turn.watch(run_id)
    turn.look(run_id, leg_failed={**watch.leg_failed, leg.key: why})
    turn.alert(run_id, "error", f"leg_failed:{leg.key}", f"{leg.symbol} could not be sold: {why}.")
    return Work.FAILED


def _entry_attempt(turn: Turn, run: Run, leg: LegTerms, remaining: int, unproven: str) -> Work:
    """The next order of a leg on fresh prices; without them the leg waits as long as an order would have rested."""
    attempt = len(run.leg_orders(leg.key, Purpose.ENTRY))
    quote = turn.state.market.quotes.get(leg.symbol)
    reference = entry_reference(run.preset, leg.side, quote) if quote is not None else None
    flaw = unready(turn, run) or unproven or _unpriced(turn, run, leg, attempt)
    if flaw or quote is None or reference is None or reference <= 0:
        if _waited(turn, run, leg) > run.preset.orders.timeout_secs:
            return give_up(turn, run.run_id, leg, flaw or "no price to derive a limit from")
        return Work.WORKING
    if attempt > run.preset.orders.retries:
        _fall_back(turn, run, leg, remaining, quote)
        return Work.WORKING
    price = chase_price(run.preset, leg, leg.side, quote, reference, attempt)
    place(turn, run.run_id, leg, Purpose.ENTRY, remaining, price, reference)
    return Work.WORKING


def _unproven(turn: Turn, run: Run, leg: LegTerms) -> str:
    """Why a refusal is no leave to send another yet: what reached the exchange twice may have been taken once and refused
    once, so the account is read before risk is added again."""
    read = turn.watch(run.run_id).account_read
    refused = [
        o
        for o in run.leg_orders(leg.key, Purpose.ENTRY)[-1:]
        if o.status is OrderStatus.REJECTED and o.code not in (*PROVEN_ABSENT, "not_sent")
    ]
    if all(o.ended_at is not None and read is not None and read >= o.ended_at for o in refused):
        return ""
    turn.look(run.run_id, account_wanted=True)
    return "the account has not been read since the refusal"


def _unpriced(turn: Turn, run: Run, leg: LegTerms, attempt: int) -> str:
    """Why prices allow no order of this leg. While nothing is sold a first one needs every leg's: a strangle that cannot be
    completed is not begun."""
    begun = attempt > 0 or any(o.done_qty for o in run.orders.values())
    flaws = (
        staleness(turn.state.market, turn.now, one.symbol, need_greeks=True) for one in ([leg] if begun else run.legs)
    )
    return next((flaw for flaw in flaws if flaw), "")


def _fall_back(turn: Turn, run: Run, leg: LegTerms, remaining: int, quote: Quote) -> None:
    """The last attempt: a market order where the book lies within the collar, else whatever the collar's edge gets at once."""
    limit = None
    if quote.mark is not None and not within_collar(leg, quote, leg.side, run.preset.risk.price_collar_pct):
        lowest, highest = price_bounds(run.preset, leg, quote, quote.mark)
        limit = lowest if leg.side is Side.SELL else highest
    place(turn, run.run_id, leg, Purpose.ENTRY, remaining, limit, quote.mark, TimeInForce.IOC)


def unready(turn: Turn, run: Run) -> str:
    """Why no entry may go out yet: nothing can be recorded, or after a restart the exchange has not told what is there."""
    if turn.state.journal_fault:
        return "the journal cannot be written"
    if slow := slowed(turn.state, turn.now):
        return slow
    watch = turn.watch(run.run_id)
    if not watch.recovered or watch.account_read is not None:
        return ""
    turn.look(run.run_id, account_wanted=True)
    return "the account has not been read since the restart"


def _waited(turn: Turn, run: Run, leg: LegTerms) -> float:
    """Seconds since the next attempt for a leg could have gone out: after its last order, the phase's start, a restart."""
    ends = [o.ended_at for o in run.leg_orders(leg.key, Purpose.ENTRY)]
    return min(seconds_since(then, turn.wall) for then in (*ends, run.phase_since, turn.watch(run.run_id).since))


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
            _await_order(turn, run, order, run.preset.orders.exit_timeout_secs)
    if any(o.fills_missing for o in run.leg_orders(leg.key)):
        turn.look(run_id, account_wanted=True)
    if run.open_quantity(leg.key) <= 0:
        return not any(o.status.live or o.fills_missing for o in run.leg_orders(leg.key))
    if blocking or paused(turn, run_id, leg.key):
        return False
    closing = run.leg_orders(leg.key, Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN)
    working = sum(o.leaves_qty for o in closing if _resting(o))
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


def _has_expired(turn: Turn, run: Run, leg: LegTerms) -> bool:
    """By the exchange's time; after a restart, until that is heard, by what ended the run."""
    if turn.now.market is None:
        return run.exit_reason == "expiry"
    return turn.now.market >= leg.expiry


def _resting(order: Order) -> bool:
    return order.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)


def _blocks(run: Run, order: Order, turn: Turn) -> bool:
    """Whether an exit should still wait for this live order."""
    if _resting(order) and order.intent.purpose is not Purpose.ENTRY:
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
            if not _resting(order):
                _ask_fate(turn, run, order)


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
    limit = _exit_limit(turn, run, leg, quote, attempts) if priced else None
    reference = quote.ask if quote is not None else None
    denied = place(turn, run.run_id, leg, purpose, quantity, limit, reference)
    if denied is not None and denied.code.startswith("PRICE_"):
        # One absurd print must not hold an exit back: without a price to be judged, the exchange's own band rules.
        place(turn, run.run_id, leg, purpose, quantity, None, reference)


def _refused_words(turn: Turn, run: Run, leg: LegTerms, last: Order) -> str:
    """What a person needs to know of a refused exit: where another order of the account is in its way, which."""
    words = f"Closing {leg.symbol} was refused ({last.code} {last.message}); trying again."
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
    text = f"{words}; trying again every {_SLOW_EXIT_SECS:.0f} s. Look at it."
    turn.alert_again(run.run_id, "error", f"exit_throttled:{leg.key}", text, every_secs=_THROTTLED_REPEAT_SECS)
    return seconds_since(last.ended_at or last.intended_at, turn.wall) < _SLOW_EXIT_SECS


def _is_fruitless(order: Order) -> bool:
    """An order that may have reached the exchange and has filled nothing."""
    return order.done_qty == 0 and order.status is not OrderStatus.DENIED and order.code != "not_sent"


def _refusal_pause(orders: list[Order]) -> float:
    """Seconds until the next attempt: doubling with each refusal in a row, never beyond five."""
    in_a_row = 0
    for order in reversed(orders):
        if order.status not in _REFUSED:
            break
        in_a_row += 1
    return float(min(_RETRY_SECS * 2 ** (in_a_row - 1), _LONGEST_RETRY_SECS))


def _exit_limit(turn: Turn, run: Run, leg: LegTerms, quote: Quote | None, attempts: int) -> Decimal | None:
    """A limit that reaches across the book, or None for a market order: when limits have not done it and what is asked
    lies within the collar, or when there is no mark to judge a price by. The collar widens with the attempts."""
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
    return chase_price(run.preset, leg, side, quote, quote.ask, concession, widening)
