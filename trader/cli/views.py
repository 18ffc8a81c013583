"""Commands that only look: status, history, check, preview."""

import csv
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli import numbers, options
from trader.cli.output import emit_json, emit_lines, ist, status_document, table, usd
from trader.cli.words import one_run, run_lines
from trader.domain.exit_reason import exit_label
from trader.domain.margin import counted_words
from trader.domain.wording import done_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.desk import DayRow, Fire, RunReport


def status(
    run_id: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="One run; else the newest that is open, or the one that ended last."),
    ] = None,
    as_json: options.JsonFlag = False,
) -> None:
    """What the runner and the run are doing now."""
    with options.open_desk(options.read_settings()) as desk:
        options.require_run(desk, run_id)
        now = desk.status(run_id)
    if as_json:
        emit_json(status_document(now))
    else:
        emit_lines(run_lines(now))


def history(
    limit: Annotated[int, numbers.whole(1, 1000, "How many runs.")] = 20,
    offset: Annotated[int, numbers.whole(0, 10**9, "How many to skip, of those that ended last.")] = 0,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="One run instead: its orders, fills and timeline.")
    ] = None,
    samples: Annotated[
        bool, typer.Option("--samples", help="With --run: its recorded prices, greeks and P&L as CSV.")
    ] = False,
    days: Annotated[
        bool, typer.Option("--days", help="Indian days instead: what each has made, and whether the wallet agrees.")
    ] = False,
    as_json: options.JsonFlag = False,
) -> None:
    """Finished runs, the one that ended last first, with what they earned; or the days; or everything of one run."""
    if days and (run_id is not None or samples or offset):
        raise typer.BadParameter("goes with --limit and --json alone", param_hint="--days")
    if samples and (run_id is None or as_json):
        raise typer.BadParameter("goes with --run, and without --json: it is CSV", param_hint="--samples")
    with options.open_desk(options.read_settings()) as desk:
        if run_id is not None:
            options.require_run(desk, run_id)
            if samples:
                head, rows = desk.recorded(run_id)
                csv.writer(sys.stdout, lineterminator="\n").writerows([head, *rows])
                return
            _one(desk.report(run_id), as_json)
            return
        if days:
            _days(desk.days(limit), as_json)
            return
        runs = desk.history(limit, offset)
    if as_json:
        emit_json({"runs": list(runs)})
        return
    if not runs:
        emit_lines(["No finished run yet. First paper trade: python -m trader start --preset default --now"])
        return
    head = ["run", "started", "underlying", "preset", "exit reason", "realised", "fees", "wallet"]
    rows = [
        [
            run.run_id,
            ist(run.created_market or run.created_at),
            run.underlying,
            run.preset,
            "–" if run.exit_reason is None else exit_label(run.exit_reason),
            usd(run.realized_pnl),
            usd(run.fees, signed=False),
            _wallet(run.wallet_difference),
        ]
        for run in runs
    ]
    emit_lines(table(head, rows))


def _wallet(difference: Decimal | None) -> str:
    """Whether the exchange's ledger shows what the run has told."""
    return "not compared" if difference is None else f"differs by {difference:+f} USD" if difference else "agrees"


def _days(rows: "Sequence[DayRow]", as_json: bool) -> None:
    if as_json:
        emit_json({"days": list(rows)})
        return
    if not rows:
        emit_lines(["No day has made anything yet."])
        return
    from trader.desk import wallet_of_day

    lines = [[f"{row.date:%a %d %b %Y}", usd(row.made), str(row.runs), wallet_of_day(row)] for row in rows]
    emit_lines(table(["day (IST)", "made", "runs", "wallet"], lines))


def _one(report: "RunReport", as_json: bool) -> None:
    """A run looked up: each order with what the gate compared before it let it out."""
    if as_json:
        emit_json(
            {
                "run": report.summary,
                "orders": list(report.orders),
                "fills": list(report.fills),
                "timeline": list(report.timeline),
            }
        )
        return
    emit_lines(one_run(report.view))
    for order in report.orders:
        price = "at market" if order.limit_price is None else f"at {order.limit_price:f}"
        done = done_of(order.filled_quantity, order.quantity)
        why = f": {order.message}" if order.message else ""
        emit_lines([f"{order.purpose} {order.client_order_id}: {order.side} {done} {price}, {order.status}{why}"])
        emit_lines(f"    passed {code}: {numbers}" for code, numbers in order.passed.items())
    emit_lines(
        f"{ist(event.at)}  {event.kind.replace('_', ' ')} ({event.cause}): {event.text}" for event in report.timeline
    )


def check(
    preset: options.PresetName = None,
    sets: options.Overrides = None,
    as_json: options.JsonFlag = False,
) -> None:
    """The prerequisites of an entry in words; exit code 1 when one of them is not met, or not known."""
    with options.open_desk(options.read_settings()) as desk:
        board = desk.checks(preset, sets or ())
    if as_json:
        emit_json({"ok": all(item.ok for item in board), "checks": list(board)})
    else:
        marks = {True: "ok  ", False: "FAIL", None: "?   "}
        emit_lines(f"{marks[item.ok]}  {item.name}: {item.words}" for item in board)
    if not all(item.ok for item in board):
        raise typer.Exit(1)


_PREVIEWED = (
    "reasons",
    "legs",
    "spot",
    "expiry",
    "market",
    "premium",
    "fees",
    "spread",
    "start_pnl",
    "margin",
    "breakevens",
    "warnings",
    "fires",
)


def preview(
    preset: options.PresetName = None,
    sets: options.Overrides = None,
    as_json: options.JsonFlag = False,
) -> None:
    """The legs a start would trade now, and what they bring and bind; exit code 1 when none qualify. Nothing is sent."""
    from trader.config.precedence import resolve
    from trader.desk.meaning import does

    settings = options.read_settings()
    chosen = resolve(settings, preset=preset, overrides=sets or ()).preset
    with options.open_desk(settings) as desk:
        seen = desk.preview(chosen)
    if as_json:
        told = {name: getattr(seen, name) for name in _PREVIEWED}
        emit_json({"preset": chosen.name} | told | {"margin_mode": seen.margined.mode})
    else:
        emit_lines([f"{chosen.name}: {does(chosen)}"])
        rows = [
            [leg.symbol, chosen.structure.leg(leg.key).side.value, str(leg.quantity), f"{leg.delta:+.3f}"]
            + ["–" if price is None else f"{price:f}" for price in (leg.bid, leg.ask, leg.mark, leg.limit_price)]
            for leg in seen.legs
        ]
        if rows:
            emit_lines(table(["leg", "side", "contracts", "delta", "bid", "ask", "mark", "first limit"], rows))
            emit_lines(
                [
                    f"premium {usd(seen.premium)}, fees {usd(seen.fees, signed=False)}, margin {usd(seen.margin, signed=False)} ({counted_words(seen.margined.mode)})"
                ]
            )
        emit_lines(_ends(one) for one in seen.fires if one.spots)
        emit_lines(f"warning: {warning}" for warning in seen.warnings)
        emit_lines(f"nothing qualifies: {reason}" for reason in seen.reasons)
    if not seen.legs:
        raise typer.Exit(1)


def _ends(one: "Fire") -> str:
    """``max loss (-100 % of the basis): 75,311 and 78,710``."""
    level = "" if one.level_pct is None else f" ({one.level_pct:f} % of the basis)"
    later = f", shortly before the exit {_and(one.exit_spots)}" if one.exit_spots else ""
    note = f", {one.words}" if one.words else ""
    return f"{one.name}{level}: {_and(one.spots)}{later}{note}"


def _and(spots: "Iterable[float]") -> str:
    return " and ".join(f"{spot:,.0f}" for spot in spots)


def add_to(app: typer.Typer) -> None:
    app.command()(status)
    app.command()(history)
    app.command()(check)
    app.command()(preview)
