"""When the account is read, and what is asked: one read for all its runs, however many there are.

A run that is due draws in every other that could use the answer. What each run waits for is still its own: a read that tells
one of them nothing is no reason for another to wait.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec.structs import replace

from trader.domain.order import OrderStatus
from trader.engine.absence import SIGNATURE_SECS
from trader.engine.beside import reads_whole
from trader.engine.effects import ReadAccount
from trader.engine.events import AccountRead
from trader.engine.gate import slowed
from trader.engine.imbalance import alone_since
from trader.engine.isolation import apart
from trader.engine.orders import PROVEN_ABSENT, WATCH_SECS
from trader.engine.records import Phase
from trader.engine.state import Order, Run, Watch, seconds_since
from trader.engine.tickets.listing import may_ask, unlisted_orders
from trader.engine.turn import Turn

_ROUTINE_SECS = 5.0
_IDLE_SECS = 10.0  # while a run waits and no strikes are picked: the account is read to tell what would bar its entry
_URGENT_SECS = 0.25
_PATIENT_SECS = 2.0  # what has not come clear soon after a phase began is asked for at this pace
_SOON_SECS = 10.0
_AFTERWARDS_SECS = 20.0  # between looks for an order of a finished run that may yet appear
_ANSWER_SECS = 10.0  # after this a read that never answered is asked again
_COST_SECS = 5.0  # commissions are usually listed within a second or two of the fill
_LOOKBACK = timedelta(minutes=10)

T = TypeVar("T")


def read_account(turn: Turn, *, finished: bool) -> None:
    """Ask for one read when a run is due, for it and for all that are not waiting for an answer already. `finished`: orders
    of runs that have ended may be looked for, too."""
    runs = turn.state.runs.values()
    due: dict[str, Run] = {}
    for run in runs if finished else turn.state.unresolved:
        if apart(turn, run.run_id, _is_due, run):
            due[run.run_id] = run
    if not due:
        return
    waiting = list(due.values())
    covered = [run for run in runs if run.run_id in due or _joins(turn, run, waiting)]
    asks = [ask for run in covered if (ask := apart(turn, run.run_id, _ask, run)) is not None]
    if not asks:
        return
    for ask in asks:
        turn.set_watch(ask.runs[0], account_asked=turn.wall, account_pending=True, account_wanted=False)
    if any(turn.run(ask.runs[0]).ticket is not None for ask in asks):
        turn.set(tickets_asked=turn.wall)
    known = tuple(number for run in turn.state.runs.values() for o in run.orders.values() for number in o.venue_ids)
    turn.do(replace(asks[0] if len(asks) == 1 else _joined(asks), known_order_ids=known))


def _ask(turn: Turn, run: Run) -> ReadAccount:
    """What one run needs to know."""
    watch = turn.watch(run.run_id)
    return ReadAccount(
        runs=(run.run_id,),
        underlyings=(run.underlying,),
        product_ids=tuple(leg.product_id for leg in run.legs),
        since=begun(turn, run) - _LOOKBACK,
        lookups=_lookups(run, turn.wall, watch.unlisted),
        settled_symbols=tuple(leg.symbol for leg in run.legs if leg.has_expired(turn.now.market)),
        history=(watch.recovered and not watch.is_searched)
        or watch.mismatch_since is not None
        or run.phase is Phase.DONE,
        for_exit=_serves_exit(run),
        whole=reads_whole(run),
    )


def _joined(asks: list[ReadAccount]) -> ReadAccount:
    """All of it in one read."""
    return ReadAccount(
        runs=_union(ask.runs for ask in asks),
        underlyings=_union(ask.underlyings for ask in asks),
        product_ids=_union(ask.product_ids for ask in asks),
        since=min(ask.since for ask in asks),
        lookups=_union(ask.lookups for ask in asks),
        settled_symbols=_union(ask.settled_symbols for ask in asks),
        history=any(ask.history for ask in asks),
        for_exit=any(ask.for_exit for ask in asks),
        whole=any(ask.whole for ask in asks),
    )


def _union(parts: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(one for part in parts for one in part))


def _is_due(turn: Turn, run: Run) -> bool:
    """At once when something must be resolved, else every few seconds."""
    if run.phase is Phase.DONE and not _may_return(turn, run):
        return False
    watch = turn.watch(run.run_id)
    if run.ticket is not None and not may_ask(turn, run):
        return False
    waited = seconds_since(watch.account_asked, turn.wall)
    if watch.account_pending and waited < _ANSWER_SECS:
        return False
    if waited < _read_interval(run, watch, turn.wall, is_slowed=False):
        return False
    is_slowed = bool(slowed(turn.state, turn.now))
    if waited < _read_interval(run, watch, turn.wall, is_slowed=is_slowed) or (is_slowed and not _serves_exit(run)):
        return False
    return not (_is_idle(run) and seconds_since(watch.since, turn.wall) < _IDLE_SECS)


def _joins(turn: Turn, run: Run, due: list[Run]) -> bool:
    """Whether a run that is not due takes its part of a read: where it costs next to nothing."""
    watch = turn.watch(run.run_id)
    is_waiting = watch.account_pending and seconds_since(watch.account_asked, turn.wall) < _ANSWER_SECS
    if run.phase is Phase.DONE or is_waiting or slowed(turn.state, turn.now):
        return False
    return any(other.underlying == run.underlying and other.phase is not Phase.DONE for other in due)


def _serves_exit(run: Run) -> bool:
    """Whether an exit or a cancel needs what a read of the account tells; every other read waits for the reset of a 429."""
    if run.phase is Phase.EXITING or (run.phase is not Phase.DONE and alone_since(run) is not None):
        return True
    return any(order.cancel_asked_at is not None for order in run.live_orders())


def _is_idle(run: Run) -> bool:
    """Whether a run has nothing to sell yet: the account is read for a person's sake only."""
    return run.phase is Phase.WAITING and not run.legs and run.ticket is None


def begun(turn: Turn, run: Run) -> datetime:
    """No order or fill of the run is older, in exchange time: a run may have been made before that time was known."""
    known = [t for t in (run.created_market, run.entry_at, turn.now.market) if t is not None]
    return min(known, default=turn.wall)


def _read_interval(run: Run, watch: Watch, wall: datetime, *, is_slowed: bool) -> float:
    """Seconds between reads. Urgency is spent: a trouble that lasts must not eat the budget that exits need, nor an exit
    press on an exchange that has asked for less."""
    if run.phase is Phase.DONE:
        return _AFTERWARDS_SECS
    if _is_idle(run):
        return _IDLE_SECS
    if not watch.account_wanted and (run.phase is not Phase.EXITING or run.is_kept):
        return _ROUTINE_SECS
    if is_slowed:
        return _PATIENT_SECS
    return _URGENT_SECS if seconds_since(run.phase_since, wall) < _SOON_SECS else _PATIENT_SECS


def _may_return(turn: Turn, run: Run) -> bool:
    """After the end: orders taken as absent are looked for ten minutes more."""
    doubtful = [o for o in run.orders.values() if o.code in PROVEN_ABSENT]
    return any(o.status.live or seconds_since(o.ended_at, turn.wall) < WATCH_SECS for o in doubtful)


def returned(run: Run) -> list[Order]:
    """Orders taken as absent that have appeared after all."""
    return [o for o in run.orders.values() if o.code in PROVEN_ABSENT and o.status.live]


def _lookups(run: Run, wall: datetime, unlisted: frozenset[str]) -> tuple[str, ...]:
    """Orders to be asked for by our id: those of open fate, and those whose fills are not costed long after they were heard.
    The list of fills names the order by the exchange's id, which may be one that no channel has told us of this order."""
    live = run.live_orders() if run.ticket is None else unlisted_orders(run, unlisted)
    doubtful = [o.intent.client_order_id for o in live if _needs_lookup(o, wall)]
    uncosted = [
        b.fill.client_order_id
        for b in run.fills.values()
        if b.fill.commission is None and b.fill.client_order_id and seconds_since(b.wall, wall) > _COST_SECS
    ]
    return tuple(dict.fromkeys([*doubtful, *uncosted]))


def _needs_lookup(order: Order, wall: datetime) -> bool:
    if order.status in (OrderStatus.UNKNOWN, OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED):
        return True
    return seconds_since(order.intended_at, wall) > SIGNATURE_SECS


def error_of(run: Run, event: AccountRead) -> str:
    """Why a read is no whole one for a run, in words: what concerns all, and what was asked for its sake."""
    own = {*run.orders, *(leg.symbol for leg in run.legs)}
    return "; ".join(
        [*([event.error] if event.error else ()), *(why for name, why in event.failed.items() if name in own)]
    )
