"""What a ticket is made of: the preset that stands in for a strategy's, the terms of its contract, the price it asks for."""

from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

from trader.config.preset import Preset
from trader.config.ticket import Protection, TicketRequest
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderType, Side, TimeInForce
from trader.domain.quote import Quote
from trader.domain.trigger import Stop, StopKind, Trigger
from trader.engine.records import NEVER, ClosingOrder, LegTerms

KEY = "T"  # of its leg
STOP_LOSS, TAKE_PROFIT = "L", "G"  # names of the closing orders that protect it
_PERPETUAL_COLLAR_PCT = Decimal(5)  # an option's price is rough, a perpetual's is not
_TRIGGERS = {"mark": Trigger.MARK, "last": Trigger.LAST, "index": Trigger.SPOT}
_MARKET = ("market", "stop_market", "take_profit_market", "trailing_stop")


@lru_cache(maxsize=256)
def preset_of(ticket: TicketRequest, underlying: str) -> Preset:
    """The bounds and habits of a preset, for an order that has none: how it is worked, and how it is closed. What an account or a
    contract bounds is bound there."""
    base = Preset()
    risk: dict[str, object] = {
        "max_order_quantity": 1_000_000,
        "max_orders_per_leg": 20,
    }
    if is_perpetual(ticket.symbol):
        risk |= {"price_collar_pct": _PERPETUAL_COLLAR_PCT, "exit_limit_pct": _PERPETUAL_COLLAR_PCT}
    algo = "chase" if ticket.work == "once" else ticket.work
    return base.model_copy(
        update={
            "name": "ticket",
            "strategy": base.strategy.model_copy(update={"underlying": underlying, "quantity": ticket.quantity}),
            "orders": ticket.orders.model_copy(update={"entry_algo": algo, "partial_policy": "accept"}),
            "risk": base.risk.model_copy(update=risk),
        }
    )


def is_perpetual(symbol: str) -> bool:
    return symbol[:2] not in ("C-", "P-")


def leg_of(ticket: TicketRequest, contract: Instrument, quote: Quote | None) -> LegTerms:
    """The contract's terms, pinned for the ticket, and the quote they were read with. What is no number is not pinned: a journal knows
    none, and could not be read again."""
    delta = None if quote is None or quote.greeks is None else _finite(quote.greeks.delta)
    return LegTerms(
        key=KEY,
        symbol=contract.symbol,
        product_id=contract.product_id,
        kind=contract.kind,
        strike=contract.strike or Decimal(0),
        expiry=contract.expiry or NEVER,
        side=ticket.side,
        quantity=ticket.quantity,
        contract_value=contract.contract_value,
        tick_size=contract.tick_size,
        fee_rate=contract.taker_rate,
        fee_cap=contract.fee_cap,
        margin_pct=contract.initial_margin_pct,
        maintenance_pct=contract.maintenance_margin_pct,
        delta=float(contract.kind is Kind.PERPETUAL) if delta is None else delta,
        bid=None if quote is None else quote.bid,
        ask=None if quote is None else quote.ask,
        mark=None if quote is None else quote.mark,
        iv=None if quote is None else _finite(quote.mark_iv),
    )


def _finite(told: float | None) -> float | None:
    return told if told is not None and isfinite(told) else None


class Shape(NamedTuple):
    """What of an order its ticket says, beside side and size. No limit price: at market."""

    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    stop: Stop | None = None
    closing: str = ""


def shape_of(ticket: TicketRequest) -> Shape:
    """The order that a ticket asks for."""
    return Shape(
        limit_price=ticket.limit_price,
        time_in_force=TimeInForce(ticket.time_in_force),
        post_only=ticket.post_only,
        stop=stop_of(ticket),
    )


def stop_of(ticket: TicketRequest) -> Stop | None:
    """What it waits for at the exchange; None for one that goes into the book at once."""
    kind = StopKind.TAKE_PROFIT if ticket.order_type.startswith("take_profit") else StopKind.STOP_LOSS
    if ticket.stop_price is None and ticket.trail_usd is None:
        return None
    return Stop(kind=kind, price=ticket.stop_price, trail=ticket.trail_usd, trigger=_TRIGGERS[ticket.trigger_by])


def protection_of(ticket: TicketRequest) -> tuple[ClosingOrder, ...]:
    """The closing orders that protect what a ticket holds."""
    found = []
    for name, kind, wanted in (
        (STOP_LOSS, StopKind.STOP_LOSS, ticket.stop_loss),
        (TAKE_PROFIT, StopKind.TAKE_PROFIT, ticket.take_profit),
    ):
        if wanted is not None:
            found.append(_protecting(name, kind, wanted, ticket))
    return tuple(found)


def _protecting(name: str, kind: StopKind, wanted: Protection, ticket: TicketRequest) -> ClosingOrder:
    return ClosingOrder(
        name=name,
        order_type=OrderType.MARKET if wanted.limit_price is None else OrderType.LIMIT,
        limit_price=wanted.limit_price,
        stop=Stop(kind=kind, price=wanted.price, trigger=_TRIGGERS[ticket.trigger_by]),
    )


def reducing(ticket: TicketRequest, ticket_id: str, quantity: int) -> ClosingOrder:
    """The closing order that a reduce-only ticket becomes in one that it closes."""
    return ClosingOrder(
        name=f"R{ticket_id}",
        order_type=OrderType.MARKET if ticket.order_type in _MARKET else OrderType.LIMIT,
        limit_price=ticket.limit_price,
        stop=stop_of(ticket),
        time_in_force=TimeInForce(ticket.time_in_force),
        post_only=ticket.post_only,
        quantity=quantity,
    )


def touch_met(side: Side, quote: Quote | None) -> Decimal | None:
    """The price that an order of a side would meet at once; None where nobody is there."""
    touch = None if quote is None else quote.ask if side is Side.BUY else quote.bid
    return touch if touch is not None and touch > 0 else None
