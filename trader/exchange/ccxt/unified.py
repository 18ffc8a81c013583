"""ccxt's unified structures to domain values. Pure, and as strict as the house's own parsers: a guess here costs money.

ccxt's numbers are floats: their shortest text is the number the exchange sent, for up to 15 digits. `symbol` and
`product_id` are the exchange's own names of the market, which the structures do not repeat.
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from trader.domain.errors import WireError
from trader.domain.fill import Channel, Fill, FillKind, Position
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderSnapshot, Side
from trader.domain.quote import Quote
from trader.domain.trigger import Stop, StopKind
from trader.exchange.common.outcomes import UnsendableOrder

_TEXT_LENGTH_MAX = 64
_DIGITS_MAX = 15  # no price, size or balance reaches 10^15
_ENDED = {"canceled": "cancelled", "cancelled": "cancelled", "expired": "cancelled", "rejected": "cancelled"}


def parse_order(row: Any, symbol: str, product_id: int) -> OrderSnapshot:
    """A unified order.

    Raises:
        WireError: An id, side or quantity is missing, or the quantities contradict each other.
    """
    quantity, leaves = whole(row.get("amount"), "amount"), whole(row.get("remaining"), "remaining")
    if not row.get("id") or quantity < 1 or not 0 <= leaves <= quantity:
        raise WireError(f"an order without id, or of {quantity} contracts with {leaves} left")
    state = str(row.get("status") or "open")
    return OrderSnapshot(
        venue_order_id=str(row["id"]),
        client_order_id=_text(row.get("clientOrderId")),
        symbol=symbol,
        product_id=product_id,
        side=_side(row.get("side")),
        quantity=quantity,
        leaves_qty=leaves,
        limit_price=price_of(row.get("price")),
        avg_px=price_of(row.get("average")),
        venue_state=_ENDED.get(state, state),
        reduce_only=bool(row.get("reduceOnly")),
        paid_commission=decimal_of(_within(row, "fee", "cost")),
        stop_kind=_text(_within(row, "info", "stop_order_type")) or _stop_kind(row),
        stop_price=price_of(row.get("triggerPrice")),
        created_at=instant_of(row.get("timestamp")),
        ts_event=instant_of(row.get("lastUpdateTimestamp")) or instant_of(row.get("timestamp")),
    )


def _stop_kind(row: Any) -> str:
    """What an order with a trigger is for, as far as ccxt's structure tells."""
    for name, kind in (("stopLossPrice", StopKind.STOP_LOSS), ("takeProfitPrice", StopKind.TAKE_PROFIT)):
        if row.get(name) is not None:
            return kind.value
    return StopKind.STOP_LOSS.value if row.get("triggerPrice") is not None else ""


def stop_params(stop: Stop, exchange: Any) -> dict[str, Any]:
    """ccxt's words for a stop.

    Raises:
        UnsendableOrder: The exchange's class in ccxt does not know this kind of stop, or cannot be told its trigger.
    """
    name, word, value = "stopLossPrice", "createStopLossOrder", stop.price
    if stop.kind is StopKind.TAKE_PROFIT:
        name, word = "takeProfitPrice", "createTakeProfitOrder"
    elif stop.trail is not None:
        name, word, value = "trailingAmount", "createTrailingAmountOrder", stop.trail
    if not exchange.has.get(word):
        raise UnsendableOrder(f"{exchange.id} takes no such stop through ccxt ({word})")
    if stop.trigger is not None:
        raise UnsendableOrder(f"ccxt has no word for which price sets a stop off at {exchange.id}")
    return {name: f"{value:f}"}


def leverage_text(leverage: Decimal) -> str:
    """Leverage as ccxt passes it on.

    Raises:
        UnsendableOrder: It is none.
    """
    if not leverage.is_finite() or leverage <= 0:
        raise UnsendableOrder(f"leverage must be above 0, was {leverage}")
    return f"{leverage:f}"


def parse_fill(row: Any, symbol: str, product_id: int) -> Fill:
    """A unified trade of our own.

    Raises:
        WireError: Id, side, size or price is missing.
    """
    quantity, price = whole(row.get("amount"), "amount"), decimal_of(row.get("price"))
    if not row.get("id") or quantity < 1 or price is None or price < 0:
        raise WireError("a fill without id, size or price")
    return Fill(
        fill_id=str(row["id"]),
        venue_order_id=str(row.get("order") or ""),
        client_order_id=None,
        symbol=symbol,
        product_id=product_id,
        side=_side(row.get("side")),
        quantity=quantity,
        price=price,
        commission=decimal_of(_within(row, "fee", "cost")),
        role=_text(row.get("takerOrMaker")) or "taker",
        kind=FillKind.NORMAL,
        ts_event=instant_of(row.get("timestamp")),
        channel=Channel.REST,
    )


def parse_position(row: Any, symbol: str, product_id: int) -> Position:
    """A unified position.

    Raises:
        WireError: The size is missing, which is not 0.
    """
    size = whole(row.get("contracts"), "contracts")
    signed = -abs(size) if row.get("side") == "short" else size
    entry = price_of(row.get("entryPrice"))
    return Position(symbol=symbol, product_id=product_id, quantity=signed, entry_price=entry)


def parse_ticker(row: Any, symbol: str) -> Quote:
    """A unified ticker; ccxt's carries no greeks."""
    ts = instant_of(row.get("timestamp"))
    return Quote(
        symbol=symbol,
        mark=price_of(row.get("markPrice")),
        bid=price_of(row.get("bid")),
        ask=price_of(row.get("ask")),
        bid_size=_size(row.get("bidVolume")),
        ask_size=_size(row.get("askVolume")),
        spot=price_of(row.get("indexPrice")),
        ts_mark=ts,
        ts_quote=ts,
    )


def parse_market(market: Any, product_id: int, settle: str) -> Instrument | None:
    """A unified market as a contract; None for kinds we do not trade, and for what is not settled in `settle`.

    Raises:
        WireError: A term that prices or sizes depend on is missing.
    """
    option = market.get("option") and market.get("optionType") in ("call", "put")
    if not market.get("active") or not (option or market.get("swap")) or market.get("settle") != settle:
        return None
    tick, value = decimal_of(_within(market, "precision", "price")), decimal_of(market.get("contractSize"))
    name, base = _text(market.get("id")), _text(market.get("base"))
    if not name or not base or tick is None or value is None or tick <= 0 or value <= 0:
        raise WireError(f"{name}: name, tick or contract size is missing")
    most = decimal_of(_within(market, "limits", "amount", "max"))
    return Instrument(
        symbol=name,
        product_id=product_id,
        underlying=base,
        kind=Kind(market["optionType"]) if option else Kind.PERPETUAL,
        strike=price_of(market.get("strike")) if option else None,
        expiry=instant_of(market.get("expiry")) if option else None,
        contract_value=value,
        tick_size=tick,
        taker_rate=decimal_of(market.get("taker")) or Decimal(0),
        maker_rate=decimal_of(market.get("maker")) or Decimal(0),
        fee_cap=None,
        # Not told by ccxt: the whole notional, so that no estimate is too small.
        initial_margin_pct=Decimal(100),
        maintenance_margin_pct=Decimal(100),
        position_size_limit=int(most) if most is not None else 0,
    )


def decimal_of(value: Any) -> Decimal | None:
    """An exact number; None for null and empty text.

    Raises:
        WireError: Not a number, not finite, or of an absurd magnitude.
    """
    if value is None or value == "":
        return None
    try:
        text = str(value)
        if len(text) > _TEXT_LENGTH_MAX:
            raise WireError(f"no number: {text[:20]!r}...")
        number = Decimal(text)
    except InvalidOperation:
        raise WireError(f"no number: {str(value)[:40]!r}") from None
    if not number.is_finite():
        raise WireError(f"not finite: {value!r}")
    if number and abs(number.adjusted()) > _DIGITS_MAX:
        raise WireError(f"out of any sensible range: {str(value)[:40]!r}")
    return number


def price_of(value: Any) -> Decimal | None:
    """A price above 0; null, empty and 0 mean there is none.

    Raises:
        WireError: Negative or unreadable.
    """
    number = decimal_of(value)
    if number is not None and number < 0:
        raise WireError(f"a price is negative: {number}")
    return number or None


def whole(value: Any, what: str) -> int:
    """A whole number.

    Raises:
        WireError: Missing, or not whole.
    """
    number = decimal_of(value)
    if number is None:
        raise WireError(f"{what} is missing")
    if number != number.to_integral_value():
        raise WireError(f"{what} must be a whole number, was {number}")
    return int(number)


def instant_of(millis: Any) -> datetime | None:
    """An instant from milliseconds since 1970.

    Raises:
        WireError: No such instant.
    """
    if millis is None:
        return None
    try:
        return datetime.fromtimestamp(int(millis) / 1000, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise WireError(f"no time: {str(millis)[:40]!r}") from None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _within(value: Any, *names: str) -> Any:
    """What lies at a path of names; None where the path breaks off."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _size(value: Any) -> int | None:
    number = decimal_of(value)
    return int(number) if number is not None and number >= 0 else None


def _side(text: Any) -> Side:
    try:
        return Side(text or "")
    except (ValueError, TypeError):
        raise WireError(f"unknown side {text!r}") from None
