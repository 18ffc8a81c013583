"""Executions of all runs and tickets, with what they cost."""

from datetime import datetime

from trader.desk.books.lines import SETTLED_IN, Trade, TradePage
from trader.desk.books.pages import before, length
from trader.domain.order import Purpose
from trader.engine.ids import parse_client_order_id
from trader.engine.records import FillRecorded, RunCreated
from trader.journal import Journal
from trader.journal.listings import Origin, Wanted


def read_trades(
    journal: Journal,
    account: str,
    *,
    symbol: str | None,
    run_id: str | None,
    since: datetime | None,
    until: datetime | None,
    cursor: str | None,
    limit: int,
) -> TradePage:
    """A page of executions, newest first; of a span from `since` to before `until` (the exchange's time).

    Raises:
        ConfigError: No such cursor, or a limit out of bounds.
        JournalError: The journal cannot be read.
    """
    limit = length(limit)
    wanted = Wanted(
        before=before(cursor), limit=limit + 1, symbol=symbol, run_id=run_id, since=since, until=until
    )  # fmt: skip
    rows = journal.fill_page(account, wanted)
    origins = journal.origins({record.run_id for _, record in rows})
    found = tuple(_trade(seq, record, origins[record.run_id]) for seq, record in rows[:limit])
    return TradePage(trades=found, next=str(found[-1].seq) if len(rows) > limit else None)


def _trade(seq: int, record: FillRecorded, origin: Origin) -> Trade:
    fill, terms = record.fill, origin.legs.get(record.leg)
    return Trade(
        seq=seq,
        fill_id=fill.fill_id,
        venue_order_id=fill.venue_order_id,
        client_order_id=fill.client_order_id,
        run_id=record.run_id,
        is_ticket=bool(origin.created.ticket),
        preset=origin.created.preset,
        leg=record.leg,
        algorithm=_algorithm(fill.client_order_id, origin.created),
        symbol=fill.symbol,
        side=fill.side.value,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.commission,
        fee_currency=SETTLED_IN,
        role=fill.role,
        kind=fill.kind.value,
        cash=None if terms is None else fill.cash_flow(terms.contract_value),
        at=fill.ts_event or record.market or record.wall,
        wall=record.wall,
    )


def _algorithm(client_order_id: str | None, created: RunCreated) -> str:
    name = parse_client_order_id(client_order_id)
    if name is None:
        return ""
    orders = (created.ticket or created.config).get("orders") or {}
    match name.purpose:
        case Purpose.CLOSE:
            return "once"
        case Purpose.ENTRY if created.ticket:
            return str(created.ticket.get("work", "once"))
        case Purpose.ENTRY:
            return str(orders.get("entry_algo", "chase"))
        case Purpose.EXIT:
            return str(orders.get("exit_algo", "chase"))
    return "chase"
