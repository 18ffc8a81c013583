"""A finished run's records made into its `RunResult` and into the paths that its attribution follows."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from trader.analytics.attribution import LegPath, Traded
from trader.analytics.result import RunResult, Slip
from trader.analytics.steps import Greeks, Option, Seen
from trader.domain.instrument import Kind
from trader.domain.order import OrderStatus, Purpose, Side
from trader.engine import records as rec
from trader.engine.cover import astray
from trader.engine.fold import evolve
from trader.engine.state import ZERO, Run, State
from trader.pricing.margin import short_option_margin


class LegSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A leg in one sample of the run: contracts open and prices, USD per unit; `iv` a fraction per year; greeks of all that is open,
    signed."""

    open: int
    mark: Decimal | None
    iv: float | None
    delta: float | None
    theta: float | None
    vega: float | None


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """One sample of a run: the exchange's time, spot (USD), P&L (% of the basis), and its legs by key."""

    at: datetime
    spot: Decimal | None
    pnl_pct: Decimal | None
    legs: Mapping[str, LegSeen]


class PastRun(msgspec.Struct, frozen=True):
    """A run that has ended: its records in order, what they fold to, how long (seconds) and how much (USD of notional, at the spot of
    the entry) a short leg stood without what it belongs with."""

    records: Sequence[rec.AnyRecord]
    run: Run
    naked_secs: float
    exposure_usd: Decimal


def read_run(records: Sequence[rec.AnyRecord]) -> PastRun | None:
    """A run from all its records in order. None while it is not finished, and for one that never traded."""
    if not records or not isinstance(records[0], rec.RunCreated):
        return None
    first = records[0]
    state = State(installation="", epoch=0, env=first.env, account_key=first.account)
    alone = _Alone()
    for record in records:
        state = evolve(state, record)
        alone.follow(state.runs[first.run_id], record)
    run = state.runs[first.run_id]
    return PastRun(records, run, alone.secs, alone.worst) if run.finished is not None and run.fills else None


def build_result(past: PastRun, glances: Sequence[Glance] = ()) -> RunResult:
    """What a run has made."""
    run, records, first, end = past.run, past.records, past.records[0], past.run.finished
    assert isinstance(first, rec.RunCreated) and end is not None
    fills = [(record, record.market or record.wall) for record in records if isinstance(record, rec.FillRecorded)]
    sent = [order for order in run.orders.values() if order.status is not OrderStatus.DENIED]
    percents = [one.pnl_pct for one in glances if one.pnl_pct is not None]
    spots = [one.spot for one in glances if one.spot is not None]
    volatilities = [leg.iv for leg in run.legs if leg.iv is not None]
    slipped = _worse(run, [record for record, _ in fills])
    expiries = [leg.expiry for leg in run.legs if leg.expiry < rec.NEVER]
    return RunResult(
        run_id=run.run_id,
        account=run.account,
        env=run.env,
        preset=first.preset,
        config_hash=run.config_hash,
        structure="order" if run.ticket is not None else run.preset.structure.name,
        underlying=run.underlying,
        is_ticket=run.ticket is not None,
        entered_at=fills[0][1],
        ended_at=end.market or end.wall,
        expiry=min(expiries, default=None),
        exit_reason=end.exit_reason,
        legs=tuple(leg.symbol for leg in run.legs),
        premium=run.premium,
        basis=run.basis,
        basis_name=run.basis_name,
        pnl=end.realized_pnl,
        fees=end.fees,
        margin=_margin(run),
        peak_pct=max(percents, default=run.peak_pct),
        worst_pct=min(percents, default=None),
        level_pct=_level(run),
        spot_at_entry=run.spot_at_entry,
        spot_at_exit=spots[-1] if spots else None,
        iv_at_entry=sum(volatilities) / len(volatilities) if volatilities else None,
        slippage_usd=sum((worse * run.leg(leg).contract_value for (leg, _), (_, worse) in slipped.items()), ZERO),
        attempts=len(sent),
        rejected=sum(order.status is OrderStatus.REJECTED for order in sent),
        contracts_sent=sum(order.intent.quantity for order in sent),
        contracts_filled=sum(order.done_qty for order in sent),
        maker_contracts=sum(record.fill.quantity for record, _ in fills if record.fill.role == "maker"),
        fill_secs=tuple(_fill_secs(run, records)),
        risk_passed=sum(isinstance(one, rec.OrderIntended) and one.cause != "recovery" for one in records),
        risk_failed=sum(isinstance(one, rec.OrderDenied) for one in records),
        naked_secs=past.naked_secs,
        exposure_usd=past.exposure_usd,
        held_contracts=max((run.ledger(leg.key).entered for leg in run.legs), default=0),
        exit_secs=_exit_secs(records),
        slips=tuple(_slips(run, slipped)),
    )


def leg_paths(past: PastRun, glances: Sequence[Glance]) -> list[LegPath]:
    """What a run's legs went through, for `attribute`."""
    return [_path(past, leg, glances) for leg in past.run.legs]


def _path(past: PastRun, leg: rec.LegTerms, glances: Sequence[Glance]) -> LegPath:
    run = past.run
    seen = [
        Seen(at=one.at, spot=float(one.spot), mark=float(told.mark), iv=told.iv, greeks=_greeks(told, leg))
        for one in glances
        if one.spot is not None and (told := one.legs.get(leg.key)) is not None and told.mark is not None
    ]
    booked = [one for one in run.fills.values() if one.leg == leg.key]
    traded = [
        Traded(
            at=one.fill.ts_event or one.wall,
            side=one.fill.side,
            quantity=one.fill.quantity,
            price=one.fill.price,
            reference=_reference(run, one.fill.client_order_id),
            fee=one.cost_so_far if one.fill.commission is None else one.fill.commission,
        )
        for one in booked
    ]
    traded += [_moved(one) for one in past.records if isinstance(one, rec.ClosingMoved) and one.leg == leg.key]
    return LegPath(
        key=leg.key,
        contract_value=leg.contract_value,
        seen=sorted({one.at: one for one in seen}.values(), key=lambda one: one.at),
        traded=sorted(traded, key=lambda one: one.at),
        option=None if leg.kind is Kind.PERPETUAL else Option(leg.kind, float(leg.strike), leg.expiry),
        funding=run.ledger(leg.key).funding,
    )


def _moved(record: rec.ClosingMoved) -> Traded:
    """Contracts closed by another ticket's order, or by this one's order for another."""
    side = record.side if record.quantity > 0 else record.side.opposite
    at, price = record.market or record.wall, record.price
    return Traded(at=at, side=side, quantity=abs(record.quantity), price=price, reference=price, fee=ZERO)


def _greeks(told: LegSeen, leg: rec.LegTerms) -> Greeks | None:
    """Of one unit of underlying held long: the sample's are of all that was open."""
    if told.open <= 0 or told.delta is None or told.theta is None or told.vega is None:
        return None
    held = leg.side.sign * told.open * float(leg.contract_value)
    return Greeks(told.delta / held, told.theta / held, told.vega / held)


def _reference(run: Run, client_order_id: str | None) -> Decimal | None:
    order = run.orders.get(client_order_id or "")
    return None if order is None else order.reference


_Worse = Mapping[tuple[str, Literal["entry", "exit"]], tuple[int, Decimal]]


def _worse(run: Run, fills: Sequence[rec.FillRecorded]) -> _Worse:
    """By leg and way: contracts, and how much worse than their order's reference they filled (below 0: better), price times contracts."""
    sums: dict[tuple[str, Literal["entry", "exit"]], tuple[int, Decimal]] = {}
    for one in fills:
        order = run.orders.get(one.fill.client_order_id or "")
        if order is None or order.reference is None:
            continue
        way: Literal["entry", "exit"] = "entry" if order.intent.purpose is Purpose.ENTRY else "exit"
        count, worse = sums.get((one.leg, way), (0, ZERO))
        apart = one.fill.side.sign * (one.fill.price - order.reference) * one.fill.quantity
        sums[one.leg, way] = count + one.fill.quantity, worse + apart
    return sums


def _slips(run: Run, sums: _Worse) -> Iterator[Slip]:
    for (leg, way), (count, worse) in sums.items():
        yield Slip(leg, way, count, float(worse / count / run.leg(leg).tick_size))


def _exit_secs(records: Sequence[rec.AnyRecord]) -> float | None:
    """From the first decision to leave to the last fill after it, by this machine's clock."""
    decided = next((one.wall for one in records if isinstance(one, rec.ExitDecided)), None)
    closed = [one.wall for one in records if isinstance(one, rec.FillRecorded)]
    return None if decided is None or not closed or closed[-1] < decided else (closed[-1] - decided).total_seconds()


def _fill_secs(run: Run, records: Sequence[rec.AnyRecord]) -> list[float]:
    """From each order's intent to the last fill of it, by this machine's clock."""
    last: dict[str, datetime] = {
        one.fill.client_order_id: one.wall
        for one in records
        if isinstance(one, rec.FillRecorded) and one.fill.client_order_id
    }
    return [(at - run.orders[name].intended_at).total_seconds() for name, at in last.items() if name in run.orders]


def _margin(run: Run) -> Decimal | None:
    """USD that the short options tie up when entered, each by itself, at the price they were sold for; None where nothing is short."""
    if run.spot_at_entry is None:
        return None
    found = ZERO
    for leg in run.legs:
        ledger = run.ledger(leg.key)
        if leg.side is Side.SELL and ledger.entered and leg.strike:
            found += short_option_margin(
                spot=run.spot_at_entry, mark=ledger.entered_value / ledger.entered, quantity=ledger.entered,
                contract_value=leg.contract_value, initial_margin_pct=leg.margin_pct,
            )  # fmt: skip
    return found or None


def _level(run: Run) -> Decimal | None:
    """The P&L (% of the basis) at which the exit was to fire; None for one that has no such level."""
    exits = run.preset.exits
    match run.exit_reason:
        case "max_loss":
            return -exits.max_loss_pct
        case "max_profit":
            return exits.max_profit_pct
        case "trailing_stop" | "breakeven":
            return run.level_pct
    return None


class _Alone:
    """How long and how much a short leg stood without what it belongs with."""

    def __init__(self) -> None:
        self.secs = 0.0
        self.worst = ZERO
        self._since: datetime | None = None

    def follow(self, run: Run, record: rec.AnyRecord) -> None:
        if self._since is not None and run.naked_since is None:
            self.secs += (record.wall - self._since).total_seconds()
        self._since = run.naked_since
        if run.naked_since is not None and run.spot_at_entry is not None:
            beyond = astray(run.legs, {leg.key: run.open_quantity(leg.key) for leg in run.legs})
            units = sum((count * run.leg(key).contract_value for key, count in beyond.items()), ZERO)
            self.worst = max(self.worst, units * run.spot_at_entry)
