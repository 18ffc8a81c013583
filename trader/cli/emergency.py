"""The command for when things are broken: close everything without the runner. And the question a dangerous one asks."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli import numbers, options
from trader.cli.output import emit_json, emit_lines, usd
from trader.domain.errors import ConfigError, TraderError
from trader.domain.wording import clause

if TYPE_CHECKING:
    from trader.runner.flatten import Report

WAIT_SECS = 60.0


def flatten(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the typed confirmation.")] = False,
    wait: Annotated[
        float,
        numbers.seconds("Give up after this long.", least=1),
    ] = WAIT_SECS,
    any_price: Annotated[
        bool, typer.Option("--any-price", help="Pay whatever is asked; else twice the mark at most.")
    ] = False,
    as_json: options.JsonFlag = False,
) -> None:
    """Close everything this installation opened, without panel, runner or journal. Exit code 0 only when the exchange confirmed flat."""
    from trader.runner.flatten.command import flatten_account

    settings = options.read_settings()
    if not yes:
        require_word(
            "FLATTEN", f"This closes every position and order of this program ({settings.env.upper()}).", "--yes"
        )

    def say(words: str) -> None:
        typer.echo(words, err=as_json)

    began = time.monotonic()
    report = flatten_account(settings, say, wait_secs=wait, any_price=any_price)
    waited = time.monotonic() - began
    if as_json:
        emit_json(report)
    else:
        emit_lines(_closing_words(report))
    if not report.flat:
        typer.echo(
            f"Error: NOT FLAT after {waited:.0f} s: {clause(report.problem)}. Run `python -m trader flatten` again.",
            err=True,
        )
        raise typer.Exit(1)


def _closing_words(report: "Report") -> list[str]:
    lines = []
    if report.runs_finished:
        lines.append(f"Books closed: run {', '.join(report.runs_finished)}, realised {usd(report.realized_pnl)}.")
    if report.runs_unfinished:
        lines.append(
            f"The books of run {', '.join(report.runs_unfinished)} are finished by the next start of the runner."
        )
    if report.halted:
        lines.append("Entries stay halted until `python -m trader resume`.")
    return lines


def require_word(word: str, what: str, otherwise: str) -> None:
    """Ask a person to type a word.

    Raises:
        ConfigError: There is no terminal to type it at.
        TraderError: Something else was typed.
    """
    if not sys.stdin.isatty():
        raise ConfigError(f"{what} There is no terminal to confirm it at; give {otherwise}")
    typer.echo(what, err=True)
    if input(f"Type {word} to go on: ").strip() != word:
        raise TraderError(f"{word} was not typed; nothing was done")


def add_to(app: typer.Typer) -> None:
    app.command()(flatten)
