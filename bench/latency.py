"""From a message's sending to the engine's decision on it, at 1,000 messages a second, in both of the runner's hosts.

The flood stamps every message when it writes it; the clock stops when the step that knew it has returned. A step knows every
message stamped up to its newest, so overtaken messages count too, with the step that overtook them. In the panel's process
one visitor watches the dashboard meanwhile, whose fragments refresh every second.
"""

import bisect
import time

from bench.measuring import Figures, cpu_secs, main, percentile
from bench.visitor import Visitor
from bench.world import Child, World, free_port

_SETTLE_SECS = 1.0


def latencies_us(stamps: list[int], decisions: list[tuple[int, int]], ahead_us: int) -> list[int]:
    """µs from each stamp to the return of the first step whose newest stamp covers it."""
    newest = [stamp for stamp, _ in decisions]
    covered = [(stamp, bisect.bisect_left(newest, stamp)) for stamp in stamps if stamp > newest[0]]
    return [decisions[at][1] - (stamp - ahead_us) for stamp, at in covered if at < len(decisions)]


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
    told = latencies_us(stamps, decisions, world.ahead_us)
    return {
        "messages": len(told),
        "p50_ms": round(percentile(told, 0.5) / 1000, 3),
        "p99_ms": round(percentile(told, 0.99) / 1000, 3),
        "max_ms": round(max(told) / 1000, 2),
        "cpu_pct": round(cpu_pct, 1),
    }


def measure(secs: float, rate: float) -> Figures:
    """Figures of both hosts, `secs` each, at `rate` messages per second."""
    figures: Figures = {"rate": rate}
    with World(flooded=True) as world:
        runner = world.run_probed()
        world.hold()
        own = _watch(world, runner, secs, rate)
    with World(flooded=True) as world:
        port = free_port()
        runner = world.run_panel(port)
        world.hold()
        with Visitor(port) as visitor:
            visitor.load()
            visitor.watch()
            panel = _watch(world, runner, secs, rate)
    figures |= {f"process_{name}": value for name, value in own.items()}
    return figures | {f"panel_{name}": value for name, value in panel.items()}


if __name__ == "__main__":
    main("latency", __doc__, measure, secs=10.0, rate=1000.0)
