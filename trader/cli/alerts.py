"""Alerts on the command line: list them, acknowledge them. The numbers are the journal's and stay for good."""

from typing import Annotated

import typer

from trader.cli import numbers, options
from trader.cli.output import emit_json, emit_lines, ist
from trader.domain.errors import ConfigError


def alerts(
    all_: Annotated[bool, typer.Option("--all", help="Acknowledged ones too.")] = False,
    limit: Annotated[int, numbers.whole(1, 1000, "How many.")] = 50,
    as_json: options.JsonFlag = False,
) -> None:
    """Warnings and errors that are not acknowledged yet, newest first. Errors are repeated until they are."""
    with options.open_desk(options.read_settings()) as desk:
        found = desk.alerts(limit, open_only=not all_)
    if as_json:
        emit_json({"alerts": found})
        return
    if not found:
        emit_lines(["No alert." if all_ else "No alert waits for acknowledgement."])
        return
    for alert in found:
        seen = "" if alert.acked_at is None else f"  [acknowledged by {alert.acked_by}, {ist(alert.acked_at)}]"
        emit_lines([f"#{alert.seq}  {alert.level:<7}  {ist(alert.wall)}  {' '.join(alert.text.split())}{seen}"])
    if not all_:
        emit_lines(["Acknowledge with `python -m trader ack NUMBER` or `python -m trader ack all`."])


def ack(
    which: Annotated[list[str], typer.Argument(metavar="NUMBER...|all", help="Alerts by number, or all there are.")],
    as_json: options.JsonFlag = False,
) -> None:
    """Acknowledge alerts: who and when is recorded, and they are not repeated any more."""
    numbers = None if which == ["all"] else [_number(text) for text in which]
    with options.open_desk(options.read_settings()) as desk:
        receipt, fresh = desk.acknowledge(numbers, issued_by="cli", who=options.person())
    if as_json:
        emit_json({"command_id": receipt.command_id, "acknowledged": fresh})
    else:
        emit_lines([f"Acknowledged: {fresh}." if fresh else "Nothing was waiting for acknowledgement."])


def _number(text: str) -> int:
    from trader.domain.numbers import read_whole

    try:
        number = read_whole(text.removeprefix("#"))
    except ValueError:
        number = 0
    if not 1 <= number < 2**63:
        raise ConfigError(f"An alert is named by its number, or all of them by `all`; was {text[:40]!r}")
    return number


def add_to(app: typer.Typer) -> None:
    app.command()(alerts)
    app.command()(ack)
