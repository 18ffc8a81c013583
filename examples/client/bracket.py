"""An entry with a stop loss and a take profit that the exchange places with its first fill."""

from decimal import Decimal

from examples.client.connect import at_market, close, connect, mark, on_tick
from trader.domain.order import Side
from trader.exchange.delta.api.order_requests import Bracket


def main() -> None:
    gateway, contract = connect()
    about = mark(gateway)
    guards = Bracket(
        stop_loss=on_tick(about * Decimal("0.97"), contract), take_profit=on_tick(about * Decimal("1.03"), contract)
    )
    order = at_market(gateway, contract, Side.BUY, 5, bracket=guards)
    print(f"bought {order.filled_qty} at {order.avg_px}")
    for one in gateway.open_orders([contract.product_id]):
        print(f"rests: {one.side} {one.quantity}, {one.stop_kind} at {one.stop_price}")
    close(gateway, contract)


if __name__ == "__main__":
    main()
