"""All benchmarks one after another, and one table: `python -m bench [--json]`."""

import argparse
import json

from bench import (
    api,
    api_orders,
    chain,
    engine,
    journal,
    latency,
    measuring,
    memory,
    messages,
    orders,
    panel,
    sessions,
    stop,
)
from bench.measuring import Figures

# What a figure should reach: name of the benchmark, figure, aim in words.
AIMS = (
    ("messages", "ratio", "≥ 0.5"),
    ("chain", "ratio_to_limit", "≥ 0.7"),
    ("latency", "process_p99_ms", "< 2 ms"),
    ("stop", "stop_to_flat_max_secs", "< 2 s"),
    ("latency", "p99_ratio_1_tabs", "≤ 1.2"),
    ("panel", "chart_refresh_ms", "≤ 12 ms"),
    ("api", "p99_ratio", "≤ 1.2"),
    ("api_orders", "accepted_ratio", "≤ 1.5"),
    ("panel", "kb_per_second", "≤ 25"),
    ("panel", "cpu_per_tab_pct", "≤ 4"),
    ("memory", "most_mb", "< 80 MB"),
)


def measure_all() -> dict[str, Figures]:
    """Every benchmark at its usual size, in about five minutes."""
    return {
        "engine": engine.measure(steps=4000, rounds=3),
        "sessions": sessions.measure(sessions=60, rounds=1),
        "journal": journal.measure(secs=0.7, rounds=3),
        "messages": messages.measure(secs=1.5, rounds=3),
        "chain": chain.measure(secs=1.5, rounds=2, rate=2000.0),
        "latency": latency.measure(secs=6.0, rate=1000.0, rounds=1),
        "orders": orders.measure(secs=1.5, rounds=3),
        "stop": stop.measure(runs=5),
        "panel": panel.measure(secs=10.0, points=2000, tabs_open=4),
        "api": api.measure(secs=3.0, rate=1000.0, rounds=1),
        "api_orders": api_orders.measure(orders=30, listed=50, lists=2, secs=3.0, away_ms=20.0),
        "memory": memory.measure(secs=30.0, rate=1000.0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    as_json = parser.parse_args().json
    before = measuring.machine()
    figures = measure_all()
    after = measuring.machine()
    if as_json:
        print(json.dumps({"before": before, "after": after, **figures}))
        return
    print(
        f"{before['cpu']}, {before['cores']} cores, Python {before['python']}, "
        f"load {before['load_1min']} before and {after['load_1min']} after"
    )
    aims = {(bench, figure): aim for bench, figure, aim in AIMS}
    for bench, told in figures.items():
        for figure, value in told.items():
            shown = f"{value:,}" if isinstance(value, int | float) else str(value)
            print(f"{bench:<12}{figure:<40}{shown:>14}  {aims.get((bench, figure), '')}")


if __name__ == "__main__":
    main()
