"""Commands for the journal itself: verify, export, backup, archive."""

from pathlib import Path
from typing import Annotated

import typer

from trader.cli import options
from trader.cli.output import emit_json, emit_lines

journal = typer.Typer(help="The journal: the record everything is folded from.", rich_markup_mode=None)


@journal.command()
def verify(as_json: options.JsonFlag = False) -> None:
    """Check database, sequence, records, runs and fills; exit code 1 when anything is wrong."""
    from trader.desk.journal_admin import verify_journal

    done = verify_journal(options.read_settings())
    if as_json:
        emit_json(
            {"ok": done.ok, "place": done.place, "records": done.records, "runs": done.runs, "checks": done.findings}
        )
    else:
        emit_lines([f"{done.place}: {done.records} records of {done.runs} runs"])
        emit_lines(f"{'ok  ' if found.ok else 'FAIL'}  {found.check}: {found.words}" for found in done.findings)
    if not done.ok:
        raise typer.Exit(1)


@journal.command()
def export(
    out: Annotated[Path | None, typer.Argument(help="File to write; without it stdout.")] = None,
    as_json: options.JsonFlag = False,
) -> None:
    """Every record as one line of JSON, in order."""
    from trader.desk.journal_admin import export_lines, export_to

    settings = options.read_settings()
    if out is None:
        emit_lines(export_lines(settings))
        return
    count = export_to(settings, out)
    if as_json:
        emit_json({"records": count, "file": str(out)})
    else:
        emit_lines([f"Wrote {count} records to {out}."])


@journal.command()
def backup(
    out: Annotated[Path, typer.Argument(help="File to write; must not exist yet.")],
    as_json: options.JsonFlag = False,
) -> None:
    """A consistent copy of the journal, also while a runner writes."""
    from trader.desk.journal_admin import backup_journal

    size = backup_journal(options.read_settings(), out)
    if as_json:
        emit_json({"bytes": size, "file": str(out)})
    else:
        emit_lines([f"Wrote {size} bytes to {out}."])


@journal.command()
def archive(
    before: Annotated[str, typer.Option(metavar="DAY", help="Runs that ended before this day (IST), like 2026-03-03.")],
    out: Annotated[
        Path, typer.Argument(help="File to write (gzip, a JSON line for each record and point); must not exist yet.")
    ],
    as_json: options.JsonFlag = False,
) -> None:
    """Put everything of old runs into a file, and take their P&L series, which is nearly all of a journal's size, out of the journal
    once the file reads back. Their records stay. Needs every runner stopped."""
    from datetime import date, datetime, time

    from trader.desk.journal_admin import archive_journal
    from trader.domain.errors import ConfigError
    from trader.domain.expiry import IST

    try:
        day = datetime.combine(date.fromisoformat(before), time(), IST)
    except ValueError:
        raise ConfigError(f"--before must be a day like 2026-03-03, was {before[:40]!r}") from None
    done = archive_journal(options.read_settings(), day, out)
    if as_json:
        emit_json(done)
    else:
        emit_lines(
            [
                f"Wrote {done.records} records and {done.samples} points of {done.runs} runs to {done.file}; the points left the journal."
            ]
        )


def add_to(app: typer.Typer) -> None:
    app.add_typer(journal, name="journal")
