"""Six contracts of which the book never shows more than two."""

from examples.api.connect import close, send, until


def main() -> None:
    terms = {"entry_visible_pct": "30", "timeout_secs": 2}
    (ticket,) = send(
        {"symbol": "BTCUSD", "side": "buy", "quantity": 6, "order_type": "market", "work": "iceberg", "orders": terms}
    )
    held = until(ticket, lambda one: one["status"] not in ("waiting", "working"))
    for order in reversed(held["orders"]):
        print(f"  {order['filled_quantity']} of {order['quantity']} at {order['limit_price']}: {order['status']}")
    print(f"{ticket}: {held['status']}, {held['filled']} of 6 at {held['avg_px']}")
    close(ticket)


if __name__ == "__main__":
    main()
