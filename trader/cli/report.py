"""Reports: one run in full, or one Indian day held against the exchange; as text, JSON, one-file HTML or CSV."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli import options
from trader.cli.output import emit_json, emit_lines, ist, table, usd
from trader.domain.errors import ConfigError
from trader.domain.expiry import is_iso_date, ist_date
from trader.domain.wording import plain

if TYPE_CHECKING:
    from trader.desk import RunReport

report = typer.Typer(
    help="Reports: one run in full, or one Indian day held against the exchange.", no_args_is_help=True
)
_Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one HTML file; it prints on A4.")]
_Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write CSV, every amount exact.")]


@report.command("run")
def run_(
    run_id: Annotated[str, typer.Argument(metavar="RUN|last", help="A run or single order; last: that ended last.")],
    html: _Html = None,
    csv: _Csv = None,
    as_json: options.JsonFlag = False,
) -> None:
    """What a run made and why: verdict, legs, attribution, orders, fills, timeline, configuration."""
    _one_form(html, csv, as_json)
    with options.open_desk(options.read_settings()) as desk:
        if run_id == "last":
            ended = desk.run_list(finished=True, limit=1)
            if not ended:
                raise ConfigError("No run has ended yet; `python -m trader status` tells the one that is on")
            run_id = ended[0].run_id
        found = desk.report(run_id)
    if html is not None:
        from trader.report.run_html import run_html

        _write(html, run_html(found, datetime.now(UTC)))
    elif csv is not None:
        from trader.report.run_csv import run_csv

        _write(csv, run_csv(found))
    elif as_json:
        from trader.desk.reports.documents import run_report_document

        emit_json(run_report_document(found))
    else:
        emit_lines(_run_lines(found))


@report.command("day")
def day_(
    day: Annotated[
        str, typer.Argument(metavar="DAY|today|yesterday", help="An Indian day, 2026-03-02; today: so far.")
    ] = "today",
    html: _Html = None,
    csv: _Csv = None,
    as_json: options.JsonFlag = False,
) -> None:
    """What a day made, and its books held against the exchange; exit code 1 when something differs or could not be compared."""
    _one_form(html, csv, as_json)
    if day not in ("today", "yesterday") and not is_iso_date(day):
        raise ConfigError(f"DAY must be a day like 2026-03-02, today or yesterday, was {day[:40]!r}")
    with options.open_desk(options.read_settings()) as desk:
        today = ist_date(desk.market_at(datetime.now(UTC)))
        chosen = {"today": today, "yesterday": today - timedelta(days=1)}.get(day)
        found = desk.day_report(date.fromisoformat(day) if chosen is None else chosen)
    if html is not None:
        from trader.report.day_html import day_html

        _write(html, day_html(found))
    elif csv is not None:
        from trader.report.day_csv import day_csv

        _write(csv, day_csv(found))
    elif as_json:
        emit_json(found)
    else:
        from trader.desk.reports.day_words import day_lines, day_title

        emit_lines([day_title(found), *day_lines(found)])
    if not found.is_sound:
        raise typer.Exit(1)


def _one_form(html: Path | None, csv: Path | None, as_json: bool) -> None:
    if sum((html is not None, csv is not None, as_json)) > 1:
        raise typer.BadParameter("one of them at a time", param_hint="--html, --csv, --json")


def _write(path: Path, text: str) -> None:
    from trader.config.files import write_text

    write_text(path, text, "The report")
    emit_lines([f"Written: {path}"])


def _run_lines(found: "RunReport") -> list[str]:
    from trader.report.run_html import attribution_rows, difference_words, residual_words

    summary = found.summary
    lines = [
        f"{summary.run_id} · {summary.env} · {summary.underlying} · {summary.preset or 'single order'} · {ist(summary.created_market or summary.created_at)}",
        found.verdict,
        f"P&L {usd(summary.realized_pnl)}, premium {usd(summary.premium)}, fees {usd(summary.fees, signed=False)}",
    ]
    if found.reason:
        lines.append(f"Decided: {found.reason}.")
    if found.told is not None:
        parts = found.told.parts
        rows = [[name, f"{value:+.4f}"] for name, value in attribution_rows(parts)]
        lines += ["", *table(["where it came from", "USD"], rows), residual_words(parts)]
    fills = [
        [ist(one.at), one.side, str(one.quantity), one.symbol, plain(one.price), "–" if one.fee is None else plain(one.fee), one.role, one.algorithm, one.venue_order_id, one.fill_id]
        for one in found.trades
    ]  # fmt: skip
    head = ["fill", "side", "contracts", "contract", "price", f"fee {_currency(found)}", "role", "algorithm", "order", "trade"]  # fmt: skip
    lines += ["", *table(head, fills)] if fills else []
    lines += ["", difference_words(found)]
    lines += [f"  {one.title} ({one.field}): {one.before} → {one.after}" for one in found.changed]
    return lines


def _currency(found: "RunReport") -> str:
    return ", ".join(dict.fromkeys(one.fee_currency for one in found.trades))


def add_to(app: typer.Typer) -> None:
    app.add_typer(report, name="report")
