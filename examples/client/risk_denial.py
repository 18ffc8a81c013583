"""Three orders that are refused: for their form before anything is sent, for their size and for their price by the exchange."""

from decimal import Decimal

from examples.client.connect import connect, mark, new_id, on_tick
from trader.domain.order import Side
from trader.exchange.delta.api.order_requests import OrderRequest


def main() -> None:
    gateway, contract = connect()
    about = mark(gateway)
    for what, quantity, price in (
        ("no contract at all", 0, about),
        ("more than the balance bears", 900_000, about * Decimal("0.99")),
        ("at double the price", 1, about * 2),
    ):
        request = OrderRequest(
            product_id=contract.product_id,
            side=Side.BUY,
            quantity=quantity,
            client_order_id=new_id("refused"),
            limit_price=on_tick(price, contract),
        )
        print(f"{what}: {gateway.orders.place(request)}")


if __name__ == "__main__":
    main()
