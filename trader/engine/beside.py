"""What stands on the account that no run explains: it keeps a run from beginning until a person confirms it as it stands.

Seen by every account read until both legs are sold; such a read covers the whole underlying. A run that has begun is
completed and closed whatever else stands there, and exits never ask.
"""

from trader.domain.foreign import Foreign, beside_phrase, find_foreign, listed_words
from trader.domain.order import OrderSnapshot, OrderStatus
from trader.engine import records as rec
from trader.engine.account.allocation import explained, newest_fill_at
from trader.engine.doubts import doubts, hidden
from trader.engine.effects import AckCommand
from trader.engine.events import AccountRead, BesideCommand
from trader.engine.orders import find_order
from trader.engine.prerequisites import Facts, Unread, in_the_way, unconfirmed
from trader.engine.records import Phase
from trader.engine.state import POSITION_LAG_SECS, Run, State, seconds_since
from trader.engine.turn import Turn

NOT_READ = "waiting for positions and open orders to be read"


def is_begun(run: Run) -> bool:
    """Whether an entry order may have sold something, or rests: half of a strangle is more dangerous than the whole."""
    return any(o.done_qty or o.status in (OrderStatus.ACCEPTED, OrderStatus.UNKNOWN) for o in run.orders.values())


def reads_whole(run: Run) -> bool:
    """Whether a read for this run has to cover everything of its underlying, not its own contracts alone: an order that
    rests may end without a fill, and then the next one would be the first. A ticket asks once, before it goes out, whether another
    installation trades the account."""
    return run.phase is Phase.WAITING or (run.phase is Phase.ENTERING and run.ticket is None)


def bars_beginning(state: State, run: Run) -> str:
    """Why the account as last read lets this run not begin, in words; empty when it does or the run has begun."""
    if is_begun(run) or run.ticket is not None:  # what a ticket must not meet is a matter of its own contract alone
        return ""
    watch = state.watches.get(run.run_id)
    seen = None if watch is None else watch.foreign
    facts = Facts(
        foreign=Unread(NOT_READ) if seen is None else seen,
        confirmed=run.beside,
        own_symbols=tuple(leg.symbol for leg in run.legs),
    )
    return "; ".join(in_the_way(facts, "nothing foreign"))


def see_foreign(turn: Turn, run_id: str, event: AccountRead) -> None:
    """Keep what a read of the whole underlying shows that no unfinished run explains. A part that could not be read stays
    as it was known."""
    run, known = turn.run(run_id), turn.watch(run_id).foreign
    if run.ticket is not None or not reads_whole(run):
        return
    if doubts(turn.state, run, event) or hidden(run, event):
        turn.set_watch(run_id, foreign=None)  # something may stand behind the row that makes no sense
        return
    orders = event.open_orders if event.whole else None
    if known is None and (event.positions is None or orders is None):
        return
    unread = {"position": event.positions is None, "order": orders is None}
    kept = [thing for thing in known or () if unread[thing.kind]]
    unsure = _unsure(turn.state, event)
    found = find_foreign(
        run.underlying,
        event.positions or (),
        orders or (),
        expected={leg.symbol: explained(turn.state, leg.symbol) for one in turn.state.unresolved for leg in one.legs},
        is_known=lambda order: is_of_unfinished(turn, order),
    )
    found = tuple(thing for thing in found if thing.symbol not in unsure)
    turn.set_watch(run_id, foreign=(*kept, *found))
    _tell(turn, run, (*kept, *found))


def _unsure(state: State, event: AccountRead) -> set[str]:
    """Contracts in which orders of some run are on their way, or another run has traded so lately that positions may lag
    behind it: what a read shows there may be theirs."""
    busy = {order.intent.symbol for run in state.unresolved for order in run.live_orders()}
    traded = {leg.symbol for run in state.unresolved for leg in run.legs}
    late = {
        symbol
        for symbol in traded
        if (at := newest_fill_at(state, symbol)) is not None and seconds_since(at, event.asked) < POSITION_LAG_SECS
    }
    return busy | late


def is_of_unfinished(turn: Turn, order: OrderSnapshot) -> bool:
    """True for an order the journal knows as one of an unfinished run; one that bears such a run's name and is not in the
    journal explains nothing."""
    found = find_order(turn, order.client_order_id, order.venue_order_id)
    return found is not None and found[0].phase is not Phase.DONE


def _tell(turn: Turn, run: Run, foreign: tuple[Foreign, ...]) -> None:
    """Say each new state of things once while the run waits."""
    others = unconfirmed(foreign, run.beside)
    if not others or run.phase is not Phase.WAITING:
        return
    phrase = beside_phrase(foreign)
    text = (
        f"No entry on {run.underlying}: {listed_words(others)} on this account, not of any run here. Close it, or confirm "
        f'it with the phrase "{phrase}".'
    )
    turn.alert(run.run_id, "warning", f"foreign_before_entry:{phrase.split()[-1]}", text)


def refused_phrase(foreign: tuple[Foreign, ...], phrase: str) -> str:
    """Why a typed phrase confirms nothing; empty when it is the phrase of exactly these things."""
    if phrase == beside_phrase(foreign):
        return ""
    return f'The phrase for what stands there is "{beside_phrase(foreign)}"; what was typed confirms something else.'


def confirm(turn: Turn, run_id: str, foreign: tuple[Foreign, ...], command_id: str, issued_by: str) -> None:
    """Put on record what a person has seen on the account and wants to start beside."""
    turn.write(rec.BesideConfirmed, run_id, cause="user", foreign=foreign, command_id=command_id, issued_by=issued_by)


def on_beside(turn: Turn, event: BesideCommand) -> None:
    """A person confirms, for a run that waits, what stands on the account. Idempotent."""
    run = turn.state.runs.get(event.run_id)
    if run is None or run.phase is not Phase.WAITING:
        why = f"No run {event.run_id} waits for its entry, so there is nothing to confirm."
    else:
        why = refused_phrase(event.foreign, event.phrase)
    if why or run is None:
        turn.do(AckCommand(command_id=event.command_id, status="refused", detail=why))
        return
    if run.beside != event.foreign:
        confirm(turn, run.run_id, event.foreign, event.command_id, event.issued_by)
    detail = f"run {run.run_id} may start beside {listed_words(event.foreign)}"
    turn.do(AckCommand(command_id=event.command_id, status="accepted", detail=detail))
