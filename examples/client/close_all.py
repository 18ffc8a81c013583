"""Emergency: the exchange closes every position of the account, and tells the orders it closed them with."""

from examples.client.connect import at_market, connect
from trader.domain.order import Side
from trader.exchange.common.outcomes import Done
from trader.exchange.delta.api.order_requests import CancelScope


def main() -> None:
    gateway, contract = connect()
    at_market(gateway, contract, Side.BUY, 7)
    print("cancel all:", gateway.orders.cancel_all(CancelScope()))
    ended = gateway.close_everything()
    if not isinstance(ended, Done):
        raise SystemExit(f"not known to be closed: {ended}")
    for order in ended.value:
        print(f"{order.side} {order.quantity} {order.symbol}: {order.filled_qty} filled at {order.avg_px}")
    print("held now:", gateway.position(contract.product_id).quantity)


if __name__ == "__main__":
    main()
