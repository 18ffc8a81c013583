"""Defects of exits, seen by simulated sessions: not tried, blocked, given up, thought to be done."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import held, holding, plain, troubled
from tests.mutants.tools import Patch, everywhere
from trader.domain.order import OrderStatus, Purpose
from trader.domain.outcome import Ok
from trader.domain.remedy import Remedy
from trader.engine import closing, orders, waiting
from trader.engine import holding as hold_rules
from trader.engine import records as rec
from trader.engine.execution import exit as exit_rules
from trader.engine.records import Phase
from trader.engine.state import Run
from trader.simulation.planned import Deed, Plan
from trader.simulation.scenario import load

_SCENARIOS = Path(__file__).parents[1] / "simulation" / "scenarios"


def _change(turn: Any, run_id: str, **changes: Any) -> None:
    """What only a defect does: a run's durable part changed without a record."""
    run = replace(turn.run(run_id), **changes)
    turn.state = replace(turn.state, runs={**turn.state.runs, run_id: run})


def _with_exit_at(turn: Any, run_id: str, exit_at: datetime | None, work: Any) -> Any:
    real = turn.run(run_id).exit_at
    _change(turn, run_id, exit_at=exit_at)
    done = work(turn, run_id)
    _change(turn, run_id, exit_at=real)
    return done


def unpayable() -> list[Plan]:
    """What is on the account is charged, an exit refused for it, and paid in again."""
    charge, stop = Deed(secs=6.0, kind="charge", size=1_200_000, phase="holding"), Deed(secs=12.0, kind="stop")
    deeds = (Deed(secs=0.3, kind="start"), charge, stop, Deed(secs=30.0, kind="deposit", size=50_000))
    return [held(seed, exit_time="10:36", deeds=deeds, margin_mode="isolated") for seed in range(3)]


def perpetual_in_debt() -> list[Plan]:
    """Two tickets in a perpetual of which the account cannot pay the closing, to the end."""
    return [load(_SCENARIOS / "lv1-in-debt-with-a-perpetual.json").plan]


def what_is_refused_for_good_is_given_up(patch: Patch) -> None:
    real = exit_rules._exit_attempt

    def attempt(turn: Any, run: Run, leg: Any, purpose: Purpose, *given: Any) -> None:
        made = run.leg_orders(leg.key, purpose)
        if not made or made[-1].remedy is not Remedy.GIVE_UP:
            real(turn, run, leg, purpose, *given)

    everywhere(patch, real, attempt)


def exit_returns_early(patch: Patch) -> None:
    real = closing.work_exit

    def work_exit(turn: Any, run_id: str, leg: Any, purpose: Purpose) -> bool:
        active = turn.run(run_id).phase is Phase.HOLDING  # the caller has just ended that
        return active and real(turn, run_id, leg, purpose)

    everywhere(patch, real, work_exit)


def past_exit_time_is_tomorrows(patch: Patch) -> None:
    for real in (hold_rules.hold, waiting.enter):

        def work(turn: Any, run_id: str, real: Any = real) -> None:
            exit_at, market = turn.run(run_id).exit_at, turn.now.market
            if exit_at is not None and market is not None and market >= exit_at:
                exit_at += timedelta(days=1)
            _with_exit_at(turn, run_id, exit_at, real)

        everywhere(patch, real, work)


def exit_time_only_shown(patch: Patch) -> None:
    for real in (hold_rules.hold, waiting.enter):

        def work(turn: Any, run_id: str, real: Any = real) -> None:
            _with_exit_at(turn, run_id, None, real)

        everywhere(patch, real, work)


def one_cancel_error_blocks_every_close(patch: Patch) -> None:
    blocked: set[str] = set()
    real_answer, real_close = orders.on_cancel_answered, closing.close

    def on_cancel_answered(turn: Any, event: Any) -> None:
        found = orders.find_order(turn, event.client_order_id, None)
        if found is not None and not isinstance(event.outcome, Ok):
            blocked.add(found[0].run_id)
        real_answer(turn, event)

    def close(turn: Any, run_id: str) -> None:
        if run_id not in blocked:
            real_close(turn, run_id)

    everywhere(patch, real_answer, on_cancel_answered)
    everywhere(patch, real_close, close)


def failed_exit_is_the_end(patch: Patch) -> None:
    real = closing.close

    def close(turn: Any, run_id: str) -> None:
        run = turn.run(run_id)
        tried = [o for o in run.orders.values() if o.intent.purpose is not Purpose.ENTRY]
        if any(o.status in (OrderStatus.REJECTED, OrderStatus.CANCELLED) and not o.done_qty for o in tried):
            finish_unasked(turn, run)
        else:
            real(turn, run_id)

    everywhere(patch, real, close)


def finish_unasked(turn: Any, run: Run) -> None:
    """Call a run done without asking the exchange."""
    reason = run.exit_reason or "unknown"
    money = {"realized_pnl": run.cash_flow - run.fees, "fees": run.fees}
    turn.write(rec.RunFinished, run.run_id, exit_reason=reason, **money)


def exit_in_progress_for_ever(patch: Patch) -> None:
    real = closing.close

    def close(turn: Any, run_id: str) -> None:
        if not turn.watch(run_id).recovered:  # recovery thinks the exit at work, the exit thinks recovery at work
            real(turn, run_id)

    everywhere(patch, real, close)


def second_leg_goes_on_in_simulation(patch: Patch) -> None:
    """The leg that failed is simulated from then on, and the simulation finds everything in order."""
    simulated: set[str] = set()
    real_enter, real_hold = waiting.enter, hold_rules.hold

    def enter(turn: Any, run_id: str) -> None:
        run = turn.run(run_id)
        failed = turn.watch(run_id).leg_failed
        whole = [leg.key for leg in run.legs if run.open_quantity(leg.key) == leg.quantity]
        if failed and whole:
            simulated.add(run_id)
            turn.phase(run_id, Phase.HOLDING, "the other leg is simulated")
        else:
            real_enter(turn, run_id)

    def hold(turn: Any, run_id: str) -> None:
        if run_id not in simulated:
            real_hold(turn, run_id)

    everywhere(patch, real_enter, enter)
    everywhere(patch, real_hold, hold)


def lost_leg_is_skipped(patch: Patch) -> None:
    """A leg whose order got no answer is marked failed; the exit leaves it out and reports flat, verified."""
    real_close = closing.close

    def failed(run: Run, leg: Any) -> bool:
        return any(o.code == "outcome_unknown" for o in run.leg_orders(leg.key, Purpose.ENTRY))

    def close(turn: Any, run_id: str) -> None:
        run = turn.run(run_id)
        left = [leg for leg in run.legs if not failed(run, leg)]
        if len(left) == len(run.legs):
            real_close(turn, run_id)
            return
        closed = [closing.work_exit(turn, run_id, leg, Purpose.UNWIND) for leg in left]
        if all(closed):
            finish_unasked(turn, turn.run(run_id))

    everywhere(patch, real_close, close)


def _restart_while_exiting() -> list[Plan]:
    """Stop, and the host is gone while the exit works."""
    deeds = (Deed(secs=0.3, kind="start"), Deed(secs=12, kind="stop"))
    return [plain(seed, deeds=deeds, outage=(at, 3.0)) for seed in range(6) for at in (12.1, 12.5, 13.5)]


MUTANTS = [
    Mutant(
        name="M01",
        defect="The exit routine returns early because its caller has just cleared “active”",
        patched="`work_exit` returns unless the run is still holding",
        patch=exit_returns_early,
        check=sessions("CT5", holding(deeds=(Deed(secs=0.3, kind="start"), Deed(secs=12, kind="stop")))),
    ),
    Mutant(
        name="M02",
        defect="A daily exit time already past is rolled to tomorrow, then compared",
        patched="`hold` and `enter` see an exit instant that is past a day later",
        patch=past_exit_time_is_tomorrows,
        check=sessions("CT8", holding(exit_time="10:31")),
    ),
    Mutant(
        name="M03",
        defect="The exit time is stored and displayed, but no code evaluates it",
        patched="`hold` and `enter` see no exit instant",
        patch=exit_time_only_shown,
        check=sessions("CT8", holding(exit_time="10:31")),
    ),
    Mutant(
        name="M26",
        defect="A phase that neither recovery nor exit accepts: “exit in progress” for ever",
        patched="`close` leaves a recovered run alone",
        patch=exit_in_progress_for_ever,
        check=sessions("CT1 CT5 LV1", _restart_while_exiting),
    ),
    Mutant(
        name="M29",
        defect="The second leg fails; it goes on in simulation, the real first leg stays naked",
        patched="`enter` goes on to HOLDING beside a failed leg, `hold` looks no more",
        patch=second_leg_goes_on_in_simulation,
        check=sessions("CT6", troubled({"X2": 0.5}, faults_end=20.0)),
    ),
    Mutant(
        name="M30",
        defect="A leg is marked failed after a lost reply; the exit skips it and reports verified flat",
        patched="`close` leaves out legs with an unanswered entry and finishes",
        patch=lost_leg_is_skipped,
        check=sessions("CT1 I16", troubled({"N2": 0.4, "N9": 0.9}, deeds=[Deed(secs=9, kind="stop")])),
    ),
    Mutant(
        name="M31",
        defect="One cancel error blocks every close",
        patched="`close` does nothing once a cancel of the run got an error",
        patch=one_cancel_error_blocks_every_close,
        check=sessions("CT5", troubled({"X1": 0.8, "N12": 0.3}, deeds=[Deed(secs=5, kind="stop")])),
    ),
    Mutant(
        name="M32",
        defect="A failed exit is never tried again; the run is marked stopped with positions left",
        patched="`close` finishes the run once an exit order has ended unfilled",
        patch=failed_exit_is_the_end,
        check=sessions("CT1", troubled({"X2": 0.4}, deeds=[Deed(secs=9, kind="stop")])),
    ),
    Mutant(
        name="M32b",
        defect="An exit that the account could not pay for is not tried again, although somebody has paid in",
        patched="`_exit_attempt` leaves a leg whose last order another attempt would have been refused like",
        patch=what_is_refused_for_good_is_given_up,
        check=sessions("CT5", unpayable),
    ),
    Mutant(
        name="M32c",
        defect="A perpetual that the account cannot pay the closing of is given up",
        patched="`_exit_attempt` leaves a leg whose last order another attempt would have been refused like",
        patch=what_is_refused_for_good_is_given_up,
        check=sessions("LV1", perpetual_in_debt),
    ),
]
