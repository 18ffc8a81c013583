"""Contract terms and product ids of the local exchange's BTC and ETH products.

Terms are those the exchange published in September 2026. Product ids of options are computed from the symbol: fresh for
every contract, the same in every run, and never two alike.
"""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument, Kind, build_option_symbol, parse_option_symbol

_ID_BASE = 1_000_000
_STRIKE_SLOTS = 1 << 13
_ID_EPOCH = datetime(2010, 1, 1, tzinfo=UTC).date()


class UnderlyingTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What all contracts on one underlying share. `strike_unit` is the finest strike grid an id can tell apart."""

    contract_value: Decimal
    perpetual_id: int
    perpetual_tick: Decimal
    index_tick: Decimal
    strike_unit: Decimal
    slot: int
    option_tick: Decimal = Decimal("0.1")
    option_rate: Decimal = Decimal("0.0001")
    fee_cap: Decimal = Decimal("0.035")


TERMS = {
    "BTC": UnderlyingTerms(
        contract_value=Decimal("0.001"),
        perpetual_id=27,
        perpetual_tick=Decimal("0.5"),
        index_tick=Decimal("0.1"),
        strike_unit=Decimal(50),
        slot=0,
    ),
    "ETH": UnderlyingTerms(
        contract_value=Decimal("0.01"),
        perpetual_id=3136,
        perpetual_tick=Decimal("0.05"),
        index_tick=Decimal("0.01"),
        strike_unit=Decimal(5),
        slot=1,
    ),
}


def option_product_id(symbol: str) -> int:
    """The product id of an option, below 2^31 for any expiry before 2099.

    Raises:
        ValueError: Not an option symbol, an underlying or a strike the numbering has no room for.
    """
    option = parse_option_symbol(symbol)
    terms = terms_of(option.underlying)
    slot, rest = divmod(option.strike, terms.strike_unit)
    if rest != 0 or not 0 < slot < _STRIKE_SLOTS:
        raise ValueError(
            f"strike {option.strike} of {symbol} must be a multiple of {terms.strike_unit} "
            f"below {terms.strike_unit * _STRIKE_SLOTS}"
        )
    day = (option.expiry.date() - _ID_EPOCH).days
    series = (day * len(TERMS) + terms.slot) * 2 + (option.kind is Kind.PUT)
    return _ID_BASE + series * _STRIKE_SLOTS + int(slot)


def terms_of(underlying: str) -> UnderlyingTerms:
    """Terms of an underlying. Raises ValueError, naming the known ones, for any other."""
    try:
        return TERMS[underlying]
    except KeyError:
        raise ValueError(f"underlying must be one of {', '.join(TERMS)}, was {underlying!r}") from None


def build_option(underlying: str, kind: Kind, strike: Decimal, expiry: datetime) -> Instrument:
    """A live option with its terms. Short options are margined at 1 % (maintenance 0.5 %) of notional, as observed."""
    terms = terms_of(underlying)
    symbol = build_option_symbol(kind, underlying, strike, expiry)
    return Instrument(
        symbol=symbol,
        product_id=option_product_id(symbol),
        underlying=underlying,
        kind=kind,
        strike=strike,
        expiry=expiry,
        contract_value=terms.contract_value,
        tick_size=terms.option_tick,
        taker_rate=terms.option_rate,
        maker_rate=terms.option_rate,
        fee_cap=terms.fee_cap,
        initial_margin_pct=Decimal(1),
        maintenance_margin_pct=Decimal("0.5"),
    )


def build_perpetual(underlying: str) -> Instrument:
    """The perpetual of an underlying, e.g. BTCUSD."""
    terms = terms_of(underlying)
    return Instrument(
        symbol=f"{underlying}USD",
        product_id=terms.perpetual_id,
        underlying=underlying,
        kind=Kind.PERPETUAL,
        strike=None,
        expiry=None,
        contract_value=terms.contract_value,
        tick_size=terms.perpetual_tick,
        taker_rate=Decimal("0.0005"),
        maker_rate=Decimal("0.0002"),
        fee_cap=None,
        initial_margin_pct=Decimal("0.5"),
        maintenance_margin_pct=Decimal("0.25"),
    )
