"""A journal of many finished runs, written straight into its tables: one run as the engine records it, copied under other names
on other days with another P&L."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from bench import held
from trader.desk.analytics.results import VERSION, Told, tell
from trader.domain.fill import Fill
from trader.domain.order import OrderIntent, OrderStatus, OrderType, Purpose, Side
from trader.engine import records as rec
from trader.engine.records import Phase
from trader.journal import Journal
from trader.journal import tables as t
from trader.journal.appending import build_rows
from trader.journal.compiled import text_of
from trader.journal.kept_results import KeptResult
from trader.journal.views import LegSample, Sample, sample_row

_RUN, _DAY, _NEXT = "bench0000000", "2026-03-03T05", "2026-03-04T12"
_BEGIN = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)
_FIRST = date(2017, 1, 2)
_RUNS_A_DAY = 3
_ORDERS, _CONTRACTS = 20, 100
_PNL, _REASON = "77.7777", "bench-reason"
_REASONS = ("time", "time", "max_profit", "max_loss", "trailing_stop", "breakeven")
_AT_ONCE = 50  # runs of one transaction


def fill_journal(url: str, account: str, runs: int, fills_of_a_run: int) -> int:
    """Make the journal; how many records it has then."""
    Journal.open(url).close()
    made = _records(fills_of_a_run)
    rows = [_Pattern(table, row) for table, row in build_rows(made, [account] * len(made))]
    samples = [_Pattern("samples", sample_row(one)) for one in _samples()]
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    statements = {table.name: text_of(sa.insert(table), engine.dialect) for table in t.RECORD_TABLES}
    columns = [column for column in t.samples.c if column.name != "id"]
    statements["samples"] = text_of(
        sa.insert(t.samples).values({one.name: sa.bindparam(one.name) for one in columns}), engine.dialect
    )
    connection = engine.raw_connection()
    cursor = connection.cursor()
    if engine.dialect.name == "sqlite":
        cursor.execute("PRAGMA synchronous = OFF")
    for begin in range(0, runs, _AT_ONCE):
        batch: dict[str, list[dict[str, object]]] = {}
        for number in range(begin, min(begin + _AT_ONCE, runs)):
            names = _names(number)
            for place, row in enumerate(rows, start=number * len(rows) + 1):
                batch.setdefault(row.table, []).append({**row.of(names), "seq": place})
            for sample in samples:
                batch.setdefault("samples", []).append(sample.of(names, shift_us=_shift_us(number)))
        for name, several in batch.items():
            cursor.executemany(statements[name], several)
        connection.commit()
    cursor.execute(f"UPDATE sequence SET last_seq = {runs * len(rows)}")
    connection.commit()
    connection.close()
    engine.dispose()
    return runs * len(made)


def keep_results(url: str, account: str, checked: int = 6) -> None:
    """What the desk would keep of these runs. Only those of the first day are made from their records, and a few to see that the others
    come out as they are written here; the rest differs from them in what `_names` says."""
    journal = Journal.open(url)
    ended, _ = journal.ended_after(account, 0, 10**9)
    of_a_day = [one for _, run_id in ended[:_RUNS_A_DAY] if (one := tell(journal, run_id)) is not None]
    for begin in range(0, len(ended), 500):
        rows = [
            KeptResult(seq, run_id, msgspec.json.encode(_like(of_a_day, begin + place)).decode())
            for place, (seq, run_id) in enumerate(ended[begin : begin + 500])
        ]
        journal.keep_results(account, rows, VERSION)
    for number in range(0, len(ended), max(len(ended) // checked, 1)):
        made = tell(journal, ended[number][1])
        assert made == _like(of_a_day, number), f"run {number} is told otherwise: {made}"
    journal.close()


def _like(of_a_day: Sequence[Told], number: int) -> Told:
    pattern, later, reason = of_a_day[number % _RUNS_A_DAY], _day(number) - _FIRST, _names(number)[_REASON]
    one, parts, exits = pattern.result, pattern.parts, held.PRESET.exits
    result = replace(
        one,
        run_id=f"r{number:011}",
        pnl=Decimal(_names(number)[_PNL]),
        exit_reason=reason,
        level_pct={"max_loss": -exits.max_loss_pct, "max_profit": exits.max_profit_pct}.get(reason),
        entered_at=one.entered_at + later,
        ended_at=one.ended_at + later,
        expiry=None if one.expiry is None else one.expiry + later,
    )
    at = parts.most_left_at
    return Told(result=result, parts=replace(parts, most_left_at=None if at is None else at + later))


class _Pattern:
    """A row, and which of its texts are others in another run."""

    def __init__(self, table: str, row: dict[str, object]) -> None:
        self.table = table
        self._row = row
        self._varying = [
            (key, value)
            for key, value in row.items()
            if isinstance(value, str) and any(pattern in value for pattern in (_RUN, _DAY, _NEXT, _PNL, _REASON))
        ]

    def of(self, names: dict[str, str], *, shift_us: int = 0) -> dict[str, object]:
        found = dict(self._row)
        for key, value in self._varying:
            for pattern, word in names.items():
                value = value.replace(pattern, word)
            found[key] = value
        if shift_us:
            found |= {key: found[key] + shift_us for key in ("wall_us", "market_us")}  # type: ignore[operator]
        return found


def _day(number: int) -> date:
    return _FIRST + timedelta(days=number // _RUNS_A_DAY)


def _names(number: int) -> dict[str, str]:
    """What stands in a run of that number where the pattern has its own."""
    day = _day(number)
    return {
        _RUN: f"r{number:011}",
        _DAY: f"{day}T{4 + number % _RUNS_A_DAY:02}",
        _NEXT: f"{day + timedelta(days=1)}T12",
        _PNL: str(Decimal(number * 7919 % 4000 - 1700) / 100),
        _REASON: _REASONS[number * 31 % len(_REASONS)],
    }


def _shift_us(number: int) -> int:
    begin = datetime(2026, 3, 3, 5, tzinfo=UTC)
    return int(
        (datetime.combine(_day(number), time(4 + number % _RUNS_A_DAY), UTC) - begin) / timedelta(microseconds=1)
    )


def _samples() -> list[Sample]:
    """Eight looks at it, ten minutes apart."""
    return [
        Sample(
            run_id=_RUN, wall=_at(450 * n), market=_at(450 * n), pnl=Decimal(n), pnl_pct=Decimal(n * 3 - 6), spot=Decimal(77_000 + 40 * n),
            legs=tuple(
                LegSample(key=leg.key, open=_CONTRACTS, mark=Decimal(200 - 9 * n), bid=None, ask=None, iv=0.5 - n / 200,
                          delta=-0.012, gamma=-1e-6, theta=9.0, vega=-2.0)
                for leg in held.LEGS
            ),
        )
        for n in range(8)
    ]  # fmt: skip


def _records(fills: int) -> list[rec.AnyRecord]:
    """A run that has sold both legs and bought them back, in twenty orders of several executions each."""
    made = [
        one for one in held.records() if not isinstance(one, rec.OrderIntended | rec.OrderResolved | rec.FillRecorded)
    ]
    opening, holding = made[:-1], made[-1]
    orders: list[list[rec.AnyRecord]] = []
    for number in range(_ORDERS):
        entering = number < _ORDERS // 2
        orders.append(_order(number, Purpose.ENTRY if entering else Purpose.EXIT, fills // _ORDERS))
    half = _ORDERS // 2
    records = [
        *opening,
        *(one for order in orders[:half] for one in order),
        holding,
        rec.ExitDecided(run_id=_RUN, wall=_at(3000), reason=_REASON, detail="", pnl=Decimal(_PNL)),
        rec.PhaseChanged(run_id=_RUN, wall=_at(3000), phase=Phase.EXITING),
        *(one for order in orders[half:] for one in order),
        rec.RunFinished(run_id=_RUN, wall=_at(3500), market=_at(3500), exit_reason=_REASON, realized_pnl=Decimal(_PNL), fees=Decimal("1.8")),
        rec.PhaseChanged(run_id=_RUN, wall=_at(3500), phase=Phase.DONE),
    ]  # fmt: skip
    legs = tuple(replace(leg, iv=0.5) for leg in held.LEGS)
    return [
        replace(one, run_id=_RUN, legs=legs) if isinstance(one, rec.LegsChosen) else replace(one, run_id=_RUN)
        for one in records
    ]


def _at(secs: float) -> datetime:
    return _BEGIN + timedelta(seconds=secs)


def _order(number: int, purpose: Purpose, fills: int) -> list[rec.AnyRecord]:
    leg, coid = held.LEGS[number % 2], f"{_RUN}-{number}"
    side = Side.SELL if purpose is Purpose.ENTRY else Side.BUY
    quantity = _CONTRACTS * 2 // _ORDERS * 2
    begin = 10 + number * 5 + (0 if purpose is Purpose.ENTRY else 2990)
    price = Decimal(200) if purpose is Purpose.ENTRY else Decimal(120)
    intent = OrderIntent(
        client_order_id=coid, run_id=_RUN, leg=leg.key, purpose=purpose, attempt=number // 2, symbol=leg.symbol,
        product_id=leg.product_id, side=side, quantity=quantity, order_type=OrderType.LIMIT, limit_price=price,
    )  # fmt: skip
    done = [
        rec.FillRecorded(
            run_id=_RUN, wall=_at(begin + 0.2 * count), market=_at(begin + 0.2 * count), leg=leg.key,
            fill=Fill(
                fill_id=f"{_RUN}-{number}-{count}", venue_order_id=f"v{_RUN}{number}", client_order_id=coid, symbol=leg.symbol,
                product_id=leg.product_id, side=side, quantity=quantity // fills, price=price - Decimal(count) / 10,
                commission=Decimal("0.018"), ts_event=_at(begin + 0.2 * count), role="maker" if count % 2 else "taker",
            ),
        )
        for count in range(1, fills + 1)
    ]  # fmt: skip
    accepted = rec.OrderResolved(
        run_id=_RUN, wall=_at(begin + 0.1), client_order_id=coid, status=OrderStatus.ACCEPTED, venue_order_id=f"v{number}"
    )  # fmt: skip
    filled = rec.OrderResolved(
        run_id=_RUN, wall=_at(begin + 2), client_order_id=coid, status=OrderStatus.FILLED, filled_qty=quantity
    )
    return [rec.OrderIntended(run_id=_RUN, wall=_at(begin), intent=intent, reference=price), accepted, *done, filled]
