"""EC1: no run begins an entry at prices at which it is not worth making, by the limits of its preset: what a leg and what all legs
bring, what spread and fees of both ways take of the maximum loss in the first second, what the fees take of what is at stake; and
none that earns nothing wherever spot goes.
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.engine import records as rec
from trader.engine.records import LegTerms, Phase
from trader.pricing.fees import option_commission
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote
from trader.simulation.quotes import is_credible
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
        heard = self._evidence.heard
        quotes = [heard.newest.get(leg.symbol) for leg in run.legs]
        usable = [quote for quote in quotes if quote is not None and is_credible(quote)]
        if len(usable) < len(quotes) or self._evidence.is_late():
            return  # I15 says what is wrong with that
        spots = {*heard.spots(), self._evidence.world.venue.market.spot("BTC")}
        found = [_flaws(run, usable, spot) for spot in sorted(spots)]
        if all(found):  # whichever index price it goes by
            self._evidence.report("EC1", f"run {run.run_id} begins an entry although {'; '.join(found[0])}")


def _flaws(run: RunNote, quotes: Sequence[Quote], spot: Decimal) -> list[str]:
    """Why the run's legs are not worth entering at these quotes, clearly."""
    risk, found = run.preset.risk, []
    premium = start = fees = Decimal(0)
    for leg, quote in zip(run.legs, quotes, strict=True):
        units, price = -leg.side.sign * leg.quantity * leg.contract_value, _enters_at(run, leg, quote)
        leaves_at = (quote.ask if leg.side is Side.SELL else quote.bid) or Decimal(0)
        fee = _fee(leg, price, spot) + _fee(leg, leaves_at, spot)
        premium, fees = premium + price * units, fees + fee
        start += (price - leaves_at) * units - fee
        if leg.side is Side.SELL and price + leg.tick_size < risk.min_leg_ticks * leg.tick_size:
            found.append(f"{leg.symbol} is sold at {price}, {risk.min_leg_ticks} ticks are the least")
        if leg.side is Side.SELL and price * units * _SLACK < risk.min_leg_premium_usd:
            found.append(f"{leg.symbol} brings {price * units} USD, {risk.min_leg_premium_usd} are the least")
    if 0 < premium * _SLACK < risk.min_premium_usd:
        found.append(f"all legs bring {premium} USD, {risk.min_premium_usd} are the least")
    if (earned := _most_earned(run.legs)) is not None and earned + premium <= 0:
        found.append(f"it can earn nothing: {earned} USD at expiry where spot is best, {premium} of premium")
    entered = {leg.key: leg.quantity for leg in run.legs}
    basis = premium if premium > 0 else most_lost(run.legs, entered, premium)
    if basis is None or basis <= 0:
        return found
    lost, share = -start / basis / run.preset.exits.max_loss_pct * 10_000, fees / basis * 100
    if lost > risk.max_start_loss_pct * _SLACK:
        found.append(f"{lost:.1f} % of the maximum loss are gone at once, {risk.max_start_loss_pct} is the most")
    if share > risk.max_fee_share_pct * _SLACK:
        found.append(f"fees are {share:.1f} % of the basis, {risk.max_fee_share_pct} is the most")
    return found


def _most_earned(legs: Sequence[LegTerms]) -> Decimal | None:
    """USD that the legs settle at where spot is best for them, without what they were entered for; None where there is no bound."""
    units = [(leg, leg.side.sign * leg.quantity * leg.contract_value) for leg in legs]
    if sum(size for leg, size in units if leg.kind is Kind.CALL) > 0:
        return None
    found = []
    for spot in (Decimal(0), *(leg.strike for leg in legs)):
        inside = [
            max((spot - leg.strike) * (1 if leg.kind is Kind.CALL else -1), Decimal(0)) * size for leg, size in units
        ]
        found.append(sum(inside, Decimal(0)))
    return max(found)


def _fee(leg: LegTerms, price: Decimal, spot: Decimal) -> Decimal:
    return option_commission(
        rate=leg.fee_rate,
        cap=leg.fee_cap,
        spot=spot,
        price=price,
        quantity=leg.quantity,
        contract_value=leg.contract_value,
    )


def _enters_at(run: RunNote, leg: LegTerms, quote: Quote) -> Decimal:
    """The price its first order stands at; where it lies between ticks, the better of both. By no more: a spread whose legs are worth
    the same is entered for a credit or for a debit by a tick, and what percentages are of is another thing then."""
    assert quote.mark is not None and quote.bid is not None and quote.ask is not None
    better = ROUND_CEILING if leg.side is Side.SELL else ROUND_FLOOR
    touch = quote.bid if leg.side is Side.SELL else quote.ask
    price = {"mid": (quote.bid + quote.ask) / 2, "mark": quote.mark, "touch": touch}[run.preset.orders.entry_reference]
    return (price / leg.tick_size).to_integral_value(better) * leg.tick_size
