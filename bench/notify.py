"""What messages to a person cost the runner: its latency with nobody told, and in turn with a thousand critical alerts a minute, a watchdog
beside it and nobody listening at the channel's address.

The latency is `bench.latency`'s: from a message's sending to the decision on it, in the runner's own process.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from bench.latency import _watch as runner_latencies
from bench.measuring import ROOT, Figures, main, median, percentile
from bench.world import World, await_value
from trader.engine.records import AlertRaised
from trader.journal.outbox import Outbox

_EACH_SECS = 60 / 1000


@contextmanager
def watchdog(world: World) -> Iterator[None]:
    """`python -m trader watch` with a channel at which nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"critical|json://127.0.0.1:{closed.getsockname()[1]}/hook"
        environ = {**os.environ, **world.environ, "TRADER_NOTIFY_URLS": url}
        nowhere = subprocess.DEVNULL
        process = subprocess.Popen([sys.executable, "-m", "trader", "watch"], cwd=ROOT, env=environ,
                                   stdout=nowhere, stderr=nowhere)  # fmt: skip
        try:
            outbox = Outbox(world.journal(), world.desk.account)
            await_value(lambda: True if outbox.position() is not None else None, 60, "the watchdog's first look")
            yield
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def alerts(world: World) -> Iterator[list[int]]:
    """Critical alerts, a thousand in a minute, until the block ends; how many were made."""
    made, ended = [0], threading.Event()
    journal = world.journal()

    def raise_them() -> None:
        while not ended.wait(_EACH_SECS):
            number = made[0]
            text = f"Alert {number} of the drill; look at it."
            one = AlertRaised(run_id="", wall=datetime.now(UTC), level="error", code=f"drill:{number}", text=text)
            journal.append([one], lease=None, account=world.desk.account)
            made[0] += 1

    thread = threading.Thread(target=raise_them, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        ended.set()
        thread.join(10)


def measure(secs: float, rate: float, rounds: int) -> Figures:
    """The runner's latency at `rate` messages per second, `secs` a round, without and with the drill in turn."""
    quiet: list[list[int]] = []
    loud: list[list[int]] = []
    made = 0
    with World(flooded=True) as world:
        runner = world.run_probed()
        world.hold()
        for _ in range(rounds):
            quiet.append(runner_latencies(world, runner, secs, rate)[0])
            with watchdog(world), alerts(world) as count:
                loud.append(runner_latencies(world, runner, secs, rate)[0])
            made += count[0]
    figures: Figures = {"rate": rate, "alerts": made}
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        without, with_it = ([percentile(one, share) / 1000 for one in parts] for parts in (quiet, loud))
        figures |= {
            f"quiet_{name}_ms": round(median(without), 3),
            f"drill_{name}_ms": round(median(with_it), 3),
            f"{name}_ratio": round(median([b / a for a, b in zip(without, with_it, strict=True)]), 2),
        }
    return figures


if __name__ == "__main__":
    main("notify", __doc__, measure, secs=15.0, rate=1000.0, rounds=4)
