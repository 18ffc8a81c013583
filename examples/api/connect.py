"""What every example begins with: asking the API, and a refusal told by the field that is at fault."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

URL = os.environ.get("TRADER_API", "http://127.0.0.1:8502/api")
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # what goes to this machine takes no proxy


class Refused(Exception):
    """A problem document: what is wrong, in one sentence, and which field."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem["detail"])
        self.problem = problem


def ask(method: str, path: str, body: Any = None, *, key: str = "") -> Any:
    """One request. `key`: with the same one a repeated request is the same command, so it may be repeated after a time-out."""
    token = os.environ.get("TRADER_TOKEN") or Path("token.txt").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if key:
        headers["Idempotency-Key"] = key
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data=data, headers=headers, method=method)
    try:
        with _OPENER.open(request, timeout=40) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(json.load(error)) from None


def send(*tickets: dict[str, Any], **more: Any) -> list[str]:
    """Place orders; their tickets."""
    answer = ask("POST", "/v1/trading/orders?wait=20", {"tickets": list(tickets), **more})
    for one in answer["tickets"]:
        print(f"{one['ticket_id']} {one['side']} {one['quantity']} {one['symbol']}: {one['status']} {one['sentence']}")
    return [one["ticket_id"] for one in answer["tickets"] if one["status"] == "accepted"]


def mark() -> Decimal:
    """The mark of BTCUSD, as the check of an order tells it; nothing is sent."""
    order = {"symbol": "BTCUSD", "side": "buy", "quantity": 1, "order_type": "market"}
    return Decimal(ask("POST", "/v1/trading/orders/check", {"tickets": [order]})["tickets"][0]["cost"]["mark"])


def whole(price: Decimal) -> str:
    """A price on tick: whole dollars are."""
    return str(price.to_integral_value())


def until(ticket: str, is_so: Callable[[dict[str, Any]], object], secs: float = 120) -> dict[str, Any]:
    """A ticket once it is so, or as it stands after so long."""
    deadline = time.monotonic() + secs
    while True:
        found: dict[str, Any] = ask("GET", f"/v1/trading/tickets/{ticket}")
        if is_so(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def close(ticket: str) -> None:
    ask("POST", f"/v1/trading/tickets/{ticket}/close?wait=20")
    ended = until(ticket, lambda one: one["status"] == "done")
    print(f"{ticket}: {ended['status']}, realised {ended['realized_pnl']} USD")
