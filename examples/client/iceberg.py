"""Six contracts of which the book never shows more than two: the next part goes out when the last has filled."""

from examples.client.connect import close, connect, new_id, placed
from trader.domain.order import Side
from trader.exchange.delta.api.order_requests import OrderRequest

QUANTITY, SHOWN, TRIES = 6, 2, 20


def main() -> None:
    gateway, contract = connect()
    done = 0
    for number in range(1, TRIES + 1):
        if done >= QUANTITY:
            break
        request = OrderRequest(
            product_id=contract.product_id,
            side=Side.BUY,
            quantity=min(SHOWN, QUANTITY - done),
            client_order_id=new_id(f"ice{number}"),
            limit_price=gateway.market.order_book("BTCUSD", depth=1).asks[0].price,
        )
        order = placed(gateway.orders.place(request))
        if order.leaves_qty:  # the price has moved away: take it back, and ask for the rest at the new one
            gateway.cancel(product_id=contract.product_id, client_order_id=request.client_order_id)
            order = gateway.lookup(request.client_order_id) or order
        done += order.filled_qty
        print(f"part {number}: {order.filled_qty} filled at {order.avg_px}, {done} of {QUANTITY} in all")
    close(gateway, contract)


if __name__ == "__main__":
    main()
