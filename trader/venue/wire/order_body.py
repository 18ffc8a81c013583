"""Order fields of request bodies: what POST, PUT and the bracket calls say of an order."""

from collections.abc import Mapping
from typing import Any

from trader.domain.order import OrderType, Side, TimeInForce
from trader.venue.core.order_desk import Change
from trader.venue.core.records import (
    BRACKET_PRICES,
    NO_MMP,
    BracketTerms,
    OrderRequest,
    StopKind,
    StopTerms,
    TriggerMethod,
)
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.wire.call import Call
from trader.venue.wire.fields import choice, decimal, flag, integer, needed_integer, text


def symbol_of(call: Call) -> str:
    """The contract a body names by `product_id`, `product_symbol` or both, which must not contradict each other."""
    product_id, symbol = integer(call.body, "product_id"), text(call.body, "product_symbol")
    if product_id is None and symbol is None:
        raise bad_schema("product_id", "give product_id or product_symbol")
    if product_id is not None:
        instrument = call.exchange.products.by_id.get(product_id)
        if instrument is None:
            raise Refused("invalid_contract")
        if symbol not in (None, instrument.symbol):
            raise bad_schema("product_symbol", f"is not the symbol of product {product_id}")
        return instrument.symbol
    assert symbol is not None
    return symbol


def product_id_of(call: Call, symbol: str) -> int:
    """The id of a contract named by its symbol. Raises Refused (``invalid_contract``) for an unknown one."""
    instrument = call.exchange.products.find(symbol)
    if instrument is None:
        raise Refused("invalid_contract")
    return instrument.product_id


def request_of(body: Mapping[str, Any], symbol: str) -> OrderRequest:
    """The order a body asks for."""
    return OrderRequest(
        symbol=symbol,
        side=choice(body, "side", Side),
        size=needed_integer(body, "size"),
        order_type=choice(body, "order_type", OrderType),
        limit_price=decimal(body, "limit_price"),
        time_in_force=choice(body, "time_in_force", TimeInForce, TimeInForce.GTC),
        post_only=flag(body, "post_only"),
        reduce_only=flag(body, "reduce_only"),
        client_order_id=text(body, "client_order_id"),
        stop=stop_of(body),
        bracket=bracket_of(body),
        mmp=text(body, "mmp") or NO_MMP,
        may_cancel_others=flag(body, "cancel_orders_accepted"),
    )


def batch_row_of(row: Mapping[str, Any], symbol: str) -> OrderRequest:
    """A row of a batch: a limit order that rests. Its time in force is read and ignored, as documented."""
    if choice(row, "order_type", OrderType, OrderType.LIMIT) is not OrderType.LIMIT:
        raise bad_schema("order_type", "a batch takes limit orders only")
    for name in ("stop_order_type", "stop_price", "trail_amount", *(f"bracket_{price}" for price in BRACKET_PRICES)):
        if row.get(name) not in (None, ""):
            raise bad_schema(name, "a batch takes limit orders only")
    return OrderRequest(
        symbol=symbol,
        side=choice(row, "side", Side),
        size=needed_integer(row, "size"),
        order_type=OrderType.LIMIT,
        limit_price=decimal(row, "limit_price"),
        post_only=flag(row, "post_only"),
        reduce_only=flag(row, "reduce_only"),
        client_order_id=text(row, "client_order_id"),
        mmp=text(row, "mmp") or NO_MMP,
    )


def change_of(body: Mapping[str, Any]) -> Change:
    """What an edit asks for."""
    return Change(
        size=integer(body, "size"),
        limit_price=decimal(body, "limit_price"),
        stop_price=decimal(body, "stop_price"),
        trail_amount=decimal(body, "trail_amount"),
        post_only=flag(body, "post_only") if body.get("post_only") is not None else None,
        mmp=text(body, "mmp"),
    )


def stop_of(body: Mapping[str, Any]) -> StopTerms | None:
    """Stop fields; None for an order that is no stop. A trigger without a kind is refused, never placed as plain."""
    price, trail = decimal(body, "stop_price"), decimal(body, "trail_amount")
    if body.get("stop_order_type") is None:
        if price is not None or trail is not None:
            raise bad_schema("stop_order_type", "is required with a stop price or trail amount")
        return None
    return StopTerms(
        kind=choice(body, "stop_order_type", StopKind),
        price=price,
        trail=trail,
        method=choice(body, "stop_trigger_method", TriggerMethod, TriggerMethod.MARK),
    )


def bracket_of(body: Mapping[str, Any]) -> BracketTerms | None:
    """The `bracket_*` fields of an entry order; None when there are none."""
    given = {name: decimal(body, f"bracket_{name}") for name in BRACKET_PRICES}
    if all(value is None for value in given.values()):
        return None
    return BracketTerms(**given, method=choice(body, "bracket_stop_trigger_method", TriggerMethod, TriggerMethod.MARK))


def bracket_change_of(body: Mapping[str, Any]) -> dict[str, object]:
    """The `bracket_*` fields an edit gives."""
    found: dict[str, object] = {name: decimal(body, f"bracket_{name}") for name in BRACKET_PRICES}
    if body.get("bracket_stop_trigger_method") is not None:
        found["method"] = choice(body, "bracket_stop_trigger_method", TriggerMethod)
    if all(value is None for value in found.values()):
        raise bad_schema("bracket_stop_loss_price", "give at least one bracket field")
    return found


def position_bracket_of(
    body: Mapping[str, Any], loss: Mapping[str, Any] | None, profit: Mapping[str, Any] | None
) -> BracketTerms:
    """A bracket for a position, from its two nested orders.

    Raises:
        Refused: ``bad_schema`` for no leg at all, or a leg whose type and limit price disagree.
    """
    if loss is None and profit is None:
        raise bad_schema("stop_loss_order", "give a stop loss order, a take profit order or both")
    limits = {"loss": _leg_limit(loss, "stop_loss_order"), "profit": _leg_limit(profit, "take_profit_order")}
    if loss is not None and decimal(loss, "stop_price") is None and decimal(loss, "trail_amount") is None:
        raise bad_schema("stop_loss_order", "needs a stop price or a trail amount")
    if profit is not None and decimal(profit, "stop_price") is None:
        raise bad_schema("take_profit_order", "needs a stop price")
    return BracketTerms(
        stop_loss_price=decimal(loss, "stop_price") if loss is not None else None,
        stop_loss_limit_price=limits["loss"],
        trail_amount=decimal(loss, "trail_amount") if loss is not None else None,
        take_profit_price=decimal(profit, "stop_price") if profit is not None else None,
        take_profit_limit_price=limits["profit"],
        method=choice(body, "bracket_stop_trigger_method", TriggerMethod, TriggerMethod.MARK),
    )


def _leg_limit(leg: Mapping[str, Any] | None, name: str) -> Any:
    if leg is None:
        return None
    kind, limit = choice(leg, "order_type", OrderType), decimal(leg, "limit_price")
    if (kind is OrderType.LIMIT) != (limit is not None):
        raise bad_schema(name, "a limit order has a limit price, a market order has none")
    return limit
