"""What people ask for. Every command is answered with one sentence; repeating one changes nothing."""

from collections.abc import Iterable

from pydantic import ValidationError

from trader.config.pinned import pinned_preset
from trader.config.preset import Preset
from trader.domain.expiry import ist_date
from trader.engine import records as rec
from trader.engine.account.losses import (
    lock_words,
    made_today,
    present_losses,
    runs_selling,
    runs_sold,
    today,
)
from trader.engine.beside import confirm, refused_phrase
from trader.engine.effects import AckCommand
from trader.engine.events import StartCommand, StopCommand
from trader.engine.ids import run_id_for
from trader.engine.levels import level_words
from trader.engine.prerequisites import Facts, in_the_way
from trader.engine.records import Phase
from trader.engine.schedule import fix_instants
from trader.engine.state import Run, State
from trader.engine.turn import Turn
from trader.engine.view import RunView

_NOT_ENTERED = (Phase.WAITING, Phase.ENTERING)


def arming_phrase(account: str, quantity: int) -> str:
    """What a person types to start one run with real money."""
    return f"TRADE LIVE {account} {quantity}"


def on_start(turn: Turn, event: StartCommand) -> None:
    run_id = run_id_for(event.command_id)
    if run_id in turn.state.runs:
        _ack(turn, event.command_id, "accepted", f"run {run_id}")
        return
    try:
        preset = pinned_preset(event.config)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        _ack(turn, event.command_id, "refused", f"The configuration is not valid: {where}: {first['msg']}.")
        return
    refusal = _refusal(turn, event, preset)
    if refusal:
        _ack(turn, event.command_id, "refused", refusal)
        return
    turn.write(
        rec.RunCreated,
        run_id,
        cause="user",
        env=turn.state.env,
        account=turn.state.account_key,
        preset=preset.name,
        config=preset.model_dump(mode="json"),
        config_hash=event.config_hash,
        underlying=preset.strategy.underlying,
        start_now=event.start_now,
        command_id=event.command_id,
    )
    if event.foreign:
        confirm(turn, run_id, event.foreign, event.command_id, event.issued_by)
    _ack(turn, event.command_id, "accepted", f"run {run_id}")


def _refusal(turn: Turn, event: StartCommand, preset: Preset) -> str:
    digest = preset.config_hash
    if digest != event.config_hash:
        return "The configuration is not the one that was confirmed; look at it again and start it again."
    phrase = arming_phrase(turn.state.account_key, preset.strategy.quantity)
    if turn.state.env == "production" and event.confirm != phrase:
        return f"A live start needs the phrase {phrase!r}, typed for this run."
    if event.foreign and (why := refused_phrase(event.foreign, event.beside)):
        return why
    underlying = preset.strategy.underlying
    facts = Facts(
        level=level_words(turn.state),
        journal_fault=turn.state.journal_fault,
        underlying=underlying,
        open_runs=len(structures := [run for run in turn.state.unresolved if run.ticket is None]),
        open_here=sum(run.underlying == underlying for run in structures),
        limits=turn.state.account.limits,
        lock=lock_words(present_losses(turn.state, turn.now), turn.state.account.limits.loss_bars_pct),
        twin=twin_of(turn.state, digest),
        runs_sold=_sold(turn, preset, start_now=event.start_now),
        runs_most=preset.risk.max_runs_per_day,
        today=made_today(turn.state, turn.now),
        loss_limit=preset.risk.daily_loss_limit_usd,
    )
    barred = in_the_way(facts)
    return f"Nothing can be started: {'; '.join(barred)}." if barred else ""


def _sold(turn: Turn, preset: Preset, *, start_now: bool) -> int | None:
    """Runs that count for the day on which this one is to sell; None where that is another day, or not known yet."""
    market, underlying = turn.now.market, preset.strategy.underlying
    if market is None:
        return None
    entry_at = fix_instants(preset.schedule, market, start_now=start_now).entry_at
    if ist_date(max(entry_at, market)) != today(turn.now):
        return None
    return runs_sold(turn.state, underlying, turn.now) + runs_selling(turn.state, underlying)


def twin_of(state: State, config_hash: str) -> str:
    """A run of the very same configuration that has not completed its entry: another start of it is taken for a second
    press of the button. Empty where there is none."""
    return twin_among(state.unresolved, config_hash)


def twin_among(runs: Iterable[Run | RunView], config_hash: str) -> str:
    """The same for any who has the runs."""
    return next((r.run_id for r in runs if r.config_hash == config_hash and r.phase in _NOT_ENTERED), "")


def on_stop(turn: Turn, event: StopCommand) -> None:
    """Stop & Exit: recorded for every run it names, whatever its phase; idempotent."""
    named = [run for run in turn.state.unresolved if event.run_id is None or run.run_id == event.run_id]
    for run in named:
        if run.stop_command is None:
            turn.write(rec.StopRequested, run.run_id, cause="user", command_id=event.command_id)
        if run.phase not in (Phase.EXITING, Phase.DONE):
            turn.decide_exit(run.run_id, "manual", f"Stop & Exit pressed ({event.issued_by})", cause="user")
    if named:
        _ack(turn, event.command_id, "accepted", f"closing {', '.join(run.run_id for run in named)}")
    else:
        _ack(turn, event.command_id, "accepted", "nothing to stop: no unresolved run")


def _ack(turn: Turn, command_id: str, status: str, detail: str) -> None:
    turn.do(AckCommand(command_id=command_id, status=status, detail=detail))
