"""Defects of exits, Stop and recovery, seen by simulated sessions: not tried, tried too late, given up, forgotten."""

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from tests.mutants.mutant import Mutant, Sessions
from tests.mutants.plans import TIERS, Plans, drawn, held, holding, peak_then_back, plain, stopped_at, troubled
from tests.mutants.tools import Patch, everywhere
from trader.domain.order import OrderStatus, Purpose
from trader.domain.outcome import Ok
from trader.engine import closing, commands, exits, gate, orders, step, valuation, waiting, working
from trader.engine import holding as hold_rules
from trader.engine import records as rec
from trader.engine.effects import AckCommand
from trader.engine.exits import Trail, trailing_level
from trader.engine.fold import evolve
from trader.engine.records import Phase
from trader.engine.release import check_release
from trader.engine.state import ZERO, Run, seconds_since
from trader.engine.valuation import Valuation
from trader.simulation import shell
from trader.simulation.plan import Deed, Plan


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


# ---------------------------------------------------------------- exits that are not tried


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
            _finish(turn, run)
        else:
            real(turn, run_id)

    everywhere(patch, real, close)


def _finish(turn: Any, run: Run) -> None:
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
            _finish(turn, turn.run(run_id))

    everywhere(patch, real_close, close)


# ---------------------------------------------------------------- Stop


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


# ---------------------------------------------------------------- rules that do not look


def one_leg_left_out(patch: Patch) -> None:
    stale: set[str] = set()
    reals = valuation.value, valuation.flaw_of, valuation.evidence_of

    def flaw_of(run: Run, market: Any, now: Any) -> str:
        opened = [leg.symbol for leg in run.legs if run.open_quantity(leg.key) > 0]
        stale.clear()
        stale.update(symbol for symbol in opened if valuation.staleness(market, now, symbol))
        return reals[1](run, market, now) if len(stale) == len(opened) else ""

    def value(run: Run, market: Any) -> Valuation | None:
        priced = [valuation.leg_pnl(run, leg, market) for leg in run.legs if leg.symbol not in stale]
        total = sum((pnl for pnl in priced if pnl is not None), ZERO)
        return Valuation(pnl=total, pct=total / run.premium * 100, evidence=evidence_of(run, market))

    def evidence_of(run: Run, market: Any) -> Any:
        quotes = [market.quotes.get(leg.symbol) for leg in run.legs if leg.symbol not in stale]
        return tuple(stamp for quote in quotes if quote is not None for stamp in (quote.ts_mark, quote.ts_quote))

    for real, new in zip(reals, (value, flaw_of, evidence_of), strict=True):
        everywhere(patch, real, new)


def stall_only_warns(patch: Patch) -> None:
    everywhere(patch, valuation.flaw_of, lambda *_: "")
    everywhere(patch, hold_rules.ask_quotes, lambda *_: None)


def hours_for_seconds(patch: Patch) -> None:
    """The pause of one second between two looks at a position is slept as an hour."""
    looked: dict[str, datetime] = {}
    real = hold_rules.hold

    def hold(turn: Any, run_id: str) -> None:
        if seconds_since(looked.get(run_id), turn.wall) >= 1 * 3600:
            looked[run_id] = turn.wall
            real(turn, run_id)

    everywhere(patch, real, hold)


def percent_guessed_from_size(patch: Patch) -> None:
    real = exits.triggered

    def triggered(rules: Any, level: Any, pct: Any) -> tuple[str, str]:
        def percent(value: Any) -> Any:
            return value * 100 if value <= 1 else value

        guessed = {name: percent(getattr(rules, name)) for name in ("max_loss_pct", "max_profit_pct")}
        return real(rules.model_copy(update=guessed), level, pct)

    everywhere(patch, real, triggered)


def breakeven_is_falsy(patch: Patch) -> None:
    real = exits.triggered
    everywhere(patch, real, lambda rules, level, pct: real(rules, level or None, pct))


def stop_suppressed_while_settling(patch: Patch) -> None:
    real = hold_rules._evaluate

    def evaluate(turn: Any, run: Run, valuation: Valuation) -> None:
        if seconds_since(run.phase_since, turn.wall) > 120:
            real(turn, run, valuation)

    everywhere(patch, real, evaluate)


def stop_loosened_by_each_adjustment(patch: Patch) -> None:
    def ratchet(rules: Any, trail: Trail | None, pct: Any) -> Trail | None:
        level = trailing_level(rules, pct)
        now = Trail(pct, level if level is not None or trail is None else trail.level and trail.level - 1)
        return None if trail == now else now

    everywhere(patch, exits.ratchet, ratchet)


def monitoring_ends_by_itself(patch: Patch) -> None:
    longest = 12.0
    real_hold, real_stop = hold_rules.hold, commands.on_stop

    def over(turn: Any, run: Run) -> bool:
        return run.phase is Phase.HOLDING and seconds_since(run.phase_since, turn.wall) > longest

    def hold(turn: Any, run_id: str) -> None:
        if not over(turn, turn.run(run_id)):
            real_hold(turn, run_id)

    def on_stop(turn: Any, event: Any) -> None:
        if any(over(turn, run) for run in turn.state.unresolved):
            turn.do(AckCommand(command_id=event.command_id, status="accepted", detail="nothing is being monitored"))
        else:
            real_stop(turn, event)

    everywhere(patch, real_hold, hold)
    everywhere(patch, real_stop, on_stop)


# ---------------------------------------------------------------- what a restart forgets


def _recovering_without(patch: Patch, forgotten: tuple[type, ...]) -> None:
    def forgetful(state: Any, record: Any) -> Any:
        return state if isinstance(record, forgotten) else evolve(state, record)

    patch.setattr(shell, "evolve", forgetful)


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
        newer = {fill_id: b for fill_id, b in self.fills.items() if b.wall > since[self.run_id]}
        return real_entered(replace(self, fills=newer), key)

    everywhere(patch, real_hold, hold)
    patch.setattr(Run, "entered", entered)
    everywhere(patch, gate.check_order, lambda *_: None)


def unresolved_runs_ended_at_start(patch: Patch) -> None:
    real = step._booted

    def booted(turn: Any) -> None:
        for run in turn.state.unresolved:
            _finish(turn, run)
        real(turn)

    everywhere(patch, real, booted)


def _sessions(invariants: str, plans: Plans) -> Sessions:
    return Sessions(frozenset(invariants.split()), plans)


def _restart_while_exiting() -> list[Plan]:
    """Stop, and the host is gone while the exit works."""
    deeds = (Deed(secs=0.3, kind="start"), Deed(secs=12, kind="stop"))
    return [plain(seed, deeds=deeds, outage=(at, 3.0)) for seed in range(6) for at in (12.1, 12.5, 13.5)]


_RISE = ((14, 0.75),)
_RISE_AND_FALL = ((14, 0.75), (40, 1.0 / 0.75))

MUTANTS = [
    Mutant(
        name="M01",
        defect="The exit routine returns early because its caller has just cleared “active”",
        patched="`work_exit` returns unless the run is still holding",
        patch=exit_returns_early,
        check=_sessions("CT5", holding(deeds=(Deed(secs=0.3, kind="start"), Deed(secs=12, kind="stop")))),
    ),
    Mutant(
        name="M02",
        defect="A daily exit time already past is rolled to tomorrow, then compared",
        patched="`hold` and `enter` see an exit instant that is past a day later",
        patch=past_exit_time_is_tomorrows,
        check=_sessions("CT8", holding(exit_time="10:31")),
    ),
    Mutant(
        name="M03",
        defect="The exit time is stored and displayed, but no code evaluates it",
        patched="`hold` and `enter` see no exit instant",
        patch=exit_time_only_shown,
        check=_sessions("CT8", holding(exit_time="10:31")),
    ),
    Mutant(
        name="M23",
        defect="A leg without a price is silently left out of P&L",
        patched="`value`, `flaw_of` and `evidence_of` look at the priced legs only",
        patch=one_leg_left_out,
        check=_sessions("CT10", lambda: [held(s, iv_moves=_RISE, rates={"Q3": 0.15}) for s in range(20)]),
    ),
    Mutant(
        name="M24",
        defect="A stalled stream only warns; the last mark is used for ever",
        patched="`flaw_of` never finds a flaw, `ask_quotes` asks nobody",
        patch=stall_only_warns,
        check=_sessions("CT10 LV3", lambda: [held(s, rates={"N10": 0.1}) for s in range(20)]),
    ),
    Mutant(
        name="M26",
        defect="A phase that neither recovery nor exit accepts: “exit in progress” for ever",
        patched="`close` leaves a recovered run alone",
        patch=exit_in_progress_for_ever,
        check=_sessions("CT1 CT5 LV1", _restart_while_exiting),
    ),
    Mutant(
        name="M29",
        defect="The second leg fails; it goes on in simulation, the real first leg stays naked",
        patched="`enter` goes on to HOLDING beside a failed leg, `hold` looks no more",
        patch=second_leg_goes_on_in_simulation,
        check=_sessions("CT6", troubled({"X2": 0.5}, faults_end=20.0)),
    ),
    Mutant(
        name="M30",
        defect="A leg is marked failed after a lost reply; the exit skips it and reports verified flat",
        patched="`close` leaves out legs with an unanswered entry and finishes",
        patch=lost_leg_is_skipped,
        check=_sessions("CT1 I16", troubled({"N2": 0.4, "N9": 0.9}, deeds=[Deed(secs=9, kind="stop")])),
    ),
    Mutant(
        name="M31",
        defect="One cancel error blocks every close",
        patched="`close` does nothing once a cancel of the run got an error",
        patch=one_cancel_error_blocks_every_close,
        check=_sessions("CT5", troubled({"X1": 0.8, "N12": 0.3}, deeds=[Deed(secs=5, kind="stop")])),
    ),
    Mutant(
        name="M32",
        defect="A failed exit is never tried again; the run is marked stopped with positions left",
        patched="`close` finishes the run once an exit order has ended unfilled",
        patch=failed_exit_is_the_end,
        check=_sessions("CT1", troubled({"X2": 0.4}, deeds=[Deed(secs=9, kind="stop")])),
    ),
    Mutant(
        name="M33",
        defect="Stop during entry does nothing while the page says “exit sent”",
        patched="`on_stop` answers and does nothing while a run is entering",
        patch=stop_while_entering_does_nothing,
        check=_sessions("CT1 CT2", stopped_at(*(0.5 + n / 4 for n in range(20)), latency=0.2)),
    ),
    Mutant(
        name="M34",
        defect="Panic clears the flag before the loop ends: the loop enters again",
        patched="`on_stop` cancels and decides nothing; gate and last look let entries pass",
        patch=panic_clears_the_flag_first,
        check=_sessions("I8", drawn(most=200)),
    ),
    Mutant(
        name="M36",
        defect="The kill switch swallows its own errors",
        patched="the shell counts a command as done whatever became of it",
        patch=kill_switch_swallows_its_errors,
        check=_sessions("CT1 CT2", troubled({"F1": 0.5}, deeds=[Deed(secs=12, kind="stop")])),
    ),
    Mutant(
        name="M40",
        defect="Hours used as seconds in the loop's sleep",
        patched="`hold` looks once an hour",
        patch=hours_for_seconds,
        check=_sessions("CT7", holding(exits={"max_profit_pct": "10"}, iv_moves=_RISE)),
    ),
    Mutant(
        name="M41",
        defect="Percent or fraction guessed from magnitude",
        patched="`triggered` takes limits up to 1 for fractions",
        patch=percent_guessed_from_size,
        check=_sessions("CT7", holding(exits={"max_profit_pct": "0.9"}, iv_moves=_RISE)),
    ),
    Mutant(
        name="M42",
        defect="A breakeven stop at 0 is ignored because 0 is falsy",
        patched="`triggered` hears `level or None`",
        patch=breakeven_is_falsy,
        check=_sessions("CT7", peak_then_back()),
    ),
    Mutant(
        name="M43",
        defect="The stop is suppressed while “settling”",
        patched="`_evaluate` does nothing in the first two minutes",
        patch=stop_suppressed_while_settling,
        check=_sessions("CT7", holding(exits={"max_profit_pct": "10"}, iv_moves=_RISE)),
    ),
    Mutant(
        name="M43b",
        defect="The stop is loosened at each adjustment",
        patched="`ratchet` follows the profit down as well as up",
        patch=stop_loosened_by_each_adjustment,
        check=_sessions("CT9", holding(exits=TIERS, iv_moves=_RISE_AND_FALL)),
    ),
    Mutant(
        name="M44",
        defect="Monitoring ends after a maximum run time, position open, Stop disabled",
        patched="`hold` and `on_stop` do nothing after twelve seconds of holding",
        patch=monitoring_ends_by_itself,
        check=_sessions("CT2 CT7", holding(exits={"max_profit_pct": "10"}, iv_moves=((30, 0.75),))),
    ),
    Mutant(
        name="M46",
        defect="Trailing peak and level are lost at a restart",
        patched="recovery folds without `Trailed`",
        patch=trail_lost_at_restart,
        check=_sessions("CT7 CT9 DU1", peak_then_back(outage=(36.0, 5.0))),
    ),
    Mutant(
        name="M48",
        defect="No resume at start",
        patched="recovery folds nothing",
        patch=nothing_resumed_at_start,
        check=_sessions("CT3 CT8 DU1", holding(exit_time="10:31", outage=(12.0, 4.0))),
    ),
    Mutant(
        name="M49",
        defect="A restart finds the entry window open and enters again",
        patched="`hold` goes back to ENTERING once after a restart, `entered` counts from there; the gate is open",
        patch=enters_again_after_restart,
        check=_sessions("I1 I2 I12", holding(outage=(12.0, 4.0))),
    ),
    Mutant(
        name="M63b",
        defect="Start-up clean-up marks unresolved runs as finished",
        patched="`_booted` writes `RunFinished` for what is open",
        patch=unresolved_runs_ended_at_start,
        check=_sessions("BK3 CT1", holding(outage=(12.0, 4.0))),
    ),
]
