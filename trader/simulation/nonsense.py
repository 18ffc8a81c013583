"""EC1: no run begins an entry at prices at which it is not worth making, by the limits of its preset: what a leg and what all legs
bring, what spread and fees of both ways take of the maximum loss in the first second, what the fees take of what is at stake.
"""

from decimal import Decimal

from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.engine import records as rec
from trader.engine.records import LegTerms, Phase
from trader.pricing.fees import option_commission
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote
from trader.simulation.triggers import most_lost

_SLACK = Decimal("1.02")  # our arithmetic and the engine's may differ by a tick of a leg, never by this


class NonsenseRules:
    """Judges the moment at which an entry begins."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        if (
            isinstance(record, rec.PhaseChanged)
            and record.phase is Phase.ENTERING
            and run is not None
            and not run.orders
        ):
            self._check(run)

    def _check(self, run: RunNote) -> None:
        heard, risk = self._evidence.heard, run.preset.risk
        quotes = {leg.key: heard.newest.get(leg.symbol) for leg in run.legs}
        if heard.spot <= 0 or self._evidence.is_late():
            return
        premium = start = fees = Decimal(0)
        for leg in run.legs:
            quote = quotes[leg.key]
            if quote is None or quote.mark is None or not quote.bid or not quote.ask:
                return  # I15 says what is wrong with that
            units, price = leg.quantity * leg.contract_value, _enters_at(run, leg, quote)
            guard = max(quote.mark * run.preset.exits.spread_guard_pct / 100, 5 * leg.tick_size)
            leaves_at = (
                min(quote.ask, quote.mark + guard) if leg.side is Side.SELL else max(quote.bid, quote.mark - guard)
            )
            brings = -leg.side.sign * price * units
            fee = self._fee(leg, price) + self._fee(leg, leaves_at)
            premium, fees = premium + brings, fees + fee
            start += -leg.side.sign * (price - leaves_at) * units - fee
            if leg.side is Side.SELL:
                if price + leg.tick_size < risk.min_leg_ticks * leg.tick_size:
                    self._told(run, f"{leg.symbol} is sold at {price}, {risk.min_leg_ticks} ticks are the least")
                if brings * _SLACK < risk.min_leg_premium_usd:
                    self._told(run, f"{leg.symbol} brings {brings} USD, {risk.min_leg_premium_usd} are the least")
        if premium > 0 and premium * _SLACK < risk.min_premium_usd:
            self._told(run, f"all legs bring {premium} USD, {risk.min_premium_usd} are the least")
        entered = {leg.key: leg.quantity for leg in run.legs}
        basis = premium if premium > 0 else most_lost(run.legs, entered, premium)
        if basis is None or basis <= 0:
            return
        lost = -start / (basis * run.preset.exits.max_loss_pct / 100) * 100
        if lost > risk.max_start_loss_pct * _SLACK:
            self._told(run, f"{lost:.1f} % of the maximum loss are gone at once, {risk.max_start_loss_pct} is the most")
        if fees / basis * 100 > risk.max_fee_share_pct * _SLACK:
            self._told(run, f"fees are {fees / basis * 100:.1f} % of the basis, {risk.max_fee_share_pct} is the most")

    def _fee(self, leg: LegTerms, price: Decimal) -> Decimal:
        return option_commission(
            rate=leg.fee_rate,
            cap=leg.fee_cap,
            spot=self._evidence.heard.spot,
            price=price,
            quantity=leg.quantity,
            contract_value=leg.contract_value,
        )

    def _told(self, run: RunNote, words: str) -> None:
        self._evidence.report("EC1", f"run {run.run_id} begins an entry although {words}")


def _enters_at(run: RunNote, leg: LegTerms, quote: Quote) -> Decimal:
    """The price its first order stands at, as far as ticks and collar do not move it."""
    assert quote.mark is not None and quote.bid is not None and quote.ask is not None
    match run.preset.orders.entry_reference:
        case "mid":
            return (quote.bid + quote.ask) / 2
        case "mark":
            return quote.mark
        case "touch":
            return quote.bid if leg.side is Side.SELL else quote.ask
