"""Orders per second through the client to the venue in its own process: submit a resting limit order, cancel it, one at a time
and from two threads.

The limit is the same two requests, signed the same way, sent by a bare `requests.Session` that parses nothing.
"""

import json
import threading
import time
from collections.abc import Callable
from decimal import ROUND_CEILING, Decimal

import requests

from bench.measuring import Figures, main, median, percentile
from bench.world import World
from trader.domain.instrument import Instrument
from trader.domain.order import OrderIntent, OrderType, Purpose, Side
from trader.domain.outcome import Ok
from trader.exchange.delta.gateway import DeltaGateway
from trader.exchange.delta.http.signing import sign

_USER_AGENT = "strangle-desk-bench"
_CONTRACTS = 10  # the venue takes 500 operations per second and contract


class Pair:
    """A source of submit-and-cancel pairs over a few contracts with a price that rests, numbered so that no client id
    repeats."""

    def __init__(self, contracts: list[tuple[Instrument, Decimal]], name: str) -> None:
        self._contracts = contracts
        self._name = name
        self._count = 0

    def next(self) -> OrderIntent:
        instrument, price = self._contracts[self._count % len(self._contracts)]
        self._count += 1
        return OrderIntent(
            client_order_id=f"bench-{self._name}-{self._count}",
            run_id="bench",
            leg="C",
            purpose=Purpose.EXIT,  # never refused by the client's own budget
            attempt=self._count,
            symbol=instrument.symbol,
            product_id=instrument.product_id,
            side=Side.BUY,
            quantity=1,
            order_type=OrderType.LIMIT,
            limit_price=price,
        )


def through_client(gateway: DeltaGateway, source: Pair) -> list[float]:
    """Seconds of one submit and one cancel through the product's client."""
    intent = source.next()
    begin = time.perf_counter()
    outcome = gateway.submit(intent)
    middle = time.perf_counter()
    assert isinstance(outcome, Ok), outcome
    outcome = gateway.cancel(product_id=intent.product_id, venue_order_id=outcome.order.venue_order_id)
    assert isinstance(outcome, Ok), outcome
    return [middle - begin, time.perf_counter() - middle]


def through_session(session: requests.Session, url: str, keys: tuple[str, str], source: Pair) -> list[float]:
    """The same requests by the bare library."""
    intent = source.next()
    order = {
        "product_id": intent.product_id,
        "side": "buy",
        "size": 1,
        "order_type": "limit_order",
        "limit_price": str(intent.limit_price),
        "client_order_id": intent.client_order_id,
    }
    begin = time.perf_counter()
    placed = _send(session, url, keys, "POST", json.dumps(order).encode())
    middle = time.perf_counter()
    cancel = {"id": placed["result"]["id"], "product_id": intent.product_id}
    _send(session, url, keys, "DELETE", json.dumps(cancel).encode())
    return [middle - begin, time.perf_counter() - middle]


def _send(
    session: requests.Session, url: str, keys: tuple[str, str], method: str, body: bytes
) -> dict[str, dict[str, int]]:
    timestamp = str(int(time.time()))
    headers = {
        "api-key": keys[0],
        "timestamp": timestamp,
        "signature": sign(keys[1], method, timestamp, "/v2/orders", "", body.decode()),
        "User-Agent": _USER_AGENT,
        "Content-Type": "application/json",
    }
    answer = session.request(method, f"{url}/v2/orders", data=body, headers=headers, timeout=5)
    answer.raise_for_status()
    told: dict[str, dict[str, int]] = answer.json()
    return told


def _for(secs: float, work: Callable[[], list[float]]) -> tuple[float, list[float]]:
    """Requests per second while repeating `work`, and the seconds each took."""
    took: list[float] = []
    begin = time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < secs:
        took += work()
    return len(took) / elapsed, took


def measure(secs: float, rounds: int) -> Figures:
    """Requests per second (a submit or a cancel is one), one thread, two threads and bare, in alternating rounds."""
    one, two, bare, took = [], [], [], []
    with World() as world:
        gateway = world.gateway()
        sources = [Pair(resting(gateway), name) for name in "abc"]
        keys = (world.venue["api_key"], world.venue["api_secret"])
        with requests.Session() as session:
            for _ in range(rounds):
                rate, seconds = _for(secs, lambda: through_client(gateway, sources[0]))
                one.append(rate)
                took += seconds
                two.append(_in_two_threads(secs, gateway, sources[:2]))
                rate, _ = _for(secs, lambda: through_session(session, world.venue["rest_url"], keys, sources[2]))
                bare.append(rate)
    return {
        "one_thread_per_sec": round(median(one)),
        "two_threads_per_sec": round(median(two)),
        "bare_session_per_sec": round(median(bare)),
        "ratio": round(median([o / b for o, b in zip(one, bare, strict=True)]), 2),
        "p50_ms": round(percentile(took, 0.5) * 1000, 2),
        "p99_ms": round(percentile(took, 0.99) * 1000, 2),
    }


def resting(gateway: DeltaGateway) -> list[tuple[Instrument, Decimal]]:
    """Contracts with the lowest price their band allows, well below any ask."""
    instruments = {i.symbol: i for i in gateway.instruments("BTC") if i.tradable}
    found = []
    for quote in sorted(gateway.tickers("BTC"), key=lambda q: q.symbol):
        instrument, low = instruments.get(quote.symbol), quote.band_low
        if instrument is None or low is None or quote.ask is None:
            continue
        price = (low / instrument.tick_size).to_integral_value(ROUND_CEILING) * instrument.tick_size
        price += instrument.tick_size * 10  # the band moves with the mark
        if price < quote.ask * Decimal("0.6"):
            found.append((instrument, price))
    return found[:_CONTRACTS]


def _in_two_threads(secs: float, gateway: DeltaGateway, sources: list[Pair]) -> float:
    rates: list[float] = []

    def work(source: Pair) -> None:
        rates.append(_for(secs, lambda: through_client(gateway, source))[0])

    threads = [threading.Thread(target=work, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rates) == len(sources), "a thread failed"
    return sum(rates)


if __name__ == "__main__":
    main("orders", __doc__, measure, secs=2.0, rounds=3)
