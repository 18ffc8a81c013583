"""What one fill costs: the option fee with its cap or the futures fee, tax included, or the simple model's plain percent."""

from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument, Kind
from trader.pricing.fees import futures_commission, option_commission
from trader.venue.core.settings import CoreSettings


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """The rates of a contract, as fractions. `cap` is of the premium, None = no cap; with `of_price` the rates are of the
    price traded at, else an option's are of the index."""

    maker: Decimal
    taker: Decimal
    cap: Decimal | None
    gst: Decimal
    of_price: bool


def rates_of(instrument: Instrument, settings: CoreSettings) -> Rates:
    """What the exchange charges for a contract under its fee model."""
    if settings.fees == "simple":
        maker, taker = settings.maker_fee_pct / 100, settings.taker_fee_pct / 100
        return Rates(maker=maker, taker=taker, cap=None, gst=Decimal(0), of_price=True)
    return Rates(
        maker=instrument.maker_rate,
        taker=instrument.taker_rate,
        cap=instrument.fee_cap,
        gst=settings.gst,
        of_price=instrument.kind is Kind.PERPETUAL,
    )


class Commission(msgspec.Struct, frozen=True):
    """`amount` is USD, tax included, to 8 decimals; `rate` the product's rate; `on_notional` is False when the premium
    cap was the smaller side."""

    amount: Decimal
    rate: Decimal
    on_notional: bool


def commission_for(
    instrument: Instrument, *, role: str, price: Decimal, quantity: int, spot: Decimal, settings: CoreSettings
) -> Commission:
    """Commission of a fill of `quantity` contracts at `price` while the index stands at `spot`."""
    rates = rates_of(instrument, settings)
    rate = rates.taker if role == "taker" else rates.maker
    if rates.of_price:
        paid = futures_commission(
            rate=rate, price=price, quantity=quantity, contract_value=instrument.contract_value, gst=rates.gst
        )
        return Commission(paid, rate, True)
    paid = option_commission(
        rate=rate,
        cap=rates.cap,
        spot=spot,
        price=price,
        quantity=quantity,
        contract_value=instrument.contract_value,
        gst=rates.gst,
    )
    on_notional = rates.cap is None or rate * spot <= rates.cap * price
    return Commission(paid, rate, on_notional)
