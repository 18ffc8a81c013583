"""OP1–OP5: what each command promises. Judged when something is committed, signed or answered, by the journal alone.

OP1 paused, nothing begins: no run, and no run's first order. OP2 reducing or halted, no entry is decided or signed. OP3 a
kill halts, and every run is on its way out. OP4 only a person's resume allows more than before, and a restart does not.
OP5 an acknowledgement changes nothing but the alert. That every command is answered in time is CT2.
"""

from collections.abc import Sequence
from typing import Any

from trader.domain.order import Purpose
from trader.engine import records as rec
from trader.engine.records import Level
from trader.simulation.disk import CommandRow
from trader.simulation.evidence import Evidence
from trader.simulation.venue import Arrival

_LEAST = {"pause": Level.PAUSED, "reduce": Level.REDUCING, "kill": Level.HALTED}


class CommandRules:
    """Follows the account's level as the journal tells it."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    # ------------------------------------------------------------ at the commit

    def before(self, record: rec.AnyRecord) -> None:
        notes = self._evidence.notes
        match record:
            case rec.LevelChanged():
                self._check_lowered(record)
            case rec.RunCreated() if notes.level is not Level.ACTIVE and not record.ticket:
                self._evidence.report("OP1", f"run {record.run_id} begins while trading is {notes.level}")
            case rec.OrderIntended(intent=intent) if intent.purpose is Purpose.ENTRY and record.cause != "recovery":
                begun = bool(notes.runs[record.run_id].orders)
                if notes.level is Level.PAUSED and not begun:
                    self._evidence.report("OP1", f"{intent.client_order_id} begins an entry while trading is paused")
                if notes.level.rank >= Level.REDUCING.rank:
                    self._evidence.report("OP2", f"{intent.client_order_id} enters while trading is {notes.level}")
            case _:
                pass

    def _check_lowered(self, record: rec.LevelChanged) -> None:
        present = self._evidence.notes.level
        if record.level.rank >= present.rank:
            return
        row = self._evidence.world.journal.commands.get(record.command_id)
        if record.cause != "user" or row is None or row.kind != "resume" or record.level is not Level.ACTIVE:
            asked = "nobody" if row is None else row.kind
            self._evidence.report("OP4", f"{present} → {record.level} ({record.cause}, asked for by {asked})")

    # ------------------------------------------------------------ at the exchange's door

    def arrived(self, arrival: Arrival) -> None:
        intent, notes = arrival.intent, self._evidence.notes
        if intent is None or intent.purpose is not Purpose.ENTRY or notes.level.rank < Level.REDUCING.rank:
            return
        if arrival.signed > notes.level_secs and intent.run_id in notes.runs:
            late = arrival.signed - notes.level_secs
            self._evidence.report("OP2", f"{intent.client_order_id} signed {late:.3f} s after {notes.level}")

    # ------------------------------------------------------------ at the answer

    def answered(self, row: CommandRow, records: Sequence[rec.AnyRecord]) -> None:
        """A command was answered, in one transaction with these records, which have been noted."""
        if row.kind == "ack":
            self._check_acknowledged(row, records)
        elif row.status == "accepted" and not self._evidence.is_late():
            self._check_level(row)
            if row.kind == "kill":
                self._check_closing()

    def _check_level(self, row: CommandRow) -> None:
        notes = self._evidence.notes
        if row.kind in _LEAST and notes.level.rank < _LEAST[row.kind].rank:
            self._evidence.report("OP3" if row.kind == "kill" else "OP2", f"{row.kind}: trading is {notes.level}")
        lifted = notes.level is Level.ACTIVE or row.command_id in notes.resumed_by
        if row.kind == "resume" and not lifted:
            self._evidence.report("OP4", f"resume: trading is still {notes.level}")

    def _check_closing(self) -> None:
        for run in self._evidence.notes.unresolved():
            if run.stop_secs is None or run.exit_secs is None:
                self._evidence.report("OP3", f"killed, and run {run.run_id} is {run.phase}")

    def _check_acknowledged(self, row: CommandRow, records: Sequence[rec.AnyRecord]) -> None:
        if records:
            self._evidence.report("OP5", f"an acknowledgement has recorded {[type(r).__name__ for r in records]}")
        shell = self._evidence.world.current
        if shell is None:
            return
        told = {alert.seq for alert in shell.nagger.open}
        if (wanted := self._unacknowledged()) != told:
            self._evidence.report("OP5", f"repeated are {sorted(told)}, not acknowledged {sorted(wanted)}")

    def _unacknowledged(self) -> set[int]:
        """Numbers of the critical alerts that no acknowledgement names."""
        journal = self._evidence.world.journal
        given: list[dict[str, Any]] = [row.body for row in journal.commands.values() if row.kind == "ack"]
        return {
            seq
            for seq in self._evidence.notes.critical
            if not any(seq in body.get("alerts", ()) or seq <= body.get("up_to", 0) for body in given)
        }
