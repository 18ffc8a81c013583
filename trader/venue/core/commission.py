"""What one fill costs: the option fee with its cap, or the futures fee, tax included."""

from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument, Kind
from trader.pricing.fees import futures_commission, option_commission


class Commission(msgspec.Struct, frozen=True):
    """`amount` is USD, tax included, to 8 decimals; `rate` the product's rate; `on_notional` is False when the premium
    cap was the smaller side."""

    amount: Decimal
    rate: Decimal
    on_notional: bool


def commission_for(
    instrument: Instrument, *, role: str, price: Decimal, quantity: int, spot: Decimal, gst: Decimal
) -> Commission:
    """Commission of a fill of `quantity` contracts at `price` while the index stands at `spot`."""
    rate = instrument.taker_rate if role == "taker" else instrument.maker_rate
    if instrument.kind is Kind.PERPETUAL:
        paid = futures_commission(
            rate=rate, price=price, quantity=quantity, contract_value=instrument.contract_value, gst=gst
        )
        return Commission(paid, rate, True)
    paid = option_commission(
        rate=rate,
        cap=instrument.fee_cap,
        spot=spot,
        price=price,
        quantity=quantity,
        contract_value=instrument.contract_value,
        gst=gst,
    )
    on_notional = instrument.fee_cap is None or rate * spot <= instrument.fee_cap * price
    return Commission(paid, rate, on_notional)
