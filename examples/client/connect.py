"""What every example begins with: the client, the contract, its prices, and an answer that is good or ends the program."""

import json
import secrets
from decimal import Decimal
from pathlib import Path

from trader.domain.instrument import Instrument
from trader.domain.order import OrderSnapshot, Side
from trader.domain.outcome import Ok, Outcome
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.api.order_requests import OrderRequest, OrderType
from trader.exchange.delta.gateway import DeltaGateway


def connect() -> tuple[DeltaGateway, Instrument]:
    """The client of the local exchange whose line lies in venue.json, and the perpetual that the examples trade."""
    venue = json.loads(Path("venue.json").read_text())
    gateway = DeltaGateway(venue["rest_url"], Credentials(venue["api_key"], venue["api_secret"]))
    contract = gateway.market.product("BTCUSD")
    if contract is None:
        raise SystemExit("the exchange lists no BTCUSD")
    return gateway, contract


def new_id(name: str) -> str:
    """A client order id: the exchange takes each once, so that a repeated request is no second order."""
    return f"ex-{name}-{secrets.token_hex(4)}"


def mark(gateway: DeltaGateway) -> Decimal:
    found = gateway.market.ticker("BTCUSD").quote.mark
    if found is None:
        raise SystemExit("BTCUSD has no mark price")
    return found


def on_tick(price: Decimal, contract: Instrument) -> Decimal:
    return (price / contract.tick_size).to_integral_value() * contract.tick_size


def placed(outcome: Outcome) -> OrderSnapshot:
    """The order, where the exchange took it. Rejected is a no; unknown may be a yes: look it up by its id before you repeat it."""
    if not isinstance(outcome, Ok):
        raise SystemExit(f"not placed: {outcome}")
    return outcome.order


def at_market(gateway: DeltaGateway, contract: Instrument, side: Side, quantity: int, **more: object) -> OrderSnapshot:
    request = OrderRequest(
        product_id=contract.product_id,
        side=side,
        quantity=quantity,
        client_order_id=new_id("market"),
        order_type=OrderType.MARKET,
        **more,  # type: ignore[arg-type]
    )
    return placed(gateway.orders.place(request))


def close(gateway: DeltaGateway, contract: Instrument) -> None:
    """Cancel what rests in the contract and close what is held of it."""
    gateway.cancel_all(contract.product_id)
    held = gateway.position(contract.product_id).quantity
    if held:
        order = at_market(gateway, contract, Side.SELL if held > 0 else Side.BUY, abs(held), reduce_only=True)
        print(f"closed {held:+d} at {order.avg_px}")
