"""A ticket's position as the runner values it, again and again. Ten looks, or as many as the first argument says."""

import sys
import time

from examples.api.connect import ask, close, send, until


def main(looks: int, pause_secs: float = 0.5) -> None:
    (ticket,) = send({"symbol": "BTCUSD", "side": "buy", "quantity": 4, "order_type": "market"})
    until(ticket, lambda one: one["status"] == "holding")
    for _ in range(looks):
        now = ask("GET", f"/v1/trading/tickets/{ticket}")
        print(f"{now['open_quantity']} at {now['avg_px']}, mark {now['mark']}: {now['pnl']} USD if closed now")
        time.sleep(pause_secs)
    close(ticket)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
