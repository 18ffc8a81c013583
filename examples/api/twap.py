"""Nine contracts in three slices over a span of the exchange's time; the runner works them, and takes them up again after a crash."""

import sys

from examples.api.connect import close, send, until


def main(secs: int) -> None:
    terms = {"entry_slices": 3, "entry_duration_secs": secs}
    (ticket,) = send(
        {"symbol": "BTCUSD", "side": "buy", "quantity": 9, "order_type": "market", "work": "twap", "orders": terms}
    )
    held = until(ticket, lambda one: one["status"] not in ("waiting", "working"))
    print(f"{ticket}: {held['status']}, {held['filled']} of 9 at {held['avg_px']}, in {len(held['orders'])} orders")
    close(ticket)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
