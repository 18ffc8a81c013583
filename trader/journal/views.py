"""Views: what screens, the CLI and the day's limits read from the records. Nothing here writes."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy import BindParameter, ColumnElement, Connection, Select, Table, bindparam, func, select, union_all

from trader.domain.fill import Fill
from trader.domain.instrument import Kind
from trader.domain.order import OrderIntent
from trader.engine.basis import basis_of
from trader.engine.ledger import Ledger, with_fill
from trader.engine.records import (
    AnyRecord,
    DayCompared,
    DayMarked,
    FillCosted,
    FillRecorded,
    FundingBooked,
    LegsChosen,
    LegTerms,
    LevelChanged,
    LimitsSet,
    LossLocked,
    LossWarned,
    MarginObserved,
    OrderDenied,
    OrderIntended,
    OrderResolved,
    PhaseChanged,
    PositionAdopted,
    RunCreated,
    RunFinished,
    WalletCompared,
)
from trader.journal import tables as t
from trader.journal.downsample import keep_extremes
from trader.journal.old_records import decode_record
from trader.journal.tables import instant_text, parse_decimal, parse_instant

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)


class LegSample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One leg in a sample: contracts open, prices in USD per unit of underlying, implied volatility as a fraction per year, and
    the greeks of all that is open, signed, in the units of `LegView`."""

    key: str
    open: int
    mark: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    iv: float | None = None
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One point of a run's P&L series. Money is USD; `pnl_pct` and `level_pct` are % of premium, the level None before
    any tier is armed."""

    run_id: str
    wall: datetime
    market: datetime | None = None
    pnl: Decimal | None = None
    pnl_pct: Decimal | None = None
    spot: Decimal | None = None
    level_pct: Decimal | None = None
    max_loss_usd: Decimal | None = None
    max_profit_usd: Decimal | None = None
    legs: tuple[LegSample, ...] = ()  # read by `read_leg_samples` alone: a chart has no use for them


class Newest(NamedTuple):
    """Numbers of the newest record, command and point of a series: while one stays, nothing was added of its kind."""

    record: int
    command: int
    sample: int


class TakenIn(msgspec.Struct, frozen=True):
    """What entering a run has brought, USD before commissions, and what its percentages are of."""

    premium: Decimal
    basis: Decimal
    basis_name: str


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history. `finished_at` None: unresolved. `fees` and `realized_pnl` are USD, once finished; `premium` is
    USD received net of what was paid on entering, None where nothing was entered, and `pnl_pct` the P&L in % of the basis that
    `basis_name` tells (`trader.engine.basis`). `wallet_difference`: how many USD more than told (signed) the exchange's ledger
    shows, None while it was not compared. `created_market` and `finished_market` are
    the exchange's time: where it was not known yet when the run was made, the first that its records know."""

    run_id: str
    account: str
    env: str
    preset: str
    underlying: str
    config_hash: str
    created_at: datetime
    created_market: datetime | None
    phase: str
    legs: tuple[str, ...]
    fill_count: int
    finished_at: datetime | None = None
    exit_reason: str | None = None
    realized_pnl: Decimal | None = None
    fees: Decimal | None = None
    finished_market: datetime | None = None
    premium: Decimal | None = None
    pnl_pct: Decimal | None = None
    basis_name: str = ""
    wallet_difference: Decimal | None = None


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """One order intent and the latest that was heard of it."""

    seq: int
    wall: datetime
    intent: OrderIntent
    reference: Decimal | None
    status: str
    venue_order_id: str | None
    reported_qty: int | None  # filled according to the exchange, None = it did not say
    avg_px: Decimal | None
    code: str
    message: str
    filled_quantity: int
    passed: dict[str, str] = {}  # what the gate compared before it let the order out: code, numbers


class FillRow(msgspec.Struct, frozen=True, kw_only=True):
    """One execution, its commission joined in when that came later."""

    seq: int
    wall: datetime
    market: datetime | None
    leg: str
    fill: Fill


class AlertRow(msgspec.Struct, frozen=True, kw_only=True):
    """One alert; `seq` names it for good, `market` is the exchange's time where it was known. `run_id` is empty where it is the account's and no run's. `acked_by` and
    `acked_at` are filled in by `Acknowledgements`."""

    seq: int
    run_id: str
    wall: datetime
    level: str
    code: str
    text: str
    acked_by: str = ""
    acked_at: datetime | None = None
    market: datetime | None = None


def read_newest(connection: Connection) -> Newest:
    """Far cheaper than reading what was added."""
    return Newest(*connection.execute(_NEWEST).one())


_NEWEST = select(
    select(t.sequence.c.last_seq).where(t.sequence.c.id == 1).scalar_subquery(),
    select(func.coalesce(func.max(t.commands.c.id), 0)).scalar_subquery(),
    select(func.coalesce(func.max(t.samples.c.id), 0)).scalar_subquery(),
)


def read_records(connection: Connection, run_id: str | None, after_seq: int) -> list[tuple[int, AnyRecord]]:
    """Records in the order they were written, with their sequence numbers."""
    query = _ALL_RECORDS if run_id is None else _RUN_RECORDS
    rows = connection.execute(query, {"after_seq": after_seq, "run_id": run_id})
    return [(int(seq), decode_record(body)) for seq, body in rows]


def _records_query(*, of_one_run: bool) -> Select[Any]:
    """Built once: putting a union of all tables together costs more than running it."""
    parts: list[Select[Any]] = []
    for table in t.RECORD_TABLES:
        part = select(table.c.seq, table.c.body).where(table.c.seq > bindparam("after_seq"))
        parts.append(part.where(table.c.run_id == bindparam("run_id")) if of_one_run else part)
    merged = union_all(*parts).subquery()
    return select(merged.c.seq, merged.c.body).order_by(merged.c.seq)


_ALL_RECORDS = _records_query(of_one_run=False)
_RUN_RECORDS = _records_query(of_one_run=True)


Bound = RunCreated | FillRecorded | DayMarked | RunFinished
Booked = LegsChosen | FillRecorded | FillCosted | FundingBooked | PositionAdopted
_MONEY = ("funding_booked", "position_adopted")
Setting = LimitsSet | LossLocked | LossWarned | DayCompared | MarginObserved


def read_run_bounds(
    connection: Connection, account: str, since: datetime, after_seq: int = 0
) -> list[tuple[int, Bound]]:
    """Where the runs of an account began, first traded, passed an Indian midnight and ended since an instant (wall clock), in
    order: what its days are folded from. The beginning and the first fill are told of each of them, however long ago they were:
    without the beginning the rest counts for nothing. Only those after `after_seq`."""
    asked = {"account": account, "since": instant_text(since), "after_seq": after_seq}
    found: list[tuple[int, Bound]] = []
    for seq, body in connection.execute(_RUN_BOUNDS, asked):
        record = decode_record(body)
        assert isinstance(record, Bound)
        found.append((int(seq), record))
    return found


def _bounds_query() -> Select[Any]:
    """Built once: it is asked every second."""

    def recent(table: Table) -> ColumnElement[bool]:
        return (table.c.account == bindparam("account")) & (table.c.wall >= bindparam("since"))

    later: BindParameter[int] = bindparam("after_seq")
    ended = select(t.runs.c.run_id).where(recent(t.runs), t.runs.c.kind == "run_finished")
    traded = select(t.fills.c.run_id).where(recent(t.fills))
    new = select(t.fills.c.run_id).where(recent(t.fills), t.fills.c.seq > later)
    first = select(func.min(t.fills.c.seq)).where(t.fills.c.run_id.in_(new)).group_by(t.fills.c.run_id)
    is_told = recent(t.runs) | t.runs.c.run_id.in_(ended) | t.runs.c.run_id.in_(traded)
    found = union_all(
        select(t.runs.c.seq, t.runs.c.body).where(
            t.runs.c.account == bindparam("account"), t.runs.c.seq > later, is_told
        ),
        select(t.fills.c.seq, t.fills.c.body).where(t.fills.c.seq > later, t.fills.c.seq.in_(first)),
        select(t.decisions.c.seq, t.decisions.c.body).where(
            recent(t.decisions), t.decisions.c.seq > later, t.decisions.c.kind == "day_marked"
        ),
    ).subquery()
    return select(found.c.seq, found.c.body).order_by(found.c.seq)


_RUN_BOUNDS = _bounds_query()


def read_closed_by_exchange(connection: Connection, account: str, since: datetime) -> list[tuple[int, FillRecorded]]:
    """Fills without an order of ours, since an instant, in order."""
    fills = t.fills.c
    query = select(fills.seq, fills.body).where(fills.account == account, fills.client_order_id.is_(None))
    found: list[tuple[int, FillRecorded]] = []
    for seq, body in connection.execute(query.where(fills.wall >= instant_text(since)).order_by(fills.seq)):
        record = decode_record(body)
        assert isinstance(record, FillRecorded)
        found.append((int(seq), record))
    return found


def read_executions(
    connection: Connection, account: str, wall: datetime, market: datetime | None
) -> list[tuple[int, Booked]]:
    """Fills booked since an instant (of this machine's clock, and where given of the exchange's), what they were told later to
    have cost, funding and what was adopted, and the legs of their runs, in order."""

    def since(table: Table) -> ColumnElement[bool]:
        found = (table.c.account == account) & (table.c.wall >= instant_text(wall))
        known = table.c.market
        return found if market is None else found & (known.is_(None) | (known >= instant_text(market)))

    fills, costs, decided = t.fills, t.execution_events, t.decisions
    runs = select(fills.c.run_id).where(since(fills))
    found = union_all(
        select(fills.c.seq, fills.c.body).where(since(fills)),
        select(costs.c.seq, costs.c.body).where(since(costs), costs.c.kind == "fill_costed"),
        select(decided.c.seq, decided.c.body).where(decided.c.kind == "legs_chosen", decided.c.run_id.in_(runs)),
        select(decided.c.seq, decided.c.body).where(decided.c.kind.in_(_MONEY), since(decided)),
    ).subquery()
    records = []
    for seq, body in connection.execute(select(found.c.seq, found.c.body).order_by(found.c.seq)):
        record = decode_record(body)
        assert isinstance(record, Booked)
        records.append((int(seq), record))
    return records


def read_account_settings(connection: Connection, account: str) -> list[tuple[int, Setting]]:
    """The newest limits of an account, its newest lock, warning and comparison with the exchange's ledger, and how it was last
    margined, in order."""
    found: list[tuple[int, Setting]] = []
    for query in _SETTINGS:
        row = connection.execute(query, {"account": account, "most": 1}).first()
        if row is not None:
            record = decode_record(row.body)
            assert isinstance(record, Setting)
            found.append((int(row.seq), record))
    return sorted(found, key=lambda pair: pair[0])


def read_compared_days(connection: Connection, account: str, limit: int) -> list[DayCompared]:
    """The newest days that were held against the exchange's ledger, newest first."""
    rows = connection.execute(_COMPARED_DAYS, {"account": account, "most": limit})
    records = [decode_record(body) for _, body in rows]
    return [record for record in records if isinstance(record, DayCompared)]


def read_level_changes(connection: Connection, account: str, limit: int) -> list[tuple[int, LevelChanged]]:
    """The account's newest changes of level, newest first; the newest says it all."""
    found: list[tuple[int, LevelChanged]] = []
    for seq, body in connection.execute(_LEVEL_CHANGES, {"account": account, "most": limit}):
        record = decode_record(body)
        assert isinstance(record, LevelChanged)
        found.append((int(seq), record))
    return found


def read_account_decisions(
    connection: Connection, account: str, limit: int
) -> list[LevelChanged | LimitsSet | LossLocked]:
    """What was decided of the account as a whole, newest first."""
    found = []
    for _, body in connection.execute(_ACCOUNT_DECISIONS, {"account": account, "most": limit}):
        record = decode_record(body)
        assert isinstance(record, LevelChanged | LimitsSet | LossLocked)
        found.append(record)
    return found


def _account_query(*kinds: str) -> Select[Any]:
    decided = t.decisions.c
    query = select(decided.seq, decided.body).where(decided.run_id == "", decided.account == bindparam("account"))
    return query.where(decided.kind.in_(kinds)).order_by(decided.seq.desc()).limit(bindparam("most"))


_SETTINGS = [
    _account_query(kind) for kind in ("limits_set", "loss_locked", "loss_warned", "day_compared", "margin_observed")
]
_COMPARED_DAYS = _account_query("day_compared")
_LEVEL_CHANGES = _account_query("level_changed")
_ACCOUNT_DECISIONS = _account_query("level_changed", "limits_set", "loss_locked")


def read_unresolved(connection: Connection, account: str, *, tickets: bool = True) -> list[str]:
    """Runs created and not finished, oldest first; single orders among them unless they are not wanted."""
    query = _UNRESOLVED if tickets else _UNRESOLVED_STRUCTURES
    return [str(run_id) for run_id in connection.execute(query, {"account": account}).scalars()]


def _unresolved_query(*, tickets: bool) -> Select[Any]:
    created, finished = t.runs.alias("created"), t.runs.alias("finished")
    ended = select(finished.c.seq).where(finished.c.run_id == created.c.run_id, finished.c.kind == "run_finished")
    query = select(created.c.run_id).where(created.c.account == bindparam("account"), created.c.kind == "run_created")
    if not tickets:
        query = query.where(created.c.preset != "")
    return query.where(~ended.exists()).order_by(created.c.seq)


_UNRESOLVED, _UNRESOLVED_STRUCTURES = _unresolved_query(tickets=True), _unresolved_query(tickets=False)


def read_runs(
    connection: Connection,
    *,
    limit: int,
    offset: int,
    account: str | None = None,
    finished: bool | None = None,
    run_id: str | None = None,
    underlying: str | None = None,
    before: str | None = None,
    tickets: bool = False,
) -> list[RunSummary]:
    """Runs, the one that began last first; `finished` True keeps those that ended, the one that ended last first, and False
    those that have not. Single orders have no preset; they are told where one is named, or asked for. `before` a run: those
    listed after it."""
    created, ended = t.runs.alias("created"), t.runs.alias("ended")
    listed = ended if finished else created  # whose order and account it is, so that an index has both
    is_end = (ended.c.run_id == created.c.run_id) & (ended.c.kind == "run_finished")
    joined = created.join(ended, is_end, isouter=not finished)
    query = (
        select(
            created,
            ended.c.wall.label("finished_at"),
            ended.c.market.label("finished_market"),
            ended.c.exit_reason.label("end_reason"),
            ended.c.realized_pnl.label("end_pnl"),
            ended.c.fees.label("end_fees"),
        )
        .select_from(joined)
        .where(created.c.kind == "run_created")
        .order_by(listed.c.seq.desc())
        .limit(limit)
        .offset(offset)
    )
    if account is not None:
        query = query.where(listed.c.account == account)
    if run_id is not None:
        query = query.where(created.c.run_id == run_id)
    if underlying is not None:
        query = query.where(created.c.underlying == underlying)
    if before is not None:
        kind = "run_finished" if finished else "run_created"
        listed_at = select(t.runs.c.seq).where(t.runs.c.run_id == before, t.runs.c.kind == kind)
        query = query.where(listed.c.seq < listed_at.scalar_subquery())
    if run_id is None and not tickets:
        query = query.where(created.c.preset != "")
    if finished is False:
        query = query.where(ended.c.seq.is_(None))
    rows = connection.execute(query).mappings().all()
    ids = [row["run_id"] for row in rows]
    details, taken_in, begun, compared = (
        _run_details(connection, ids),
        read_taken_in(connection, ids),
        _first_market(connection, ids),
        {record.run_id: record.difference for _, record in read_wallets_compared(connection, ids)},
    )
    return [
        replace(
            _summary(row, *details[row["run_id"]], taken_in.get(row["run_id"]), begun.get(row["run_id"])),
            wallet_difference=compared.get(row["run_id"]),
        )
        for row in rows
    ]


def read_wallets_compared(connection: Connection, run_ids: Sequence[str]) -> list[tuple[int, WalletCompared]]:
    """How those of these runs came out that were held against the exchange's ledger."""
    decided = t.decisions.c
    query = select(decided.seq, decided.body).where(decided.run_id.in_(run_ids), decided.kind == "wallet_compared")
    records = [(int(seq), decode_record(body)) for seq, body in connection.execute(query)]
    return [(seq, record) for seq, record in records if isinstance(record, WalletCompared)]


def _first_market(connection: Connection, run_ids: Sequence[str]) -> dict[str, datetime]:
    """The exchange's time in the first record of each run that knows it."""
    parts = [
        select(table.c.run_id, table.c.market).where(table.c.run_id.in_(run_ids), table.c.market.is_not(None))
        for table in (t.runs, t.decisions, t.fills)
    ]
    known = union_all(*parts).subquery()
    query = select(known.c.run_id, func.min(known.c.market)).group_by(known.c.run_id)
    return {run_id: parse_instant(market) for run_id, market in connection.execute(query)}


def _run_details(connection: Connection, run_ids: Sequence[str]) -> dict[str, tuple[str, tuple[str, ...], int]]:
    """Phase, leg symbols and number of fills of each run."""
    decided = t.decisions
    latest = (
        select(func.max(decided.c.seq))
        .where(decided.c.run_id.in_(run_ids), decided.c.kind.in_(("phase_changed", "legs_chosen")))
        .group_by(decided.c.run_id, decided.c.kind)
    )
    details: dict[str, tuple[str, tuple[str, ...], int]] = dict.fromkeys(run_ids, ("waiting", (), 0))
    for body in connection.execute(select(decided.c.body).where(decided.c.seq.in_(latest))).scalars():
        record = decode_record(body)
        phase, legs, fills = details[record.run_id]
        if isinstance(record, PhaseChanged):
            phase = record.phase.value
        elif isinstance(record, LegsChosen):
            legs = tuple(leg.symbol for leg in record.legs)
        details[record.run_id] = (phase, legs, fills)
    counted = select(t.fills.c.run_id, func.count()).where(t.fills.c.run_id.in_(run_ids)).group_by(t.fills.c.run_id)
    for run_id, fills in connection.execute(counted):
        phase, legs, _ = details[run_id]
        details[run_id] = (phase, legs, int(fills))
    return details


def _summary(
    row: Mapping[Any, Any],
    phase: str,
    legs: tuple[str, ...],
    fill_count: int,
    taken_in: TakenIn | None,
    begun: datetime | None,
) -> RunSummary:
    finished_at, finished_market = row["finished_at"], row["finished_market"]
    realized = parse_decimal(row["end_pnl"])
    return RunSummary(
        run_id=row["run_id"],
        account=row["account"],
        env=row["env"],
        preset=row["preset"],
        underlying=row["underlying"],
        config_hash=row["config_hash"],
        created_at=parse_instant(row["wall"]),
        created_market=begun,
        phase=phase if finished_at is None else "done",
        legs=legs,
        fill_count=fill_count,
        finished_at=None if finished_at is None else parse_instant(finished_at),
        exit_reason=row["end_reason"],
        realized_pnl=realized,
        fees=parse_decimal(row["end_fees"]),
        finished_market=None if finished_market is None else parse_instant(finished_market),
        premium=None if taken_in is None else taken_in.premium,
        basis_name="" if taken_in is None else taken_in.basis_name,
        pnl_pct=realized / taken_in.basis * 100 if realized is not None and taken_in and taken_in.basis else None,
    )


def read_fills(connection: Connection, run_id: str) -> list[FillRow]:
    """Executions of a run in recorded order, commissions that came later joined in."""
    events = t.execution_events
    costs: dict[str, list[FillCosted]] = {}
    costed = (
        select(events.c.body).where(events.c.run_id == run_id, events.c.kind == "fill_costed").order_by(events.c.seq)
    )
    for body in connection.execute(costed).scalars():
        record: Any = decode_record(body)
        costs.setdefault(record.fill_id, []).append(record)
    rows = connection.execute(
        select(t.fills.c.seq, t.fills.c.body).where(t.fills.c.run_id == run_id).order_by(t.fills.c.seq)
    )
    found: list[FillRow] = []
    for seq, body in rows:
        record = decode_record(body)
        assert isinstance(record, FillRecorded)
        fill = with_cost(record.fill, costs.get(record.fill.key, []))
        found.append(FillRow(seq=seq, wall=record.wall, market=record.market, leg=record.leg, fill=fill))
    return found


def with_cost(fill: Fill, told: Sequence[FillCosted]) -> Fill:
    """The fill with its commission, once the exchange has told that of all its contracts."""
    costed = sum(fill.quantity if part.quantity is None else part.quantity for part in told)
    if fill.commission is not None or costed < fill.quantity:
        return fill
    return msgspec.structs.replace(fill, commission=sum((part.commission for part in told), Decimal(0)))


def read_taken_in(connection: Connection, run_ids: Sequence[str]) -> dict[str, TakenIn]:
    """Of each run that has entered anything."""
    legs: dict[tuple[str, str], LegTerms] = {}
    chosen = (
        select(t.decisions.c.body)
        .where(t.decisions.c.run_id.in_(run_ids), t.decisions.c.kind == "legs_chosen")
        .order_by(t.decisions.c.seq)
    )
    for body in connection.execute(chosen).scalars():
        picked: Any = decode_record(body)
        legs |= {(picked.run_id, leg.key): leg for leg in picked.legs}
    ledgers: dict[str, dict[str, Ledger]] = {}
    for body in connection.execute(select(t.fills.c.body).where(t.fills.c.run_id.in_(run_ids))).scalars():
        record: Any = decode_record(body)
        leg = legs.get((record.run_id, record.leg))
        if leg is not None and record.fill.side is leg.side:
            mine = ledgers.setdefault(record.run_id, {})
            mine[leg.key] = with_fill(mine.get(leg.key, Ledger()), leg, record.fill, record.wall)
    return {run_id: _taken_in(run_id, legs, mine) for run_id, mine in ledgers.items()}


def _taken_in(run_id: str, legs: Mapping[tuple[str, str], LegTerms], ledgers: Mapping[str, Ledger]) -> TakenIn:
    premium = sum((ledger.premium for ledger in ledgers.values()), Decimal(0))
    own = [leg for (run, _), leg in legs.items() if run == run_id]
    if any(leg.kind is Kind.PERPETUAL for leg in own):
        return TakenIn(premium, Decimal(0), "")
    return TakenIn(premium, *basis_of(own, ledgers))


def read_orders(connection: Connection, run_id: str) -> list[OrderRow]:
    """Orders of a run in the order they were intended; `in_flight` until something was heard."""
    events = t.execution_events
    heard: dict[str, OrderResolved] = {}
    resolved = (
        select(events.c.body).where(events.c.run_id == run_id, events.c.kind == "order_resolved").order_by(events.c.seq)
    )
    for body in connection.execute(resolved).scalars():
        event: Any = decode_record(body)
        heard[event.client_order_id] = event
    filled: dict[str | None, int] = {}
    for row in read_fills(connection, run_id):
        filled[row.fill.client_order_id] = filled.get(row.fill.client_order_id, 0) + row.fill.quantity
    rows = connection.execute(
        select(t.orders.c.seq, t.orders.c.body).where(t.orders.c.run_id == run_id).order_by(t.orders.c.seq)
    )
    found: list[OrderRow] = []
    for seq, body in rows:
        record = decode_record(body)
        assert isinstance(record, OrderIntended | OrderDenied)
        found.append(_order_row(seq, record, heard.get(record.intent.client_order_id), filled))
    return found


def _order_row(
    seq: int, record: OrderIntended | OrderDenied, heard: OrderResolved | None, filled: Mapping[str | None, int]
) -> OrderRow:
    denied = isinstance(record, OrderDenied)
    if denied:
        heard = None
    quantity = filled.get(record.intent.client_order_id, 0)
    status = "denied" if denied else "in_flight" if heard is None else heard.status.value
    if not denied and quantity == record.intent.quantity:
        status = "filled"  # fills are facts: they may come before any answer
    return OrderRow(
        seq=seq,
        wall=record.wall,
        intent=record.intent,
        reference=None if isinstance(record, OrderDenied) else record.reference,
        status=status,
        venue_order_id=None if heard is None else heard.venue_order_id,
        reported_qty=None if heard is None else heard.filled_qty,
        avg_px=None if heard is None else heard.avg_px,
        code=record.code if isinstance(record, OrderDenied) else "" if heard is None else heard.code,
        message=record.detail if isinstance(record, OrderDenied) else "" if heard is None else heard.message,
        filled_quantity=quantity,
        passed={} if isinstance(record, OrderDenied) else record.passed,
    )


_ALERTS = (
    select(t.alerts.c.seq, t.alerts.c.body)
    .where(t.alerts.c.seq > bindparam("after_seq"))
    .order_by(t.alerts.c.seq.desc())
    .limit(bindparam("most"))
)
_ACCOUNTS_ALERTS = _ALERTS.where(t.alerts.c.account == bindparam("account"))


def read_alerts(
    connection: Connection,
    *,
    limit: int,
    run_id: str | None = None,
    account: str | None = None,
    levels: Sequence[str] | None = None,
    after_seq: int = 0,
) -> list[AlertRow]:
    """The newest alerts (of some levels, after a record), newest first."""
    query = _ALERTS if account is None else _ACCOUNTS_ALERTS
    if run_id is not None:
        query = query.where(t.alerts.c.run_id == run_id)
    if levels is not None:
        query = query.where(t.alerts.c.level.in_(levels))
    found: list[AlertRow] = []
    for seq, body in connection.execute(query, {"after_seq": after_seq, "account": account, "most": limit}):
        record: Any = decode_record(body)
        found.append(
            AlertRow(
                seq=seq,
                run_id=record.run_id,
                wall=record.wall,
                market=record.market,
                level=record.level,
                code=record.code,
                text=record.text,
            )
        )
    return found


def sample_row(sample: Sample) -> dict[str, Any]:
    """A sample as its table row."""
    return {
        "run_id": sample.run_id,
        "wall_us": (sample.wall - _EPOCH) // _MICROSECOND,
        "market_us": None if sample.market is None else (sample.market - _EPOCH) // _MICROSECOND,
        **{name: t.decimal_text(getattr(sample, name)) for name in _SAMPLE_MONEY},
        "legs": _legs.encode(sample.legs).decode() if sample.legs else None,
    }


_legs = msgspec.json.Encoder()
_read_legs = msgspec.json.Decoder(tuple[LegSample, ...])
_SAMPLE_MONEY = ("pnl", "pnl_pct", "spot", "level_pct", "max_loss_usd", "max_profit_usd")


def read_samples(
    connection: Connection, run_id: str, *, max_points: int | None, after_id: int = 0
) -> list[tuple[int, Sample]]:
    """A run's series in order, each with its row id; at most `max_points`, keeping extremes of P&L."""
    rows = connection.execute(_SAMPLES, {"run_id": run_id, "after_id": after_id}).all()
    if max_points is not None and len(rows) > max_points:
        rows = keep_extremes(rows, lambda row: None if row.pnl is None else float(row.pnl), max_points)
    return [(int(row.id), _sample(row)) for row in rows]


def read_leg_samples(connection: Connection, run_id: str, most: int | None = None) -> list[Sample]:
    """A run's series with its legs, in order, the whole or at most so many that keep the extremes of P&L; samples of journals that
    recorded none have no legs. A day has 18,000; those that are left out are not read at all."""
    query = select(t.samples).where(t.samples.c.run_id == run_id).order_by(t.samples.c.id)
    rows: Sequence[Any] = []
    if most is not None:
        points = connection.execute(
            select(t.samples.c.id, t.samples.c.pnl).where(t.samples.c.run_id == run_id).order_by(t.samples.c.id)
        ).all()
        if len(points) > most:
            chosen = [
                row.id for row in keep_extremes(points, lambda row: None if row.pnl is None else float(row.pnl), most)
            ]
            for begin in range(0, len(chosen), _IDS_AT_ONCE):
                some = t.samples.c.id.in_(chosen[begin : begin + _IDS_AT_ONCE])
                rows = [*rows, *connection.execute(query.where(some))]
    rows = rows or connection.execute(query).all()
    return [replace(_sample(row), legs=_read_legs.decode(row.legs) if row.legs else ()) for row in rows]


_IDS_AT_ONCE = 500
_SAMPLES = (
    select(*(column for column in t.samples.c if column.name != "legs"))
    .where(t.samples.c.run_id == bindparam("run_id"), t.samples.c.id > bindparam("after_id"))
    .order_by(t.samples.c.id)
)


def _sample(row: Any) -> Sample:
    return Sample(
        run_id=row.run_id,
        wall=_EPOCH + timedelta(microseconds=row.wall_us),
        market=None if row.market_us is None else _EPOCH + timedelta(microseconds=row.market_us),
        pnl=parse_decimal(row.pnl),
        pnl_pct=parse_decimal(row.pnl_pct),
        spot=parse_decimal(row.spot),
        level_pct=parse_decimal(row.level_pct),
        max_loss_usd=parse_decimal(row.max_loss_usd),
        max_profit_usd=parse_decimal(row.max_profit_usd),
    )
