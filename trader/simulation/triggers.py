"""CT7–CT10: does a rule that is true lead to an exit, and is an exit decided on what can be seen? The oracle's own sums."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.engine import records as rec
from trader.engine.records import LegTerms, Phase
from trader.pricing.fees import futures_commission, option_commission
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote

_TRIGGER_SECS = 3.0
MARGIN_PCT = Decimal("0.5")  # our arithmetic and the engine's may differ by rounding, never by this
_PRICE_REASONS = frozenset({"max_loss", "liquidation_guard", "max_profit", "trailing_stop", "breakeven"})


class TriggerRules:
    """Follows the prices of the newest run while it is held."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._watched = ""  # the run whose prices are being followed
        self._sighted: dict[str, float] = {}  # run → when all of it that is open was last priced
        self._priced: dict[str, float] = {}  # run → since when it can be priced without a gap
        self._streak: tuple[str, int, float] = ("", 0, 0.0)
        self._pcts: list[Decimal] = []
        self._peak: dict[str, Decimal] = {}
        self._wide: dict[tuple[str, str], float] = {}  # run and leg → since when its touch lies beyond the spread guard

    def booted(self) -> None:
        self._streak = ("", 0, 0.0)
        self._pcts.clear()
        self._wide.clear()
        self._priced.clear()
        # What a runner saw and could not record before it died nobody knows: the journal's peak counts.
        self._peak = {run.run_id: run.peak for run in self._evidence.notes.structures() if run.peak is not None}

    def priced(self, younger: set[str]) -> None:
        """Prices were heard; of these symbols all of it is fresh."""
        self._see()
        for one in self._evidence.notes.structures():
            self._measure(one)
        run = self._evidence.notes.newest()
        held = self._held(run)
        if run is None or not held:
            return
        if {leg.symbol for leg in held} <= younger:
            self._evaluate(run, held)

    def chain_heard(self) -> None:
        self._see()

    def _see(self) -> None:
        for run in self._evidence.notes.structures():
            if self._held(run):
                self._sighted[run.run_id] = self._evidence.secs
                self._priced.setdefault(run.run_id, self._evidence.secs)
            else:
                self._priced.pop(run.run_id, None)

    def _held(self, run: RunNote | None) -> list[LegTerms]:
        """The open legs of a run that is held, where all of them can be priced."""
        return [] if run is None or run.phase is not Phase.HOLDING else self._open(run)

    def _open(self, run: RunNote) -> list[LegTerms]:
        """The same in any phase."""
        held = [leg for leg in run.legs if run.net(leg.key) != 0]
        return held if all(self._evidence.heard.usable(leg.symbol) for leg in held) else []

    def priced_since(self, run: RunNote) -> float:
        """Since when all that is open of a run could be priced without a gap; now, where it cannot."""
        return self._priced.get(run.run_id, self._evidence.secs)

    def pnl_of(self, run: RunNote) -> Decimal | None:
        """USD a run that is held has made, as exits at a loss count it, less what its fills must have cost where that is not told yet;
        None where it cannot be priced."""
        held = self._held(run)
        return self._pnl(run, held, self._guarded(run, held)) - self._untold(run) if held else None

    def _untold(self, run: RunNote) -> Decimal:
        """USD by the rates of the contracts, for as much of each fill as the exchange has not told the cost of."""
        total = Decimal(0)
        for name, (key, fill) in run.fills.items():
            if fill.commission is None:
                contracts, known = run.costs.get(name, (0, Decimal(0)))
                total += known + self._fee(run.leg(key), fill.price, fill.quantity - contracts)
        return total

    def pct_of(self, run: RunNote) -> Decimal | None:
        """% of its basis that a run has made if all of it is closed at the touch; None where it cannot be priced."""
        held = self._held(run)
        return self._pnl_pct(run, held, frozenset()) if held else None

    def closing_pct(self, run: RunNote) -> Decimal | None:
        """What closing at the touch costs beside the mark, spread and fees, % of the basis. None where it cannot be priced."""
        held, basis = self._held(run), _basis(run)
        if not held or basis is None:
            return None
        worth = sum((self._quote(leg).mark or 0) * _units(run, leg) for leg in held)
        return (worth - self._closed(run, held, frozenset())) / basis * 100

    def is_offered(self, run: RunNote) -> bool:
        """Whether everything that is held of a run can be closed at a price: else no profit is known."""
        return all(self._prices(run, leg)[0] is not None for leg in self._held(run))

    def _measure(self, run: RunNote) -> None:
        """Since when each leg's touch lies beyond the guard, or is not there: what is seen while a run is still entered counts too."""
        for leg in self._open(run):
            touch, bound = self._prices(run, leg)
            if touch is None or (touch - bound) * leg.side.sign < 0:
                self._wide.setdefault((run.run_id, leg.key), self._evidence.secs)
            else:
                self._wide.pop((run.run_id, leg.key), None)

    def counted_pct(self, run: RunNote, slack_secs: float) -> Decimal | None:
        """The same as exits at a loss count it, where the guard lasts so much longer (shorter, where negative) than the preset says."""
        held = self._held(run)
        return self._pnl_pct(run, held, self._guarded(run, held, slack_secs)) if held else None

    def _guarded(self, run: RunNote, held: list[LegTerms], slack_secs: float = _TRIGGER_SECS) -> frozenset[str]:
        """Legs whose wide spread a stop may look past; where it has just ended, the stop has its seconds to fire."""
        most = run.preset.exits.spread_guard_secs + slack_secs
        since = {leg.key: self._wide.get((run.run_id, leg.key)) for leg in held}
        return frozenset(key for key, at in since.items() if at is not None and self._evidence.secs - at < most)

    def _pnl_pct(self, run: RunNote, held: list[LegTerms], guarded: frozenset[str]) -> Decimal | None:
        """The same as % of the net credit, or of the most that can be lost."""
        basis = _basis(run)
        return None if basis is None else self._pnl(run, held, guarded) / basis * 100

    def _pnl(self, run: RunNote, held: list[LegTerms], guarded: frozenset[str]) -> Decimal:
        """USD at cost to close, by the oracle's own sum. Legs of `guarded`, and what nobody offers, count no further from the mark
        than the spread guard."""
        values = {leg.key: leg.contract_value for leg in run.legs}
        banked = (fill.cash_flow(values[key]) - (fill.commission or 0) for key, fill in run.fills.values())
        funded = sum((one.amount for one in run.funded), Decimal(0))
        return sum(banked, funded) + run.moved_cash() + self._closed(run, held, guarded)

    def _closed(self, run: RunNote, held: list[LegTerms], guarded: frozenset[str]) -> Decimal:
        """USD that closing these legs brings (negative: takes), fees in it."""
        brings = Decimal(0)
        for leg in held:
            touch, bound = self._prices(run, leg)
            price = bound if touch is None else touch
            if leg.key in guarded:
                price = min(price, bound) if leg.side is Side.SELL else max(price, bound)
            brings += price * _units(run, leg) - self._fee(leg, price, abs(run.net(leg.key)))
        return brings

    def _fee(self, leg: LegTerms, price: Decimal, quantity: int) -> Decimal:
        """USD of commission and GST of trading so many contracts."""
        value = leg.contract_value
        if leg.kind is Kind.PERPETUAL:
            return futures_commission(rate=leg.fee_rate, price=price, quantity=quantity, contract_value=value)
        return option_commission(
            rate=leg.fee_rate,
            cap=leg.fee_cap,
            spot=self._evidence.heard.spot,
            price=price,
            quantity=quantity,
            contract_value=value,
        )

    def _prices(self, run: RunNote, leg: LegTerms) -> tuple[Decimal | None, Decimal]:
        """The touch at which a leg is closed, None where nobody offers it; and how far from the mark the guard lets it count."""
        quote = self._quote(leg)
        assert quote.mark is not None
        leeway = max(quote.mark * run.preset.exits.spread_guard_pct / 100, 5 * leg.tick_size)
        if leg.side is Side.SELL:
            return quote.ask or None, quote.mark + leeway
        bound = max(quote.mark - leeway, Decimal(0))
        return quote.bid or Decimal(0), min(bound, quote.ask) if quote.ask else bound

    def _quote(self, leg: LegTerms) -> Quote:
        return self._evidence.heard.newest[leg.symbol]

    def _evaluate(self, run: RunNote, held: list[LegTerms]) -> None:
        """CT7: the same rule true on consecutive fresh evaluations must lead to an exit: the profit at the touch, a loss as the
        spread guard counts it."""
        pct = self._pnl_pct(run, held, frozenset())
        counted = self._pnl_pct(run, held, self._guarded(run, held))
        if pct is None or counted is None or any(f.commission is None for _, f in run.fills.values()):
            return
        if run.run_id != self._watched:
            self._watched, self._streak, self._pcts = run.run_id, ("", 0, 0.0), []
        self._pcts.append(pct)
        exits = run.preset.exits
        need = max(exits.confirmations, 2)
        is_known = self.is_offered(run)
        if len(self._pcts) >= 2 and is_known:
            low = min(self._pcts[-2:])
            self._peak[run.run_id] = max(self._peak.get(run.run_id, low), low)
        kind = ""
        if counted <= -exits.max_loss_pct - MARGIN_PCT:
            kind = "max_loss"
        elif is_known and pct >= exits.max_profit_pct + MARGIN_PCT:
            kind = "max_profit"
        elif exits.trailing_enabled:
            peak = self._peak.get(run.run_id, Decimal(-1000)) - MARGIN_PCT
            levels = [t.stop_pct for t in exits.trailing_tiers if peak >= t.peak_pct][-1:]
            levels += [run.level] if run.level is not None else []
            if levels and counted <= max(levels) - MARGIN_PCT:
                kind = "trailing"
        last, count, _ = self._streak
        if not kind:
            self._streak = ("", 0, 0.0)
        elif kind != last:
            self._streak = (kind, 1, self._evidence.secs)
        elif count + 1 <= need:
            self._streak = (kind, count + 1, self._evidence.secs)

    # ------------------------------------------------------------ at the commit

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        match record:
            case rec.Trailed() if run is not None:
                fell = run.peak is not None and record.peak_pct < run.peak
                loosened = run.level is not None and (record.level_pct is None or record.level_pct < run.level)
                if fell or loosened:
                    self._evidence.report("CT9", f"trail {run.peak}/{run.level} → {record.peak_pct}/{record.level_pct}")
            case rec.ExitDecided() if run is not None:
                self._check_decision(run, record)
            case _:
                pass

    def _check_decision(self, run: RunNote, record: rec.ExitDecided) -> None:
        repeated = record.reason == run.exit_reason and "F4" in self._evidence.world.faults.last_of
        if run.exits_decided and not repeated:
            self._evidence.report("CT8", f"a second exit decision: {record.reason} after {run.exit_reason}")
        if record.reason in _PRICE_REASONS and not self._evidence.is_late():
            for leg in run.legs:
                if run.net(leg.key) != 0 and not self._evidence.heard.usable(leg.symbol):
                    self._evidence.report(
                        "CT10", f"{record.reason} decided on {self._evidence.heard.newest.get(leg.symbol)}"
                    )

    # ------------------------------------------------------------ every second

    def every_second(self, healthy: float) -> None:
        for run in self._evidence.notes.structures():
            if run.phase is Phase.HOLDING:
                self._check_trigger(run, healthy)
                self._check_blind(run, healthy)

    def _check_trigger(self, run: RunNote, healthy: float) -> None:
        kind, count, since = self._streak
        if run.run_id != self._watched or not kind or count < max(run.preset.exits.confirmations, 2):
            return
        waited = self._evidence.secs - since
        if waited > _TRIGGER_SECS and healthy > waited + 0.5:
            self._evidence.report("CT7", f"{kind} true for {waited:.1f} s without an exit")

    def _check_blind(self, run: RunNote, healthy: float) -> None:
        """CT10: what cannot be priced for too long is closed."""
        blind = self._evidence.secs - max(self._sighted.get(run.run_id, 0.0), run.phase_secs)
        if min(blind, healthy) > run.preset.exits.blind_exit_secs + 12:
            self._evidence.report("CT10", f"holding blind for {blind:.0f} s")


def _units(run: RunNote, leg: LegTerms) -> Decimal:
    """Units of the underlying that are open of a leg, negative where it is short."""
    return leg.side.sign * abs(run.net(leg.key)) * leg.contract_value


def _basis(run: RunNote) -> Decimal | None:
    """USD that percentages are of: the net credit, or the most that can be lost; None where there is neither."""
    entered, premium = dict.fromkeys((leg.key for leg in run.legs), 0), Decimal(0)
    for key, fill in run.fills.values():
        leg = run.leg(key)
        if fill.side is leg.side:
            entered[key] += fill.quantity
            premium += fill.cash_flow(leg.contract_value)
    basis = premium if premium > 0 else most_lost(run.legs, entered, premium)
    return basis if basis is not None and basis > 0 else None


def most_lost(legs: Sequence[LegTerms], entered: Mapping[str, int], premium: Decimal) -> Decimal | None:
    """USD lost at expiry where spot is worst for what was entered; None where there is no bound."""
    worst = None
    calls = sum(entered[leg.key] * leg.side.sign for leg in legs if leg.kind is Kind.CALL)
    if calls < 0:
        return None
    for spot in (Decimal(0), *(leg.strike for leg in legs)):
        settled = premium
        for leg in legs:
            inside = spot - leg.strike if leg.kind is Kind.CALL else leg.strike - spot
            settled += leg.side.sign * entered[leg.key] * leg.contract_value * max(inside, Decimal(0))
        worst = settled if worst is None else min(worst, settled)
    return None if worst is None else -worst
