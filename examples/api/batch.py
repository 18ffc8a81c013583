"""Several orders in one call, each with its own answer; then everything of the contract cancelled."""

from decimal import Decimal

from examples.api.connect import ask, mark, send, until, whole


def main() -> None:
    about = mark()
    tickets = [
        {"symbol": "BTCUSD", "side": "buy", "quantity": n, "limit_price": whole(about * (1 - Decimal(n) / 500))}
        for n in range(1, 6)
    ]
    sent = send(*tickets, {"symbol": "BTCUSDD", "side": "buy", "quantity": 1, "order_type": "market"})
    print(ask("DELETE", "/v1/trading/orders?symbol=BTCUSD")["detail"])
    for one in sent:
        print(one, until(one, lambda found: found["status"] == "cancelled")["status"])


if __name__ == "__main__":
    main()
