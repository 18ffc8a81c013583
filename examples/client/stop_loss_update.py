"""Another stop loss for a position that is open: the old legs are cancelled, then new ones placed."""

from decimal import Decimal

from examples.client.connect import at_market, close, connect, mark, on_tick
from trader.domain.order import Side
from trader.exchange.delta.api.order_requests import Bracket


def main() -> None:
    gateway, contract = connect()
    about = mark(gateway)
    first, second = (on_tick(about * Decimal(share), contract) for share in ("0.96", "0.97"))
    at_market(gateway, contract, Side.BUY, 2, bracket=Bracket(stop_loss=first))
    print("before:", [one.stop_price for one in gateway.open_orders([contract.product_id])])
    print("moved:", gateway.move_bracket(contract.product_id, Side.BUY, Bracket(stop_loss=second)))
    print("after:", [one.stop_price for one in gateway.open_orders([contract.product_id])])
    close(gateway, contract)


if __name__ == "__main__":
    main()
