"""What the account may do, ordered by a person: pause, reduce, kill, resume. Cancels, exits and Stop pass at every level."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli import numbers, options
from trader.cli.emergency import require_word
from trader.cli.output import emit_json, emit_lines, status_document
from trader.cli.runs import ANSWER_SECS, STOP_WAIT_SECS
from trader.cli.words import one_run, still_open
from trader.domain.errors import ConfigError
from trader.domain.wording import clause

if TYPE_CHECKING:
    from trader.desk import CommandRow, Desk
    from trader.desk.desk import Order

Reason = Annotated[str, typer.Option(help="Why, in your own words; shown with the level.")]


def pause(reason: Reason = "", as_json: options.JsonFlag = False) -> None:
    """No run begins to sell from now on; what is held is watched as ever, an entry under way is completed."""
    _order("pause", reason, as_json)


def reduce(reason: Reason = "", as_json: options.JsonFlag = False) -> None:
    """Exits only: nothing is sold any more, an entry under way is bought back; what is held stays under its exits."""
    _order("reduce", reason, as_json)


def kill(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the typed confirmation.")] = False,
    reason: Reason = "",
    wait: Annotated[
        float,
        numbers.seconds("Wait up to this long for the exchange to confirm flat."),
    ] = STOP_WAIT_SECS,
    as_json: options.JsonFlag = False,
) -> None:
    """Cancel everything, buy everything back, then no entry until `resume`. Exit code 0 only when confirmed flat."""
    settings = options.read_settings()
    if not yes:
        require_word("KILL", f"This closes every run and halts trading ({settings.env.upper()}).", "--yes")
    with options.open_desk(settings) as desk:
        receipt = desk.order_level("kill", issued_by="cli", who=options.person(), reason=reason)
        asked = time.monotonic()
        status = desk.await_flat(wait)
        waited = time.monotonic() - asked
        row = desk.await_command(receipt.command_id, 0)
    if as_json:
        emit_json({"command_id": receipt.command_id, "answer": row.detail, **status_document(status)})
    else:
        emit_lines([_answer(row), *(line for run in status.runs for line in one_run(run))])
    if status.runs or row.status == "new":
        still = still_open(status.runs)
        what = f"still open: {', '.join(still)}" if still else "not confirmed yet"
        hint = (
            ""
            if status.runner.alive
            else " No runner is alive to carry it out; without one: `python -m trader flatten`."
        )
        typer.echo(f"Error: NOT FLAT after {waited:.0f} s: {what}.{hint}", err=True)
        raise typer.Exit(1)


def resume(
    confirm: Annotated[str | None, typer.Option(help="RESUME, to do without the question.")] = None,
    reason: Reason = "",
    as_json: options.JsonFlag = False,
) -> None:
    """Allow entries again: back to ACTIVE from any level, and the HALT file is lifted."""
    settings = options.read_settings()
    with options.open_desk(settings) as desk:
        level, why = _level(desk)
        if level == "ACTIVE":
            _say({"trading": {"level": level, "reason": why}}, ["Nothing is halted."], as_json)
            return
        if confirm is None:
            require_word("RESUME", f"Trading is {level}: {clause(why)}.", "--confirm RESUME")
        elif confirm != "RESUME":
            raise ConfigError(f"--confirm must be RESUME, was {confirm!r}; entries stay halted")
    _order("resume", reason, as_json)


def _level(desk: "Desk") -> tuple[str, str]:
    """The account's level; where the journal cannot be read, what the HALT file says."""
    from trader.config.halt import halt_words
    from trader.domain.errors import JournalError

    try:
        return desk.status().trading
    except JournalError:
        halted = halt_words(desk.settings.home)
        if not halted:
            raise
        return "HALTED", halted


def _order(order: "Order", reason: str, as_json: bool) -> None:
    from trader.domain.errors import JournalError

    with options.open_desk(options.read_settings()) as desk:
        try:
            receipt = desk.order_level(order, issued_by="cli", who=options.person(), reason=reason)
        except JournalError as error:
            if order != "resume":
                raise
            # A person who flattened because the journal is lost must be able to lift the halt that this left behind.
            _say({"answer": "the HALT file is lifted"}, [f"The HALT file is lifted. {error}"], as_json)
            return
        alive = desk.status().runner.alive
        row = desk.await_command(receipt.command_id, ANSWER_SECS if alive else 0)
        status = desk.status()
    told = {"command_id": receipt.command_id, "status": row.status, "answer": row.detail}
    lines = [_answer(row)]
    if order == "resume":
        lines.append("The halt is lifted; runs may be started again.")
    _say({**told, "trading": {"level": status.trading[0], "reason": status.trading[1]}}, lines, as_json)


def _answer(row: "CommandRow") -> str:
    if row.status == "new":
        return f"Recorded ({row.kind}); it is carried out as soon as a runner is alive."
    return f"{row.detail[:1].upper()}{clause(row.detail[1:])}."


def _say(document: dict[str, object], lines: list[str], as_json: bool) -> None:
    if as_json:
        emit_json(document)
    else:
        emit_lines(lines)


def add_to(app: typer.Typer) -> None:
    for command in (pause, reduce, kill, resume):
        app.command()(command)
