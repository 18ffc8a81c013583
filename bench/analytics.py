"""What Analytics and History cost the panel with many finished runs in the journal: from a browser's request to the last message, and
memory.

The panel with its runner is a process of its own. It is looked at three times: with no result kept, while they are made in the
background; and twice when all are kept, once with Analytics first and once with History, each as the first look of a new process.
Milliseconds are from the request to the last message; `cpu` is the processor that the page's own thread has used of them.
"""

import time
from collections.abc import Callable
from functools import partial

from bench.many_runs import fill_journal, keep_results
from bench.measuring import Figures, main, median, rss_mb
from bench.visitor import Visitor
from bench.world import Child, World, free_port
from trader.desk.analytics.results import VERSION

_FILTERED = "exit=max_loss&exit=time&from=2018-01-01&capital=10000"


def measure(runs: int, fills: int, secs: float, database: str) -> Figures:
    """`fills` of each run; `secs` for which it is watched how results are made; `database` a PostgreSQL server, empty for SQLite."""
    with World(database=database) as world:
        account, begun = world.desk.account, time.perf_counter()
        records = fill_journal(world.settings.journal_url, account, runs, fills)
        figures: Figures = {
            "runs": runs,
            "fills": runs * fills,
            "records": records,
            "journal_made_secs": round(time.perf_counter() - begun, 1),
        }
        figures |= _panel(world, "building", lambda visitor, panel: _building(world, visitor, panel, secs))
        keep_results(world.settings.journal_url, account)
        for first, second in (("analytics", "history"), ("history", "analytics")):
            figures |= _panel(world, first, partial(_kept, first, second))
    return figures


def _panel(world: World, name: str, look: Callable[[Visitor, Child], Figures]) -> Figures:
    """A new panel, its Dashboard loaded as anyone's first page is, then looked at."""
    port = free_port()
    panel = world.run_panel(port)
    try:
        with Visitor(port) as visitor:
            visitor.load()
            visitor.load()
            before = rss_mb(panel.pid)
            found = look(visitor, panel)
            after = rss_mb(panel.pid)
    finally:
        panel.end()
    return {f"{name}_first: {key}": value for key, value in found.items()} | {
        f"{name}_first: rss_before_mb": round(before),
        f"{name}_first: rss_after_mb": round(after),
    }


def _look(visitor: Visitor, panel: Child, page: str, query: str = "") -> tuple[int, int]:
    """Milliseconds, and those of the processor."""
    panel.ask("reruns")
    begun = time.perf_counter()
    visitor.load(page, query)
    took = time.perf_counter() - begun
    time.sleep(0.1)  # until the thread has told what it used
    return round(took * 1000), round(sum(cpu for _, _, cpu in panel.ask("reruns")) * 1000)


def _building(world: World, visitor: Visitor, panel: Child, secs: float) -> Figures:
    """The first look at all: nothing is kept, and a thread begins to make it."""
    first, first_cpu = _look(visitor, panel, "analytics")
    most, begun, looks = rss_mb(panel.pid), time.monotonic(), []
    while time.monotonic() - begun < secs:
        time.sleep(1)
        most = max(most, rss_mb(panel.pid))
        looks.append(_look(visitor, panel, "history")[0])
    made = len(world.journal().results(world.desk.account, VERSION))
    return {
        "analytics_ms": first,
        "analytics_cpu_ms": first_cpu,
        "history_meanwhile_median_ms": median(looks),
        "history_meanwhile_most_ms": max(looks),
        "results_made_per_sec": round(made / (time.monotonic() - begun), 1),
        "rss_most_mb": round(most),
    }


def _kept(first: str, second: str, visitor: Visitor, panel: Child) -> Figures:
    found: Figures = {}
    for page in (first, second):
        for what, query in (("", ""), ("again_", ""), ("filtered_", _FILTERED)):
            found[f"{page}_{what}ms"], found[f"{page}_{what}cpu_ms"] = _look(visitor, panel, page, query)
    return found


if __name__ == "__main__":
    main("analytics", __doc__, measure, runs=10_000, fills=100, secs=15.0, database="")
