"""Isolated margin: what an order or a position locks, and where a position would be liquidated.

Source: exchange user guide for futures and long options. The short-option formula is not published; a recorded fill
(200 contracts at 2525, index 115872.1, margin 736.7442) equals 1 % of index notional plus the premium received: the
formula used here. Maintenance uses the product's maintenance percentage on the same base.
"""

from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side

_HUNDRED = Decimal(100)


class LiquidationPrices(msgspec.Struct, frozen=True):
    """USD per unit of underlying, on the contract's own price; None where there is none (long options)."""

    liquidation: Decimal | None
    bankruptcy: Decimal | None


def initial_rate(instrument: Instrument, leverage: Decimal) -> Decimal:
    """Initial margin as a fraction of notional: one over leverage, never below the product's own percentage."""
    return max(1 / leverage, instrument.initial_margin_pct / _HUNDRED)


def order_unit_margin(instrument: Instrument, side: Side, price: Decimal, spot: Decimal, leverage: Decimal) -> Decimal:
    """USD a resting order blocks per contract that would open a position.

    A bought option is paid in full. A sold option blocks its initial margin; its premium arrives with the fill and is
    locked then, so it is not asked for twice.
    """
    if instrument.kind is Kind.PERPETUAL:
        return initial_rate(instrument, leverage) * price * instrument.contract_value
    if side is Side.BUY:
        return price * instrument.contract_value
    return initial_rate(instrument, leverage) * spot * instrument.contract_value


def position_unit_margin(
    instrument: Instrument, side: Side, price: Decimal, spot: Decimal, leverage: Decimal
) -> Decimal:
    """USD one newly opened contract locks after its fill at `price`. A long option locks nothing: it is paid."""
    if instrument.kind is Kind.PERPETUAL:
        return initial_rate(instrument, leverage) * price * instrument.contract_value
    if side is Side.BUY:
        return Decimal(0)
    return (initial_rate(instrument, leverage) * spot + price) * instrument.contract_value


def liquidation_prices(
    instrument: Instrument, size: int, entry_price: Decimal, margin: Decimal, spot: Decimal
) -> LiquidationPrices:
    """Where mark liquidates a position: linear approximation of entry, margin and maintenance margin per unit."""
    if size == 0 or (size > 0 and instrument.kind is not Kind.PERPETUAL):
        return LiquidationPrices(None, None)
    per_unit = margin / (abs(size) * instrument.contract_value)
    if instrument.kind is not Kind.PERPETUAL:
        per_unit -= entry_price  # the premium part of the margin pays for buying back at the entry price
        per_unit = max(per_unit, Decimal(0))
    base = entry_price if instrument.kind is Kind.PERPETUAL else spot
    maintenance = instrument.maintenance_margin_pct / _HUNDRED * base
    sign = 1 if size < 0 else -1
    bankruptcy = entry_price + sign * per_unit
    liquidation = bankruptcy - sign * maintenance
    return LiquidationPrices(max(liquidation, Decimal(0)), max(bankruptcy, Decimal(0)))
