"""A position valued at the mark, again and again. Ten looks, or as many as the first argument says."""

import sys
import time

from examples.client.connect import at_market, close, connect, mark
from trader.domain.order import Side


def main(looks: int, pause_secs: float = 0.5) -> None:
    gateway, contract = connect()
    at_market(gateway, contract, Side.BUY, 4)
    for _ in range(looks):
        held, price = gateway.position(contract.product_id), mark(gateway)
        if held.entry_price is not None:
            pnl = (price - held.entry_price) * held.quantity * contract.contract_value
            print(f"{held.quantity:+d} at {held.entry_price}, mark {price}: {pnl:+.4f} USD")
        time.sleep(pause_secs)
    close(gateway, contract)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
