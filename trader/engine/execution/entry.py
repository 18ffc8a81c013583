"""The entry of one leg: what its algorithm asks for is placed, waited for, cancelled and confirmed; nothing before it is known
what is there."""

from enum import StrEnum

from trader.domain.clock import Now
from trader.domain.order import OrderStatus, Purpose, Side, TimeInForce
from trader.domain.quote import Quote
from trader.domain.remedy import Remedy
from trader.domain.wording import refusal_words
from trader.engine.absence import ENTRY_HORIZON_SECS
from trader.engine.account.abnormal import bars_words
from trader.engine.account.allocation import signed
from trader.engine.account.crossing import crossing
from trader.engine.account.losses import unvalued
from trader.engine.beside import bars_beginning, is_begun
from trader.engine.execution.algo import ALGORITHMS, Child, Failed, allowed_lead, entry_context, lags, next_child
from trader.engine.execution.chase import chase_price, entry_reference, price_bounds
from trader.engine.execution.working import RETRY_SECS, await_order, is_resting, paused, place
from trader.engine.gate import slowed, within_collar
from trader.engine.imbalance import LEAST_REST_SECS, UNWIND_SECS, entry_patience
from trader.engine.orders import PROVEN_ABSENT
from trader.engine.records import LegTerms
from trader.engine.state import Order, Run, seconds_since
from trader.engine.turn import Turn
from trader.engine.valuation import staleness


class Work(StrEnum):
    """How far a leg's entry is."""

    WORKING = "working"
    COMPLETE = "complete"
    FAILED = "failed"


def work_entry(turn: Turn, run_id: str, leg: LegTerms) -> Work:
    """Advance the entry of one leg by what is known now."""
    run = turn.run(run_id)
    orders = run.leg_orders(leg.key, Purpose.ENTRY)
    live = [o for o in orders if o.status.live]
    if live:
        for order in live:
            await_order(turn, run, order, _patience(run, leg, order, turn.now) if is_resting(order) else 0.0)
        return Work.WORKING
    if any(o.fills_missing for o in orders):
        turn.set_watch(run_id, account_wanted=True)
        return Work.WORKING
    if run.entered(leg.key) >= leg.quantity:
        return Work.COMPLETE
    if leg.key in turn.watch(run_id).leg_failed:
        return Work.FAILED
    if paused(turn, run_id, leg.key):
        return Work.WORKING
    answer = next_child(entry_context(run, leg, turn.now))
    failure = _refusal(orders) or _left_behind(turn, run, leg) or (answer.why if isinstance(answer, Failed) else "")
    if failure:
        return give_up(turn, run_id, leg, failure)
    if not isinstance(answer, Child):
        return Work.WORKING
    unproven = _unproven(turn, run, leg)
    refused = [o for o in orders[-1:] if o.status is OrderStatus.REJECTED and o.code not in PROVEN_ABSENT]
    if any(seconds_since(o.ended_at, turn.wall) < RETRY_SECS for o in refused):
        return Work.WORKING
    return _entry_attempt(turn, run, leg, answer, unproven)


def _patience(run: Run, leg: LegTerms, order: Order, now: Now) -> float:
    """Seconds an entry order may rest: what the preset says, less where another leg waits for this one."""
    context = entry_context(run, leg, now)
    patience = entry_patience(run, leg, order.intended_at, context.most_tries - max(context.tries - 1, 0))
    if allowed_lead(run, leg) and lags(context):
        # The lead of one slice is no imbalance, but lasts no longer than one leg may stand alone.
        patience = min(
            patience, max((run.preset.risk.naked_leg_secs - UNWIND_SECS) / context.most_tries, LEAST_REST_SECS)
        )
    return min(patience, ALGORITHMS[context.terms.algo].patience(context))


def _refusal(orders: list[Order]) -> str:
    """Why the last order was refused in a way that another would be, in words."""
    last = orders[-1] if orders else None
    if last is not None and last.status is OrderStatus.REJECTED and not (last.remedy or Remedy.GIVE_UP).may_pass:
        return f"the exchange refused: {refusal_words(last.code, last.message)}"
    if last is not None and last.status is OrderStatus.DENIED:
        return f"our gate refused: {last.code} ({last.message})"
    return ""


def _left_behind(turn: Turn, run: Run, leg: LegTerms) -> str:
    """Why a leg that is worked in slices goes no further: another that it keeps in step with has been given up."""
    if not allowed_lead(run, leg):
        return ""
    for key in turn.watch(run.run_id).leg_failed:
        other = run.leg(key)
        if run.entered(leg.key) * other.quantity >= run.entered(key) * leg.quantity:
            return f"{other.symbol} was given up"
    return ""


def give_up(turn: Turn, run_id: str, leg: LegTerms, why: str) -> Work:
    """A leg will not be completed: remembered and told."""
    watch = turn.watch(run_id)
    turn.set_watch(run_id, leg_failed={**watch.leg_failed, leg.key: why})
    turn.alert(
        run_id,
        "error",
        f"leg_failed:{leg.key}",
        f"{leg.symbol} could not be {'sold' if leg.side is Side.SELL else 'bought'}: {why}.",
    )
    return Work.FAILED


def _entry_attempt(turn: Turn, run: Run, leg: LegTerms, child: Child, unproven: str) -> Work:
    """The next order of a leg on fresh prices; without them the leg waits as long as an order would have rested."""
    quote = turn.state.market.quotes.get(leg.symbol)
    reference = entry_reference(run.preset, leg.side, quote) if quote is not None else None
    beside = crossing(turn.state, run, leg)
    flaw = unready(turn, run) or unproven or (beside.words if beside else "") or _unpriced(turn, run, leg)
    if flaw or quote is None or reference is None or reference <= 0:
        if min(_waited(turn, run, leg), child.late) > run.preset.orders.timeout_secs:
            return give_up(turn, run.run_id, leg, flaw or "no price to derive a limit from")
        return Work.WORKING
    if child.at_market:
        _take(turn, run, leg, child.quantity, quote)
        return Work.WORKING
    price = chase_price(run.preset, leg, leg.side, quote, reference, child.attempt)
    place(turn, run.run_id, leg, Purpose.ENTRY, child.quantity, price, reference, algo=run.preset.orders.entry_algo)
    return Work.WORKING


def _unproven(turn: Turn, run: Run, leg: LegTerms) -> str:
    """Why no further order of a leg may be sent yet: the exchange shows more of it than is known to have filled (an order
    may have been lost with its record), or the last was refused: what reached the exchange twice may have been taken once and
    refused once, so the account is read before risk is added again."""
    shown, ours = run.positions.get(leg.symbol), signed(run, leg.key)
    if shown is not None and (shown - ours) * leg.side.sign > 0:
        turn.set_watch(run.run_id, account_wanted=True)
        return f"the exchange shows {shown:+d} of {leg.symbol}, the fills known make {ours:+d}"
    read = turn.watch(run.run_id).account_read
    refused = [
        o
        for o in run.leg_orders(leg.key, Purpose.ENTRY)[-1:]
        if o.status is OrderStatus.REJECTED and o.code not in PROVEN_ABSENT and o.remedy is not Remedy.RESEND
    ]
    if all(o.ended_at is not None and read is not None and read >= o.ended_at for o in refused):
        return ""
    turn.set_watch(run.run_id, account_wanted=True)
    return "the account has not been read since the refusal"


def _unpriced(turn: Turn, run: Run, leg: LegTerms) -> str:
    """Why prices allow no order of this leg. While nothing is sold a first one needs every leg's: a strangle that cannot be
    completed is not begun."""
    if run.ticket is not None:
        return staleness(turn.state.market, turn.now, leg.symbol, adds_risk=True)
    begun = bool(run.leg_orders(leg.key, Purpose.ENTRY)) or any(o.done_qty for o in run.orders.values())
    flaws = (
        staleness(turn.state.market, turn.now, one.symbol, need_greeks=True, side=one.side)
        for one in ([leg] if begun else run.legs)
    )
    return next((flaw for flaw in flaws if flaw), "")


def _take(turn: Turn, run: Run, leg: LegTerms, quantity: int, quote: Quote) -> None:
    """What the book has: a market order where the book lies within the collar, else whatever the collar's edge gets at once."""
    limit = None
    if quote.mark is not None and not within_collar(leg, quote, leg.side, run.preset.risk.price_collar_pct):
        lowest, highest = price_bounds(run.preset, leg, quote, quote.mark)
        limit = lowest if leg.side is Side.SELL else highest
    algo = run.preset.orders.entry_algo
    place(turn, run.run_id, leg, Purpose.ENTRY, quantity, limit, quote.mark, TimeInForce.IOC, algo=algo)


def unready(turn: Turn, run: Run) -> str:
    """Why no entry may go out yet: nothing can be recorded, or after a restart the exchange has not told what is there."""
    if turn.state.journal_fault:
        return "the journal cannot be written"
    if slow := slowed(turn.state, turn.now):
        return slow
    if turn.state.account_stream_fault and not is_begun(run):
        # An order would not leave, and count as one that has not filled.
        return f"the account's stream is down: {turn.state.account_stream_fault}"
    watch = turn.watch(run.run_id)
    if watch.taken_over and seconds_since(watch.since, turn.wall) < ENTRY_HORIZON_SECS:
        return "another order that the journal has lost may still be on its way"
    if watch.recovered and watch.account_read is None:
        turn.set_watch(run.run_id, account_wanted=True)
        return "the account has not been read since the restart"
    # The gate would refuse it, and what it refuses ends the entry: after a restart others' prices may come a moment later.
    unknown = unvalued(turn.state, turn.now, run.run_id)
    return unknown or bars_words(turn.state, run) or bars_beginning(turn.state, run)


def _waited(turn: Turn, run: Run, leg: LegTerms) -> float:
    """Seconds since the next attempt for a leg could have gone out: after its last order, the phase's start, a restart."""
    ends = [o.ended_at for o in run.leg_orders(leg.key, Purpose.ENTRY)]
    return min(seconds_since(then, turn.wall) for then in (*ends, run.phase_since, turn.watch(run.run_id).since))
