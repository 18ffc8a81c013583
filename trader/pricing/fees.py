"""Trading fees of the exchange, exact in Decimal. All results are USD, positive when paid, tax included.

Rates and cap come from the product row (`taker_commission_rate`, `maker_commission_rate`,
`product_specs.premium_commission_rate`), the tax rate from the settings: the exchange publishes it in no field.
"""

from decimal import ROUND_CEILING, Decimal

GST = Decimal("0.18")  # Indian goods and services tax on commission, exchange user guide
_LIQUIDATION_RATE, _LIQUIDATION_CAP = Decimal("0.0025"), Decimal("0.5")  # of the notional, of the premium
_EIGHT_PLACES = Decimal("1e-8")  # precision of the settling asset
_COUNTLESS = Decimal("1e18")


def option_commission(
    *,
    rate: Decimal,
    cap: Decimal | None,
    spot: Decimal,
    price: Decimal,
    quantity: int,
    contract_value: Decimal,
    gst: Decimal = GST,
) -> Decimal:
    """Commission of one option fill: ``min(rate * spot, cap * price) * quantity * contract_value * (1 + gst)``.

    `spot` is the index at the fill (not the strike or the mark), `price` the premium, both USD per unit of underlying;
    `rate` and `cap` are fractions, `cap` None where the product has none. `quantity` is whole contracts, unsigned.
    Rounded up to 8 decimals, as the exchange does it.

    Source: exchange support centre; a live fill of 10 x 0.001 BTC at 391 with index 63826.1 paid 0.0753148. A recorded one
    that comes to 1.844451864 paid 1.84445187.
    """
    per_unit = rate * spot if cap is None else min(rate * spot, cap * price)
    return _charge(per_unit, quantity, contract_value, gst)


def futures_commission(
    *, rate: Decimal, price: Decimal, quantity: int, contract_value: Decimal, gst: Decimal = GST
) -> Decimal:
    """Commission of one perpetual fill: ``rate * price * quantity * contract_value * (1 + gst)``, 8 decimals."""
    return _charge(rate * price, quantity, contract_value, gst)


def option_liquidation_fee(
    *, spot: Decimal, price: Decimal, quantity: int, contract_value: Decimal, gst: Decimal = GST
) -> Decimal:
    """What the exchange charges, beside the commission, for closing an option position by itself:
    ``min(0.25 % * spot, 50 % * price) * quantity * contract_value * (1 + gst)``, 8 decimals.

    Never more than the fill leaves of the position's margin, which this does not know. Source: exchange support centre.
    """
    return _charge(min(_LIQUIDATION_RATE * spot, _LIQUIDATION_CAP * price), quantity, contract_value, gst)


def _charge(per_unit: Decimal, quantity: int, contract_value: Decimal, gst: Decimal) -> Decimal:
    if quantity < 0:
        raise ValueError(f"quantity must not be negative, was {quantity}")
    charge = per_unit * quantity * contract_value * (1 + gst)
    # An absurd price must not raise: so much money has no eighth place left to round to.
    return charge if charge >= _COUNTLESS else charge.quantize(_EIGHT_PLACES, rounding=ROUND_CEILING)
