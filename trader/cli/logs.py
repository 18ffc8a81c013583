"""The log files on the command line: the newest lines of a filter, and what is written from now on."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli import numbers, options
from trader.cli.ledgers import instant
from trader.cli.output import emit_json, emit_lines, ist
from trader.domain.errors import ConfigError

if TYPE_CHECKING:
    from trader.desk import LogLine

_LOOK_SECS = 0.5
_WIDEST = 1000


def logs(
    level: Annotated[
        str, typer.Option(metavar="LEVEL", help="This and worse: debug, info, warning or error.")
    ] = "info",
    run: Annotated[list[str] | None, typer.Option(metavar="RUN", help="Only of these runs; may be repeated.")] = None,
    component: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART", help="Only what these tell: run, runner, exchange, watch, libraries, ...; may be repeated."
        ),
    ] = None,
    text: Annotated[str, typer.Option(metavar="TEXT", help="Only lines with this text, large or small letters.")] = "",
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="From this day or instant on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="To this day, it included, or instant.")] = None,
    limit: Annotated[int, numbers.whole(1, 10_000, "How many at most, the newest.")] = 50,
    summary: Annotated[
        bool, typer.Option("--summary", help="The summary of milestones instead of the detailed log.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what is written from now on, until Ctrl+C.")
    ] = False,
    as_json: options.JsonFlag = False,
) -> None:
    """The log, oldest line first; status reports that stand in a row are told once, with how many there were."""
    from trader.desk.logs.lines import LEVELS
    from trader.desk.logs.matching import LogQuery

    if follow and as_json:
        raise typer.BadParameter("goes without --json: its lines have no end", param_hint="--follow")
    if level.lower() not in LEVELS:
        raise ConfigError(f"--level must be one of {', '.join(LEVELS)}, was {level[:40]!r}")
    query = LogQuery(
        which="summary" if summary else "detailed",
        level=level.lower(),  # type: ignore[arg-type]
        runs=tuple(run or ()),
        components=tuple(component or ()),
        text=text,
        since=instant("--since", since),
        until=instant("--until", until, is_end=True),
    )
    with options.open_desk(options.read_settings()) as desk:
        page = desk.logs.look(query, limit=limit)
        if as_json:
            emit_json(page)
            return
        emit_lines(_words(page.lines) or [_nothing(page.looked_at)])
        while follow:
            time.sleep(_LOOK_SECS)
            page = desk.logs.look(query, limit=_WIDEST, after=page.newest)
            emit_lines(_words(page.lines))


def _words(lines: "Iterable[LogLine]") -> list[str]:
    return [_line(line) for line in reversed([*lines])]


def _line(line: "LogLine") -> str:
    often = f" (x {line.count} since {ist(line.since)})" if line.count > 1 else ""
    shown = "".join(letter if letter.isprintable() else " " for letter in line.text[:_WIDEST])
    return f"{ist(line.at)}  {line.level:<7}  {shown}{often}"


def _nothing(looked_at: int) -> str:
    return f"None of {looked_at:,} lines is one of those." if looked_at else "Nothing logged yet."


def add_to(app: typer.Typer) -> None:
    app.command()(logs)
