"""What entering costs from the first second, and whether that is still a trade: premium, spread, fees in and out.

One arithmetic for the engine, which enters nothing that is nonsense, and for the previews, which say why.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from trader.config.preset import Preset
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.domain.rounding import round_price
from trader.engine.basis import basis_of_legs, most_earned
from trader.engine.execution.chase import chase_price, entry_reference
from trader.engine.records import LegTerms
from trader.engine.state import HUNDRED, ZERO
from trader.engine.valuation import closing_fee, closing_price


class LegCost(msgspec.Struct, frozen=True, kw_only=True):
    """One leg: where its first order would stand and what closing is counted at, USD per unit of underlying; the fees of all its
    contracts, USD."""

    price: Decimal
    closing: Decimal
    fee: Decimal
    closing_fee: Decimal


class EntryCost(msgspec.Struct, frozen=True, kw_only=True):
    """The whole, USD. `premium` is the net credit, negative for a debit; `start_pnl` the run's P&L the moment all legs are filled
    at their first limit prices: the spread and the fees of both ways. `basis` is what percentages are of."""

    legs: dict[str, LegCost]
    premium: Decimal
    fees: Decimal
    closing_fees: Decimal
    spread: Decimal
    start_pnl: Decimal
    basis: Decimal


def entry_cost(
    preset: Preset, legs: Sequence[LegTerms], quotes: Mapping[str, Quote], spot: Decimal
) -> EntryCost | None:
    """None where a leg has no price to enter or to close at."""
    costs: dict[str, LegCost] = {}
    premium, value = ZERO, ZERO
    for leg in legs:
        quote = quotes.get(leg.symbol)
        reference = None if quote is None else entry_reference(preset, leg.side, quote)
        closing = None if quote is None else closing_price(leg, quote)
        if quote is None or reference is None or closing is None:
            return None
        price = chase_price(preset, leg, leg.side, quote, reference, 0)
        # A mark that contradicts the book moves the limit to its collar: that brings no more than the reference does.
        asked = round_price(reference, leg.tick_size, leg.side)
        price = min(price, asked) if leg.side is Side.SELL else max(price, asked)
        units = leg.side.sign * leg.quantity * leg.contract_value
        premium -= price * units
        value -= closing * units
        costs[leg.key] = LegCost(
            price=price,
            closing=closing,
            fee=closing_fee(leg, leg.quantity, price, spot),
            closing_fee=closing_fee(leg, leg.quantity, closing, spot),
        )
    fees = sum((cost.fee for cost in costs.values()), ZERO)
    closing_fees = sum((cost.closing_fee for cost in costs.values()), ZERO)
    return EntryCost(
        legs=costs,
        premium=premium,
        fees=fees,
        closing_fees=closing_fees,
        spread=value - premium,
        start_pnl=premium - fees - value - closing_fees,
        basis=basis_of_legs(legs, premium),
    )


def nonsense(preset: Preset, legs: Sequence[LegTerms], cost: EntryCost) -> list[str]:
    """Why a trade that could be made is none worth making, one sentence each; empty when it is."""
    risk, found = preset.risk, []
    for leg in legs:
        price = cost.legs[leg.key].price
        if leg.side is Side.BUY:
            continue
        if price < risk.min_leg_ticks * leg.tick_size:
            found.append(
                f"{leg.symbol}: would be sold at {price.normalize():f}, under risk.min_leg_ticks "
                f"({risk.min_leg_ticks} ticks of {leg.tick_size.normalize():f})"
            )
        brings = price * leg.quantity * leg.contract_value
        if brings < risk.min_leg_premium_usd:
            found.append(
                f"{leg.symbol}: brings {brings:.4f} USD, under risk.min_leg_premium_usd ({risk.min_leg_premium_usd})"
            )
    if 0 < cost.premium < risk.min_premium_usd:
        found.append(f"the premium of {cost.premium:.4f} USD is under risk.min_premium_usd ({risk.min_premium_usd})")
    earned = most_earned(legs, cost.premium)
    if earned is not None and earned <= cost.fees:
        found.append(
            f"at no spot would it earn anything: {earned:.4f} USD at expiry where spot is best, the fees of entering are "
            f"{cost.fees:.4f} USD"
        )
    if cost.basis <= 0:
        return found
    most = cost.basis * preset.exits.max_loss_pct / HUNDRED
    share = -cost.start_pnl / most * HUNDRED
    if share > risk.max_start_loss_pct:
        found.append(
            f"the first second would lose {-cost.start_pnl:.4f} USD by spread and fees, {share:.0f} % of the maximum loss; "
            f"risk.max_start_loss_pct is {risk.max_start_loss_pct}"
        )
    fees = (cost.fees + cost.closing_fees) / cost.basis * HUNDRED
    if fees > risk.max_fee_share_pct:
        found.append(
            f"the fees of both ways, {cost.fees + cost.closing_fees:.4f} USD, are {fees:.0f} % of what is at stake; "
            f"risk.max_fee_share_pct is {risk.max_fee_share_pct}"
        )
    return found
