"""The exchange read now, held against the books: what differs, in codes and sentences."""

from collections.abc import Iterable, Mapping, Sequence

from trader.desk.books.events import positions_through, signed
from trader.desk.books.holdings import Difference
from trader.desk.books.lines import OrderLine
from trader.domain.fill import Position
from trader.domain.order import OrderSnapshot, OrderStatus
from trader.engine.ids import is_ours
from trader.journal import Journal

_UNSEEN = (OrderStatus.CREATED, OrderStatus.IN_FLIGHT)


def holdings(journal: Journal, account: str) -> dict[str, int]:
    """What unfinished runs and tickets hold by the journal, by contract, signed."""
    runs = journal.unresolved_runs(account)
    held: dict[tuple[str, str], int] = {}
    for one in positions_through(journal.executions_of(runs), journal.origins(runs)):
        held[one.record.run_id, one.symbol] = one.holds
    found: dict[str, int] = {}
    for (_, symbol), quantity in held.items():
        found[symbol] = found.get(symbol, 0) + quantity
    return found


def differences(
    *,
    positions: Mapping[str, Position],
    held: Mapping[str, int],
    open_orders: Sequence[OrderSnapshot],
    working: Sequence[OrderLine],
    installation: str,
) -> tuple[Difference, ...]:
    """Positions of the underlyings that were read, then orders."""
    return (*_positions(positions, held), *_orders(open_orders, working, installation))


def _positions(positions: Mapping[str, Position], held: Mapping[str, int]) -> Iterable[Difference]:
    for symbol in sorted({*positions, *held}):
        shown, ours = positions[symbol].quantity if symbol in positions else 0, held.get(symbol, 0)
        if shown == ours:
            continue
        if ours and (shown * ours <= 0 or abs(shown) < abs(ours)):
            yield Difference(
                code="POSITION_MISSING",
                symbol=symbol,
                sentence=f"The exchange shows {signed(shown)} {symbol}, runs and tickets hold {ours:+d} by the books.",
            )
        else:
            yield Difference(
                code="POSITION_FOREIGN",
                symbol=symbol,
                sentence=f"{signed(shown - ours)} of {signed(shown)} {symbol} are of no run or ticket here.",
            )


def _orders(
    open_orders: Sequence[OrderSnapshot], working: Sequence[OrderLine], installation: str
) -> Iterable[Difference]:
    ours = {line.client_order_id: line for line in working}
    for order in sorted(open_orders, key=lambda one: (one.symbol, one.venue_order_id)):
        line = ours.pop(order.client_order_id or "", None)
        what = f"{order.side.value} {order.leaves_qty} {order.symbol}"
        if line is None and is_ours(order.client_order_id, installation):
            yield _order(
                "ORDER_NOT_IN_BOOKS",
                order,
                f"{order.client_order_id} ({what}) is open at the exchange, and ended by the books.",
            )
        elif line is None:
            yield _order(
                "ORDER_FOREIGN", order, f"An open order {what} ({order.venue_order_id}) is of no run or ticket here."
            )
        elif line.filled != order.filled_qty:
            yield _order(
                "ORDER_FILLED", order,
                f"{order.client_order_id}: the exchange has filled {order.filled_qty}, the books have {line.filled}.",
            )  # fmt: skip
    for line in ours.values():
        if OrderStatus(line.status) in _UNSEEN:
            continue  # on its way
        words = f"{line.client_order_id} ({line.status} by the books) is not among the exchange's open orders."
        yield Difference(code="ORDER_MISSING", symbol=line.symbol, sentence=words, order_id=line.client_order_id)


def _order(code: str, order: OrderSnapshot, sentence: str) -> Difference:
    return Difference(
        code=code, symbol=order.symbol, sentence=sentence, order_id=order.client_order_id or order.venue_order_id
    )
