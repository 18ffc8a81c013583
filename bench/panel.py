"""What a tab that watches a held run costs the server, in the real panel with a 2,000-point series.

Visitors speak Streamlit's protocol like a browser and refresh every fragment at its own interval, in real time. Streamlit's
script runs are timed in the panel's process, from request to last message; serialising and sending happen beside them on the
server's event loop and show in the CPU figure, which is the process with tabs less the process without. Without a tab is
measured before and after.
"""

import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bench.against import compare
from bench.measuring import Figures, cpu_secs, main, median, percentile
from bench.visitor import Visitor, tabs
from bench.world import Child, World, free_port
from trader.journal.views import Sample

_SETTLE_SECS = 1.5
_LOADS = 5


def _samples(run_id: str, points: int) -> list[Sample]:
    """A series as the runner would have written it, one point every two seconds up to now."""
    now = datetime.now(UTC)
    return [
        Sample(
            run_id=run_id,
            wall=now - timedelta(seconds=2 * (points - number)),
            market=datetime(2026, 3, 3, 5, tzinfo=UTC) - timedelta(seconds=2 * (points - number)),
            pnl=Decimal(number * 7919 % 1000) / 100 - 5,
            pnl_pct=Decimal(number * 7919 % 1000) / 10 - 50,
            spot=Decimal(77_000 + number % 500),
            level_pct=None,
            max_loss_usd=Decimal(-10),
            max_profit_usd=Decimal(8),
        )
        for number in range(points)
    ]


def _watched(panel: Child, visitors: list[Visitor], secs: float) -> Figures:
    """The process for `secs` of real time: its CPU in % of a core, a tab's bytes and messages a second, its script runs."""
    time.sleep(_SETTLE_SECS)
    panel.ask("reruns")
    before = [(visitor.received_bytes, visitor.messages) for visitor in visitors]
    cpu, begin = cpu_secs(panel.pid), time.monotonic()
    time.sleep(secs)
    cpu, took = cpu_secs(panel.pid) - cpu, time.monotonic() - begin
    after = [(visitor.received_bytes, visitor.messages) for visitor in visitors]
    grown = [(b - a, n - m) for (a, m), (b, n) in zip(before, after, strict=True)]
    return {
        "cpu_pct": cpu / took * 100,
        "bytes": median([size for size, _ in grown]) / took if grown else 0.0,
        "messages": median([count for _, count in grown]) / took if grown else 0.0,
        "reruns": panel.ask("reruns"),
        "secs": took,
    }


def _costs(told: Figures, visitors: int, intervals: dict[str, float]) -> Figures:
    """Of the refreshes of one tab or several: the dearest of those that come each second is the one with the chart."""
    costs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for fragment, wall, cpu in told["reruns"]:
        costs[fragment].append((wall, cpu))
    every_second = [costs[name] for name in costs if intervals.get(name) == 1]
    chart = max(every_second, key=lambda runs: median([cpu for _, cpu in runs]))
    walls = [wall for wall, _ in chart]
    return {
        "fragments": len(intervals),
        "chart_refresh_ms": _ms(median(walls)),
        "chart_refresh_p95_ms": _ms(percentile(walls, 0.95)),
        "chart_refresh_cpu_ms": _ms(median([cpu for _, cpu in chart])),
        "refreshes_per_second": round(len(told["reruns"]) / told["secs"] / visitors, 1),
        "script_ms_per_second": _ms(sum(wall for _, wall, _ in told["reruns"]) / told["secs"] / visitors),
        "script_cpu_ms_per_second": _ms(sum(cpu for _, _, cpu in told["reruns"]) / told["secs"] / visitors),
    }


def measure(secs: float, points: int, tabs_open: int) -> Figures:
    """Each part is watched for `secs`. Per tab and second: `script_ms` of script runs, kB as they come over the wire."""
    with World() as world:
        port = free_port()
        panel = world.run_panel(port)
        run_id = world.hold()
        world.journal().sample(_samples(run_id, points))
        with Visitor(port) as visitor:
            visitor.load()
            visitor.load()
            panel.ask("reruns")
            for _ in range(_LOADS):
                visitor.load()
            full = [wall for _, wall, _ in panel.ask("reruns")]
        none = [_watched(panel, [], secs)]
        with tabs(port, 1) as visitors:
            one = _watched(panel, visitors, secs)
            intervals = dict(visitors[0].intervals)
        with tabs(port, tabs_open) as visitors:
            many = _watched(panel, visitors, secs)
        none.append(_watched(panel, [], secs))
    idle = sum(told["cpu_pct"] for told in none) / len(none)
    return {
        **_costs(one, 1, intervals),
        "kb_per_second": round(one["bytes"] / 1000, 1),
        "messages_per_second": round(one["messages"], 1),
        "cpu_no_tab_pct": round(idle, 2),
        "cpu_of_one_tab_pct": round(one["cpu_pct"] - idle, 2),
        "cpu_per_tab_pct": round((many["cpu_pct"] - idle) / tabs_open, 2),
        "tabs": tabs_open,
        "full_page_median_ms": _ms(median(full)),
    }


def _ms(secs: float) -> float:
    return round(secs * 1000, 2)


if __name__ == "__main__":
    main("panel", __doc__, measure, compare, secs=20.0, points=2000, tabs_open=4)
