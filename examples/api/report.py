"""The account: balances, positions (whose they are, margin, liquidation price), the newest trades."""

import time
from typing import Any

from examples.api.connect import ask, close, send, until


def main() -> None:
    (ticket,) = send({"symbol": "BTCUSD", "side": "sell", "quantity": 3, "order_type": "market"})
    until(ticket, lambda one: one["status"] == "holding")
    for one in ask("GET", "/v1/trading/balances")["balances"]:
        print(f"{one['currency']}: {one['total']}, free {one['free']}, locked {one['locked']}, equity {one['equity']}")
    for one in _positions():
        print(f"{one['symbol']}: {one['net']} (ours {one['ours']}, foreign {one['foreign']}) at {one['entry_price']}")
        print(f"  unrealised {one['unrealised']}, margin {one['margin']}, liquidated at {one['liquidation_price']}")
    for one in ask("GET", "/v1/trading/trades?limit=3")["trades"]:
        print(f"{one['at']} {one['side']} {one['quantity']} {one['symbol']} at {one['price']}, fee {one['fee']}")
    close(ticket)


def _positions() -> list[dict[str, Any]]:
    """Every contract. What the exchange shows is up to 2 s old, so a fill of that moment may be missing in `net`: asked again."""
    for _ in range(10):
        found: list[dict[str, Any]] = ask("GET", "/v1/trading/positions")["positions"]
        if all(one["net"] == one["ours"] for one in found):
            break
        time.sleep(0.5)
    return found


if __name__ == "__main__":
    main()
