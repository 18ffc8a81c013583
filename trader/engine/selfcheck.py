"""The promises checked where they are kept: after every step, on what the step recorded and on the runs it touched.

The gate has judged each order before; this looks at the outcome with other eyes. What it finds halts entries until a person
resumes; exits and Stop go on. The ids are those of the reliability rules (docs/reliability.md).
"""

import re
from collections.abc import Iterator

from trader.domain.clock import Now
from trader.domain.order import OrderIntent, OrderType, Purpose, Side
from trader.domain.rounding import is_on_tick
from trader.engine import records as rec
from trader.engine.account.overclosed import is_pending
from trader.engine.execution.algo import entry_bound, since_filled
from trader.engine.gate import closable, hard_rate
from trader.engine.levels import trip
from trader.engine.records import LegTerms, Level
from trader.engine.state import Run, State
from trader.engine.turn import Turn

_FORM = re.compile(r"^[A-Za-z0-9_-]{1,32}$")

Finding = tuple[str, str]  # the rule's id, and what is wrong in words


def check_step(turn: Turn, before: State) -> None:
    """Halt entries when anything this step has recorded, or a run it touched, breaks a promise."""
    if not turn.effects:
        return
    try:
        findings = _findings(turn, before)
    except Exception as error:  # noqa: BLE001 - a check of exits must not hold them back; told, and entries halted
        findings = [("check", f"what was decided could not be checked ({type(error).__name__}: {error})")]
    for rule, words in findings:
        trip(turn, f"invariant:{rule}", f"{rule} is broken: {words}")


def _findings(turn: Turn, before: State) -> list[Finding]:
    found: list[Finding] = []
    touched: dict[str, None] = {}
    sent: set[bool] = set()  # whether orders of runs (False) and of tickets (True) went out
    leaving: set[str] = set()  # runs whose end was decided earlier in this step
    level = before.account.trading.level
    for effect in turn.effects:
        match effect:
            case rec.OrderIntended(intent=intent, run_id=run_id, cause=cause):
                touched[run_id] = None
                if cause != "recovery":  # taken over from the exchange: a fact, not a decision
                    run = turn.run(run_id)
                    sent.add(run.ticket is not None)
                    found += _wrong_with_order(before, run, intent)
                    if intent.purpose is Purpose.ENTRY:
                        found += _wrong_with_entry(before, run, intent, level, run_id in leaving, turn.now)
            case rec.FillRecorded(run_id=run_id) | rec.OrderResolved(run_id=run_id):
                touched[run_id] = None
            case rec.ExitDecided(run_id=run_id) | rec.StopRequested(run_id=run_id):
                leaving.add(run_id)
            case rec.LevelChanged():
                level = effect.level
            case rec.RunFinished(run_id=run_id) if turn.run(run_id).live_orders():
                found.append(("I16", f"run {run_id} ended with an order whose fate is open"))
            case _:
                pass
    for run in turn.state.unresolved:
        was = before.runs.get(run.run_id)
        if was is not None and any(is_pending(before, was, leg) for leg in was.legs):
            touched[run.run_id] = None
    for run_id in touched:
        watch = turn.watch(run_id)
        if watch.recovered and watch.account_read is None:
            continue  # what a journal that could not be written has lost is first read from the exchange
        found += _wrong_with_run(turn.state, turn.run(run_id))
    for is_ticket in sorted(sent):
        found += _wrong_with_rate(turn, is_ticket=is_ticket)
    return found


def _wrong_with_order(before: State, run: Run, intent: OrderIntent) -> Iterator[Finding]:
    coid, leg = intent.client_order_id, run.leg(intent.leg)
    if not _FORM.match(coid):
        yield "I5", f"client order id {coid!r}"
    earlier = before.runs.get(run.run_id)
    if earlier is not None and coid in earlier.orders:
        yield "I3", f"{coid} is sent a second time"
    if intent.quantity < 1:
        yield "I10", f"{coid} is for {intent.quantity} contracts"
    price = intent.limit_price
    if intent.order_type is OrderType.LIMIT and (
        price is None or not price.is_finite() or price <= 0 or not is_on_tick(price, leg.tick_size)
    ):
        yield "I10", f"{coid} has the limit {price}, tick size {leg.tick_size}"
    if intent.purpose is not Purpose.ENTRY:
        if not intent.reduce_only or intent.side is not leg.side.opposite:
            yield "I7", f"{coid} closes by {intent.side}, reduce_only={intent.reduce_only}"
        if intent.quantity > run.open_quantity(leg.key):
            yield "I7", f"{coid} closes {intent.quantity} of {run.open_quantity(leg.key)}"
    if bare := _left_bare(run, intent, leg):
        yield "CV1", f"{coid} leaves {bare} {leg.kind}s short without the cover of their structure"


def _left_bare(run: Run, intent: OrderIntent, leg: LegTerms) -> int:
    """Contracts that an order, once filled, leaves less covered than they are meant to be."""
    kind = [one for one in run.legs if one.kind is leg.kind]
    entering = intent.purpose is Purpose.ENTRY
    if all(one.side is Side.SELL for one in kind) or entering is not (leg.side is Side.SELL):
        return 0
    sold = {one.key: closable(run, one) for one in kind if one.side is Side.SELL}
    if entering:
        orders = run.leg_orders(leg.key, Purpose.ENTRY)
        sold[leg.key] = sum(order.leaves_qty + order.done_qty for order in orders)
    bought = sum(run.open_quantity(one.key) for one in kind if one.side is Side.BUY)
    meant = max(sum(-one.side.sign * one.quantity for one in kind), 0)
    return max(sum(sold.values()) - (bought if entering else bought - intent.quantity) - meant, 0)


def _wrong_with_entry(
    before: State, run: Run, intent: OrderIntent, level: Level, is_leaving: bool, now: Now
) -> Iterator[Finding]:
    coid, leg = intent.client_order_id, run.leg(intent.leg)
    earlier = before.runs.get(run.run_id)
    if is_leaving or (earlier is not None and (earlier.stop_command is not None or earlier.exit_reason is not None)):
        yield "I8", f"{coid} enters after the run was to end"
    if level.rank >= Level.REDUCING.rank:
        yield "I8", f"{coid} enters while trading is {level}"
    if len(since_filled(run.leg_orders(leg.key, Purpose.ENTRY))) > run.preset.risk.max_orders_per_leg:
        yield "I12", f"{coid} is one order too many for {leg.symbol}"
    slice_ = entry_bound(run, leg, now).at_once
    if slice_ < intent.quantity <= leg.quantity:  # more than the leg is I2
        yield "I6", f"{coid} is for {intent.quantity} of {leg.symbol} at once, its algorithm has {slice_}"


def _wrong_with_run(state: State, run: Run) -> Iterator[Finding]:
    for leg in run.legs:
        open_quantity = run.open_quantity(leg.key)
        entries = run.leg_orders(leg.key, Purpose.ENTRY)
        worst = sum(o.leaves_qty + o.done_qty for o in entries)
        unheard = worst - sum(o.filled_qty for o in entries)  # an exit's fill may be heard before the entry's
        if not -unheard <= open_quantity <= leg.quantity and not is_pending(state, run, leg):
            yield "I1", f"{open_quantity} of {leg.symbol} are open, 0 to {leg.quantity} were meant"
        if worst > leg.quantity:
            yield "I2", f"{worst} of {leg.symbol} could be sold, {leg.quantity} were meant"
        working = sum(o.status.live for o in entries)
        if working > 1:
            yield "I6", f"{working} entries of {leg.symbol} are open at once"


def _wrong_with_rate(turn: Turn, *, is_ticket: bool) -> Iterator[Finding]:
    recent = turn.state.account.sent_lately(turn.wall, is_ticket=is_ticket)
    if recent > hard_rate(turn.state, is_ticket=is_ticket):
        yield "I11", f"{recent} orders in a second"
