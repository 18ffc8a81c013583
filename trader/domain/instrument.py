"""Contracts and their terms, and Delta's symbol grammar.

Symbols: ``C-<UND>-<STRIKE>-<DDMMYY>`` and ``P-...`` for options, ``BTCUSD`` for perpetuals. Terms (contract value, tick,
commission rates, fee cap, margin rates, settlement time) always come from the exchange's product row.
"""

import re
from datetime import UTC, datetime, time
from decimal import Decimal
from enum import StrEnum

import msgspec

EXPIRY_TIME_UTC = time(12, 0)  # 17:30 IST, exchange user guide; a product's own settlement_time wins where known

_PERPETUAL = re.compile(r"^(?P<underlying>[A-Z0-9]+?)(?:USDT|USDC|USD|INR)(?:[_:/].*)?$")
_OPTION = re.compile(r"^(?P<kind>[CP])-(?P<underlying>[A-Z0-9]+)-(?P<strike>\d+(?:\.\d+)?)-(?P<expiry>\d{6})$")


class Kind(StrEnum):
    """What a contract is."""

    CALL = "call"
    PUT = "put"
    PERPETUAL = "perpetual"


class OptionSymbol(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of an option's symbol. `expiry` is the settlement instant (12:00 UTC of the date in the symbol)."""

    kind: Kind
    underlying: str
    strike: Decimal
    expiry: datetime


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One contract with its terms.

    Units: `strike`, `tick_size` in USD per unit of underlying; `contract_value` in underlying per contract; commission
    rates and `fee_cap` as fractions (0.0001 = 0.01 %; `fee_cap` is a fraction of premium, None where there is none);
    margin rates in percent (1 = 1 %); `position_size_limit` in contracts, 0 = not stated.
    """

    symbol: str
    product_id: int
    underlying: str
    kind: Kind
    strike: Decimal | None
    expiry: datetime | None
    contract_value: Decimal
    tick_size: Decimal
    taker_rate: Decimal
    maker_rate: Decimal
    fee_cap: Decimal | None
    initial_margin_pct: Decimal
    maintenance_margin_pct: Decimal
    position_size_limit: int = 0
    state: str = "live"
    trading_status: str = "operational"

    @property
    def tradable(self) -> bool:
        """True when new orders may be sent: live and operational."""
        return self.state == "live" and self.trading_status == "operational"


def parse_option_symbol(symbol: str) -> OptionSymbol:
    """Split an option symbol into its parts.

    Raises:
        ValueError: The text is not an option symbol or its date does not exist.
    """
    match = _OPTION.match(symbol)
    if match is None:
        raise ValueError(f"not an option symbol: {symbol!r} (expected C-BTC-90000-310125)")
    try:
        day = datetime.strptime(match["expiry"], "%d%m%y").date()
    except ValueError:
        raise ValueError(f"no such expiry date in {symbol!r}") from None
    return OptionSymbol(
        kind=Kind.CALL if match["kind"] == "C" else Kind.PUT,
        underlying=match["underlying"],
        strike=Decimal(match["strike"]),
        expiry=datetime.combine(day, EXPIRY_TIME_UTC, tzinfo=UTC),
    )


def is_option(symbol: str) -> bool:
    """Whether a contract is an option, by its symbol."""
    return _OPTION.fullmatch(symbol) is not None


def build_option_symbol(kind: Kind, underlying: str, strike: Decimal, expiry: datetime) -> str:
    """The symbol of an option; inverse of `parse_option_symbol`."""
    letter = {Kind.CALL: "C", Kind.PUT: "P"}[kind]
    strike_text = f"{strike.normalize():f}"
    return f"{letter}-{underlying}-{strike_text}-{expiry:%d%m%y}"


def underlying_of(symbol: str) -> str:
    """The underlying that a contract's symbol names (C-BTC-..., BTCUSD); empty where it is neither an option's nor a perpetual's."""
    parts = symbol.split("-")
    if len(parts) == 4 and parts[0] in ("C", "P"):
        return parts[1]
    match = _PERPETUAL.match(symbol)
    return "" if match is None else match["underlying"]


def index_symbol(underlying: str) -> str:
    """The spot index of an underlying, e.g. ``.DEETHUSD``; Bitcoin's is ``.DEXBTUSD``."""
    return ".DEXBTUSD" if underlying == "BTC" else f".DE{underlying}USD"


def underlying_of_index(index: str) -> str:
    """Inverse of `index_symbol`: ``.DEETHUSD`` is ETH, ``.DEXBTUSD`` Bitcoin's."""
    name = index.removeprefix(".DE").removesuffix("USD")
    return "BTC" if name == "XBT" else name
