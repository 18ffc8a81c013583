"""The command tree and its outermost edge, where errors become one sentence and an exit code."""

import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated

import typer
import typer.main

from trader import __version__
from trader.cli import (
    account,
    alerts,
    api,
    books,
    configure,
    emergency,
    exchange,
    hosts,
    ledgers,
    levels,
    limits,
    logs,
    performance,
    record,
    report,
    runs,
    simulate,
    tickets,
    token,
    views,
    watch,
)
from trader.domain.errors import ConfigError, TraderError

app = typer.Typer(
    help="Strangle Desk: sell options on Delta Exchange, on paper by default.",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
)

# Made once: for a process that runs many commands, as the tests' do, making all of them each time would be most of the work.
commands_of = cache(typer.main.get_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"strangle-desk {__version__}")
        raise typer.Exit


@app.callback()
def choose_environment(
    ctx: typer.Context,
    env: Annotated[
        str | None,
        typer.Option(
            "--env", metavar="paper|testnet|production", help="Which exchange; default TRADER_ENV, else paper."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Strangle Desk: sell options on Delta Exchange, on paper by default."""
    if env is not None:
        os.environ["TRADER_ENV"] = env  # the command line outranks the environment, also for child processes
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


hosts.add_to(app)
runs.add_to(app)
tickets.add_to(app)
levels.add_to(app)
limits.add_to(app)
account.add_to(app)
emergency.add_to(app)
views.add_to(app)
alerts.add_to(app)
ledgers.add_to(app)
books.add_to(app)
configure.add_to(app)
exchange.add_to(app)
record.add_to(app)
simulate.add_to(app)
api.add_to(app)
token.add_to(app)
watch.add_to(app)
performance.add_to(app)
report.add_to(app)
logs.add_to(app)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the process's exit code."""
    try:
        _require_texts(sys.argv[1:] if argv is None else argv)
        code = commands_of(app).main(args=argv, prog_name="python -m trader", standalone_mode=False)
    except TraderError as error:
        return _fail(str(error), 1)
    except typer.TyperException as error:
        return _fail(error.format_message(), error.exit_code)
    except typer.Abort:
        return _fail("Stopped by the keyboard; nothing further was sent.", 130)
    except OSError as error:  # a file or folder that cannot be used; a reader that left is typer's to end
        return _fail(f"{error.filename or 'The system'}: {error.strerror or error}.", 1)
    return code if isinstance(code, int) else 0


def _require_texts(arguments: Sequence[str]) -> None:
    """No argument holds NUL or bytes that are no text: neither can be stored, printed or opened.

    Raises:
        ConfigError: One does.
    """
    for position, argument in enumerate(arguments, 1):
        if "\0" in argument or any("\ud800" <= letter <= "\udfff" for letter in argument):
            raise ConfigError(f"Argument {position} must be UTF-8 text without NUL")


def _fail(sentence: str, code: int) -> int:
    typer.echo(f"Error: {' '.join(sentence.split())}", err=True)
    return code
