"""What a runner has to tell besides what the engine records: notes put on record, and what stands unacknowledged."""

from collections.abc import Callable
from datetime import datetime

from trader.domain.clock import Now
from trader.engine import events as ev
from trader.engine.records import AlertRaised, Phase
from trader.journal.alerts import LOUD
from trader.journal.store import Journal
from trader.runner import restart_notes
from trader.runner.kernel import Kernel
from trader.runner.notices import Note, NoteGate
from trader.runner.reminders import Nagger
from trader.runner.run_log import log_note

_ALERTS_REMEMBERED = 200


class Telling:
    """Used by the runner's thread only."""

    def __init__(self, kernel: Kernel, now: Callable[[], Now], wall: Callable[[], datetime], nagger: Nagger) -> None:
        self._kernel = kernel
        self._now = now
        self._wall = wall
        self._nagger = nagger
        self._gate = NoteGate()
        self._to_find: set[str] = set()  # runs taken up again whose first complete read is still to be told
        self.down: dict[str, datetime] = {}  # stream → since when (machine's clock)

    def record(self, note: Note) -> None:
        """Put a note on record as an alert, unless it was just told."""
        if not self._gate.passes(note):
            return
        now = self._now()
        log_note(note)
        self._kernel.write(
            AlertRaised(
                run_id=note.run_id,
                wall=now.wall,
                market=now.market,
                cause="recovery",
                level=note.level,
                code=note.code,
                text=note.text,
            ),
            now,
        )

    def repeat(self) -> None:
        """Say again what no one has acknowledged, when it is time."""
        if line := self._nagger.due():
            log_note(Note("error", "unacknowledged", line))

    def remember(self, journal: Journal, account: str) -> None:
        """What earlier runners raised and no one has acknowledged goes on being repeated."""
        self._nagger.catch_up(journal, account)
        for alert in reversed(journal.alerts(_ALERTS_REMEMBERED, account=account, levels=LOUD)):
            self._nagger.raised(alert)

    def recovered(self) -> None:
        """The journal is folded: of each run taken up again, the first complete read is told."""
        self._to_find = {
            run.run_id for run in self._kernel.state.unresolved if run.orders or run.phase is not Phase.WAITING
        }

    def heard(self, event: ev.AnyEvent) -> None:
        """An event was applied that may be worth a note."""
        match event:
            case ev.StreamChanged():
                self._stream(event)
            case ev.AccountRead():
                self._found(event)

    def _stream(self, event: ev.StreamChanged) -> None:
        if not event.up:
            self.down.setdefault(event.stream, self._wall())
        elif not event.gap and (since := self.down.pop(event.stream, None)) and self._kernel.state.unresolved:
            self.record(restart_notes.stream_back(event.stream, since, self._wall()))

    def _found(self, read: ev.AccountRead) -> None:
        """The first complete read after a restart: what the exchange shows of a run that was taken up again."""
        if read.error or read.failed or read.positions is None or read.open_orders is None:
            return
        for run_id in self._to_find & set(read.runs):
            self._to_find.discard(run_id)
            if (run := self._kernel.state.runs.get(run_id)) is not None:
                self.record(restart_notes.found(self._kernel.state, run, read))
