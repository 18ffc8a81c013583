"""A ticket: one order by hand or by program, with the protection that rests at the exchange beside it.

The panel's form, the CLI's options, the API's schema and every message about a field come from these models. Prices are USD per
unit of underlying, as the exchange quotes them; quantities are whole contracts.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from trader.config.document import parse_json_object
from trader.config.messages import InvalidConfig, sentences
from trader.config.numbers import Flag, Number, Whole
from trader.config.orders import Orders
from trader.config.section import Section, setting
from trader.domain.order import Side

MOST_TICKETS = 50  # of one call: the exchange's own bound of a batch

OrderKind = Literal[
    "market", "limit", "stop_market", "stop_limit", "take_profit_market", "take_profit_limit", "trailing_stop"
]
Work = Literal["once", "chase", "twap", "iceberg"]
TriggerBy = Literal["mark", "last", "index"]
_LIMITS = ("limit", "stop_limit", "take_profit_limit")
_STOPS = ("stop_market", "stop_limit", "take_profit_market", "take_profit_limit")


def _price(title: str, description: str) -> Any:
    return setting(None, title, description, "USD", gt=0, le=Decimal(10) ** 9)


class Protection(Section):
    """A stop loss or take profit that rests at the exchange, reduce-only, for as much as the ticket holds."""

    price: Number = Field(title="Trigger", description="The price that sets it off.", gt=0, le=Decimal(10) ** 9,
                          json_schema_extra={"unit": "USD"})  # fmt: skip
    limit_price: Number | None = _price(
        "Limit", "The worst price it may then trade at; without one it is a market order."
    )


class TicketRequest(Section):
    """One order. What the contract's tick, the collar or the account's limits say of it is asked of the engine's gate."""

    symbol: str = setting(..., "Contract", "The exchange's symbol, e.g. C-BTC-90000-310126 or BTCUSD.", min_length=1,
                          max_length=64)  # fmt: skip
    side: Side = setting(..., "Side", "buy or sell.")
    quantity: Whole = setting(..., "Quantity", "How many contracts.", "contracts", ge=1, le=1_000_000)
    order_type: OrderKind = setting("limit", "Order type", "What is sent: see the glossary of order types.")
    limit_price: Number | None = _price(
        "Limit price", "The worst price it may trade at; limit, stop-limit and take-profit-limit."
    )
    stop_price: Number | None = _price("Trigger price", "The price that sets a stop or take profit off.")
    trail_usd: Number | None = _price("Trail", "Trailing stop: how far its trigger follows the best price behind.")
    trigger_by: TriggerBy = setting("mark", "Triggered by", "Which price sets stops off: mark, last trade or index.")
    time_in_force: Literal["gtc", "ioc"] = setting(
        "gtc", "Time in force", "gtc rests until cancelled; ioc takes what there is at once."
    )
    post_only: Flag = setting(
        False, "Post only", "Refused by the exchange instead of trading at once: maker or nothing."
    )
    reduce_only: Flag = setting(False, "Reduce only", "Closes contracts of earlier tickets and opens none.")
    work: Work = setting(
        "once", "Worked as", "once: one order. chase, twap, iceberg: by that algorithm, its terms in `orders`."
    )
    orders: Orders = setting(
        Orders(), "Algorithm", "The terms of the algorithm: the entry_* fields, retries, slippage, timeout."
    )
    stop_loss: Protection | None = setting(None, "Stop loss", "Rests at the exchange as soon as something has filled.")
    take_profit: Protection | None = setting(None, "Take profit", "The same on the other side; one cancels the other.")
    leverage: Number | None = setting(
        None, "Leverage", "Leverage of the contract's orders to set first.", "×", ge=1, le=200
    )
    reason: str = setting("", "Reason", "Why, in your own words; kept with the ticket.", max_length=200)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for wrong in self._flaws():
            raise ValueError(wrong)
        return self

    def _flaws(self) -> list[str]:
        """What contradicts itself, one sentence each that names the field."""
        kind, found = self.order_type, []
        if (kind in _LIMITS) is (self.limit_price is None):
            found.append(_price_flaw("limit_price", kind, kind in _LIMITS))
        if (kind in _STOPS) is (self.stop_price is None):
            found.append(_price_flaw("stop_price", kind, kind in _STOPS))
        if (kind == "trailing_stop") is (self.trail_usd is None):
            found.append(_price_flaw("trail_usd", kind, kind == "trailing_stop"))
        if self.post_only and (kind != "limit" or self.time_in_force == "ioc" or self.work != "once"):
            found.append("post_only is for a limit order that rests (gtc), sent once")
        if self.time_in_force == "ioc" and kind not in ("limit", "market"):
            found.append(f"time_in_force must be gtc for a {kind} order")
        if self.work != "once" and (kind != "market" or self.reduce_only):
            found.append(
                f"work must be once for a {'reduce-only' if self.reduce_only else kind} order: {self.work} sets its own prices (order_type market)"
            )
        if self.reduce_only and (self.stop_loss or self.take_profit):
            found.append("stop_loss and take_profit belong to an order that opens, not to a reduce-only one")
        return found


def _price_flaw(name: str, kind: str, is_needed: bool) -> str:
    return f"{name} is missing: a {kind} order needs one" if is_needed else f"{name} must be left out of a {kind} order"


class TicketChanges(Section):
    """What can be changed while a ticket lives; what is not named stays, and None takes a protection away."""

    quantity: Whole | None = setting(None, "Quantity", "Contracts in all.", "contracts", ge=1, le=1_000_000)
    limit_price: Number | None = _price("Limit price", "Of the order that works.")
    stop_price: Number | None = _price("Trigger price", "Of the order that waits.")
    trail_usd: Number | None = _price("Trail", "Of a trailing stop that waits.")
    stop_loss: Protection | None = setting(None, "Stop loss", "Of what is held or will be.")
    take_profit: Protection | None = setting(None, "Take profit", "The same on the other side.")


class TicketList(Section):
    """Up to 50 tickets of one call. `link` says what they have to do with one another: nothing (each stands for itself), or oco
    (two of them: the first that fills cancels the other)."""

    tickets: tuple[TicketRequest, ...] = setting(..., "Tickets", "The orders.", min_length=1, max_length=MOST_TICKETS)
    link: Literal["none", "oco"] = setting("none", "Link", "none, or oco: one cancels the other.")

    @model_validator(mode="after")
    def _two_for_oco(self) -> Self:
        if self.link == "oco" and len(self.tickets) != 2:
            raise ValueError(f"link oco is for exactly 2 tickets, was {len(self.tickets)}")
        if self.link == "oco" and any(one.reduce_only for one in self.tickets):
            raise ValueError("link oco is for two orders that open: reduce-only ones never close more than is held")
        return self


def read_ticket(fields: Mapping[str, Any]) -> TicketRequest:
    """One ticket from what was typed, as text or as values.

    Raises:
        InvalidConfig: One sentence for each field at fault.
    """
    try:
        return TicketRequest.model_validate(fields)
    except ValidationError as error:
        raise InvalidConfig(sentences(error, TicketRequest)) from None


def parse_tickets(text: str, where: str) -> TicketList:
    """A list of tickets from JSON.

    Raises:
        ConfigError: With `where` and each field at fault.
    """
    parse_json_object(text, where)  # no key twice, no NaN
    try:
        return TicketList.model_validate_json(text)
    except ValidationError as error:
        raise InvalidConfig(sentences(error, TicketList), where) from None


def one_cancels_the_other(tickets: Iterable[TicketRequest], where: str = "") -> TicketList:
    """Two tickets, linked.

    Raises:
        InvalidConfig: They cannot be, with `where`.
    """
    try:
        return TicketList(tickets=tuple(tickets), link="oco")
    except ValidationError as error:
        raise InvalidConfig(sentences(error, TicketList), where) from None


def read_changes(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What of a ticket is to be other than it is.

    Raises:
        InvalidConfig: One sentence for each field at fault.
    """
    try:
        found = TicketChanges.model_validate(fields)
    except ValidationError as error:
        raise InvalidConfig(sentences(error, TicketChanges)) from None
    return {name: getattr(found, name) for name in found.model_fields_set}
