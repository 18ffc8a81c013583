"""Lists over all runs and single orders of an account, newest first, page by page: orders, executions, and what happened to
them. Nothing here writes.

A page ends before a record's number, which is its cursor: what is added meanwhile moves nothing.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, Table, func, or_, select, text, union_all

from trader.domain.fill import Fill
from trader.engine.records import (
    AnyRecord,
    ClosingMoved,
    ExitDecided,
    FillCosted,
    FillRecorded,
    LegsChosen,
    LegTerms,
    OrderDenied,
    OrderIntended,
    PositionAdopted,
    RunCreated,
)
from trader.journal import tables as t
from trader.journal.alerts import who
from trader.journal.old_records import decode_record
from trader.journal.tables import instant_text
from trader.journal.views import with_cost

Changing = FillRecorded | PositionAdopted | ClosingMoved  # what changes what a run holds
_MOVES = ("position_adopted", "closing_moved")
_ORDER_NEWS = ("order_resolved", "cancel_intended")
_AT = {
    name: func.coalesce(table.c.market, table.c.wall)
    for name, table in t.metadata.tables.items()
    if "market" in table.c
}


class Origin(NamedTuple):
    """Where the orders of a run or ticket come from: its beginning, who asked for it (``asha (cli)``; empty where no command
    is known), and the contracts of its legs as chosen last."""

    created: RunCreated
    who: str
    legs: dict[str, LegTerms]
    exits: tuple[ExitDecided, ...] = ()
    is_denied: bool = False  # our gate has denied an order of it


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows a page is of. `runs`: of these only. Instants are the exchange's, this machine's where that was not known."""

    before: int | None = None
    limit: int = 100
    symbol: str | None = None
    run_id: str | None = None
    runs: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None


def read_order_page(
    connection: Connection, account: str, wanted: Wanted
) -> list[tuple[int, OrderIntended | OrderDenied]]:
    """Intents and denials, newest first."""
    return _page(connection, _of(t.orders, account, wanted), wanted)


def read_fill_page(connection: Connection, account: str, wanted: Wanted) -> list[tuple[int, FillRecorded]]:
    """Executions, newest first."""
    return _page(connection, _of(t.fills, account, wanted), wanted)


def read_event_page(
    connection: Connection, account: str, kinds: Collection[str], wanted: Wanted
) -> list[tuple[int, AnyRecord]]:
    """Records of these kinds, newest first."""
    tables = (t.orders, t.execution_events, t.fills, t.decisions)
    parts = []
    for table in tables:
        query = _of(table, account, wanted).where(table.c.kind.in_(kinds))
        parts.append(select(query.order_by(table.c.seq.desc()).limit(wanted.limit).subquery()))
    return _page(connection, select(union_all(*parts).subquery()), wanted)


def _of(table: Table, account: str, wanted: Wanted) -> Select[Any]:
    query = select(table.c.seq, table.c.body).where(table.c.account == account)
    if wanted.before is not None:
        query = query.where(table.c.seq < wanted.before)
    if wanted.run_id is not None:
        query = query.where(table.c.run_id == wanted.run_id)
    if wanted.runs is not None:
        query = query.where(table.c.run_id.in_(wanted.runs))
    if wanted.since is not None:
        query = query.where(_AT[table.name] >= instant_text(wanted.since))
    if wanted.until is not None:
        query = query.where(_AT[table.name] < instant_text(wanted.until))
    if wanted.symbol is not None:
        query = query.where(_names(table, account, wanted.symbol))
    return query


def _names(table: Table, account: str, symbol: str) -> Any:
    """Whether a row is about a contract: by its own column, its order's, or an order of its run."""
    if "symbol" in table.c:
        return table.c.symbol == symbol
    of_it = (t.orders.c.account == account) & (t.orders.c.symbol == symbol)
    if "client_order_id" in table.c:
        return table.c.client_order_id.in_(select(t.orders.c.client_order_id).where(of_it))
    return or_(
        table.c.run_id.in_(select(t.orders.c.run_id).where(of_it)),
        table.c.body.contains(f'"symbol":"{symbol}"', autoescape=True),  # a ticket that was refused has no order
    )


def _page(connection: Connection, query: Select[Any], wanted: Wanted) -> list[Any]:
    seq = query.selected_columns["seq"]
    rows = connection.execute(query.order_by(seq.desc()).limit(wanted.limit))
    return [(int(number), decode_record(body)) for number, body in rows]


def read_order_news(
    connection: Connection, runs: Collection[str], orders: Collection[str]
) -> list[tuple[int, AnyRecord]]:
    """What became of these orders of these runs: answers, cancels and executions (with what they cost, where that was told
    later), in the order it was recorded."""
    events, fills = t.execution_events.c, t.fills.c
    found = union_all(
        select(events.seq, events.body).where(
            events.run_id.in_(runs), events.kind.in_(_ORDER_NEWS), events.client_order_id.in_(orders)
        ),
        select(fills.seq, fills.body).where(fills.run_id.in_(runs), fills.client_order_id.in_(orders)),
    ).subquery()
    rows = connection.execute(select(found.c.seq, found.c.body).order_by(found.c.seq)).all()
    return with_costs(connection, [(int(seq), decode_record(body)) for seq, body in rows])


def read_executions_of(connection: Connection, runs: Collection[str]) -> list[tuple[int, Changing]]:
    """Every change of what these runs hold, in order."""
    fills, decided = t.fills.c, t.decisions.c
    found = union_all(
        select(fills.seq, fills.body).where(fills.run_id.in_(runs)),
        select(decided.seq, decided.body).where(decided.run_id.in_(runs), decided.kind.in_(_MOVES)),
    ).subquery()
    rows: list[Any] = [
        (int(seq), decode_record(body))
        for seq, body in connection.execute(select(found.c.seq, found.c.body).order_by(found.c.seq))
    ]
    return rows


def read_intents(connection: Connection, runs: Collection[str], orders: Collection[str]) -> list[OrderIntended]:
    """These orders of these runs, as they were meant."""
    query = select(t.orders.c.body).where(
        t.orders.c.run_id.in_(runs), t.orders.c.kind == "order_intended", t.orders.c.client_order_id.in_(orders)
    )
    found: list[Any] = [decode_record(body) for body in connection.execute(query).scalars()]
    return found


def with_costs(connection: Connection, records: Sequence[tuple[int, Any]]) -> list[Any]:
    """The same records, the commission joined into executions that were told what they cost later."""
    fills: list[Fill] = [
        one.fill for _, one in records if isinstance(one, FillRecorded) and one.fill.commission is None
    ]
    if not fills:
        return list(records)
    events = t.execution_events.c
    runs = {one.run_id for _, one in records}
    query = select(events.body).where(
        events.run_id.in_(runs), events.kind == "fill_costed", events.fill_id.in_([fill.key for fill in fills])
    )
    costs: dict[str, list[FillCosted]] = {}
    for body in connection.execute(query.order_by(events.seq)).scalars():
        told: Any = decode_record(body)
        costs.setdefault(told.fill_id, []).append(told)
    return [
        (seq, msgspec.structs.replace(one, fill=with_cost(one.fill, costs.get(one.fill.key, []))))
        if isinstance(one, FillRecorded)
        else (seq, one)
        for seq, one in records
    ]


def read_origins(connection: Connection, runs: Collection[str]) -> dict[str, Origin]:
    """Where each of these runs comes from."""
    query = select(t.runs.c.body).where(t.runs.c.run_id.in_(runs), t.runs.c.kind == "run_created")
    created: list[Any] = [decode_record(body) for body in connection.execute(query).scalars()]
    decided = t.decisions.c
    newest = (
        select(func.max(decided.seq))
        .where(decided.run_id.in_(runs), decided.kind.in_(("legs_chosen", "exit_decided")))
        .group_by(decided.run_id, decided.kind)
    )
    legs: dict[str, dict[str, LegTerms]] = {}
    exits: dict[str, list[ExitDecided]] = {}
    for body in connection.execute(select(decided.body).where(decided.seq.in_(newest))).scalars():
        record = decode_record(body)
        if isinstance(record, LegsChosen):
            legs[record.run_id] = {leg.key: leg for leg in record.legs}
        elif isinstance(record, ExitDecided):
            exits.setdefault(record.run_id, []).append(record)
    refused = select(t.orders.c.run_id).where(t.orders.c.run_id.in_(runs), t.orders.c.kind == "order_denied")
    denied = set(connection.execute(refused).scalars())
    issuers = read_issuers(connection, {one.command_id for one in created})
    return {
        one.run_id: Origin(
            created=one,
            who=issuers.get(one.command_id, ""),
            legs=legs.get(one.run_id, {}),
            exits=tuple(exits.get(one.run_id, ())),
            is_denied=one.run_id in denied,
        )
        for one in created
    }


def read_risk_checks(connection: Connection, account: str, since: datetime) -> tuple[int, int]:
    """How many orders passed our own checks since an instant, and how many orders and tickets failed them."""

    def counted(table: Table, kind: str) -> Select[Any]:
        query = select(func.count()).where(table.c.account == account, table.c.kind == kind)
        return query.where(_AT[table.name] >= instant_text(since))

    # A ticket whose order was denied is refused for that: one check.
    denied = select(t.orders.c.run_id).where(t.orders.c.account == account, t.orders.c.kind == "order_denied")
    refused = counted(t.decisions, "ticket_refused").where(t.decisions.c.run_id.not_in(denied))
    passed, *failed = (
        int(connection.execute(query).scalar() or 0)
        for query in (counted(t.orders, "order_intended"), counted(t.orders, "order_denied"), refused)
    )
    return passed, sum(failed)


def read_issuers(connection: Connection, command_ids: Collection[str]) -> dict[str, str]:
    """By command, who asked for it: see `who`."""
    commands = t.commands.c
    query = select(commands.command_id, commands.issued_by, commands.body).where(commands.command_id.in_(command_ids))
    return {str(name): who(face, msgspec.json.decode(body)) for name, face, body in connection.execute(query)}


def read_order_by_id(
    connection: Connection, account: str, order_id: str
) -> tuple[int, OrderIntended | OrderDenied] | None:
    """An order by our id or the exchange's. The exchange's stands inside the records: all answers are looked through."""
    orders, events = t.orders.c, t.execution_events.c
    query = select(orders.seq, orders.body).where(orders.account == account)
    ours = query.where(orders.client_order_id == order_id)
    # Said in the words of the index over intents, which then finds it; what was denied has no such index.
    row = connection.execute(ours.where(text("kind = 'order_intended'"))).first() or connection.execute(ours).first()
    if row is None:
        told = select(events.client_order_id).where(
            events.account == account,
            events.kind == "order_resolved",
            events.body.contains(f'"venue_order_id":"{order_id}"', autoescape=True),
        )
        row = connection.execute(query.where(orders.client_order_id.in_(told), orders.kind == "order_intended")).first()
    if row is None:
        return None
    found: Any = decode_record(row.body)
    return int(row.seq), found
