"""The account's limits: shown, set, put back, written to a file and taken from one. Every change is one command of the journal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli import options
from trader.cli.output import emit_json, emit_lines
from trader.cli.runs import ANSWER_SECS
from trader.domain.errors import ConfigError

if TYPE_CHECKING:
    from trader.config.account_limits import AccountLimits

limits = typer.Typer(
    help="What the account may do in all: runs, contracts, notional, losses, order rate.", no_args_is_help=False
)


@limits.callback(invoke_without_command=True)
def show_all(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        show()


@limits.command()
def show(as_json: options.JsonFlag = False) -> None:
    """Print the limits that are in force, and how much of each is used."""
    from trader.desk import uses

    with options.open_desk(options.read_settings()) as desk:
        now, status = desk.limits(), desk.status()
    used, locked = uses(now, status), "" if status.totals is None else status.totals.locked
    if as_json:
        emit_json(now.document())
        return
    fields, values = type(now).model_fields, now.document()
    lines = [
        f"{name:<28} {str(values[name]).lower():>12}  {field.description}{f' Now {used[name].words}.' if name in used else ''}"
        for name, field in fields.items()
    ]
    emit_lines(lines + ([f"Locked: {locked}."] if locked else []))


@limits.command(name="set")
def set_(
    pairs: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...")], as_json: options.JsonFlag = False
) -> None:
    """Change some of them; all or none."""
    from trader.config.account_limits import read_limits

    with options.open_desk(options.read_settings()) as desk:
        seen = desk.limits_asked() or desk.limits()
    document = seen.document()
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or key not in document or key == "schema":
            known = ", ".join(name for name in document if name != "schema")
            raise ConfigError(f"{pair!r} is no KEY=VALUE of the limits; the keys are {known}.")
        document[key] = value
    _ask(read_limits(document), as_json, seen)


@limits.command()
def reset(as_json: options.JsonFlag = False) -> None:
    """Put all of them back to the defaults."""
    from trader.config.account_limits import AccountLimits

    _ask(AccountLimits(), as_json)


@limits.command()
def export(path: Path) -> None:
    """Write the limits that are in force to a file."""
    import json

    with options.open_desk(options.read_settings()) as desk:
        document = desk.limits().document()
    try:
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
    emit_lines([f"Written to {path}."])


@limits.command(name="import")
def import_(path: Path, as_json: options.JsonFlag = False) -> None:
    """Set the limits from a file; what it leaves out is the default."""
    from trader.config.account_limits import parse_limits
    from trader.config.files import read_text

    text = read_text(path, "The file of the limits")
    if text is None:
        raise ConfigError(f"The file of the limits {path} does not exist.")
    _ask(parse_limits(text), as_json)


def _ask(wanted: "AccountLimits", as_json: bool, seen: "AccountLimits | None" = None) -> None:
    with options.open_desk(options.read_settings()) as desk:
        receipt = desk.set_limits(wanted, issued_by="cli", who=options.person(), seen=seen)
        alive = desk.status().runner.alive
        row = desk.await_command(receipt.command_id, ANSWER_SECS if alive else 0)
    if as_json:
        emit_json({"command_id": receipt.command_id, "status": row.status, "answer": row.detail, **wanted.document()})
    elif row.status == "new":
        emit_lines(["Recorded; the limits change as soon as a runner is alive."])
    else:
        emit_lines([f"{row.detail[:1].upper()}{row.detail[1:]}."])
    if row.status == "refused":
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    app.add_typer(limits, name="limits")
