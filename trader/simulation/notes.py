"""What the journal says, kept by the oracle's own hand: nothing of the engine's fold is used to judge the engine."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from trader.config.account_limits import AccountLimits, read_limits
from trader.config.pinned import pinned_preset
from trader.config.preset import Preset
from trader.config.ticket import TicketRequest
from trader.domain.expiry import ist_date
from trader.domain.fill import Fill, FillKind
from trader.domain.foreign import Foreign
from trader.domain.instrument import Kind
from trader.domain.order import OrderIntent, OrderStatus, Purpose, next_status
from trader.engine import records as rec
from trader.engine.records import LegTerms, Level, Phase
from trader.engine.tickets.terms import preset_of


def day_of(record: rec.Record) -> date:
    """The Indian day of a record, by the exchange's time where it was known."""
    return ist_date(record.market or record.wall)


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


class OrderNote(msgspec.Struct):
    """One intent and what the journal knows of its fate."""

    intent: OrderIntent
    secs: float
    epoch: int
    status: OrderStatus = OrderStatus.CREATED
    reported: int = 0
    filled: int = 0
    cancel_secs: float | None = None
    ended: float = 0.0
    code: str = ""

    @property
    def open(self) -> bool:
        return not self.status.terminal


class RunNote(msgspec.Struct):
    """One run by its records. Instants are seconds of true time."""

    run_id: str
    created: float
    config: dict[str, object]
    ticket: dict[str, object] = {}  # the request of a single order
    legs: tuple[LegTerms, ...] = ()
    phase: Phase = Phase.WAITING
    phase_secs: float = 0.0
    unsold: tuple[str, ...] = ()  # symbols of which nothing had been sold when HOLDING began
    entry_at: datetime | None = None
    exit_at: datetime | None = None
    orders: dict[str, OrderNote] = {}
    fills: dict[str, tuple[str, Fill]] = {}
    costs: dict[str, tuple[int, Decimal]] = {}  # of fills told without: contracts whose cost is known, and USD of it
    positions: dict[str, int] = {}
    missing: dict[
        str, int
    ] = {}  # contracts that the read before the newest fill did not show, where others held them too
    moved: list[rec.ClosingMoved] = []  # what another's order has closed of it, or one of its own of another's
    beside: tuple[Foreign, ...] = ()
    stop_secs: float | None = None
    cancel_secs: float | None = None  # since when no further entry of a ticket may go out
    exit_secs: float | None = None
    exit_reason: str = ""
    exits_decided: int = 0
    peak: Decimal | None = None
    level: Decimal | None = None
    kept: dict[str, float] = {}  # legs held to their settlement, and since when
    finished: rec.RunFinished | None = None
    finished_secs: float = 0.0
    mark: rec.DayMarked | None = None  # the last one, of a midnight it was open over
    compared: rec.WalletCompared | None = None
    funded: list[rec.FundingBooked] = []
    untold_funding: bool = False  # a person was told that some of it is missing
    _preset: Preset | None = None

    @property
    def preset(self) -> Preset:
        """Its configuration, as it was recorded."""
        if self._preset is None and self.ticket:
            self._preset = preset_of(TicketRequest.model_validate(self.ticket), "BTC")
        elif self._preset is None:
            self._preset = pinned_preset(self.config)
        return self._preset

    @property
    def is_perpetual(self) -> bool:
        return any(leg.kind is Kind.PERPETUAL for leg in self.legs)

    def leg(self, key: str) -> LegTerms:
        return next(leg for leg in self.legs if leg.key == key)

    def net(self, key: str, *, own_only: bool = False) -> int:
        """Signed contracts the journal's fills make on a leg."""
        moved = sum(one.quantity for one in self.moved if one.leg == key and not own_only)
        return -moved * self.leg(key).side.sign * bool(moved) + sum(
            f.side.sign * f.quantity
            for k, f in self.fills.values()
            if k == key and (not own_only or f.kind is FillKind.NORMAL)
        )

    def moved_cash(self) -> Decimal:
        """USD of what was closed by another run's order, less that of its own orders which belongs to another."""
        worths = (-one.side.sign * one.quantity * one.price * self.leg(one.leg).contract_value for one in self.moved)
        return sum(worths, Decimal(0))

    def told_since(self, since: datetime, products: set[int]) -> Decimal:
        """USD that the run has told of these contracts since that instant, what it has estimated included."""
        told = Decimal(0)
        for key, (leg, fill) in self.fills.items():
            if fill.product_id in products and (fill.ts_event is None or fill.ts_event >= since):
                _, known = self.costs.get(key, (0, Decimal(0)))
                cost = known if fill.commission is None else fill.commission
                told += fill.cash_flow(self.leg(leg).contract_value) - cost
        told += sum(
            (one.amount for one in self.funded if one.at >= since and self.leg(one.leg).product_id in products),
            Decimal(0),
        )
        if self.finished is None or (self.finished.market or self.finished.wall) < since:
            return told
        is_of_these = any(leg.product_id in products for leg in self.legs)
        return told - self.finished.estimated_fees if is_of_these else told

    def told_on(self, day: date) -> Decimal:
        """USD that the run has booked on that Indian day, what it has estimated included."""
        told = Decimal(0)
        for key, (leg, fill) in self.fills.items():
            if fill.ts_event is not None and ist_date(fill.ts_event) == day:
                _, known = self.costs.get(key, (0, Decimal(0)))
                cost = known if fill.commission is None else fill.commission
                told += fill.cash_flow(self.leg(leg).contract_value) - cost
        return told

    def done_in(self, symbol: str) -> int:
        """Signed contracts the journal says a run has of a contract: by fills, or by its orders' own word before them."""
        fills = sum(f.side.sign * f.quantity for _, f in self.fills.values() if f.symbol == symbol)
        untold = (o for o in self.orders.values() if o.intent.symbol == symbol and o.reported > o.filled)
        fills += sum(one.side.sign * one.quantity for one in self.moved if one.symbol == symbol)
        return fills + sum((o.reported - o.filled) * o.intent.side.sign for o in untold)

    def leg_orders(self, key: str, *purposes: Purpose) -> list[OrderNote]:
        return [
            o for o in self.orders.values() if o.intent.leg == key and (not purposes or o.intent.purpose in purposes)
        ]


class Notes:
    """All runs of the journal."""

    def __init__(self) -> None:
        self.runs: dict[str, RunNote] = {}
        self._unfinished: dict[str, RunNote] = {}
        self.level = Level.ACTIVE
        self.level_secs = 0.0
        self.limits = AccountLimits()
        self.margin_mode: str | None = None  # of the account, as it was recorded
        self.locked_day: date | None = None
        self.locked_week: date | None = None
        self.warned: dict[str, date | None] = {}  # for which day and which week (its Monday) of a loss near its limit
        self.compared: rec.DayCompared | None = None  # the last day that was held against the ledger
        self.made: dict[date, Decimal] = {}  # USD by the Indian day that has made it, by what ended and was marked
        self.locked_secs = self.unlocked_secs = 0.0
        self.resumed_by: set[str] = set()  # commands that have lowered the level
        self.filled_secs: dict[str, float] = {}  # symbol → when the newest fill in it, of any run, was recorded
        self.critical: list[int] = []  # numbers of the alerts that are repeated until they are acknowledged
        self._count = 0

    def take(self, record: rec.AnyRecord, epoch: int, secs: float) -> None:
        """One committed record."""
        self._count += 1
        match record:
            case rec.LevelChanged():
                self.level, self.level_secs = record.level, secs
                if record.level is Level.ACTIVE:
                    self.resumed_by.add(record.command_id)
            case rec.LimitsSet(limits=limits):
                self.limits = read_limits(limits)
            case rec.MarginObserved(mode=mode):
                self.margin_mode = mode
            case rec.LossLocked(day=None, week=None):
                self.locked_day, self.locked_week, self.unlocked_secs = None, None, secs
            case rec.LossLocked(day=day, week=week):
                self.locked_day, self.locked_week, self.locked_secs = day, week, secs
            case rec.LossWarned(day=day, week=week):
                self.warned = {"daily": day, "weekly": week}
            case rec.DayCompared():
                self.compared = record
            case rec.AlertRaised(level="error"):
                self.critical.append(self._count)
            case _:
                pass
        if isinstance(record, rec.RunCreated):
            made = RunNote(
                run_id=record.run_id, created=secs, config=record.config, ticket=record.ticket, phase_secs=secs
            )
            self.runs[record.run_id] = self._unfinished[record.run_id] = made
            return
        run = self.runs.get(record.run_id)
        if run is None:
            return
        match record:
            case rec.ScheduleFixed():
                run.entry_at, run.exit_at = record.entry_at, record.exit_at
            case rec.LegsChosen():
                run.legs, run.exit_at = record.legs, record.exit_at
            case rec.PhaseChanged():
                run.phase, run.phase_secs = record.phase, secs
                if record.phase is Phase.HOLDING:
                    sold = {key for key, fill in run.fills.values() if fill.side is run.leg(key).side}
                    run.unsold = tuple(leg.symbol for leg in run.legs if leg.key not in sold)
            case rec.TicketAmended(ticket=ticket):
                run.ticket, run._preset = ticket, None
                run.legs = tuple(msgspec.structs.replace(leg, quantity=ticket["quantity"]) for leg in run.legs)
            case rec.CancelRequested():
                run.cancel_secs = secs if run.cancel_secs is None else run.cancel_secs
            case rec.BesideConfirmed():
                run.beside = record.foreign
            case rec.StopRequested():
                run.kept = run.kept if run.stop_secs is not None else {}
                run.stop_secs = secs if run.stop_secs is None else run.stop_secs
            case rec.LegKept(leg=leg):
                run.kept = {**run.kept, leg: secs}
            case rec.LegReleased(leg=leg):
                run.kept = {key: at for key, at in run.kept.items() if key != leg}
            case rec.ExitDecided():
                run.exits_decided += 1
                if run.exit_secs is None:
                    run.exit_secs, run.exit_reason = secs, record.reason
            case rec.OrderIntended(intent=intent):
                run.orders[intent.client_order_id] = OrderNote(intent, secs, epoch)
            case rec.CancelIntended(client_order_id=coid):
                run.orders[coid].cancel_secs = secs
            case rec.OrderResolved():
                self._resolved(run, record, secs)
            case rec.FillRecorded(fill=fill, leg=leg):
                self.filled_secs[fill.symbol] = secs
                self._filled(run, leg, fill, secs)
            case rec.FillCosted():
                self._costed(run, record)
            case rec.ClosingMoved(symbol=symbol):
                run.moved.append(record)
                self.filled_secs[symbol] = secs
            case rec.PositionObserved(symbol=symbol, quantity=quantity):
                run.positions[symbol] = quantity
                run.missing.pop(symbol, None)
            case rec.Trailed():
                run.peak, run.level = record.peak_pct, record.level_pct
            case rec.AlertRaised(code=code) if code.startswith("funding_"):
                run.untold_funding = True
            case rec.FundingBooked():
                run.funded.append(record)
            case rec.WalletCompared():
                run.compared = record
            case rec.DayMarked():
                carried = run.mark.pnl if run.mark is not None else Decimal(0)
                self._make(record.day, record.pnl - carried)
                run.mark = record
            case rec.RunFinished():
                carried = run.mark.pnl if run.mark is not None else Decimal(0)
                self._make(day_of(record), record.realized_pnl - carried)
                run.finished, run.finished_secs, run.phase = record, secs, Phase.DONE
                self._unfinished.pop(run.run_id, None)
            case _:
                pass

    def _make(self, day: date, usd: Decimal) -> None:
        self.made[day] = self.made.get(day, Decimal(0)) + usd

    def _resolved(self, run: RunNote, record: rec.OrderResolved, secs: float) -> None:
        order = run.orders.get(record.client_order_id)
        if order is None:
            return
        order.status = next_status(order.status, record.status)
        order.ended = secs
        order.code = record.code or order.code
        if record.filled_qty is not None:
            order.reported = max(order.reported, record.filled_qty)

    def _costed(self, run: RunNote, record: rec.FillCosted) -> None:
        leg, fill = run.fills[record.fill_id]
        if fill.commission is not None:
            return
        contracts, cost = run.costs.get(record.fill_id, (0, Decimal(0)))
        contracts += fill.quantity if record.quantity is None else record.quantity
        cost += record.commission
        run.costs[record.fill_id] = contracts, cost
        if contracts >= fill.quantity:
            run.fills[record.fill_id] = (leg, msgspec.structs.replace(fill, commission=cost))

    def _filled(self, run: RunNote, leg: str, fill: Fill, secs: float) -> None:
        seen = run.positions.pop(fill.symbol, None)
        others = (one for one in self.unresolved() if one is not run)
        if seen is not None and any(k.symbol == fill.symbol and one.net(k.key) for one in others for k in one.legs):
            run.missing[fill.symbol] = max(abs(run.net(leg)) - abs(seen), 0)
        run.fills[fill.key] = (leg, fill)
        order = run.orders.get(fill.client_order_id or "")
        if order is None:
            return
        order.filled += fill.quantity
        order.ended = secs
        whole = order.filled >= order.intent.quantity
        order.status = next_status(order.status, OrderStatus.FILLED if whole else OrderStatus.PARTIALLY_FILLED)

    def unresolved(self) -> list[RunNote]:
        return list(self._unfinished.values())

    def structures(self) -> list[RunNote]:
        """The same without single orders."""
        return [run for run in self._unfinished.values() if not run.ticket]

    def newest(self) -> RunNote | None:
        """The newest unfinished run; where there is none, the newest of all."""
        held = {run.run_id: run for run in self.structures()}
        known = {run.run_id: run for run in self.runs.values() if not run.ticket}
        return next(reversed((held or known).values()), None)
