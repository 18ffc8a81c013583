"""Orders out, outcomes back: the rule by which an answer becomes OK, REJECTED or UNKNOWN.

OK needs an order that matches what was asked. REJECTED needs proof: a documented refusal, a 429 (turned away, not
processed), or that nothing left this machine. Everything else is UNKNOWN: time-out, reset, 408, any 5xx even with a code,
HTML, an unreadable or mismatching answer, a crash of our own.
"""

import logging
import re
from collections.abc import Callable
from typing import Any, TypeVar

from trader.domain.errors import AuthError, NotSent, OutcomeUnknown, RateLimited, TraderError, VenueRefused, WireError
from trader.domain.order import OrderIntent, OrderSnapshot, OrderType, Purpose
from trader.domain.outcome import Rejected, Unknown
from trader.exchange.common.budget import BudgetRefused, Priority
from trader.exchange.delta.http.errors import Remedy, explain
from trader.exchange.delta.wire.core import OrderRow

logger = logging.getLogger(__name__)

NOT_SENT = "not_sent"
RATE_LIMITED = "rate_limit_exceeded"
DUPLICATE_ID = "duplicate_client_order_id"
_CLIENT_ID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")

T = TypeVar("T")


class UnsendableOrder(TraderError):
    """No request can be built from what was asked: nothing left this machine."""


def build_order(intent: OrderIntent) -> dict[str, Any]:
    """The body of a create-order request. A market order carries no price at all: 0 would be refused.

    Raises:
        UnsendableOrder: A limit order without a usable price, a quantity below 1, or a client order id the exchange
            would not take.
    """
    check_client_order_id(intent.client_order_id)
    if intent.quantity < 1:
        raise UnsendableOrder(f"an order needs at least 1 contract, was {intent.quantity}")
    body: dict[str, Any] = {
        "product_id": intent.product_id,
        "size": intent.quantity,
        "side": intent.side.value,
        "order_type": intent.order_type.value,
        "time_in_force": intent.time_in_force.value,
        "post_only": _flag(intent.post_only),
        "reduce_only": _flag(intent.reduce_only),
        "client_order_id": intent.client_order_id,
    }
    if intent.order_type is OrderType.LIMIT:
        price = intent.limit_price
        if price is None or not price.is_finite() or price <= 0:
            raise UnsendableOrder(f"a limit order needs a price above 0, was {price}")
        body["limit_price"] = f"{price:f}"
    return body


def build_cancel(product_id: int, client_order_id: str | None, venue_order_id: str | None) -> dict[str, Any]:
    """The body of a cancel request; the exchange's id is preferred where both are known.

    Raises:
        UnsendableOrder: Neither id was given, or the exchange's is not a number.
    """
    if venue_order_id is not None:
        if not venue_order_id.isdigit():
            raise UnsendableOrder(f"the exchange's order id must be a number, was {venue_order_id!r}")
        return {"id": int(venue_order_id), "product_id": product_id}
    if client_order_id is None:
        raise UnsendableOrder("a cancel needs the client order id or the exchange's")
    return {"client_order_id": client_order_id, "product_id": product_id}


def build_cancel_all(product_id: int) -> dict[str, Any]:
    """The body that cancels every order of a product. All three flags: omitted ones count as false."""
    flags = dict.fromkeys(("cancel_limit_orders", "cancel_stop_orders", "cancel_reduce_only_orders"), "true")
    return {"product_id": product_id, **flags}


def priority_of(purpose: Purpose) -> Priority:
    """Entries share the budget with market data; whatever shrinks a position is never refused by us."""
    return Priority.MARKET if purpose is Purpose.ENTRY else Priority.EXIT


def check_client_order_id(client_order_id: str) -> None:
    """The exchange takes at most 32 characters; we use only those that need no encoding anywhere.

    Raises:
        UnsendableOrder: The id is empty, too long, or has other characters.
    """
    if not _CLIENT_ID.match(client_order_id):
        raise UnsendableOrder(
            f"a client order id has 1 to 32 letters, digits, '-' or '_', was {client_order_id[:40]!r} "
            f"({len(client_order_id)} characters)"
        )


def outcome_of(send: Callable[[], T], what: str) -> T | Rejected | Unknown:
    """Run one request that changes something and turn every end of it into a value; `what` names it in the log."""
    outcome = _ended(send, what)
    logger.debug("outcome what=%s %s", what, outcome)
    return outcome


def _ended(send: Callable[[], T], what: str) -> T | Rejected | Unknown:
    try:
        return send()
    except NotSent as error:
        return Rejected(NOT_SENT, str(error))
    except BudgetRefused as error:
        return Rejected(NOT_SENT, str(error), error.retry_after_secs)
    except UnsendableOrder as error:
        return Rejected(NOT_SENT, str(error))
    except VenueRefused as error:  # authentication included
        known = explain(error.code)
        if known is None:
            logger.warning("order_code_unlisted what=%s code=%r", what, error.code)
        if error.code == DUPLICATE_ID:
            # Our ids are used once: an order of this id can only be this very one, sent twice by something on the way.
            return Unknown(f"{error}: it may be this very order, taken a moment before")
        at_fault = isinstance(error, AuthError) or (known is not None and known.remedy is Remedy.HALT)
        return Rejected(error.code, str(error), halts=at_fault)
    except RateLimited as error:
        return Rejected(RATE_LIMITED, str(error), error.retry_after_secs)
    except OutcomeUnknown as error:
        return Unknown(str(error))
    except Exception as error:
        # A bug here must not make a sent order look like one that failed.
        logger.exception("order_call_crashed what=%s", what)
        return Unknown(f"our own error: {type(error).__name__}")


def check_match(
    order: OrderSnapshot, *, product_id: int, client_order_id: str | None, venue_order_id: str | None
) -> None:
    """See that the answer speaks of the order that was asked about.

    Raises:
        WireError: It does not.
    """
    if order.product_id != product_id:
        raise WireError(f"mismatch: asked about product {product_id}, answered product {order.product_id}")
    if client_order_id is not None and order.client_order_id != client_order_id:
        raise WireError(f"mismatch: asked about order {client_order_id}, answered {order.client_order_id}")
    if venue_order_id is not None and order.venue_order_id != venue_order_id:
        raise WireError(f"mismatch: asked about order {venue_order_id}, answered {order.venue_order_id}")


def check_intent_match(order: OrderSnapshot, intent: OrderIntent) -> None:
    """See that the accepted order is the one that was meant.

    Raises:
        WireError: Id, product, side or size differ.
    """
    check_match(order, product_id=intent.product_id, client_order_id=intent.client_order_id, venue_order_id=None)
    if order.side is not intent.side or order.quantity != intent.quantity:
        raise WireError(
            f"mismatch: sent {intent.side} {intent.quantity}, answered {order.side} {order.quantity}",
        )


def row_of(result: OrderRow | None) -> OrderRow:
    """The order row of a success answer.

    Raises:
        WireError: The answer has no result.
    """
    if result is None:
        raise WireError("the answer has no order in it")
    return result


def _flag(value: bool) -> str:
    return "true" if value else "false"
