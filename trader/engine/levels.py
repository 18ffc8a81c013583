"""What the account may do: a person's orders (pause, reduce, kill, resume) and the halts of our own checks.

A level only rises by itself; back to ACTIVE it goes by a person's `resume` and nothing else, least of all by a restart: it
is a record. Cancels and exits never look at it.
"""

from trader.domain.wording import clause
from trader.engine import records as rec
from trader.engine.account.losses import lift_lock, lock_words, present_losses
from trader.engine.effects import AckCommand
from trader.engine.events import LevelCommand
from trader.engine.ids import is_ours, parse_client_order_id
from trader.engine.records import Level, OperatorLevel, Phase
from trader.engine.state import Run, State
from trader.engine.turn import Turn

_ORDERED = {
    OperatorLevel.PAUSE: Level.PAUSED,
    OperatorLevel.REDUCE: Level.REDUCING,
    OperatorLevel.KILL: Level.HALTED,
    OperatorLevel.RESUME: Level.ACTIVE,
}


def level_words(state: State) -> str:
    """What is forbidden and why, in one sentence without its full stop; empty while everything is allowed."""
    trading = state.account.trading
    if trading.level is Level.ACTIVE:
        return ""
    return f"trading is {trading.level}" + (f": {trading.reason}" if trading.reason else "")


def bars_entry(state: State, run: Run) -> bool:
    """True when no entry of this run may leave at the account's level. Paused, an entry under way is completed: half of a
    strangle is more dangerous than the whole."""
    level = state.account.trading.level
    return level.rank >= Level.REDUCING.rank or (level is Level.PAUSED and not run.has_sent)


def on_level(turn: Turn, event: LevelCommand) -> None:
    """Set the level a person orders; a lower one than the present is only reached by `resume`. Idempotent."""
    wanted, present = _ORDERED[event.level], turn.state.account.trading.level
    rises = wanted.rank > present.rank or (event.level is OperatorLevel.RESUME and present is not Level.ACTIVE)
    if rises:
        reason = event.reason or f"{event.level} ({event.issued_by})"
        _change(turn, wanted, reason, cause="user", issued_by=event.issued_by, command_id=event.command_id)
    lifted = event.level is OperatorLevel.RESUME and lift_lock(turn, event.issued_by)
    closing = _close_all(turn, event) if event.level is OperatorLevel.KILL else []
    detail = f"trading is {turn.state.account.trading.level}"
    if lifted:
        barred = lock_words(present_losses(turn.state, turn.now), turn.state.account.limits.loss_bars_pct)
        detail += f"; {barred or 'entries are let out again after the loss'}"
    if closing:
        detail += f"; closing {', '.join(closing)}"
    turn.do(AckCommand(command_id=event.command_id, status="accepted", detail=detail))


def _close_all(turn: Turn, event: LevelCommand) -> list[str]:
    """Every run is stopped, whatever its phase; those that are closing already go on."""
    named = [run.run_id for run in turn.state.unresolved]
    for run_id in named:
        if turn.run(run_id).stop_command is None:
            turn.write(rec.StopRequested, run_id, cause="user", command_id=event.command_id)
        if turn.run(run_id).phase is not Phase.EXITING:
            turn.decide_exit(run_id, "kill", f"kill switch ({event.issued_by})", cause="user")
    return named


def trip(turn: Turn, code: str, reason: str) -> None:
    """Our own checks forbid entries until a person resumes: recorded, and each finding said once while it lasts."""
    trading = turn.state.account.trading
    halted = trading.level is Level.HALTED
    code = code.replace(" ", "_")  # codes are kept as a list of words
    if halted and code in trading.code.split():
        return
    reasons, codes = (f"{trading.reason}; {reason}", f"{trading.code} {code}") if halted else (reason, code)
    _change(turn, Level.HALTED, reasons, code=codes.strip())
    text = f"Trading is HALTED: {clause(reason)}. No entry until a person resumes; exits and Stop go on."
    turn.write(rec.AlertRaised, "", level="error", code=f"halted:{code}", text=text)


def see_installation(turn: Turn, client_order_id: str | None) -> None:
    """An order of this program that another installation made: two of them trade one account, and neither knows what the
    other holds."""
    if (
        client_order_id is None
        or not client_order_id.startswith("sd")
        or is_ours(client_order_id, turn.state.installation)
    ):
        return
    name = parse_client_order_id(client_order_id)
    if name is not None:
        words = f"another installation ({name.installation}) of this program trades this account: {client_order_id}"
        trip(turn, f"foreign_installation:{name.installation}", words)


def _change(turn: Turn, level: Level, reason: str, *, cause: str = "rule", **fields: str) -> None:
    account, reason = turn.state.account_key, clause(reason)
    turn.write(rec.LevelChanged, "", cause=cause, account=account, level=level, reason=reason, **fields)
    turn.set(orders_read=None)  # a halt that was lifted while its cause goes on comes back before the next order
