"""An entry with a stop loss and a take profit: both rest at the exchange for as much as has filled."""

from decimal import Decimal

from examples.api.connect import close, mark, send, until, whole


def main() -> None:
    about = mark()
    guards = {
        "stop_loss": {"price": whole(about * Decimal("0.97"))},
        "take_profit": {"price": whole(about * Decimal("1.03"))},
    }
    (ticket,) = send(
        {"symbol": "BTCUSD", "side": "buy", "quantity": 5, "order_type": "market", "reason": "example", **guards}
    )
    rest = ("accepted", "partially_filled")
    held = until(ticket, lambda one: sum(leg["status"] in rest for leg in one["closing"]) == 2)
    print(f"{ticket}: {held['status']}, {held['filled']} at {held['avg_px']}")
    for leg in held["closing"]:
        name = {"L": "stop loss", "G": "take profit"}[leg["name"]]
        print(f"  {name}: {leg['quantity']} at {leg['stop_price']}, {leg['status']}")
    close(ticket)


if __name__ == "__main__":
    main()
