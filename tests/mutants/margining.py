"""Defects of margin modes: not asked before the sale, counted as free, not seen to change, not told."""

from typing import Any

from msgspec.structs import replace

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import Plans, held
from tests.mutants.tools import Patch, everywhere
from trader.engine import prerequisites, waiting
from trader.engine.account import margin
from trader.engine.state import ZERO
from trader.engine.turn import Turn
from trader.simulation.planned import Deed, Plan

_START = Deed(secs=0.3, kind="start")
_CHANGED = Deed(secs=40.0, kind="margin_mode", size=1, phase="holding")


def _moded(*deeds: Deed, wanted: str = "any", **changes: Any) -> Plans:
    def plan(seed: int) -> Plan:
        quiet = held(seed, quantity=2, exit_time="10:33", deeds=(_START, *deeds), faults_end=150.0, **changes)
        schedule = {**quiet.preset["schedule"], "entry_time_ist": "10:31", "entry_window_mins": 30}
        risk = {**quiet.preset["risk"], "margin_mode": wanted}
        return replace(quiet, start_now=False, preset={**quiet.preset, "schedule": schedule, "risk": risk})

    return lambda: [plan(seed) for seed in range(2)]


def any_mode_will_do(patch: Patch) -> None:
    listed = tuple((name, (lambda facts: []) if name == "margin mode" else ask) for name, ask in prerequisites._LIST)
    patch.setattr(prerequisites, "_LIST", listed)


def nothing_is_tied_up(patch: Patch) -> None:
    everywhere(patch, waiting.margin_estimate, lambda turn, run: ZERO)
    patch.setattr("trader.engine.gate._margin", lambda *_: None, raising=False)


def the_first_answer_stands(patch: Patch) -> None:
    real = margin.on_margin_read

    def on_margin_read(turn: Any, event: Any) -> None:
        if turn.state.margin is None:
            real(turn, event)
        else:
            turn.set(margin_pending=False)

    everywhere(patch, real, on_margin_read)


def a_change_is_kept_to_itself(patch: Patch) -> None:
    real = Turn.alert

    def alert(self: Turn, run_id: str, level: str, code: str, text: str, **more: Any) -> None:
        if code != "margin_mode_changed":
            real(self, run_id, level, code, text, **more)

    patch.setattr(Turn, "alert", alert)


MUTANTS = [
    Mutant(
        name="T01",
        defect="A preset that wants portfolio margin is entered in isolated margin",
        patched="`_margin_mode` asks nothing",
        patch=any_mode_will_do,
        check=sessions("MM1", _moded(wanted="portfolio")),
    ),
    Mutant(
        name="T02",
        defect="An entry is begun for which the money is not there",
        patched="`margin_estimate` is 0",
        patch=nothing_is_tied_up,
        check=sessions("MM2", _moded(balance=2)),
    ),
    Mutant(
        name="T03",
        defect="A margin mode that a person changes is not seen",
        patched="`on_margin_read` keeps what was told first",
        patch=the_first_answer_stands,
        check=sessions("MM3", _moded(_CHANGED)),
    ),
    Mutant(
        name="T04",
        defect="Nobody is told that the margin mode has changed",
        patched="`Turn.alert` passes over `margin_mode_changed`",
        patch=a_change_is_kept_to_itself,
        check=sessions("MM3", _moded(_CHANGED)),
    ),
]
