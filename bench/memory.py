"""Resident memory of `python -m trader run`, and how long it takes to be ready.

After start; after a run was held and closed; and after some time of market messages at a high rate with a run held.
"""

import time

from bench.measuring import Figures, cpu_secs, main, rss_mb
from bench.world import World


def measure(secs: float, rate: float) -> Figures:
    """MB at each of the three moments; `secs` of flood at `rate` messages per second."""
    with World(flooded=True) as world:
        assert world.flood is not None
        begin = time.monotonic()
        runner = world.run_plain()
        world.await_runner()
        started = time.monotonic() - begin
        after_start = rss_mb(runner.pid)
        run_id = world.hold()
        world.desk.stop(run_id, issued_by="cli")
        world.await_flat()
        after_run = rss_mb(runner.pid)
        world.hold()
        world.flood.ask(("rate", "/", rate))
        cpu = cpu_secs(runner.pid)
        most, end = 0.0, time.monotonic() + secs
        while time.monotonic() < end:
            time.sleep(min(1.0, secs))
            most = max(most, rss_mb(runner.pid))
        cpu = cpu_secs(runner.pid) - cpu
        after_flood = rss_mb(runner.pid)
    return {
        "start_secs": round(started, 2),
        "after_start_mb": round(after_start, 1),
        "after_run_mb": round(after_run, 1),
        "after_flood_mb": round(after_flood, 1),
        "most_mb": round(most, 1),
        "flood_secs": secs,
        "flood_rate": rate,
        "flood_cpu_pct": round(cpu / secs * 100, 1),
    }


if __name__ == "__main__":
    main("memory", __doc__, measure, secs=60.0, rate=1000.0)
