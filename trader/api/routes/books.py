"""The books: orders, positions, trades, balances, and what happened to them."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Path, Query, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from trader.api.routes.stream import MEDIA_TYPE, Last, Streams
from trader.api.routing import ADesk, Cursor, Limit, Routes, answer, require
from trader.api.streams import EventStream, Shared, news
from trader.config.numbers import Number
from trader.desk import DayReport, Desk
from trader.desk.books.holdings import BalanceSheet, PositionBook, PositionLine, SyncReport
from trader.desk.books.lines import EventKind, EventPage, OrderDetail, OrderPage, State, TradePage
from trader.domain.errors import ConfigError, TraderError
from trader.domain.expiry import is_iso_date
from trader.domain.order import OrderStatus
from trader.report.trades_csv import trades_csv

routes = Routes("books")
ID = r"^[A-Za-z0-9_.:-]{1,64}$"
SYMBOL = r"^[A-Za-z0-9_.-]{1,64}$"
OrderId = Annotated[str, Path(pattern=ID, description="Our client order id or the exchange's.")]
Instrument = Annotated[str, Path(pattern=SYMBOL, description="The exchange's symbol.", examples=["C-BTC-90000-310126"])]
Symbol = Annotated[str | None, Query(pattern=SYMBOL, description="Only those of this contract.")]
RunId = Annotated[str | None, Query(pattern=ID, description="Only those of this run or ticket.")]
Since = Annotated[AwareDatetime | None, Query(description="Not before this instant.")]
Until = Annotated[AwareDatetime | None, Query(description="Before this instant.")]
_CSV = "text/csv"
_STREAMED = 200  # newest events that a client which comes back is told


def events_of(desk: Desk) -> Shared[Sequence[tuple[int, bytes]]]:
    """The newest events for all who listen, those of one record together."""
    return Shared[Sequence[tuple[int, bytes]]](lambda: _newest_events(desk), ())


def _newest_events(desk: Desk) -> Sequence[tuple[int, bytes]]:
    """Oldest first; none while the journal cannot be read, which the status tells."""
    try:
        found = desk.events(limit=_STREAMED).events
    except TraderError:
        return ()
    together: dict[int, list[Any]] = {}
    for one in reversed(found):
        together.setdefault(one.seq, []).append(one)
    return [(seq, msgspec.json.encode(lines)) for seq, lines in together.items()]


@routes.add("GET", "/v1/trading/orders", "read", OrderPage)
def list_orders(
    desk: ADesk,
    state: Annotated[State, Query(description="Which orders.")] = "all",
    status: Annotated[OrderStatus | None, Query(description="Only those with this status.")] = None,
    symbol: Symbol = None,
    run_id: RunId = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Orders of all runs and tickets, newest first."""
    return answer(
        desk.orders(state=state, status=status, symbol=symbol, run_id=run_id, cursor=cursor or None, limit=limit)
    )


@routes.add("GET", "/v1/trading/orders/active", "read", OrderPage)
def list_active_orders(desk: ADesk, symbol: Symbol = None, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """Orders that may still fill."""
    return answer(desk.orders(state="working", symbol=symbol, run_id=None, cursor=cursor or None, limit=limit))


@routes.add("GET", "/v1/trading/orders/{order_id}", "read", OrderDetail)
def get_order(desk: ADesk, order_id: OrderId) -> Response:
    """One order with its timeline."""
    found = desk.order_line(order_id)
    require(found, f"order {order_id}")
    return answer(found)


@routes.add("GET", "/v1/trading/positions", "read", PositionBook)
def list_positions(desk: ADesk) -> Response:
    """Per contract what the exchange says, and what of it is ours by run and ticket, and foreign."""
    return answer(desk.positions())


@routes.add("POST", "/v1/trading/positions/sync", "read", SyncReport)
def sync_positions(desk: ADesk) -> Response:
    """Ask the exchange now, and say what differs from the books."""
    return answer(desk.sync())


@routes.add("GET", "/v1/trading/positions/{instrument}", "read", PositionLine)
def get_position(
    desk: ADesk,
    instrument: Instrument,
    price: Annotated[
        Number | None, Query(gt=0, le=10**9, description="Tell what it would have made at this mark.")
    ] = None,
) -> Response:
    """The position in one contract."""
    found = desk.position_of(instrument, price)
    require(found, f"position in {instrument}")
    return answer(found)


@routes.add("GET", "/v1/trading/trades", "read", TradePage, also=_CSV)
def list_trades(
    request: Request,
    desk: ADesk,
    symbol: Symbol = None,
    run_id: RunId = None,
    since: Since = None,
    until: Until = None,
    format: Annotated[Literal["json", "csv"] | None, Query(description="By default what `Accept` asks for.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Every execution, newest first: ids, contract, side, price, size, fee with its currency, maker or taker, run and algorithm.
    As CSV (by `format` or `Accept`) `next` stands in the header `X-Next-Cursor`, which the last page has not."""
    page = desk.trades(symbol=symbol, run_id=run_id, since=since, until=until, cursor=cursor or None, limit=limit)
    if format == "json" or (format is None and _CSV not in request.headers.get("accept", "")):
        return answer(page)
    more = {} if page.next is None else {"X-Next-Cursor": page.next}
    return Response(trades_csv(page.trades), headers=more, media_type=_CSV)


@routes.add("GET", "/v1/trading/balances", "read", BalanceSheet)
def get_balances(desk: ADesk) -> Response:
    """Per currency: total, free, locked, equity and margin."""
    return answer(desk.balances())


@routes.add("GET", "/v1/events", "read", EventPage)
def list_events(
    desk: ADesk,
    kind: Annotated[
        list[EventKind] | None, Query(max_length=20, description="Only of these kinds; may be repeated.")
    ] = None,
    symbol: Symbol = None,
    run_id: RunId = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """What happened to orders and positions, who and why, newest first."""
    return answer(
        desk.events(
            kinds=kind, symbol=symbol, run_id=run_id, since=since, until=until, cursor=cursor or None, limit=limit
        )
    )


@routes.add("GET", "/v1/stream/events", "read", str, media=MEDIA_TYPE)
async def stream_events(request: Request, last: Last = None) -> Response:
    """Events of orders and positions as they are recorded: each message a list of those that one record tells. With
    `Last-Event-ID` it goes on after that one."""
    streams: Streams = request.app.state.streams
    streams.clients.require_room()
    events: Shared[Sequence[tuple[int, bytes]]] = request.app.state.events
    return EventStream(news(events, "events", None if last is None else int(last)), streams.clients)


@routes.add("GET", "/v1/days/{day}/report", "read", DayReport)
def get_day_report(
    desk: ADesk,
    day: Annotated[
        str, Path(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="An Indian day.", examples=["2026-03-02"])
    ],
) -> Response:
    """What a day made, and its books held against the exchange, which is read now."""
    if not is_iso_date(day):
        raise ConfigError(f"day must be a date like 2026-03-02, was {day}")
    return answer(desk.day_report(date.fromisoformat(day)))
