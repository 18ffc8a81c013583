"""Defects of Stop and of restarts, seen by simulated sessions: not heard, swallowed, forgotten, done anew."""

from datetime import datetime
from typing import Any

from tests.mutants.exits import finish_unasked
from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import drawn, holding, peak_then_back, stopped_at, troubled
from tests.mutants.tools import Patch, everywhere
from trader.engine import commands, gate, step
from trader.engine import holding as hold_rules
from trader.engine import records as rec
from trader.engine.effects import AckCommand
from trader.engine.execution import algo, working
from trader.engine.fold import evolve
from trader.engine.records import Phase
from trader.engine.release import check_release
from trader.engine.state import Run
from trader.runner import kernel
from trader.simulation import shell
from trader.simulation.planned import Deed


def stop_while_entering_does_nothing(patch: Patch) -> None:
    real = commands.on_stop

    def on_stop(turn: Any, event: Any) -> None:
        if any(run.phase is Phase.ENTERING for run in turn.state.unresolved):
            turn.do(AckCommand(command_id=event.command_id, status="accepted", detail="exit sent"))
        else:
            real(turn, event)

    everywhere(patch, real, on_stop)


def panic_clears_the_flag_first(patch: Patch) -> None:
    """Panic cancels what works and clears “stopping”; the loop, still at work, tries the entry again."""
    real = commands.on_stop

    def on_stop(turn: Any, event: Any) -> None:
        for run in turn.state.unresolved:
            if run.phase is not Phase.ENTERING:
                continue
            turn.write(rec.StopRequested, run.run_id, cause="user", command_id=event.command_id)
            for order in run.live_orders():
                working.ask_cancel(turn, run.run_id, order, "panic")
            turn.do(AckCommand(command_id=event.command_id, status="accepted", detail="stopped"))
            return
        real(turn, event)

    everywhere(patch, real, on_stop)
    everywhere(patch, gate._entry_state, lambda *_: None)
    everywhere(patch, check_release, lambda *_: None)


def kill_switch_swallows_its_errors(patch: Patch) -> None:
    """Whatever becomes of it, a command counts as done once it was looked at."""
    real = shell.Shell.command

    def command(self: shell.Shell, row: Any) -> None:
        real(self, row)
        if row.status == "new":
            row.status, row.detail, row.answered = "accepted", "stopped", self._agenda.secs

    patch.setattr(shell.Shell, "command", command)


def _recovering_without(patch: Patch, forgotten: tuple[type, ...]) -> None:
    def forgetful(state: Any, record: Any) -> Any:
        return state if isinstance(record, forgotten) else evolve(state, record)

    patch.setattr(kernel, "evolve", forgetful)


def trail_lost_at_restart(patch: Patch) -> None:
    _recovering_without(patch, (rec.Trailed,))


def nothing_resumed_at_start(patch: Patch) -> None:
    _recovering_without(patch, (rec.Record,))


def enters_again_after_restart(patch: Patch) -> None:
    """The first look after a restart finds the entry window open, and what was sold before is not counted."""
    since: dict[str, datetime] = {}
    real_hold, real_entered = hold_rules.hold, Run.entered

    def hold(turn: Any, run_id: str) -> None:
        if turn.watch(run_id).recovered and run_id not in since:
            since[run_id] = turn.wall
            turn.phase(run_id, Phase.ENTERING, "the entry window is open")
        else:
            real_hold(turn, run_id)

    def entered(self: Run, key: str) -> int:
        if self.run_id not in since or self.phase is not Phase.ENTERING:
            return real_entered(self, key)
        newer = [b.fill for b in self.fills.values() if b.leg == key and b.wall > since[self.run_id]]
        return sum(fill.quantity for fill in newer if fill.side is self.leg(key).side)

    everywhere(patch, real_hold, hold)
    patch.setattr(Run, "entered", entered)
    everywhere(patch, algo._entered, lambda run, leg: run.entered(leg.key))
    everywhere(patch, gate.check_order, lambda *_: None)


def unresolved_runs_ended_at_start(patch: Patch) -> None:
    real = step._booted

    def booted(turn: Any) -> None:
        for run in turn.state.unresolved:
            finish_unasked(turn, run)
        real(turn)

    everywhere(patch, real, booted)


MUTANTS = [
    Mutant(
        name="M33",
        defect="Stop during entry does nothing while the page says “exit sent”",
        patched="`on_stop` answers and does nothing while a run is entering",
        patch=stop_while_entering_does_nothing,
        check=sessions("CT1 CT2", stopped_at(*(0.5 + n / 4 for n in range(20)), latency=0.2)),
    ),
    Mutant(
        name="M34",
        defect="Panic clears the flag before the loop ends: the loop enters again",
        patched="`on_stop` cancels and decides nothing; gate and last look let entries pass",
        patch=panic_clears_the_flag_first,
        check=sessions("I8", drawn(most=200)),
    ),
    Mutant(
        name="M36",
        defect="The kill switch swallows its own errors",
        patched="the shell counts a command as done whatever became of it",
        patch=kill_switch_swallows_its_errors,
        check=sessions("CT1 CT2", troubled({"F1": 0.5}, deeds=[Deed(secs=12, kind="stop")])),
    ),
    Mutant(
        name="M46",
        defect="Trailing peak and level are lost at a restart",
        patched="recovery folds without `Trailed`",
        patch=trail_lost_at_restart,
        check=sessions("CT7 CT9 DU1", peak_then_back(outage=(36.0, 5.0))),
    ),
    Mutant(
        name="M48",
        defect="No resume at start",
        patched="recovery folds nothing",
        patch=nothing_resumed_at_start,
        check=sessions("CT3 CT8 DU1", holding(exit_time="10:31", outage=(12.0, 4.0))),
    ),
    Mutant(
        name="M49",
        defect="A restart finds the entry window open and enters again",
        patched="`hold` goes back to ENTERING once after a restart, `entered` counts from there; the gate is open",
        patch=enters_again_after_restart,
        check=sessions("I1 I2 I12", holding(outage=(12.0, 4.0))),
    ),
    Mutant(
        name="M63b",
        defect="Start-up clean-up marks unresolved runs as finished",
        patched="`_booted` writes `RunFinished` for what is open",
        patch=unresolved_runs_ended_at_start,
        check=sessions("BK3 CT1", holding(outage=(12.0, 4.0))),
    ),
]
