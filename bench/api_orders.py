"""From an order's POST to the exchange's acceptance, beside the client's own round trip in the same run.

Each order is a limit that rests, of one contract, cancelled before the next; between two of them this process sends one through
the product's client alone, to the same venue, and has the disk take a page. Accepted is when the exchange's answer was here. The floor
is the client's round trip and one flush, for an intent is on disk before it leaves. Orders in a second are those of a list of many,
and of several programs that each send one after another, with the account's order rate of tickets at its highest.
"""

import http.client
import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from bench.measuring import Figures, main, median, percentile
from bench.orders import Pair, resting, through_client
from bench.world import World, await_value, free_port
from trader.config.tokens import TokenStore
from trader.desk.books.lines import OrderLine
from trader.venue.faults.helper import VenueFaults

_SYMBOL = "BTCUSD"
_APART_SECS = 0.25  # or the order rate would be what is measured, and what a cancel still stirs up
_FRESH_SECS = 20.0
_PROGRAMS = 4
_PAGE = b"x" * 4096


class Api:
    """One kept connection."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> bytes:
        text = None if body is None else json.dumps(body)
        self._connection.request(method, f"/api{path}", text, {**self._headers, **headers})
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status < 300, content
        return content

    def close(self) -> None:
        self._connection.close()


def _place(api: Api, price: str, count: int) -> list[str]:
    """The tickets' ids, once the runner has decided on all."""
    ticket = {"symbol": _SYMBOL, "side": "buy", "quantity": 1, "order_type": "limit", "limit_price": price}
    key = {"Idempotency-Key": uuid.uuid4().hex}  # the very same order without a key would be taken for a slip
    answer = json.loads(api.ask("POST", "/v1/trading/orders?wait=30", {"tickets": [ticket] * count}, **key))
    assert all(one["status"] == "accepted" for one in answer["tickets"]), answer
    return [one["ticket_id"] for one in answer["tickets"]]


def _accepted(world: World, ticket_id: str) -> float:
    """When the exchange's answer was booked: seconds of this machine's clock."""

    def look() -> OrderLine | None:
        page = world.desk.orders(run_id=ticket_id).orders
        return page[0] if page and page[0].answer_secs is not None else None

    line = await_value(look, _FRESH_SECS, f"an accepted order of {ticket_id}")
    assert line.venue_order_id is not None and line.answer_secs is not None, line
    return line.wall.timestamp() + line.answer_secs


def _cancel(world: World, api: Api) -> None:
    api.ask("DELETE", "/v1/trading/orders?everything=true&wait=10")
    await_value(lambda: True if not world.desk.orders(state="working").orders else None, _FRESH_SECS, "no order")


def _free_rate(world: World) -> None:
    """As many orders in a second as an account may be given."""
    limits = world.desk.limits().model_copy(update={"ticket_orders_per_second": 200})
    receipt = world.desk.set_limits(limits, issued_by="cli")
    row = world.desk.await_command(receipt.command_id, _FRESH_SECS)
    assert row.status not in ("new", "refused"), row


def _flush(place: Path) -> float:
    """ms until the disk has a page, of a file that does not grow."""
    handle = os.open(place, os.O_CREAT | os.O_WRONLY)
    begun = time.perf_counter()
    os.write(handle, _PAGE)
    os.fdatasync(handle)
    took = (time.perf_counter() - begun) * 1000
    os.close(handle)
    return took


def _list_per_sec(world: World, api: Api, price: str, listed: int) -> float:
    sent = time.time()
    return listed / (max(_accepted(world, one) for one in _place(api, price, listed)) - sent)


def _single_per_sec(port: int, token: str, price: str, secs: float) -> float:
    """Orders answered in a second while several programs send one at a time; what they have sent stays open."""
    sent: list[str] = []
    end = time.monotonic() + secs

    def program() -> None:
        with closing(Api(port, token)) as api:
            while time.monotonic() < end:
                sent.extend(_place(api, price, 1))

    threads = [threading.Thread(target=program) for _ in range(_PROGRAMS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(sent) / secs


def _orders(world: World, api: Api, client: Callable[[], list[float]], price: str, orders: int) -> Figures:
    """So many single orders, each after one of the client alone and a flush of the disk."""
    answered, accepted, own, flushed = [], [], [], []
    for _ in range(orders):
        time.sleep(_APART_SECS)
        own.append(client()[0] * 1000)
        flushed.append(_flush(world.home / "page"))
        time.sleep(_APART_SECS)
        begun, sent = time.perf_counter(), time.time()
        (ticket_id,) = _place(api, price, 1)
        answered.append((time.perf_counter() - begun) * 1000)
        accepted.append((_accepted(world, ticket_id) - sent) * 1000)
        _cancel(world, api)
    figures: Figures = {}
    stretches = (
        ("order_answered", answered),
        ("order_accepted", accepted),
        ("own_round_trip", own),
        ("flush", flushed),
        ("floor", [a + b for a, b in zip(own, flushed, strict=True)]),
    )
    for name, took in stretches:
        figures |= {f"{name}_p{share}_ms": round(percentile(took, share / 100), 2) for share in (50, 99)}
    for name, least in (
        ("accepted_ratio", own),
        ("accepted_ratio_to_floor", [a + b for a, b in zip(own, flushed, strict=True)]),
    ):
        figures[name] = round(percentile(accepted, 0.5) / percentile(least, 0.5), 2)
    return figures


def measure(orders: int, listed: int, lists: int, secs: float, away_ms: float) -> Figures:
    """So many single orders, also with an exchange so many ms away, lists of so many, and `secs` of programs that send one after
    another."""
    with World(venue={"control_port": 0}) as world:
        port = free_port()
        world.run_panel(port)
        gateway = world.gateway()
        source = Pair(resting(gateway), "own")
        price = str((gateway.spot("BTC") * Decimal("0.985")).quantize(Decimal(1)))
        token = TokenStore(world.home).create("bench", "trade")[1]
        api = Api(port, token)
        _place(api, price, 1)  # the first reads contracts and account
        _cancel(world, api)
        figures: Figures = {"orders": orders, "away_ms": away_ms}
        figures |= _orders(world, api, lambda: through_client(gateway, source), price, orders)
        sending, faults = {"method": "POST", "path": "/v2/orders"}, VenueFaults(world.venue["control_url"])
        with faults.fault("N12", "latency", match=sending, times=10**6, secs=away_ms / 1000):
            away = _orders(world, api, lambda: through_client(gateway, source), price, orders)
        figures |= {f"away_{name}": value for name, value in away.items() if "p50" in name or "ratio" in name}
        api.close()
        _free_rate(world)
        rates = []
        for _ in range(lists):
            with closing(Api(port, token)) as api:  # one that was kept may have been let go meanwhile
                rates.append(_list_per_sec(world, api, price, listed))
            with closing(Api(port, token)) as api:
                _cancel(world, api)
        single = _single_per_sec(port, token, price, secs)
    figures["listed_orders_per_sec"] = round(median(rates), 1)
    figures["single_orders_per_sec"] = round(single, 1)
    return figures


if __name__ == "__main__":
    main("api_orders", __doc__, measure, orders=60, listed=50, lists=3, secs=5.0, away_ms=20.0)
