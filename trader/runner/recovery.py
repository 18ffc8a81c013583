"""Where a runner begins: what the journal holds of the account, as it is folded at a start."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from trader.engine.records import AnyRecord
from trader.journal.alerts import LOUD
from trader.journal.store import Journal
from trader.runner.notices import Note
from trader.runner.reminders import Nagger

_HISTORY = timedelta(days=8)  # how far back finished runs may still count for the limits of the day and the week
_ALERTS_REMEMBERED = 200


class Found(msgspec.Struct, frozen=True):
    """The records to fold, in order; the runs that are open, and the instant of their newest record."""

    records: Sequence[AnyRecord]
    unresolved: Sequence[str]
    newest: datetime | None


def read_back(journal: Journal, account: str, wall: datetime) -> Found:
    """Unresolved runs whole, finished ones of the last days for the daily limits and with what the exchange has closed of them,
    and the account's level."""
    unresolved = journal.unresolved_runs(account)
    rows = {seq: record for run_id in unresolved for seq, record in journal.records(run_id)}
    newest = max((record.wall for record in rows.values()), default=None)
    rows |= dict(journal.run_bounds(account, wall - _HISTORY))
    rows |= dict(journal.account_settings(account))
    rows |= dict(journal.closed_by_exchange(account, wall - _HISTORY))
    rows |= dict(journal.level_changes(account, limit=1))
    return Found([rows[seq] for seq in sorted(rows)], unresolved, newest)


def remember_alerts(journal: Journal, account: str, nagger: Nagger) -> None:
    """What earlier runners raised and no one has acknowledged goes on being repeated."""
    nagger.catch_up(journal, account)
    for alert in reversed(journal.alerts(_ALERTS_REMEMBERED, account=account, levels=LOUD)):
        nagger.raised(alert)


def clock_behind(ahead_secs: float) -> Note:
    text = (
        f"This machine's clock is {ahead_secs:.0f} s behind the newest record of a run that is open; the times of its "
        "records go on from there. Check the clock."
    )
    return Note("warning", "clock_behind", text)
