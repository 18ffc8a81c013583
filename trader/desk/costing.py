"""What selling now would cost from the first second: spread, fees in and out, margin; by the engine's own valuation. Pure.

The moment all legs are filled at their first limit prices, the run's P&L is what is told here as `start_pnl`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from trader.config.preset import Preset
from trader.desk.margin import Margined
from trader.desk.values import Preview, PreviewLeg
from trader.domain.margin import PORTFOLIO
from trader.domain.quote import Quote
from trader.engine.entry_cost import entry_cost, nonsense
from trader.engine.liquidation import stop_beyond
from trader.engine.records import LegTerms
from trader.engine.schedule import exit_after, exit_before_expiry
from trader.engine.state import HUNDRED
from trader.engine.valuation import option_held
from trader.pricing.margin_mode import margin_in
from trader.pricing.payoff import PayoffLeg, basis, breakevens


def with_costs(
    seen: Preview,
    preset: Preset,
    terms: Sequence[LegTerms],
    quotes: Mapping[str, Quote],
    spot: Decimal,
    market: datetime,
    margined: Margined,
) -> Preview:
    """The preview of a trade that can be made at once, with its money; `premium` is the net credit, negative for a debit."""
    cost = entry_cost(preset, terms, quotes, spot)
    assert cost is not None  # a selected leg has bid, ask and mark
    own = cost.legs
    legs = [
        replace(leg, fee=own[t.key].fee, closing_px=own[t.key].closing) for t, leg in zip(terms, seen.legs, strict=True)
    ]
    priced = list(zip(terms, legs, strict=True))
    traded = [
        option_held(t, t.quantity, leg.limit_price if leg.mark is None else leg.mark, leg.iv) for t, leg in priced
    ]
    margin = margin_in(margined.mode, traded, spot=spot, at=market, beside=margined.beside)
    held = [_held(t, leg) for t, leg in priced]
    # All legs settle at one price, so it does not matter which of them the fees come off.
    after_fees = [replace(held[0], entry_price=held[0].entry_price + cost.fees / held[0].units), *held[1:]]
    out = exit_of(preset, market, terms[0].expiry)
    reasons = nonsense(preset, terms, cost)
    late = stop_beyond(preset, terms, quotes, cost, spot, market, out) if margined.mode != PORTFOLIO else None
    if late is not None and preset.risk.liquidation == "refuse":
        reasons.append(late.refusal)
        late = None
    return replace(
        seen,
        reasons=tuple(reasons),
        warnings=() if late is None else (late.words,),
        legs=tuple(legs),
        premium=cost.premium,
        fees=cost.fees,
        margin=margin,
        margined=margined,
        traded=tuple(traded),
        breakevens=breakevens(held),
        breakevens_after_fees=breakevens(after_fees),
        contract_value=terms[0].contract_value,
        notional=units(terms[0]) * spot,
        closing_fees=cost.closing_fees,
        spread=cost.spread,
        start_pnl=cost.start_pnl,
        return_on_margin_pct=(cost.premium - cost.fees) / margin * HUNDRED if margin and cost.premium > 0 else None,
        exit_at=out,
        basis=basis(held),
    )


def exit_of(preset: Preset, market: datetime, expiry: datetime) -> datetime:
    """When a run that sells at `market` would be out."""
    return exit_before_expiry(preset.schedule, exit_after(preset.schedule, market), expiry)


def units(terms: LegTerms) -> Decimal:
    """Units of the underlying in a leg."""
    return terms.quantity * terms.contract_value


def _held(terms: LegTerms, leg: PreviewLeg) -> PayoffLeg:
    return PayoffLeg(
        strike=terms.strike,
        kind=terms.kind,
        quantity=terms.side.sign * terms.quantity,
        contract_value=terms.contract_value,
        entry_price=leg.limit_price,
    )
