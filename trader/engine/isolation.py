"""A part of a step done apart from the others: what fails in it stays its own.

One run's rules must never keep another run, or a leg of the same one, from being closed. What the failing part had decided
is dropped, entries are halted, a person is called; a run whose rules go on failing cannot be watched, so it is closed.
"""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from trader.domain.exit_reason import ExitReason
from trader.engine.levels import trip
from trader.engine.records import Phase
from trader.engine.state import seconds_since
from trader.engine.turn import Turn

RULES_FAILED = "rules_failed"
_REPEAT_SECS = 30.0
_UNFINISHED_SECS = 5.0  # an entry that cannot be gone on with is bought back after this

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def apart(turn: Turn, run_id: str, work: Callable[[Turn, *Ts], T], *arguments: *Ts) -> T | None:
    """Do `work(turn, *arguments)` for a run; None when it failed, and then nothing of it is left but the alert."""
    state, done = turn.state, len(turn.effects)
    try:
        return work(turn, *arguments)
    except Exception as error:  # noqa: BLE001 - the loop that must live is every other run's; told, and entries halted
        turn.state = state
        del turn.effects[done:]
        _tell(turn, run_id, error)
        _close_unwatched(turn, run_id)
    return None


def _tell(turn: Turn, run_id: str, error: Exception) -> None:
    words = f"the rules of run {run_id} fail: {type(error).__name__}: {error} ({_place(error)})"
    trip(turn, f"{RULES_FAILED}:{run_id}", words)
    text = f"The rules of this run fail ({words}); other runs go on. Press Stop, or use `python -m trader flatten`."
    turn.alert_again(run_id, "error", RULES_FAILED, text, every_secs=_REPEAT_SECS)


def _close_unwatched(turn: Turn, run_id: str) -> None:
    """Rules that fail watch nothing: as with missing prices, what is open is closed after a while."""
    run, watch = turn.run(run_id), turn.watch(run_id)
    if run.phase not in (Phase.ENTERING, Phase.HOLDING):
        return
    if watch.blind_since is None:
        turn.set_watch(run_id, blind_since=turn.wall)
        return
    patience = _UNFINISHED_SECS if run.phase is Phase.ENTERING else run.preset.exits.blind_exit_secs
    if seconds_since(watch.blind_since, turn.wall) >= patience:
        reason: ExitReason = "unwind" if run.phase is Phase.ENTERING else "blind"
        turn.decide_exit(run_id, reason, f"its rules have failed for {patience:.0f} s")


def _place(error: Exception) -> str:
    """Where it was raised: file and line."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "?"
    path = traceback.tb_frame.f_code.co_filename.replace("\\", "/")
    return f"{path.rpartition('/')[2]}:{traceback.tb_lineno}"
