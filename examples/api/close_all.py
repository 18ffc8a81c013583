"""Emergency: every ticket and run closed; the answer tells the closing orders. Needs no phrase, in no environment."""

import time

from examples.api.connect import ask, send, until


def main() -> None:
    for ticket in send(
        {"symbol": "BTCUSD", "side": "buy", "quantity": 7, "order_type": "market"},
        {"symbol": "BTCUSD", "side": "buy", "quantity": 3, "order_type": "market"},
    ):
        until(ticket, lambda one: one["status"] == "holding")
    answer = ask("POST", "/v1/trading/positions/close-all?wait=20", {"reason": "example"})
    print(answer["detail"])
    for order in answer["orders"]:
        print(f"  {order['client_order_id']}: {order['side']} {order['quantity']} {order['symbol']}, {order['status']}")
    while any(one["ours"] for one in ask("GET", "/v1/trading/positions")["positions"]):
        time.sleep(0.2)
    print("flat")


if __name__ == "__main__":
    main()
