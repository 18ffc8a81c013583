"""The books on the command line: orders, trades, positions, events and figures of the whole account."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from trader.cli import ledger_words as words
from trader.cli import numbers, options
from trader.cli.output import emit_json, emit_lines, table
from trader.domain.errors import ConfigError
from trader.domain.expiry import IST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.desk.books.lines import State, Trade

Symbol = Annotated[str | None, typer.Option("--symbol", metavar="CONTRACT", help="Only those of this contract.")]
RunId = Annotated[str | None, typer.Option("--run", metavar="RUN", help="Only those of this run or ticket.")]
Limit = Annotated[int, numbers.whole(1, 500, "How many.")]
Cursor = Annotated[str | None, typer.Option("--cursor", metavar="CURSOR", help="`next` of the page before.")]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="From then on: a day (IST) or an instant, 2026-03-03T09:15+05:30."),
]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Until then; a day is meant to its end.")]


def orders(
    order_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One order, by our id or the exchange's: its timeline.")
    ] = None,
    state: Annotated[str, typer.Option(metavar="working|ended|all", help="Which.")] = "all",
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help="Only those, e.g. filled, rejected, unknown.")
    ] = None,
    symbol: Symbol = None,
    run_id: RunId = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    as_json: options.JsonFlag = False,
) -> None:
    """Orders of all runs and tickets, newest first; or one with what became of it, step by step."""
    with options.open_desk(options.read_settings()) as desk:
        if order_id is not None:
            found = desk.order_line(order_id)
            if found is None:
                raise ConfigError(
                    f"There is no order {order_id[:60]!r} of this account; `python -m trader orders` lists them"
                )
            if as_json:
                emit_json(found)
            else:
                emit_lines(words.order(found))
            return
        page = desk.orders(state=_state(state), status=status, symbol=symbol, run_id=run_id, limit=limit, cursor=cursor)
    if as_json:
        emit_json(page)
        return
    head = ["time (IST)", "status", "filled", "contract", "price", "id"]
    emit_lines(table(head, [words.order_row(one) for one in page.orders]) if page.orders else ["No such order."])
    emit_lines(words.more(page.next))


def trades(
    symbol: Symbol = None,
    run_id: RunId = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    as_csv: Annotated[
        bool,
        typer.Option("--csv", help="All that match as CSV, for other programs; --limit and --cursor do not count."),
    ] = False,
    as_json: options.JsonFlag = False,
) -> None:
    """Executions of all runs and tickets with what they cost, newest first."""
    span = instant("--since", since), instant("--until", until, is_end=True)
    if as_csv and as_json:
        raise typer.BadParameter("goes without --json", param_hint="--csv")
    with options.open_desk(options.read_settings()) as desk:
        if as_csv:
            _as_csv(desk.every_trade(symbol=symbol, run_id=run_id, since=span[0], until=span[1]))
            return
        page = desk.trades(symbol=symbol, run_id=run_id, since=span[0], until=span[1], limit=limit, cursor=cursor)
    if as_json:
        emit_json(page)
        return
    head = ["time (IST)", "side", "contract", "price", "fee", "role", "order"]
    emit_lines(table(head, [words.trade_row(one) for one in page.trades]) if page.trades else ["No such trade."])
    emit_lines(words.more(page.next))


def events(
    kind: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="Only these, e.g. order_filled; may be repeated.")
    ] = None,
    symbol: Symbol = None,
    run_id: RunId = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    as_json: options.JsonFlag = False,
) -> None:
    """What happened to orders and positions, who and why, newest first."""
    span = instant("--since", since), instant("--until", until, is_end=True)
    with options.open_desk(options.read_settings()) as desk:
        page = desk.events(
            kinds=kind or None, symbol=symbol, run_id=run_id, since=span[0], until=span[1], limit=limit, cursor=cursor
        )
    if as_json:
        emit_json(page)
        return
    emit_lines([words.event(one) for one in page.events] or ["No such event."])
    emit_lines(words.more(page.next))


def positions(
    symbol: Annotated[str | None, typer.Argument(metavar="[CONTRACT]", help="One position.")] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="PRICE", help="With a contract: its P&L at this mark.")
    ] = None,
    sync: Annotated[
        bool, typer.Option("--sync", help="Ask the exchange now, and say what differs from the books.")
    ] = False,
    as_json: options.JsonFlag = False,
) -> None:
    """What the exchange shows of each contract, whose it is, and what it has made. Exit code 1 when --sync finds a difference."""
    if at is not None and symbol is None:
        raise typer.BadParameter("goes with a contract", param_hint="--at")
    if sync and symbol is not None:
        raise typer.BadParameter("goes without a contract", param_hint="--sync")
    price = None if at is None else _price(at)
    with options.open_desk(options.read_settings()) as desk:
        if sync:
            report = desk.sync()
            if as_json:
                emit_json(report)
            else:
                emit_lines(words.synced(report))
            if not report.in_step:
                raise typer.Exit(1)
            return
        if symbol is not None:
            found = desk.position_of(symbol, price)
            if found is None:
                raise ConfigError(f"There is no position in {symbol[:60]!r}; `python -m trader positions` lists them")
            if as_json:
                emit_json(found)
            else:
                emit_lines(words.position(found))
            return
        book = desk.positions()
    if as_json:
        emit_json(book)
        return
    emit_lines(f"! {fault}" for fault in book.faults)
    emit_lines([line for one in book.positions for line in words.position(one)] or ["No position."])


def stats(
    hours: Annotated[int, numbers.whole(1, 8784, "Of how many hours the orders are counted.")] = 24,
    as_json: options.JsonFlag = False,
) -> None:
    """How orders are carried out, and how the runner's connection to the exchange has been."""
    with options.open_desk(options.read_settings()) as desk:
        found = desk.statistics(hours)
    if as_json:
        emit_json(found)
    else:
        emit_lines(words.statistics(found, hours))


def _as_csv(trades: "Iterable[Trade]") -> None:
    """A thousand at a time: a journal may have a million."""
    from trader.report.trades_csv import trades_csv

    several = iter(trades)
    is_first = True
    while (some := list(islice(several, 1000))) or is_first:
        typer.echo(trades_csv(some, head=is_first), nl=False)
        is_first = False


# ------------------------------------------------------------ what was typed


def _state(text: str) -> "State":
    from trader.desk.books.lines import STATES

    found = next((one for one in STATES if one == text), None)
    if found is None:
        raise ConfigError(f"--state must be one of {', '.join(STATES)}, was {text[:40]!r}")
    return found


def instant(name: str, text: str | None, *, is_end: bool = False) -> datetime | None:
    """A day (Indian) or an instant with its offset."""
    if text is None:
        return None
    try:
        if len(text) == len("2026-03-03"):
            day = date.fromisoformat(text) + timedelta(days=is_end)
            return datetime.combine(day, time(), IST)
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found
    except (ValueError, OverflowError):
        pass
    raise ConfigError(
        f"{name} must be a day like 2026-03-03 or an instant like 2026-03-03T09:15+05:30, was {text[:40]!r}"
    )


def _price(text: str) -> Decimal:
    from trader.domain.numbers import read_number

    try:
        price = read_number(text)
    except ValueError as error:
        raise ConfigError(f"--at {error}") from None
    if price < 0:
        raise ConfigError(f"--at must be at least 0, was {price:f}")
    return price


def add_to(app: typer.Typer) -> None:
    for command in (orders, trades, positions, events, stats):
        app.command()(command)
