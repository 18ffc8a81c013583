"""Executions of all runs and tickets, with what they cost."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from trader.desk.books.lines import SETTLED_IN, Trade, TradePage
from trader.desk.books.pages import before, length
from trader.engine.records import FillRecorded
from trader.journal import Journal
from trader.journal.listings import Origin, Wanted

_AT_ONCE = 500


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
    found = _trades(journal, rows[:limit])
    return TradePage(trades=found, next=str(found[-1].seq) if len(rows) > limit else None)


def all_trades(
    journal: Journal,
    account: str,
    *,
    run_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[Trade, ...]:
    """Every execution of a run, or of a span of the exchange's time, oldest first.

    Raises:
        JournalError: The journal cannot be read.
    """
    wanted, found = Wanted(limit=_AT_ONCE, run_id=run_id, since=since, until=until), list[Trade]()
    while True:
        rows = journal.fill_page(account, wanted)
        found += _trades(journal, rows)
        if len(rows) < _AT_ONCE:
            return tuple(sorted(found, key=lambda one: (one.at, one.seq)))
        wanted = replace(wanted, before=rows[-1][0])


def _trades(journal: Journal, rows: Sequence[tuple[int, FillRecorded]]) -> tuple[Trade, ...]:
    runs = {record.run_id for _, record in rows}
    origins = journal.origins(runs)
    orders = {record.fill.client_order_id for _, record in rows if record.fill.client_order_id}
    algos = {one.intent.client_order_id: one.algo for one in journal.intents(runs, orders)}
    return tuple(
        _trade(seq, record, origins[record.run_id], algos.get(record.fill.client_order_id or "", ""))
        for seq, record in rows
    )


def _trade(seq: int, record: FillRecorded, origin: Origin, algo: str) -> Trade:
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
        algorithm=algo,
        symbol=fill.symbol,
        product_id=fill.product_id,
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
