"""The HTTP API on the panel's port, with a run on and market messages coming: reads, commands, and what listeners cost the runner.

One client on one kept connection asks as fast as it is answered. A command is timed from its POST to the answer that the runner
has taken it. The runner's latency, as `bench.latency` has it, is measured without and with programs that listen to the status.
"""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from bench.api_orders import Api
from bench.latency import _watch as runner_latencies
from bench.measuring import Figures, main, percentile
from bench.world import World, free_port
from trader.config.tokens import TokenStore

LISTENERS = 20
_READS = ("/health", "/v1/status", "/v1/runs")


def _timed(ask: Callable[[], object], secs: float) -> list[float]:
    """ms of each call, one after another, for so long."""
    took, end = [], time.perf_counter() + secs
    while (begun := time.perf_counter()) < end:
        ask()
        took.append((time.perf_counter() - begun) * 1000)
    return took


def _figures(name: str, took: list[float], secs: float) -> Figures:
    return {
        f"{name}_per_sec": round(len(took) / secs, 1),
        f"{name}_p50_ms": round(percentile(took, 0.5), 2),
        f"{name}_p99_ms": round(percentile(took, 0.99), 2),
    }


@contextmanager
def listening(port: int, token: str, count: int) -> Iterator[list[int]]:
    """So many programs that take every picture; how many bytes each has taken."""
    taken = [0] * count
    ended = threading.Event()
    with ExitStack() as stack:
        for number in range(count):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            stack.callback(connection.close)
            connection.request("GET", "/api/v1/stream/status", headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            assert answer.status == 200

            def take(answer: http.client.HTTPResponse = answer, number: int = number) -> None:
                while not ended.is_set() and (line := answer.readline()):
                    taken[number] += len(line)

            thread = threading.Thread(target=take, daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
        try:
            yield taken
        finally:
            ended.set()


def measure(secs: float, rate: float, rounds: int) -> Figures:
    """Reads and commands for `secs` each; the runner's latency at `rate` messages a second, `rounds` times in turn."""
    figures: Figures = {"rate": rate, "listeners": LISTENERS}
    with World(flooded=True) as world:
        port = free_port()
        runner = world.run_panel(port)
        world.hold()
        _, token = TokenStore(world.home).create("bench", "trade")
        client = Api(port, token)
        for path in _READS:
            client.ask("GET", path)
            name = path.rpartition("/")[2]
            figures |= _figures(name, _timed(lambda path=path: client.ask("GET", path), secs), secs)  # type: ignore[misc]
        orders = iter(range(10**9))

        def command() -> None:
            answer = json.loads(client.ask("POST", f"/v1/level/{('pause', 'resume')[next(orders) % 2]}?wait=10", {}))
            assert answer["status"] != "new", answer

        figures |= _figures("command", _timed(command, secs), secs)
        client.close()
        told: dict[int, list[int]] = {0: [], LISTENERS: []}
        for _ in range(rounds):
            for count in told:
                with listening(port, token, count) as taken:
                    told[count] += runner_latencies(world, runner, secs, rate)[0]
                assert all(taken)
    for count, latencies in told.items():
        figures[f"runner_p99_{count}_listeners_ms"] = round(percentile(latencies, 0.99) / 1000, 3)
    figures["p99_ratio"] = round(
        figures[f"runner_p99_{LISTENERS}_listeners_ms"] / figures["runner_p99_0_listeners_ms"], 2
    )
    return figures


if __name__ == "__main__":
    main("api", __doc__, measure, secs=5.0, rate=1000.0, rounds=2)
