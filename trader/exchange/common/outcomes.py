"""Orders out, outcomes back: the rule by which an answer becomes OK, REJECTED or UNKNOWN.

OK needs an order that matches what was asked. REJECTED needs proof: a documented refusal, a 429 (turned away, not
processed), or that nothing left this machine. Everything else is UNKNOWN: time-out, reset, 408, any 5xx even with a code,
HTML, an unreadable or mismatching answer, a crash of our own.
"""

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from trader.domain.errors import AuthError, NotSent, OutcomeUnknown, RateLimited, TraderError, VenueRefused, WireError
from trader.domain.order import OrderSnapshot, Purpose, Side
from trader.domain.outcome import Rejected, Unknown, not_sent
from trader.domain.remedy import Remedy
from trader.exchange.common.budget import BudgetRefused, Priority

logger = logging.getLogger(__name__)

RATE_LIMITED = "rate_limit_exceeded"

T = TypeVar("T")


class Done(msgspec.Struct, Generic[T], frozen=True):
    """The end of a request that changes something other than one order: the exchange agreed; `value` is what it answered."""

    value: T


class UnsendableOrder(TraderError):
    """No request can be built from what was asked: nothing left this machine."""


def priority_of(purpose: Purpose) -> Priority:
    """Entries share the budget with market data; whatever shrinks a position is never refused by us."""
    return Priority.MARKET if purpose is Purpose.ENTRY else Priority.EXIT


def outcome_of(send: Callable[[], T], what: str) -> T | Rejected | Unknown:
    """Run one request that changes something and turn every end of it into a value; `what` names it in the log."""
    outcome = _ended(send, what)
    logger.debug("outcome what=%s %s", what, outcome)
    return outcome


def _ended(send: Callable[[], T], what: str) -> T | Rejected | Unknown:
    try:
        return send()
    except BudgetRefused as error:
        return not_sent(str(error), error.retry_after_secs)
    except (NotSent, UnsendableOrder) as error:
        return not_sent(str(error))
    except AuthError as error:
        return Rejected(error.code, str(error), remedy=Remedy.HALT)
    except VenueRefused as error:
        if error.remedy is None:
            logger.warning("order_code_unlisted what=%s code=%r", what, error.code)
        return Rejected(error.code, str(error), remedy=error.remedy or Remedy.GIVE_UP)
    except RateLimited as error:
        return Rejected(RATE_LIMITED, str(error), error.retry_after_secs, Remedy.WAIT)
    except OutcomeUnknown as error:
        return Unknown(str(error))
    except Exception as error:
        # A bug here must not make a sent order look like one that failed.
        logger.exception("order_call_crashed what=%s", what)
        return Unknown(f"our own error: {type(error).__name__}")


def check_match(
    order: OrderSnapshot,
    *,
    product_id: int,
    client_order_id: str | None = None,
    venue_order_id: str | None = None,
    side: Side | None = None,
    quantity: int | None = None,
) -> None:
    """See that the answer speaks of the order that was asked about, and, where side and quantity are told, that the accepted
    order is the one that was meant.

    Raises:
        WireError: It does not, or is not.
    """
    if order.product_id != product_id:
        raise WireError(f"mismatch: asked about product {product_id}, answered product {order.product_id}")
    if client_order_id is not None and order.client_order_id != client_order_id:
        raise WireError(f"mismatch: asked about order {client_order_id}, answered {order.client_order_id}")
    if venue_order_id is not None and order.venue_order_id != venue_order_id:
        raise WireError(f"mismatch: asked about order {venue_order_id}, answered {order.venue_order_id}")
    if (side or order.side) is not order.side or (quantity or order.quantity) != order.quantity:
        raise WireError(f"mismatch: sent {side} {quantity}, answered {order.side} {order.quantity}")
