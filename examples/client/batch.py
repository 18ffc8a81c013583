"""Five orders in one request, each answered for itself; then all of them cancelled in another."""

from decimal import Decimal

from examples.client.connect import connect, mark, new_id, on_tick
from trader.domain.order import Side
from trader.domain.outcome import Ok
from trader.exchange.delta.api.order_requests import OrderRequest


def main() -> None:
    gateway, contract = connect()
    about = mark(gateway)
    requests = [
        OrderRequest(
            product_id=contract.product_id,
            side=Side.BUY,
            quantity=number,
            client_order_id=new_id(f"batch{number}"),
            limit_price=on_tick(about * (1 - Decimal(number) / 500), contract),
        )
        for number in range(1, 6)
    ]
    ids = []
    for request, outcome in zip(requests, gateway.orders.place_batch(contract.product_id, requests), strict=True):
        print(f"buy {request.quantity} at {request.limit_price}: {type(outcome).__name__}")
        if isinstance(outcome, Ok):
            ids.append(outcome.order.venue_order_id)
    ended = gateway.orders.cancel_batch(contract.product_id, ids)
    print(f"cancelled {sum(isinstance(one, Ok) for one in ended)} of {len(ids)}")


if __name__ == "__main__":
    main()
