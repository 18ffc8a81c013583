"""LM1–LM5: the account's limits, by sums of the oracle's own. LM1 no entry goes beyond one. LM2 after a loss has locked, no run
and no entry begins until the next Indian day (week) or a person's resume, over restarts too. LM3 what is open then is closed where
the document says so. LM4 a loss that lasts is locked. LM5 no exit is refused for a limit. Set limits are in force (LM1).
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from trader.config.account_limits import AccountLimits, ContractLimits, read_limits
from trader.domain.errors import ConfigError
from trader.domain.expiry import ist_date
from trader.domain.order import OrderIntent, Purpose
from trader.engine import records as rec
from trader.engine.records import LegTerms, Phase
from trader.simulation.disk import CommandRow
from trader.simulation.evidence import Evidence
from trader.simulation.losing import LossRules
from trader.simulation.notes import RunNote, monday_of
from trader.simulation.ordering import OrderRules
from trader.simulation.venue import Arrival

_LOSS_SECS = 8.0  # two until a loss counts as lasting, the rest for prices that come every two seconds
_MARGIN_USD = Decimal("0.02")
_CLOSES_SECS = 2.5
_CLOCK_SECS = 2.0


def _bounds(limits: AccountLimits, symbol: str) -> ContractLimits:
    """What bounds one contract besides: of the names that it begins with, the longest."""
    found = sorted((len(name), name) for name in limits.instruments if symbol[: len(name)] == name)
    return limits.instruments[found[-1][1]] if found else ContractLimits()


class LimitRules:
    """Adds up what all runs hold, order and lose."""

    def __init__(self, evidence: Evidence, orders: OrderRules, losses: LossRules) -> None:
        self._evidence = evidence
        self._orders = orders
        self._losses = losses
        self._entries: deque[tuple[datetime, bool]] = deque(maxlen=256)  # when (wall) the newest were decided; tickets'
        self._to_close: dict[str, float] = {}  # runs that the daily loss has to close, and since when
        self._losing: dict[str, float] = {}  # since when all runs together have lost as much as they may, by limit

    # ------------------------------------------------------------ at the commit

    def before(self, record: rec.AnyRecord) -> None:
        notes = self._evidence.notes
        match record:
            case rec.OrderIntended(intent=intent) if intent.purpose is Purpose.ENTRY and record.cause != "recovery":
                self._entries.append((record.wall, bool(notes.runs[record.run_id].ticket)))
                self._check_entry(notes.runs[record.run_id], intent, record.wall)
            case rec.OrderDenied(intent=intent) if intent.purpose is not Purpose.ENTRY:
                if record.code.startswith("ACCOUNT_") or record.code.endswith(("_CONTRACTS", "_NOTIONAL")):
                    self._evidence.report("LM5", f"{intent.client_order_id} is refused: {record.code} {record.detail}")
            case rec.RunCreated() if self._is_locked() and not record.ticket:
                self._evidence.report("LM2", f"run {record.run_id} begins although the day is locked")
            case rec.LossLocked():
                daily = record.day not in (None, notes.locked_day) and notes.limits.daily_loss_closes
                weekly = record.week not in (None, notes.locked_week) and notes.limits.weekly_loss_closes
                for run in notes.unresolved() if daily or weekly else ():
                    if run.phase in (Phase.ENTERING, Phase.HOLDING) and run.exit_secs is None:
                        self._to_close.setdefault(run.run_id, self._evidence.secs)
            case _:
                pass

    def _is_locked(self) -> bool:
        """For the day that is not over within what the runner's time may be off by."""
        soon = self._evidence.world.agenda.now + timedelta(seconds=_CLOCK_SECS)
        notes, day = self._evidence.notes, ist_date(soon)
        return notes.locked_day == day or notes.locked_week == monday_of(day)

    def _check_entry(self, run: RunNote, intent: OrderIntent, wall: datetime) -> None:
        limits, coid = self._evidence.notes.limits, intent.client_order_id
        if self._is_locked():
            self._evidence.report("LM2", f"{coid} enters although the day is locked")
        if intent.quantity > limits.order_contracts:
            self._beyond(coid, "order_contracts", intent.quantity, limits.order_contracts)
        recent = sum(wall - at < timedelta(seconds=1) and kind == bool(run.ticket) for at, kind in self._entries)
        name = "ticket_orders_per_second" if run.ticket else "orders_per_second"
        if recent > getattr(limits, name):
            self._beyond(coid, name, recent, getattr(limits, name))
        own, bounds = run.leg(intent.leg), _bounds(limits, intent.symbol)
        if own.quantity < max(limits.order_contracts_least, bounds.order_contracts_least or 0):
            self._beyond(coid, "order_contracts_least", own.quantity, limits.order_contracts_least)
        if bounds.order_contracts is not None and intent.quantity > bounds.order_contracts:
            self._beyond(coid, "instruments", intent.quantity, bounds.order_contracts)
        here = [(one, leg, self._exposed(one, leg)) for one in self._evidence.notes.unresolved() for leg in one.legs]
        beside = [(one, leg, size) for one, leg, size in here if leg.symbol == intent.symbol]
        value = own.contract_value * self._least_spot()
        if intent.quantity * value > limits.order_notional_usd:
            self._beyond(coid, "order_notional_usd", intent.quantity * value, limits.order_notional_usd)
        there = sum(size for *_, size in beside) + intent.quantity
        if bounds.contracts is not None and there > bounds.contracts:
            self._beyond(coid, "instruments", there, bounds.contracts)
        for name, found in (("instrument", beside), ("underlying", here), ("total", here)):
            contracts = sum(size for *_, size in found) + intent.quantity
            prefix = "" if name == "total" else "per_"
            most, richest = (
                getattr(limits, f"contracts_{prefix}{name}"),
                getattr(limits, f"notional_{prefix}{name}_usd"),
            )
            if contracts > most:
                self._beyond(coid, f"contracts_{prefix}{name}", contracts, most)
            if contracts * value > richest:  # every contract of this market is worth the same
                self._beyond(coid, f"notional_{prefix}{name}_usd", contracts * value, richest)

    def _beyond(self, coid: str, name: str, found: object, most: object) -> None:
        self._evidence.report("LM1", f"{coid} makes it {found}, {name} is {most}", f"{coid} {name}")

    def _exposed(self, run: RunNote, leg: LegTerms) -> int:
        """Contracts that are open or may come to be, by the journal or by the exchange, whichever tells of more."""
        told = abs(run.done_in(leg.symbol))
        told += sum(
            o.intent.quantity - max(o.filled, o.reported) for o in run.leg_orders(leg.key, Purpose.ENTRY) if o.open
        )
        venue = self._evidence.world.venue
        resting = sum(
            o.unfilled_size
            for o in venue.account.open_orders.values()
            if o.symbol == leg.symbol and o.client_order_id in run.orders and not o.reduce_only
        )
        return max(told, abs(self._orders.held(run, leg.symbol)) + resting)

    def _least_spot(self) -> Decimal:
        """The lowest index price that the runner may go by."""
        return min([*self._evidence.heard.spots(), self._evidence.world.venue.market.spot("BTC")])

    # ------------------------------------------------------------ at the exchange's door, and at the answer

    def arrived(self, arrival: Arrival) -> None:
        intent, notes = arrival.intent, self._evidence.notes
        if intent is None or intent.purpose is not Purpose.ENTRY or intent.run_id not in notes.runs:
            return
        if self._is_locked() and arrival.signed > notes.locked_secs:
            late = arrival.signed - notes.locked_secs
            self._evidence.report("LM2", f"{intent.client_order_id} signed {late:.3f} s after the day was locked")

    def answered(self, row: CommandRow, records: Sequence[rec.AnyRecord]) -> None:
        if row.kind != "limits" or self._evidence.is_late():
            return
        try:
            wanted = read_limits(row.body["limits"])
        except ConfigError:
            wanted = None
        if (row.status == "accepted") is not (wanted is not None):
            self._evidence.report("LM1", f"limits {row.body['limits']} are {row.status}")
        elif wanted is not None and self._evidence.notes.limits != wanted:
            self._evidence.report("LM1", f"limits {row.body['limits']} are accepted and not in force")

    # ------------------------------------------------------------ every second

    def every_second(self, healthy: float) -> None:
        self._check_closes(healthy)
        self._check_locks(healthy)

    def _check_closes(self, healthy: float) -> None:
        runs = {run.run_id: run for run in self._evidence.notes.unresolved()}
        for run_id, since in list(self._to_close.items()):
            if run_id not in runs or runs[run_id].exit_secs is not None:
                del self._to_close[run_id]
            elif min(self._evidence.secs - since, healthy) > _CLOSES_SECS:
                self._evidence.report("LM3", f"run {run_id} is {runs[run_id].phase} after the daily loss", run_id)

    def _check_locks(self, healthy: float) -> None:
        reached = {
            name: lost
            for name, lost, limit, locked in self._losses.lost()
            if not locked and lost >= limit * Decimal("1.02") + _MARGIN_USD and self._is_held()
        }
        self._losing = {name: self._losing.get(name, self._evidence.secs) for name in reached}
        for name, since in self._losing.items():
            lasting = min(self._evidence.secs - max(since, self._evidence.notes.unlocked_secs), healthy)
            if lasting > _LOSS_SECS:
                text = f"{reached[name]:.2f} USD lost for {lasting:.0f} s, beyond the {name} loss, nothing is locked"
                self._evidence.report("LM4", text)

    def _is_held(self) -> bool:
        return any(run.phase is Phase.HOLDING for run in self._evidence.notes.unresolved())
