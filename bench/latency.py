"""From a message's sending to the engine's decision on it, at 1,000 messages a second, in both of the runner's hosts.

The flood stamps every message when it writes it; the clock stops when the step that knew it has returned. A step knows every
message stamped up to its newest, so overtaken messages count too, with the step that overtook them. In the panel's process
one visitor watches the dashboard meanwhile, whose fragments refresh every second.

The limit is a process that only receives and decodes the same messages with the bare libraries, just before.
"""

import bisect
import time
from collections.abc import Sequence
from typing import Any

from bench.measuring import Figures, cpu_secs, main, percentile
from bench.visitor import Visitor
from bench.world import Child, World, free_port

_SETTLE_SECS = 1.0


def latencies_us(stamps: list[int], decisions: list[tuple[int, int]], ahead_us: int) -> list[int]:
    """µs from each stamp to the return of the first step whose newest stamp covers it."""
    newest = [stamp for stamp, _ in decisions]
    covered = [(stamp, bisect.bisect_left(newest, stamp)) for stamp in stamps if stamp > newest[0]]
    return [decisions[at][1] - (stamp - ahead_us) for stamp, at in covered if at < len(decisions)]


def bare(pipe: Any, url: str, secs: float) -> None:
    """The process of the bare libraries; answers µs from each message's stamp to its being decoded, and its CPU share."""
    import msgspec
    import websocket

    from trader.exchange.delta import wire

    client = websocket.create_connection(url, skip_utf8_validation=True)
    decode = msgspec.json.Decoder(wire.PublicMessage, strict=False).decode
    decode(client.recv())
    told: list[int] = []
    cpu, begin = time.process_time(), time.monotonic()
    while time.monotonic() - begin < secs:
        message = decode(client.recv())
        told.append(time.time_ns() // 1000 - message.ts)
    client.shutdown()
    pipe.send((told, (time.process_time() - cpu) / secs))


def _bare(world: World, secs: float, rate: float) -> dict[str, float]:
    assert world.flood is not None
    world.flood.ask(("rate", "/bare", rate))
    child = Child(bare, f"{world.ws_public}/bare", secs)
    stamped, cpu = child.ask()
    child.end()
    return _figures([moment + world.ahead_us for moment in stamped], cpu * 100)


def _figures(told: Sequence[int], cpu_pct: float) -> dict[str, float]:
    return {
        "messages": len(told),
        "p50_ms": round(percentile(told, 0.5) / 1000, 3),
        "p99_ms": round(percentile(told, 0.99) / 1000, 3),
        "max_ms": round(max(told) / 1000, 2),
        "over_2ms_pct": round(sum(one > 2000 for one in told) / len(told) * 100, 2),
        "cpu_pct": round(cpu_pct, 1),
    }


def _watch(world: World, runner: Child, secs: float, rate: float) -> dict[str, float]:
    assert world.flood is not None
    world.flood.ask(("rate", "/", rate))
    time.sleep(_SETTLE_SECS)
    runner.ask("record")
    world.flood.ask(("record",))
    cpu, begin = cpu_secs(runner.pid), time.monotonic()
    time.sleep(secs)
    cpu_pct = (cpu_secs(runner.pid) - cpu) / (time.monotonic() - begin) * 100
    stamps = world.flood.ask(("stamps",))
    decisions = runner.ask("decisions")
    world.flood.ask(("rate", "/", 20.0))
    return _figures(latencies_us(stamps, decisions, world.ahead_us), cpu_pct)


def measure(secs: float, rate: float) -> Figures:
    """Figures of both hosts, `secs` each, at `rate` messages per second."""
    figures: Figures = {"rate": rate}
    with World(flooded=True) as world:
        runner = world.run_probed()
        world.hold()
        limit = _bare(world, secs, rate)
        own = _watch(world, runner, secs, rate)
    with World(flooded=True) as world:
        port = free_port()
        runner = world.run_panel(port)
        world.hold()
        with Visitor(port) as visitor:
            visitor.load()
            visitor.watch()
            panel = _watch(world, runner, secs, rate)
    for name, told in (("bare", limit), ("process", own), ("panel", panel)):
        figures |= {f"{name}_{figure}": value for figure, value in told.items()}
    return figures


if __name__ == "__main__":
    main("latency", __doc__, measure, secs=10.0, rate=1000.0)
