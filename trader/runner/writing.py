"""The journal as the runner's thread writes it: records go to disk at once, or wait here, in order, until they can.

While something waits there is a `fault`: no new risk is taken, exits go on, and what leaves is told on stderr besides,
because these lines are the only record of it should the process die too. What waited is appended first of all when the
journal can be written again.
"""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from trader.domain.errors import JournalError
from trader.engine.records import AnyRecord, CancelIntended, OrderIntended, encode_record
from trader.journal.commands import CommandMark
from trader.journal.lease import Lease, LeaseLost
from trader.journal.store import CommitUnknown, RecordExists
from trader.runner import killpoints

logger = logging.getLogger(__name__)

RETRY_SECS = 1.0


class Records(Protocol):
    """What the writer needs of a journal; its errors are those of `trader.journal.store.Journal`."""

    def append(
        self, records: Sequence[AnyRecord], *, lease: Lease | None, done_command: CommandMark | None = None
    ) -> int: ...

    def records(self, run_id: str | None = None, after_seq: int = 0) -> Sequence[tuple[int, AnyRecord]]: ...

    def mark_command(self, command_id: str, status: str, detail: str = "") -> None: ...

    def renew_lease(self, lease: Lease, now: datetime) -> bool: ...


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the only record of it


class Writer:
    """One lease's records. Used by the runner's thread only; `fault` and `busy` may be read from any. `monotonic` measures
    the time between attempts, `tell` takes the encoded intents that could not be recorded, `written` each record once it is
    on disk, with its number."""

    def __init__(
        self,
        journal: Records,
        lease: Lease,
        monotonic: Callable[[], float] = time.monotonic,
        tell: Callable[[str], None] = _tell,
        written: Callable[[int, AnyRecord], None] = lambda _seq, _record: None,
    ) -> None:
        self._journal = journal
        self._lease = lease
        self._monotonic = monotonic
        self._tell = tell
        self._written = written
        self._records: list[AnyRecord] = []
        self._marks: dict[str, CommandMark] = {}
        self._tried = 0.0
        self._doubtful = 0  # how many of the first records that wait may be in the journal already
        self._last = 0  # the number of the newest record known to be there, as far as this writer wrote it
        self.fault = ""
        self.busy = False  # inside a write just now

    def commit(self, records: Sequence[AnyRecord], mark: CommandMark | None) -> bool:
        """Write records and the answer to their command; True when the caller may go by them.

        At the first failure nothing is kept, so that the caller can decide anew knowing the fault; while the fault lasts
        they are kept here. Where nobody can say whether they were written the caller goes by them, since deciding anew could
        send another order under an id that the journal knows already: the fault is there, and they are kept besides.

        Raises:
            LeaseLost: Another runner has the account; nothing was written.
            RecordExists: The journal holds some of it already: the state must be folded anew.
        """
        if not records and mark is None:
            return True
        if self.fault:
            self._keep(records, mark)
            return False
        try:
            self._write(records, mark)
        except (LeaseLost, RecordExists):
            raise
        except CommitUnknown as error:
            self.fail(error)
            self._keep(records, mark)
            self._doubtful = len(self._records)
            return True
        except JournalError as error:
            self.fail(error)
            return False
        return True

    def fail(self, error: JournalError) -> None:
        """Note that the journal cannot be used."""
        if not self.fault:
            logger.critical("journal_unwritable: %s; no entries, exits go on", error)
        self.fault = str(error)
        self._tried = self._monotonic()

    def answered(self, command_id: str) -> bool:
        """Whether a command that still reads as new has been answered already."""
        return command_id in self._marks

    def recovered(self, now: datetime) -> bool:
        """Try again, at most once a second; True when everything that waited is on disk and the fault is over.

        Raises:
            LeaseLost: Another runner has taken the account meanwhile.
            RecordExists: The journal holds some of it already: the state must be folded anew.
        """
        if self._monotonic() - self._tried < RETRY_SECS:
            return False
        count = len(self._records)
        try:
            if not self._journal.renew_lease(self._lease, now):
                raise LeaseLost(f"The lease on {self._lease.account} was lost while the journal could not be written.")
            self._append_waiting()
        except (LeaseLost, RecordExists):
            raise
        except JournalError as error:
            self._tried = self._monotonic()
            self.fault = str(error)
            return False
        self._records.clear()
        self._doubtful = 0
        for mark in self._marks.values():
            try:
                self._journal.mark_command(mark.command_id, mark.status, mark.detail)
            except JournalError as error:
                logger.warning("command_not_marked id=%s error=%s", mark.command_id, error)
        self._marks.clear()
        self.fault = ""
        logger.warning("journal_writable_again records_late=%d", count)
        return True

    def _append_waiting(self) -> None:
        """Write what waits; first find out what became of a commit whose fate nobody could tell."""
        if self._doubtful and (first := self._number_of_first()):
            self._told(first + self._doubtful - 1, self._records[: self._doubtful])
            del self._records[: self._doubtful]
        self._doubtful = 0
        if not self._records:
            return
        try:
            self._told(self._journal.append(self._records, lease=self._lease), self._records)
        except CommitUnknown:
            self._doubtful = len(self._records)
            raise

    def _number_of_first(self) -> int:
        """The number of the first doubtful record in the journal, 0 where it is not there: those of one commit are there all
        or not at all, one after the other."""
        first = self._records[0]
        return next((seq for seq, there in self._journal.records(first.run_id, self._last) if there == first), 0)

    def _keep(self, records: Sequence[AnyRecord], mark: CommandMark | None) -> None:
        self._records += records
        if mark is not None:
            self._marks[mark.command_id] = mark
        for record in records:
            if isinstance(record, OrderIntended | CancelIntended):
                self._tell(encode_record(record))

    def _told(self, last: int, records: Sequence[AnyRecord]) -> None:
        self._last = last
        for seq, record in enumerate(records, start=last - len(records) + 1):
            self._written(seq, record)

    def _write(self, records: Sequence[AnyRecord], mark: CommandMark | None) -> None:
        what = ""
        if killpoints.ARMED:
            what = _weightiest(records)
            killpoints.reach(f"journal.{what}.before")
        self.busy = True
        try:
            if records:
                self._told(self._journal.append(records, lease=self._lease, done_command=mark), records)
            elif mark is not None:
                self._journal.mark_command(mark.command_id, mark.status, mark.detail)
        finally:
            self.busy = False
        if killpoints.ARMED:
            killpoints.reach(f"journal.{what}.after")


# Records from the weightiest down: what is written together is called by the first of these that is among it.
_WEIGHT = (
    "run_finished order_intended cancel_intended stop_requested level_changed exit_decided run_created beside_confirmed legs_chosen "
    "schedule_fixed phase_changed order_resolved fill_recorded fill_confirmed fill_costed trailed order_denied position_observed alert_raised"
).split()


def _weightiest(records: Sequence[AnyRecord]) -> str:
    """The kill point's name for a write: the same at every run, whatever else happens to be written with it."""
    kinds = {str(type(record).__struct_config__.tag) for record in records}
    return next((kind for kind in _WEIGHT if kind in kinds), "mark")
