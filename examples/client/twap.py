"""Nine contracts in three slices, one each few seconds: what a slice leaves goes into the next, the last goes at market."""

import sys
import time

from examples.client.connect import close, connect, new_id, placed
from trader.domain.order import Side, TimeInForce
from trader.exchange.delta.api.order_requests import OrderRequest, OrderType

QUANTITY, SLICES = 9, 3


def main(pause_secs: float) -> None:
    gateway, contract = connect()
    done = 0
    for number in range(1, SLICES + 1):
        due = QUANTITY * number // SLICES - done
        at_market = number == SLICES
        ask = gateway.market.order_book("BTCUSD", depth=1).asks[0].price
        request = OrderRequest(
            product_id=contract.product_id,
            side=Side.BUY,
            quantity=due,
            client_order_id=new_id(f"twap{number}"),
            order_type=OrderType.MARKET if at_market else OrderType.LIMIT,
            limit_price=None if at_market else ask,
            time_in_force=TimeInForce.IOC,
        )
        order = placed(gateway.orders.place(request))
        done += order.filled_qty
        print(f"slice {number}: {order.filled_qty} of {due} at {order.avg_px}")
        if number < SLICES:
            time.sleep(pause_secs)
    print(f"{done} of {QUANTITY} bought")
    close(gateway, contract)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
