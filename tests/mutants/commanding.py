"""Defects of what commands promise, seen by simulated sessions: forgotten, lowered by no one, asked of the wrong order."""

from typing import Any

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import drawn
from tests.mutants.tools import Patch, everywhere
from trader.domain.clock import Now
from trader.engine import levels
from trader.engine import records as rec
from trader.engine.events import LevelCommand
from trader.engine.fold import evolve
from trader.engine.records import Level, OperatorLevel
from trader.runner import commands, kernel
from trader.runner.reminders import Nagger
from trader.simulation.directed import killed, paused_before_the_entry, quiet, reduced_while_entering
from trader.simulation.planned import Deed, Plan


def restart_re_arms(patch: Patch) -> None:
    def forgetful(self: kernel.Kernel, records: Any) -> None:
        for record in records:
            if not isinstance(record, rec.LevelChanged):
                self.state = evolve(self.state, record)

    patch.setattr(kernel.Kernel, "fold", forgetful)


def pause_is_ignored(patch: Patch) -> None:
    def bars_entry(state: Any, _run: Any) -> bool:
        return bool(state.account.trading.level.rank >= Level.REDUCING.rank)

    real = levels.level_words

    def level_words(state: Any) -> str:
        return "" if state.account.trading.level is Level.PAUSED else real(state)

    everywhere(patch, levels.bars_entry, bars_entry)
    everywhere(patch, real, level_words)


def reducing_completes_the_entry(patch: Patch) -> None:
    """As a pause does."""

    def bars_entry(state: Any, run: Any) -> bool:
        return state.account.trading.level is not Level.ACTIVE and not run.orders

    everywhere(patch, levels.bars_entry, bars_entry)


def kill_only_halts(patch: Patch) -> None:
    everywhere(patch, levels._close_all, lambda turn, event: [])


def pause_lowers_a_halt(patch: Patch) -> None:
    real = levels.on_level

    def on_level(turn: Any, event: LevelCommand) -> None:
        if event.level is OperatorLevel.PAUSE:
            levels._change(turn, Level.PAUSED, "lunch", cause="user", command_id=event.command_id)
        real(turn, event)

    everywhere(patch, real, on_level)


def acknowledging_re_arms(patch: Patch) -> None:
    real = commands.Commands._obey

    def obey(self: commands.Commands, row: Any) -> None:
        if row.kind == "ack":
            now: Now = self._now()
            self._apply(
                LevelCommand(at=now, command_id=row.command_id, level=OperatorLevel.RESUME, issued_by="acknowledged")
            )
        real(self, row)

    patch.setattr(commands.Commands, "_obey", obey)


def one_acknowledgement_silences_all(patch: Patch) -> None:
    real = Nagger.catch_up

    def catch_up(self: Nagger, *given: Any) -> None:
        real(self, *given)
        self._open.clear()

    patch.setattr(Nagger, "catch_up", catch_up)


def a_command_is_dropped(patch: Patch) -> None:
    """A level that is set already is not answered: its person waits for ever."""
    real = levels.on_level

    def on_level(turn: Any, event: LevelCommand) -> None:
        if turn.state.account.trading.level is not levels._ORDERED[event.level]:
            real(turn, event)

    everywhere(patch, real, on_level)


def what_was_read_before_serves(patch: Patch) -> None:
    real = levels._change

    def change(turn: Any, *given: Any, **fields: Any) -> None:
        known = turn.state.orders_read
        real(turn, *given, **fields)
        turn.set(orders_read=known)

    patch.setattr(levels, "_change", change)


def _alerted(*deeds: Deed) -> list[Plan]:
    """Another installation's order halts trading and raises a critical alert; then these deeds."""
    other = Deed(secs=2.0, kind="other_runner", size=1, phase="holding")
    return [quiet(28, other, *deeds, Deed(secs=24.0, kind="stop"))]


MUTANTS = [
    Mutant(
        name="M85",
        defect="A restart re-arms trading: what a person forbade is forgotten",
        patched="recovery folds without `LevelChanged`",
        patch=restart_re_arms,
        check=sessions(
            "OP1",
            lambda: [quiet(9, Deed(secs=0.1, kind="pause"), Deed(secs=12.0, kind="start"), outage=(4.0, 4.0))],
        ),
    ),
    Mutant(
        name="M86",
        defect="Paused, a run that waits begins its entry all the same",
        patched="`bars_entry` and `level_words` look at REDUCING and HALTED only",
        patch=pause_is_ignored,
        check=sessions("OP1", lambda: [paused_before_the_entry(seed) for seed in range(3)]),
    ),
    Mutant(
        name="M87",
        defect="Reducing, an entry under way is completed as if paused",
        patched="`bars_entry` lets runs that have begun go on at any level",
        patch=reducing_completes_the_entry,
        check=sessions("OP2", lambda: [reduced_while_entering(seed) for seed in range(12)]),
    ),
    Mutant(
        name="M88",
        defect="The kill switch halts trading and leaves the position",
        patched="`_close_all` closes nothing",
        patch=kill_only_halts,
        check=sessions("OP3", lambda: [killed(3)]),
    ),
    Mutant(
        name="M89",
        defect="A pause after a halt lowers it: trading can be armed by forbidding it",
        patched="`on_level` sets PAUSED whatever the level was",
        patch=pause_lowers_a_halt,
        check=sessions("OP4", lambda: [quiet(3, Deed(secs=7.0, kind="kill"), Deed(secs=12.0, kind="pause"))]),
    ),
    Mutant(
        name="M89b",
        defect="Acknowledging an alert resumes trading",
        patched="an acknowledgement is carried out as a resume besides",
        patch=acknowledging_re_arms,
        check=sessions("OP4", lambda: _alerted(Deed(secs=18.0, kind="ack"))),
    ),
    Mutant(
        name="M90",
        defect="One acknowledgement silences alerts it does not name",
        patched="`Nagger.catch_up` forgets all that stand open",
        patch=one_acknowledgement_silences_all,
        check=sessions("OP5", drawn((199,), most=400)),
    ),
    Mutant(
        name="M91",
        defect="A command that changes nothing is never answered",
        patched="`on_level` returns where the level is set already",
        patch=a_command_is_dropped,
        check=sessions("CT2", lambda: [quiet(3, Deed(secs=5.0, kind="pause"), Deed(secs=6.0, kind="pause"))]),
    ),
    Mutant(
        name="M91b",
        defect="Trading is let on again, and a run begins on what was read before: another installation is there still",
        patched="`_change` leaves what was read before in force",
        patch=what_was_read_before_serves,
        check=sessions("E3", lambda: [paused_before_the_entry(seed) for seed in range(3)]),
    ),
]
