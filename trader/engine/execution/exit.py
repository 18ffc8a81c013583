"""Closing one leg: entries cancelled first, then reduce-only orders until nothing is left, whatever is refused meanwhile."""

from trader.domain.clock import Now
from trader.domain.order import OrderStatus, Purpose, Side, TimeInForce
from trader.domain.remedy import Remedy
from trader.domain.rounding import ceil_to_tick, floor_to_tick
from trader.domain.wording import refusal_words
from trader.engine.account.allocation import others_in, signed_in
from trader.engine.account.crossing import in_the_way
from trader.engine.account.positions import differs_lastingly
from trader.engine.account.settlement import has_expired
from trader.engine.execution.algo import (
    PATIENT_REASONS,
    Child,
    exit_context,
    is_patient,
    is_sliced,
    next_child,
    since_filled,
)
from trader.engine.execution.exit_price import (
    Terms,
    exit_terms,
    fair_price,
    is_past_limit,
    is_unoffered,
    stands_well,
    touch_of,
)
from trader.engine.execution.working import RETRY_SECS, ask_cancel, ask_fate, await_order, is_resting, paused, place
from trader.engine.exits import triggered
from trader.engine.gate import closable, exit_limit
from trader.engine.imbalance import alone_since
from trader.engine.levels import level_words, trip
from trader.engine.records import LegTerms, Level
from trader.engine.settling import Stance, stance_on, unsaleable_secs
from trader.engine.spread_guard import counted
from trader.engine.state import Order, Run, State, seconds_since
from trader.engine.turn import Turn
from trader.engine.valuation import flaw_of

EXIT_OVERLAP_SECS = 2.0  # an exit waits this long for the fate of an earlier one; reduce-only bounds both
SHARED_OVERLAP_SECS = (
    10.0  # where another run holds the contract, or may, reduce-only bounds both no more: its fate is read first
)
ALONE_PATIENCE_SECS = 2.0  # of the five kept for buying one leg back: two attempts fit
_LONGEST_RETRY_SECS = 5.0
_REFUSED = (OrderStatus.REJECTED, OrderStatus.DENIED)
_SLOW_EXIT_SECS = 4.5  # between exit orders once too many have filled nothing: the next is never 5 s away
_THROTTLED_REPEAT_SECS = 60.0
_UNOFFERED_SECS = 10.0  # nobody offers a leg for this long: a person must hear of it
_UNOFFERED_REPEAT_SECS = 300.0


def work_exit(turn: Turn, run_id: str, leg: LegTerms, purpose: Purpose, *, priced: bool = True) -> bool:
    """Advance the closing of one leg; True when nothing of it is left to do by our own books. Not `priced`: at market.

    Live entries are cancelled first; an exit waits at most two seconds for the fate of an earlier order, then goes out
    beside it: it is reduce-only and never larger than our position or the one last read.
    """
    run = turn.run(run_id)
    _cancel_entries(turn, run, leg)
    stance = stance_on(turn, run_id, leg) if priced else Stance.CLOSE
    run = turn.run(run_id)
    _tell_unoffered(turn, run, leg)
    pending = [o for o in run.pending() if o.intent.leg == leg.key]
    live = [o for o in pending if o.status.live]
    alone = (priced or bool(live)) and alone_since(run) is not None
    in_slices = (
        priced
        and not (alone or purpose is Purpose.UNWIND)
        and leg.key not in run.kept
        and not why_at_once(turn.state, run, turn.now)
    )
    blocking = [o for o in live if _blocks(run, o, turn)]
    blocking += [order for _, order in in_the_way(turn.state, run, leg) if _blocks(run, order, turn)]
    for order in live:
        if order.intent.purpose is not Purpose.ENTRY:
            await_order(turn, run, order, _patience(turn, run, leg, order, stance, alone=alone, in_slices=in_slices))
    if any(o.fills_missing for o in pending):
        turn.set_watch(run_id, account_wanted=True)
    if run.open_quantity(leg.key) <= 0:
        return not pending
    if blocking or paused(turn, run_id, leg.key) or _must_read_first(turn, run, leg):
        return False
    closing = run.leg_orders(leg.key, Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN)
    working = sum(o.leaves_qty for o in closing if is_resting(o))
    unbooked = sum(o.untold_qty for o in (*closing, *run.leg_orders(leg.key, Purpose.CLOSE)))
    quantity = closable(run, leg) - working - unbooked
    if quantity <= 0:
        turn.set_watch(run_id, account_wanted=True)
        return False
    if has_expired(run, leg, turn.now.market):
        turn.set_watch(run_id, account_wanted=True)  # no order for an expired contract: its settlement closes the leg
        return False
    if not priced:
        _exit_attempt(turn, run, leg, purpose, quantity, Terms(), "market")
    elif stance is not Stance.WAIT:
        context = exit_context(run, leg, turn.now, at_once=not in_slices)
        child = next_child(context)
        if isinstance(child, Child):
            terms = _terms(
                turn, run, leg, purpose, stance, alone=alone or purpose is Purpose.UNWIND, takes=child.at_market
            )
            _exit_attempt(turn, run, leg, purpose, min(quantity, child.quantity), terms, context.terms.algo)
    return False


def why_at_once(state: State, run: Run, now: Now) -> str:
    """Why the exit takes no slices, in words; empty where it may."""
    if not is_patient(run):
        return "what ended the run does not wait"
    if state.account.trading.level is Level.HALTED:
        return level_words(state)
    if not is_sliced(run.preset.orders):
        return ""
    watch = state.watches.get(run.run_id)
    if watch is not None and differs_lastingly(watch) and any(closable(run, leg) == 0 for leg in run.held):
        return "a leg was closed elsewhere; what is left stands alone"
    if watch is None or flaw_of(run, state.market, now) or (seen := counted(run, state.market, watch, now)) is None:
        return ""
    losing = triggered(run.preset.exits, run.level_pct, seen.pct, peak=run.peak_pct)
    return next((detail for reason, detail in losing.items() if reason not in PATIENT_REASONS), "")


def _terms(turn: Turn, run: Run, leg: LegTerms, purpose: Purpose, stance: Stance, *, alone: bool, takes: bool) -> Terms:
    """What the next closing order of a leg may pay."""
    quote = turn.state.market.quotes.get(leg.symbol)
    if stance is Stance.BID and quote is not None:
        return Terms(fair_price(run, leg, quote))
    return exit_terms(turn.state, turn.now, run, leg, purpose, alone=alone, takes=takes)


def _patience(
    turn: Turn, run: Run, leg: LegTerms, order: Order, stance: Stance, *, alone: bool, in_slices: bool
) -> float:
    """Seconds a closing order may rest. One leg alone has less time than a whole strangle; a bid that nobody can meet and
    that still stands at the mark stays there, since another would be no better; one above what is accepted by now goes."""
    if differs_lastingly(turn.watch(run.run_id)) and closable(run, leg) == 0:
        return 0.0  # nothing of the leg is left at the exchange to be bought
    if (
        not in_slices
        and is_sliced(run.preset.orders)
        and order.leaves_qty < run.open_quantity(leg.key) - order.untold_qty
    ):
        return 0.0  # a slice of what has to go at once by now
    if stance is Stance.WAIT or is_past_limit(turn.state, turn.now, run, leg, order.intent.limit_price):
        return 0.0
    if stands_well(turn.state, turn.now, run, leg, order.intent.limit_price, is_kept=stance is Stance.BID):
        return float("inf")
    patience = float(run.preset.orders.exit_timeout_secs)
    return min(patience, ALONE_PATIENCE_SECS) if alone or order.intent.purpose is Purpose.UNWIND else patience


def _blocks(run: Run, order: Order, turn: Turn) -> bool:
    """Whether an exit should still wait for this live order."""
    if is_resting(order) and order.intent.purpose not in (Purpose.ENTRY, Purpose.CLOSE):
        return True  # it works; its own time-out ends it
    watch = turn.watch(run.run_id)
    since = order.intended_at if order.intent.purpose not in (Purpose.ENTRY, Purpose.CLOSE) else run.exit_decided_at
    if watch.recovered and watch.account_read is None and since is not None:
        since = max(since, watch.since)  # after a restart what has become of it is read first, if it can be
    is_shared = order.intent.purpose is not Purpose.ENTRY and _is_shared(turn.state, run, order.intent.symbol)
    return seconds_since(since, turn.wall) < (SHARED_OVERLAP_SECS if is_shared else EXIT_OVERLAP_SECS)


def _must_read_first(turn: Turn, run: Run, leg: LegTerms) -> bool:
    """Whether an exit still waits for the first read after a restart: exits may have left that the journal does not know, since it
    could not be written or is an older copy, and what they have not closed of this run's may be another's by now."""
    watch = turn.watch(run.run_id)
    if not watch.recovered or watch.account_read is not None or not _is_shared(turn.state, run, leg.symbol):
        return False
    return seconds_since(watch.since, turn.wall) < SHARED_OVERLAP_SECS


def _is_shared(state: State, run: Run, symbol: str) -> bool:
    """Whether another run holds contracts of it too, or may."""
    return any(
        signed_in(other, symbol) or any(theirs.intent.symbol == symbol for theirs in other.pending())
        for other in others_in(state, run, symbol)
    )


def _cancel_entries(turn: Turn, run: Run, leg: LegTerms) -> None:
    for order in run.live_orders():
        if order.intent.leg == leg.key and order.intent.purpose is Purpose.ENTRY:
            ask_cancel(turn, run.run_id, order, "exit")
            turn.set_watch(run.run_id, account_wanted=True)
            if not is_resting(order):
                ask_fate(turn, run, order)
    for other, order in in_the_way(turn.state, run, leg) if run.open_quantity(leg.key) > 0 else ():
        ask_cancel(turn, other.run_id, order, "exit of another run")
        turn.set_watch(other.run_id, account_wanted=True)


def _exit_attempt(
    turn: Turn, run: Run, leg: LegTerms, purpose: Purpose, quantity: int, terms: Terms, algo: str
) -> None:
    orders = run.leg_orders(leg.key, purpose)
    if leg.key in run.kept and orders and seconds_since(orders[-1].ended_at, turn.wall) < _SLOW_EXIT_SECS:
        return  # worth a bid, not worth it, worth it again: no haste
    if orders and _has_missed(orders[-1]):
        if seconds_since(orders[-1].ended_at, turn.wall) < _pause_after(orders):
            return
        _tell_refused(turn, run, leg, orders[-1])
    if orders and _is_throttled(turn, run, leg, orders[-1], purpose):
        return
    denied = place(turn, run.run_id, leg, purpose, quantity, terms.limit, terms.asked, terms.time_in_force, algo=algo)
    if denied is not None and denied.code.startswith("PRICE_"):
        # One absurd print must not hold an exit back: without a price to be judged, the exchange's own band rules.
        place(turn, run.run_id, leg, purpose, quantity, None, terms.asked, algo="market")


def _has_missed(order: Order) -> bool:
    """An order that never stood in the book: refused, or an immediate one that met nobody. The next waits a moment."""
    immediate = order.intent.time_in_force is TimeInForce.IOC and order.status.terminal and order.done_qty == 0
    return immediate or order.status in _REFUSED


def _tell_unoffered(turn: Turn, run: Run, leg: LegTerms) -> None:
    """Nobody offers a leg at an accepted price: a person must know that it stays open, and what would buy it."""
    quote, code = turn.state.market.quotes.get(leg.symbol), f"unoffered:{leg.key}"
    if run.open_quantity(leg.key) <= 0 or quote is None or quote.mark is None or not is_unoffered(run, leg, quote):
        turn.rearm(run.run_id, code)
        return
    if leg.key in run.kept or unsaleable_secs(turn, run.run_id, leg) < _UNOFFERED_SECS:
        return
    worst, touch = exit_limit(run.preset, leg, quote.mark), touch_of(leg, quote)
    if leg.side is Side.SELL:
        most = floor_to_tick(worst, leg.tick_size)
        asked = f"is offered at {touch}, and at most {most:f} is accepted (risk.exit_limit_pct)"
        words = asked if touch else f"is offered by nobody; up to {most:f} would be accepted"
        text = f"{leg.symbol} {words}. A bid stands at the mark until somebody offers it or it is settled."
    else:
        least = ceil_to_tick(worst, leg.tick_size)
        bid = f"has a bid of {touch}, and at least {least:f} is accepted (risk.exit_limit_pct)"
        words = bid if touch else f"is bid for by nobody; down to {least:f} would be accepted"
        text = f"{leg.symbol} {words}. It is offered at the mark until somebody bids for it or it is settled."
    turn.alert_again(run.run_id, "error", code, text, every_secs=_UNOFFERED_REPEAT_SECS)


def _tell_refused(turn: Turn, run: Run, leg: LegTerms, last: Order) -> None:
    """What a person needs to know of a refused exit: where another order of the account is in its way, which."""
    if last.status not in _REFUSED:
        return
    words = f"Closing {leg.symbol} was refused ({refusal_words(last.code, last.message)}); trying again."
    if last.remedy is Remedy.UNBLOCK:
        others = [order for order in turn.watch(run.run_id).foreign_orders if order.startswith(leg.symbol)]
        named = f": {', '.join(others)}" if others else ""
        words += f" An order of this account that is not this run's rests on the other side{named}; cancel it."
    level = "warning" if last.remedy is Remedy.MARKET else "error"
    turn.alert(run.run_id, level, f"exit_refused:{last.code}", words)


def _is_throttled(turn: Turn, run: Run, leg: LegTerms, last: Order, purpose: Purpose) -> bool:
    """True while the next exit order must wait. So many orders without a single fill are no bad luck: trading is halted
    and a person called; closing is never given up, only tried more slowly."""
    fruitless = sum(_is_fruitless(o) for o in since_filled(run.leg_orders(leg.key, purpose)))
    if fruitless < run.preset.risk.max_orders_per_leg:
        return False
    words = f"{fruitless} orders to close {leg.symbol} have filled nothing"
    if fruitless == run.preset.risk.max_orders_per_leg:
        trip(turn, "order_throttle", words)
    text = f"{words}; trying again every {_SLOW_EXIT_SECS:g} s. Look at it."
    turn.alert_again(run.run_id, "error", f"exit_throttled:{leg.key}", text, every_secs=_THROTTLED_REPEAT_SECS)
    return seconds_since(last.ended_at or last.intended_at, turn.wall) < _SLOW_EXIT_SECS


def _is_fruitless(order: Order) -> bool:
    """An order that may have reached the exchange and has filled nothing although there was somebody to meet. A book without
    an offer at the price is the market's state, and no number of orders into it says that anything is wrong."""
    if order.done_qty or order.status is OrderStatus.DENIED or (order.remedy is not None and order.remedy.is_blameless):
        return False
    if order.status is OrderStatus.REJECTED:
        return True
    limit, asked = order.intent.limit_price, order.reference
    if asked is None or asked <= 0:
        return False
    return limit is None or (limit - asked) * order.intent.side.sign >= 0


def _pause_after(orders: list[Order]) -> float:
    """Seconds until the next attempt: doubling with each one in a row that missed, never beyond five."""
    in_a_row = 0
    for order in reversed(orders):
        if not _has_missed(order):
            break
        in_a_row += 1
    return float(min(RETRY_SECS * 2 ** (in_a_row - 1), _LONGEST_RETRY_SECS))
