"""Which run the dashboard watches, and when its layout has to change."""

from typing import Literal

from trader.desk import Status
from trader.domain.foreign import beside_phrase
from trader.engine.records import Phase
from trader.engine.view import RunView, TicketView


def running(status: Status) -> bool:
    """Is any run unresolved, that is: not flat and confirmed?"""
    return any(unresolved(run) for run in seen(status))


def unresolved(run: RunView) -> bool:
    return run.phase is not Phase.DONE or run.flat != "true"


def seen(status: Status) -> tuple[RunView, ...]:
    """All runs of the picture, the chosen one included."""
    known = {run.run_id: run for run in status.runs}
    if status.run is not None:
        known.setdefault(status.run.run_id, status.run)
    return tuple(known.values())


def tickets(status: Status) -> tuple[TicketView, ...]:
    """The single orders that are not finished."""
    return tuple(one for one in status.tickets if one.phase is not Phase.DONE)


def layout_key(status: Status) -> tuple[tuple[str, bool, str, str], ...]:
    """What the page's layout depends on; a change asks for one full rerun, and nothing else does."""
    return tuple(sorted((run.run_id, unresolved(run), stage(run), _unconfirmed(run)) for run in seen(status)))


def stage(run: RunView) -> Literal["waits", "open", "over"]:
    """Which of the Dashboard's three boards a run is shown on."""
    return "waits" if run.phase is Phase.WAITING else "over" if run.phase is Phase.DONE else "open"


def _unconfirmed(run: RunView) -> str:
    """The phrase a person may be asked for, empty while there is nothing to confirm."""
    return "" if set(run.foreign) <= set(run.beside) else beside_phrase(run.foreign)
