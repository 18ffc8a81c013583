"""Where a runner begins: what the journal holds of the account, as it is folded at a start."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from trader.engine.events import Booted
from trader.engine.records import AnyRecord, DayCompared, FillRecorded, RunCreated
from trader.engine.state import State
from trader.journal.lease import Lease
from trader.journal.store import Journal
from trader.runner import killpoints
from trader.runner.clocks import Clocks
from trader.runner.kernel import Kernel
from trader.runner.notices import Note
from trader.runner.telling import Telling

logger = logging.getLogger(__name__)

_HISTORY = timedelta(days=8)  # how far back finished runs may still count for the limits of the day and the week
_BOOKED_LATE = timedelta(minutes=5)  # of the exchange's time as this machine knew it when a fill was booked


class Found(msgspec.Struct, frozen=True):
    """The records to fold, in order; the runs that are open, and the instant of their newest record."""

    records: Sequence[AnyRecord]
    unresolved: Sequence[str]
    newest: datetime | None


def read_back(journal: Journal, account: str, wall: datetime) -> Found:
    """Unresolved runs whole; finished ones of the last days as far as the limits of day and week count them, with what the
    exchange has closed of them; what was executed since the last day that was compared with the exchange's ledger, or since the
    first run began that is still to be; the account's own settings and level."""
    unresolved = journal.unresolved_runs(account)
    rows = {seq: record for run_id in unresolved for seq, record in journal.records(run_id)}
    newest = max((record.wall for record in rows.values()), default=None)
    rows |= dict(journal.run_bounds(account, wall - _HISTORY))
    owed = _to_be_compared(journal, unresolved, rows)
    begun = min([wall - _HISTORY, *(record.wall for record in owed)])
    if begun < wall - _HISTORY:
        rows |= dict(journal.run_bounds(account, begun))  # what ended longer ago may have traded in the same contracts
    settings = dict(journal.account_settings(account))
    rows |= settings
    compared = next((one for one in settings.values() if isinstance(one, DayCompared)), None)
    cut = None if compared is None else min([compared.until, *(record.market or record.wall for record in owed)])
    rows |= dict(journal.executions(account, begun, None if cut is None else cut - _BOOKED_LATE))
    rows |= dict(journal.closed_by_exchange(account, wall - _HISTORY))
    rows |= dict(journal.level_changes(account, limit=1))
    return Found([rows[seq] for seq in sorted(rows)], unresolved, newest)


def _to_be_compared(journal: Journal, unresolved: Sequence[str], rows: dict[int, AnyRecord]) -> list[RunCreated]:
    """The beginnings of the runs that are still to be held against the exchange's ledger: unresolved ones, and what has traded.
    `rows` is given how those came out that were."""
    traded = {record.run_id for record in rows.values() if isinstance(record, FillRecorded)}
    compared = journal.wallets_compared(sorted(traded))
    rows |= dict(compared)
    owed = {*unresolved, *traded} - {record.run_id for _, record in compared}
    return [record for record in rows.values() if isinstance(record, RunCreated) and record.run_id in owed]


def empty_state(journal: Journal, lease: Lease, env: str) -> State:
    """What the records are folded onto."""
    return State(
        installation=journal.installation(),
        epoch=lease.epoch,
        env=env,
        account_key=lease.account,
        holder=lease.holder,
    )


def recover(
    journal: Journal,
    account: str,
    wall: datetime,
    kernel: Kernel,
    clocks: Clocks,
    telling: Telling,
    hello: Note | None,
) -> None:
    """State = fold of the journal, and the engine hears that it was booted. `hello` tells how the runner came to be here."""
    found = read_back(journal, account, wall)
    ahead = 0.0 if found.newest is None else clocks.go_on_from(found.newest)
    kernel.fold(found.records)
    if killpoints.ARMED:
        killpoints.reach("recovery.folded")
    if found.unresolved:
        logger.info("recovered runs=%s", ",".join(found.unresolved))
    telling.remember(journal, account)
    if hello is not None:
        telling.record(hello)
    telling.recovered()
    kernel.apply(Booted(at=clocks.now()))
    if killpoints.ARMED:
        killpoints.reach("recovery.booted")
    if ahead:
        telling.record(_clock_behind(ahead))


def _clock_behind(ahead_secs: float) -> Note:
    text = (
        f"This machine's clock is {ahead_secs:.0f} s behind the newest record of a run that is open; the times of its "
        "records go on from there. Check the clock."
    )
    return Note("warning", "clock_behind", text)
