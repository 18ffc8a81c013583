"""Rules about legs worked in slices, SL1–SL4, by arithmetic that knows nothing of the engine's. Judged at the commit.

SL1: no order is larger than a slice. SL2: no leg is further than the slices whose time has come. SL3: no leg begins a slice
before the other has filled the one before. SL4: what must end at once takes no slices.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil

from trader.config.preset import Preset
from trader.domain.fill import FillKind
from trader.domain.order import OrderIntent, Purpose, Side
from trader.engine import records as rec
from trader.engine.records import LegTerms, Level, Phase
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote

_CLOCK_SECS = 1.2  # what the runner knows of the exchange's time is off by up to this
_CLOSING = (Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN)
_PATIENT = ("time", "max_profit")


def working_secs(preset: Preset) -> float:
    """How much longer slices may take an entry or exit, each of them tried as often as a whole leg is."""
    orders = preset.orders
    tries = (orders.retries + 2) * (max(orders.timeout_secs, orders.exit_timeout_secs) + 1)
    both = (_Terms(preset, "entry"), _Terms(preset, "exit"))
    return float(max((t.duration + t.count * (t.refresh + tries) for t in both if t.sliced), default=0.0))


def pause_secs(run: RunNote) -> float:
    """For how long an exit that takes its time may try nothing: until the next slice, or until the other leg has filled its."""
    terms = _Terms(run.preset, "exit")
    if not terms.sliced or not _may_wait(run):
        return 0.0
    return float(max(terms.interval, terms.refresh) + run.preset.risk.naked_leg_secs)


def is_in_slices(run: RunNote) -> bool:
    """Whether a leg is being worked in slices now: a phase of the tables of its own."""
    side = {Phase.ENTERING: "entry", Phase.EXITING: "exit"}.get(run.phase)
    return side is not None and _Terms(run.preset, side).sliced and (side == "entry" or _may_wait(run))


def _closable(run: RunNote, leg: LegTerms) -> int:
    """Contracts of a leg that are open and may be closed, by what was read last and has filled since."""
    net, seen = abs(run.net(leg.key)), run.positions.get(leg.symbol)
    return min(net, abs(seen)) if seen is not None else net - run.missing.get(leg.symbol, 0)


def _may_wait(run: RunNote) -> bool:
    if run.stop_secs is not None:
        return run.preset.orders.stop_in_slices and run.exit_reason in (*_PATIENT, "manual")
    return run.exit_reason in _PATIENT


class _Terms:
    """An algorithm's numbers, read once more."""

    def __init__(self, preset: Preset, side: str) -> None:
        orders = preset.orders
        self.algo: str = getattr(orders, f"{side}_algo")
        self.sliced = self.algo in ("twap", "iceberg")
        self.slices: int = getattr(orders, f"{side}_slices")
        self.share: Decimal = getattr(orders, f"{side}_visible_pct")
        self.duration = float(getattr(orders, f"{side}_duration_secs")) if self.algo == "twap" else 0.0
        self.refresh = float(getattr(orders, f"{side}_refresh_secs")) if self.algo == "iceberg" else 0.0
        self.interval = self.duration / self.slices
        self.count: int = self.slices if self.algo == "twap" else ceil(100 / self.share)

    def edges(self, size: int) -> list[int]:
        """Contracts that have filled after each slice."""
        if self.algo == "twap":
            return [ceil(size * number / self.slices) for number in range(self.slices + 1)]
        part = max(ceil(size * self.share / 100), 1)
        return [*range(0, size, part), size]


class SliceRules:
    """Judges each intent as it is committed."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._halted = False
        self._begun: dict[
            tuple[str, int, bool], datetime
        ] = {}  # the first order of a run's rank, in or out: when by the market

    def before(self, record: rec.AnyRecord) -> None:
        self._halted |= isinstance(record, rec.LevelChanged) and record.level is Level.HALTED
        run = self._evidence.notes.runs.get(record.run_id)
        if run is None or not isinstance(record, rec.OrderIntended):
            return
        out = record.intent.purpose is not Purpose.ENTRY
        if record.market is not None:
            self._begun.setdefault((record.run_id, run.leg(record.intent.leg).rank, out), record.market)
        if (
            record.cause == "recovery"
            or self._evidence.is_late()
            or record.market is None
            or record.intent.quantity > run.leg(record.intent.leg).quantity
        ):
            return
        if record.intent.purpose is Purpose.ENTRY:
            if (terms := _Terms(run.preset, "entry")).sliced:
                self._check(run, record.intent, terms, record.market)
        elif (terms := _Terms(run.preset, "exit")).sliced and all(leg.side is Side.SELL for leg in run.legs):
            if not _may_wait(run):
                self._check_at_once(run, record.intent)
            elif not self._may_hurry(run, record.intent.leg):
                self._check(run, record.intent, terms, record.market)

    def _check(self, run: RunNote, intent: OrderIntent, terms: _Terms, at: datetime) -> None:
        begun = self._begun[run.run_id, run.leg(intent.leg).rank, intent.purpose is not Purpose.ENTRY]
        elsewhere = any(k == intent.leg and f.kind is not FillKind.NORMAL for k, f in run.fills.values())
        if elsewhere and run.exit_secs is not None:  # by that it was ahead before its first order
            begun = min(begun, self._evidence.world.agenda.start + timedelta(seconds=run.exit_secs))
        elapsed = (at - begun).total_seconds() + _CLOCK_SECS
        if terms.algo == "twap" and elapsed >= terms.duration:
            return  # the rest goes as one
        report, coid = self._evidence.report, intent.client_order_id
        edges, done = (
            terms.edges(self._size(run, intent.leg, intent.purpose)),
            self._done(run, intent.leg, intent.purpose),
        )
        largest = max(b - a for a, b in zip(edges, edges[1:], strict=False))
        if intent.quantity > largest:
            report("SL1", f"{coid} is for {intent.quantity}, a slice has {largest}", coid)
        if terms.algo == "twap":
            due = edges[min(int(elapsed / terms.interval) + 1, terms.slices)]
            if done + intent.quantity > due:
                report("SL2", f"{coid} makes it {done + intent.quantity}, {due} are due after {elapsed:.1f} s", coid)
        begins = sum(edge <= done for edge in edges[1:])
        for leg in run.legs:
            if leg.key == intent.leg or leg.rank != run.leg(intent.leg).rank or intent.purpose is not Purpose.ENTRY:
                continue
            theirs, size = self._done(run, leg.key, intent.purpose), self._size(run, leg.key, intent.purpose)
            if theirs < size and begins > sum(edge <= theirs for edge in terms.edges(size)[1:]):
                report("SL3", f"{coid} begins slice {begins + 1}, {leg.symbol} has filled {theirs} of {size}", coid)

    def _check_at_once(self, run: RunNote, intent: OrderIntent) -> None:
        """SL4: all that is open and may be closed, but for what another exit works on or has filled unheard."""
        closing = run.leg_orders(intent.leg, *_CLOSING)
        working = sum(o.intent.quantity - o.filled for o in closing if o.open)
        unheard = sum(max(o.reported - o.filled, 0) for o in closing if not o.open)
        left = _closable(run, run.leg(intent.leg)) - working - unheard
        if intent.quantity < left:
            text = f"{intent.client_order_id} closes {intent.quantity} of {left} after {run.exit_reason}"
            self._evidence.report("SL4", text, intent.client_order_id)

    def _may_hurry(self, run: RunNote, key: str) -> bool:
        """Whether something may have turned an exit that takes its time into one that does not: a loss, a halt, a leg alone or
        held to its settlement. Generously: what is left is judged strictly."""
        if key in run.kept or self._halted or any(_closable(run, leg) <= 0 for leg in run.legs):
            return True
        if run.level is not None:
            return True
        premium, cost = Decimal(0), Decimal(0)
        for leg in run.legs:
            sold = [f for k, f in run.fills.values() if k == leg.key and f.side is leg.side]
            premium += sum((f.price * f.quantity for f in sold), Decimal(0))
            marks = self._evidence.heard.recent_marks(leg.symbol)
            seen = self._evidence.heard.newest.get(leg.symbol)
            worst = max(marks, default=Decimal(0)) * (1 + run.preset.exits.spread_guard_pct / 100)
            worst = max(worst, seen.ask) if seen is not None and seen.ask else worst
            cost += sum(
                (f.price * f.quantity for k, f in run.fills.values() if k == leg.key and f.side is not leg.side),
                Decimal(0),
            )
            cost += worst * abs(run.net(leg.key))
        return premium <= 0 or (cost - premium) / premium * 100 > run.preset.exits.max_loss_pct / 2

    def _size(self, run: RunNote, key: str, purpose: Purpose) -> int:
        if purpose is Purpose.ENTRY:
            return run.leg(key).quantity
        return sum(f.quantity for k, f in run.fills.values() if k == key and f.side is run.leg(key).side)

    def _done(self, run: RunNote, key: str, purpose: Purpose) -> int:
        if purpose is Purpose.ENTRY:
            return sum(max(o.filled, o.reported) for o in run.leg_orders(key, Purpose.ENTRY))
        return self._size(run, key, purpose) - abs(run.net(key))
