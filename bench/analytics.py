"""What Analytics and History cost the panel with many finished runs in the journal: from a browser's request to the last message, and
memory.

The panel with its runner is a process of its own. It is looked at three times: with no result kept, while they are made in the
background; and twice when all are kept, once with Analytics first and once with History, each as the first look of a new process.
The rest of the results are made by two processes meanwhile, since the panel takes its time on purpose.
"""

import multiprocessing
import time
from collections.abc import Callable

from bench.many_runs import fill_journal
from bench.measuring import Figures, main, rss_mb
from bench.visitor import Visitor
from bench.world import World, free_port
from trader.desk.analytics.results import VERSION, kept_of
from trader.journal import Journal

_FILTERED = "exit=max_loss&exit=time&from=2018-01-01&capital=10000"
_CHUNK = 200


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
        figures |= _panel(world, "building", lambda visitor, pid: _building(world, visitor, pid, secs))
        begun = time.perf_counter()
        _make_the_rest(world.settings.journal_url, account)
        figures["made_by_two_processes_secs"] = round(time.perf_counter() - begun, 1)
        for first, second in (("analytics", "history"), ("history", "analytics")):
            figures |= _panel(
                world, first, lambda visitor, _, pages=(first, second): _kept(visitor, *pages)  # type: ignore[misc]
            )  # fmt: skip
    return figures


def _panel(world: World, name: str, look: Callable[[Visitor, int], Figures]) -> Figures:
    """A new panel, its Dashboard loaded as anyone's first page is, then looked at."""
    port = free_port()
    panel = world.run_panel(port)
    try:
        with Visitor(port) as visitor:
            visitor.load()
            visitor.load()
            before = rss_mb(panel.pid)
            found = look(visitor, panel.pid)
            after = rss_mb(panel.pid)
    finally:
        panel.end()
    return {f"{name}_first: {key}": value for key, value in found.items()} | {
        f"{name}_first: rss_before_mb": round(before),
        f"{name}_first: rss_after_mb": round(after),
    }


def _ms(visitor: Visitor, page: str, query: str = "") -> float:
    begun = time.perf_counter()
    visitor.load(page, query)
    return round((time.perf_counter() - begun) * 1000)


def _building(world: World, visitor: Visitor, pid: int, secs: float) -> Figures:
    """The first look at all: nothing is kept, and a thread begins to make it."""
    first = _ms(visitor, "analytics")
    most, begun = rss_mb(pid), time.monotonic()
    looks = []
    while time.monotonic() - begun < secs:
        time.sleep(1)
        most = max(most, rss_mb(pid))
        looks.append(_ms(visitor, "history"))
    made = len(world.journal().results(world.desk.account, VERSION))
    return {
        "analytics_ms": first,
        "history_meanwhile_most_ms": max(looks),
        "results_made_per_sec": round(made / (time.monotonic() - begun), 1),
        "rss_most_mb": round(most),
    }


def _kept(visitor: Visitor, first: str, second: str) -> Figures:
    return {
        f"{first}_ms": _ms(visitor, first),
        f"{first}_again_ms": _ms(visitor, first),
        f"{first}_filtered_ms": _ms(visitor, first, _FILTERED),
        f"{second}_ms": _ms(visitor, second),
        f"{second}_again_ms": _ms(visitor, second),
        f"{second}_filtered_ms": _ms(visitor, second, _FILTERED),
    }


def _make_the_rest(url: str, account: str) -> None:
    """Keep what is not kept yet, by two processes."""
    journal = Journal.open(url)
    kept = {one.run_id for one in journal.results(account, VERSION)}
    ended, _ = journal.ended_after(account, 0, 10**9)
    journal.close()
    left = [one for one in ended if one[1] not in kept]
    chunks = [(url, account, left[begin : begin + _CHUNK]) for begin in range(0, len(left), _CHUNK)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(_make, chunks, chunksize=1)


def _make(work: tuple[str, str, list[tuple[int, str]]]) -> None:
    url, account, ended = work
    journal = Journal.open(url)
    journal.keep_results(account, [kept_of(journal, seq, run_id) for seq, run_id in ended], VERSION)
    journal.close()


if __name__ == "__main__":
    main("analytics", __doc__, measure, runs=10_000, fills=100, secs=20.0, database="")
