"""What a ticket's request and its contract say of each other. It is asked by the engine before anything is recorded, and by a form while it is
filled in. Pure."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from trader.config.ticket import TicketRequest
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderIntent, OrderType, Purpose, Side
from trader.domain.quote import Quote
from trader.domain.rounding import is_on_tick
from trader.domain.wording import plain
from trader.engine.gate import collar, within_collar
from trader.engine.tickets.gate import entry_price_flaw
from trader.engine.tickets.refusal import Refusal, of_denied
from trader.engine.tickets.terms import KEY, leg_of, preset_of, shape_of, touch_met
from trader.engine.verdict import Denied

LEAST_SECONDS = 1  # of market time for one slice


def unlisted(ticket: TicketRequest, contract: Instrument | None, market: datetime | None) -> Refusal | None:
    """Why the contract that is named cannot be traded; None when it can."""
    if contract is None:
        return Refusal("UNKNOWN_CONTRACT", "symbol", f"the exchange lists no contract {ticket.symbol}")
    if contract.expiry is not None and market is not None and market >= contract.expiry:
        return Refusal("CONTRACT_EXPIRED", "symbol", f"{ticket.symbol} expired at {contract.expiry:%Y-%m-%d %H:%M} UTC")
    if not contract.tradable:
        words = f"{ticket.symbol} takes no orders now ({contract.state}, {contract.trading_status})"
        return Refusal("NOT_TRADABLE", "symbol", words)
    return None


def flaws(
    ticket: TicketRequest,
    contract: Instrument | None,
    quote: Quote | None,
    spot: Decimal | None,
    market: datetime | None,
) -> list[Refusal]:
    """Everything at fault with a request, by its contract's terms and the prices of now. What the account has against it is the
    gate's to say."""
    if (unknown := unlisted(ticket, contract, market)) is not None or contract is None:
        return [] if unknown is None else [unknown]
    found = [
        *_size_flaws(ticket, contract),
        *tick_flaws(ticket, contract.tick_size),
        *_protection_flaws(ticket, quote, is_option=contract.kind is not Kind.PERPETUAL),
    ]
    if not found and not ticket.reduce_only and (denied := _price_flaw(ticket, contract, quote, spot)) is not None:
        found.append(of_denied(denied))
    return found


def _size_flaws(ticket: TicketRequest, contract: Instrument) -> Iterator[Refusal]:
    most, orders = contract.position_size_limit, ticket.orders
    if most and ticket.quantity > most:
        words = f"{ticket.quantity} contracts are more than the {most} that the exchange lets an account hold"
        yield Refusal("CONTRACT_MAXIMUM", "quantity", words)
    if ticket.work != "twap":
        return
    if orders.entry_slices > ticket.quantity:
        words = f"{orders.entry_slices} slices of {ticket.quantity} contracts: a slice is at least one"
        yield Refusal("TOO_MANY_SLICES", "orders.entry_slices", words)
    if orders.entry_duration_secs < orders.entry_slices * LEAST_SECONDS:
        words = f"{orders.entry_duration_secs} s are too short for {orders.entry_slices} slices: one takes at least a second"
        yield Refusal("TOO_MANY_SLICES", "orders.entry_duration_secs", words)


def tick_flaws(ticket: TicketRequest, tick: Decimal) -> Iterator[Refusal]:
    """Prices that the contract does not know."""
    for field, price in (
        ("limit_price", ticket.limit_price),
        ("stop_price", ticket.stop_price),
        ("trail_usd", ticket.trail_usd),
        *_protection_prices(ticket),
    ):
        if price is not None and not is_on_tick(price, tick):
            yield Refusal(
                "PRICE_OFF_TICK", field, f"{plain(price)} is no multiple of the contract's tick of {plain(tick)}"
            )


def _protection_prices(ticket: TicketRequest) -> Iterator[tuple[str, Decimal | None]]:
    for name, wanted in (("stop_loss", ticket.stop_loss), ("take_profit", ticket.take_profit)):
        if wanted is not None:
            yield f"{name}.price", wanted.price
            yield f"{name}.limit_price", wanted.limit_price


def _protection_flaws(ticket: TicketRequest, quote: Quote | None, *, is_option: bool) -> Iterator[Refusal]:
    """The stop loss lies on the losing side of the entry, the take profit on the winning one; the index has no such sides for an
    option, whose price may move against it."""
    if is_option and ticket.trigger_by == "index" and (ticket.stop_loss or ticket.take_profit):
        words = "the protection of an option is set off by its mark or last price, not by the index"
        yield Refusal("INDEX_TRIGGER", "trigger_by", words)
        return
    entry = ticket.limit_price or ticket.stop_price or touch_met(ticket.side, quote)
    if entry is None:
        return
    for name, wanted, losing in (("stop_loss", ticket.stop_loss, True), ("take_profit", ticket.take_profit, False)):
        if wanted is None:
            continue
        below = (ticket.side is Side.BUY) is losing
        if wanted.price >= entry if below else wanted.price <= entry:
            where, of = ("below", "above")[not below], "long" if ticket.side is Side.BUY else "short"
            words = f"{plain(wanted.price)} has to lie {where} the entry at {plain(entry)}: the ticket would be {of}"
            yield Refusal("PROTECTION_ON_WRONG_SIDE", f"{name}.price", words)


def _price_flaw(
    ticket: TicketRequest, contract: Instrument, quote: Quote | None, spot: Decimal | None
) -> Denied | None:
    """As the gate will judge the prices."""
    if quote is None or quote.mark is None:
        return Denied("NO_FRESH_MARK", f"symbol={ticket.symbol}")
    leg, shape = leg_of(ticket, contract, quote), shape_of(ticket)
    pct = preset_of(ticket, contract.underlying).risk.price_collar_pct
    if shape.limit_price is None and shape.stop is None:
        outside = ticket.work == "once" and not within_collar(leg, quote, ticket.side, pct)
        numbers = f"bid={quote.bid}, ask={quote.ask}, mark={quote.mark}"
        return Denied("MARKET_OUTSIDE_COLLAR", numbers) if outside else None
    intent = OrderIntent(
        client_order_id="", run_id="", leg=KEY, purpose=Purpose.ENTRY, attempt=0, symbol=ticket.symbol,
        product_id=contract.product_id, side=ticket.side, quantity=ticket.quantity,
        order_type=OrderType.MARKET if shape.limit_price is None else OrderType.LIMIT,
        limit_price=shape.limit_price, stop=shape.stop,
    )  # fmt: skip
    return entry_price_flaw(spot, intent, quote, collar(leg, quote.mark, pct), {})
