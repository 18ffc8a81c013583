"""From a message's sending to the engine's decision on it, at 1,000 messages a second, in both of the runner's hosts.

Measured are the messages that leave the engine's horizon, one in twenty: the flood stamps them when it writes them, the clock
stops when the step that knew it has returned. A step knows every message stamped up to its newest, so overtaken messages
count too, with the step that overtook them. The others wait for the next tick: nothing can be decided on them. In the panel's process
no tab, one and six watch the dashboard meanwhile, in turn; what a tab does to the runner is the ratio of their p99.

The limit is a process that only receives and decodes the same messages with the bare libraries, just before.
"""

import bisect
import time
from collections.abc import Sequence
from typing import Any

from bench.against import compare
from bench.measuring import Figures, cpu_secs, main, percentile
from bench.visitor import tabs
from bench.world import Child, World, free_port

_SETTLE_SECS = 1.0
_TABS = (0, 1, 6)


def latencies_us(stamps: list[int], decisions: list[tuple[int, int]], ahead_us: int) -> list[int]:
    """µs from each stamp to the return of the first step whose newest stamp covers it."""
    newest = [stamp for stamp, _ in decisions]
    covered = [(stamp, bisect.bisect_left(newest, stamp)) for stamp in stamps if stamp > newest[0]]
    return [decisions[at][1] - (stamp - ahead_us) for stamp, at in covered if at < len(decisions)]


def bare(pipe: Any, url: str, secs: float) -> None:
    """The process of the bare libraries; answers µs from each message's stamp to its being decoded, and its CPU share."""
    import msgspec
    import websocket

    from trader.exchange.delta.wire import core as wire

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


def _bare(world: World, secs: float, rate: float) -> tuple[list[int], float]:
    assert world.flood is not None
    world.flood.ask(("rate", "/bare", rate))
    child = Child(bare, f"{world.ws_public}/bare", secs)
    stamped, cpu = child.ask()
    child.end()
    return [moment + world.ahead_us for moment in stamped], cpu * 100


def _named(name: str, told: Sequence[int], cpu_pct: float) -> Figures:
    figures = {
        "messages": len(told),
        "p50_ms": round(percentile(told, 0.5) / 1000, 3),
        "p99_ms": round(percentile(told, 0.99) / 1000, 3),
        "max_ms": round(max(told) / 1000, 2),
        "over_2ms_pct": round(sum(one > 2000 for one in told) / len(told) * 100, 2),
        "cpu_pct": round(cpu_pct, 1),
    }
    return {f"{name}_{figure}": value for figure, value in figures.items()}


def _watch(world: World, runner: Child, secs: float, rate: float) -> tuple[list[int], float]:
    assert world.flood is not None
    world.flood.ask(("rate", "/", rate))
    time.sleep(_SETTLE_SECS)
    runner.ask("record")
    world.flood.ask(("record",))
    cpu, begin = cpu_secs(runner.pid), time.monotonic()
    time.sleep(secs)
    cpu_pct = (cpu_secs(runner.pid) - cpu) / (time.monotonic() - begin) * 100
    stamps = world.flood.ask(("leaps",))
    decisions = runner.ask("decisions")
    world.flood.ask(("rate", "/", 20.0))
    return latencies_us(stamps, decisions, world.ahead_us), cpu_pct


def measure(secs: float, rate: float, rounds: int) -> Figures:
    """Figures of both hosts at `rate` messages per second, `secs` each; the panel's by how many tabs watch, in turn."""
    figures: Figures = {"rate": rate}
    with World(flooded=True) as world:
        runner = world.run_probed()
        world.hold()
        figures |= _named("bare", *_bare(world, secs, rate))
        figures |= _named("process", *_watch(world, runner, secs, rate))
    with World(flooded=True) as world:
        port = free_port()
        runner = world.run_panel(port)
        world.hold()
        told: dict[int, list[tuple[list[int], float]]] = {count: [] for count in _TABS}
        for _ in range(rounds):
            for count in _TABS:
                with tabs(port, count):
                    told[count].append(_watch(world, runner, secs, rate))
    for count, parts in told.items():
        every = [one for stamped, _ in parts for one in stamped]
        figures |= _named(f"panel_{count}_tabs", every, sum(cpu for _, cpu in parts) / rounds)
    for count in _TABS[1:]:
        figures[f"p99_ratio_{count}_tabs"] = round(
            figures[f"panel_{count}_tabs_p99_ms"] / figures["panel_0_tabs_p99_ms"], 2
        )
    return figures


if __name__ == "__main__":
    main("latency", __doc__, measure, compare, secs=10.0, rate=1000.0, rounds=2)
