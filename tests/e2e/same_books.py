"""The books of the desk held against the venue's own rows: every order once, every execution, position and balance to the last digit."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any

from tests.e2e.live import PATIENCE_SECS, Live
from tests.e2e.rig import await_value
from trader.desk.books.lines import OrderLine
from trader.domain.order import OrderSnapshot
from trader.engine.ids import is_ours

_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
_NEVER_THERE = ("denied", "rejected")  # by our gate, by the exchange


def await_same_books(live: Live) -> None:
    """Wait until nothing differs; what still does after a while is told.

    A double order never goes away again, so waiting hides none.
    """
    last: list[list[str]] = [[]]

    def look() -> bool | None:
        last[0] = differences(live)
        return True if not last[0] else None

    try:
        await_value(look, PATIENCE_SECS, "books equal to the exchange's rows", every_secs=0.1)
    except AssertionError:
        raise AssertionError("; ".join(last[0])) from None


def orders_at_venue(live: Live) -> dict[str, list[OrderSnapshot]]:
    """The rows of every order that has an id of ours, by that id. An order between two reads stands in both: it is one."""
    rows = {one.venue_order_id: one for one in live.gateway.open_orders()}
    rows |= {one.venue_order_id: one for one in live.gateway.order_history(_EARLIEST)}
    found: dict[str, list[OrderSnapshot]] = defaultdict(list)
    for row in rows.values():
        if row.client_order_id and is_ours(row.client_order_id, live.installation):
            found[row.client_order_id].append(row)
    return found


def order_lines(live: Live) -> dict[str, OrderLine]:
    """Every order of the books, by its id."""
    page = live.desk.orders(limit=500)
    found = list(page.orders)
    while page.next:
        page = live.desk.orders(limit=500, cursor=page.next)
        found += page.orders
    return {one.client_order_id: one for one in found}


def differences(live: Live) -> list[str]:
    """Everything in which the books and the venue say different things."""
    live.desk._account_now.forget()  # two seconds in which it would tell what it has read before
    live.desk._wallet.forget()
    theirs, ours = orders_at_venue(live), order_lines(live)
    wrong = [f"{name} stands {len(rows)} times at the exchange" for name, rows in theirs.items() if len(rows) != 1]
    wrong += [f"{name} was sent without an intent" for name in theirs.keys() - ours.keys()]
    for name, line in ours.items():
        if name in theirs:
            wrong += _of_one(line, theirs[name][0])
        elif line.status not in _NEVER_THERE and not (line.status == "cancelled" and not line.filled):
            wrong.append(f"{name} is {line.status} by the books, the exchange has no such order")
    wrong += _trades(live, theirs)
    wrong += _positions(live)
    return wrong + _balances(live)


def _of_one(line: OrderLine, row: OrderSnapshot) -> list[str]:
    pairs: dict[str, tuple[Any, Any]] = {
        "id": (line.venue_order_id, row.venue_order_id),
        "contract": (line.symbol, row.symbol),
        "side": (line.side, row.side.value),
        "quantity": (line.quantity, row.quantity),
        "filled": (line.filled, row.filled_qty),
        "status": (line.status, row.status.value),
        "reduce only": (line.reduce_only, row.reduce_only),
    }
    if row.filled_qty:
        pairs |= {"average": (line.avg_px, row.avg_px), "fees": (line.fees, row.paid_commission)}
    if line.order_type == "limit":
        pairs["limit"] = (line.limit_price, row.limit_price)
    if line.trail is None:
        pairs["trigger"] = (line.stop_price, row.stop_price)
    return _told(line.client_order_id, pairs)


def _told(of: str, pairs: dict[str, tuple[Any, Any]]) -> list[str]:
    return [
        f"{of}: {name} {ours} by the books, {theirs} there" for name, (ours, theirs) in pairs.items() if ours != theirs
    ]


def _trades(live: Live, theirs: dict[str, list[OrderSnapshot]]) -> list[str]:
    ids = {row.venue_order_id for rows in theirs.values() for row in rows}
    told = Counter(
        (one.venue_order_id, one.symbol, one.side, one.quantity, one.price, one.fee, one.role)
        for one in live.desk.trades(limit=500).trades
    )
    there = Counter(
        (one.venue_order_id, one.symbol, one.side.value, one.quantity, one.price, one.commission, one.role)
        for one in live.gateway.fills(None)
        if one.venue_order_id in ids
    )
    return [f"trades {told - there} only in the books, {there - told} only there"] if told != there else []


def _positions(live: Live) -> list[str]:
    book = live.desk.positions()
    told = {one.symbol: one for one in book.positions if one.net or one.ours}
    names = {one.underlying for one in told.values()} | {"BTC"}
    rows = {one.symbol: one for name in names for one in live.gateway.positions(name) if one.quantity}
    wrong = [*book.faults]
    for symbol in told.keys() | rows.keys():
        line, row = told.get(symbol), rows.get(symbol)
        if line is None or row is None:
            wrong.append(f"{symbol}: {line} by the books, {row} there")
            continue
        pairs: dict[str, tuple[Any, Any]] = {
            "net": (line.net, row.quantity),
            "ours": (line.ours, row.quantity),
            "entry": (line.entry_price, row.entry_price),
        }
        wrong += _told(symbol, pairs)
    return wrong


def _balances(live: Live) -> list[str]:
    [one] = live.desk.balances().balances
    row = live.gateway.wallet()
    return _told("balance", {"total": (one.total, row.balance)})
