"""The same verbs over ccxt, for exchanges without a client here: an order, its fill, the position, closing it.

ccxt is optional: python -m pip install --no-deps -r requirements-ccxt.txt
"""

import json
from pathlib import Path

from examples.client.connect import new_id
from trader.domain.order import OrderIntent, OrderType, Purpose, Side
from trader.exchange.ccxt.delta import CcxtDeltaGateway
from trader.exchange.common.credentials import Credentials


def main() -> None:
    venue = json.loads(Path("venue.json").read_text())
    gateway = CcxtDeltaGateway(venue["rest_url"], Credentials(venue["api_key"], venue["api_secret"]))
    contract = next(one for one in gateway.instruments("BTC") if one.symbol == "BTCUSD")
    intent = OrderIntent(
        client_order_id=new_id("ccxt"), run_id="", leg="", purpose=Purpose.ENTRY, attempt=0, symbol=contract.symbol,
        product_id=contract.product_id, side=Side.BUY, quantity=2, order_type=OrderType.MARKET, limit_price=None,
    )  # fmt: skip
    print("sent:", gateway.submit(intent))
    print("held:", gateway.position(contract.product_id).quantity)
    print("closed:", gateway.close_position(contract.product_id, new_id("ccxt-close")))
    gateway.close()


if __name__ == "__main__":
    main()
