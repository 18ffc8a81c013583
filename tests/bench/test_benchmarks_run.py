"""Each benchmark runs at a tiny size and says what it measured. No figure is judged here: machines differ.

Those that start a panel or several processes take a minute together; they are of the longer tier.
"""

from collections.abc import Callable
from typing import Any

import pytest

from bench import (
    analytics,
    api,
    api_orders,
    chain,
    engine,
    journal,
    latency,
    memory,
    messages,
    notify,
    orders,
    panel,
    sessions,
    stop,
    venue_publish,
)
from bench.latency import latencies_us
from bench.measuring import machine, percentile

TINY: dict[str, tuple[Callable[..., dict[str, Any]], dict[str, Any], set[str]]] = {
    "engine": (engine.measure, {"steps": 20, "rounds": 1}, {"one_leg_steps_per_sec", "both_legs_steps_per_sec"}),
    "sessions": (sessions.measure, {"sessions": 2, "rounds": 1}, {"all_per_core_sec", "strangles_per_core_sec"}),
    "journal": (journal.measure, {"secs": 0.05, "rounds": 1}, {"fdatasync_per_sec", "commits_of_1_per_sec", "ratio"}),
    "orders": (orders.measure, {"secs": 0.1, "rounds": 1}, {"one_thread_per_sec", "two_threads_per_sec", "ratio"}),
    "venue_publish": (
        venue_publish.measure,
        {"beats": 3, "placed": 5},
        {"frames_per_cpu_sec", "order_cpu_us", "beat_p99_ms"},
    ),
}
WHOLE: dict[str, tuple[Callable[..., dict[str, Any]], dict[str, Any], set[str]]] = {
    "stop": (stop.measure, {"runs": 1}, {"stop_to_flat_median_secs", "stop_to_flat_max_secs"}),
    "messages": (messages.measure, {"secs": 0.5, "rounds": 1}, {"runner_msgs_per_sec", "bare_msgs_per_sec", "ratio"}),
    "latency": (
        latency.measure,
        {"secs": 0.5, "rate": 200.0, "rounds": 1},
        {"process_p99_ms", "panel_0_tabs_p99_ms", "panel_6_tabs_p99_ms", "bare_p99_ms"},
    ),
    "notify": (
        notify.measure,
        {"secs": 0.5, "rate": 200.0, "rounds": 1},
        {"alerts", "quiet_p99_ms", "drill_p99_ms", "p50_ratio", "p99_ratio"},
    ),
    "chain": (chain.measure, {"secs": 0.3, "rounds": 1, "rate": 500.0}, {"limit_msgs_per_sec", "ratio_to_limit"}),
    "panel": (
        panel.measure,
        {"secs": 2.0, "points": 50, "tabs_open": 2},
        {"chart_refresh_ms", "kb_per_second", "full_page_median_ms"},
    ),
    "api": (
        api.measure,
        {"secs": 0.3, "rate": 200.0, "rounds": 1},
        {"status_per_sec", "status_p99_ms", "command_p99_ms", "p99_ratio"},
    ),
    "api_orders": (
        api_orders.measure,
        {"orders": 2, "listed": 2, "lists": 1, "secs": 0.5, "away_ms": 5.0},
        {"order_accepted_p50_ms", "own_round_trip_p50_ms", "accepted_ratio_to_floor", "single_orders_per_sec"},
    ),
    "analytics": (
        analytics.measure,
        {"runs": 24, "fills": 20, "secs": 1.0, "database": ""},
        {"records", "analytics_first: analytics_ms", "history_first: history_ms", "building_first: rss_most_mb"},
    ),
    "memory": (memory.measure, {"secs": 0.2, "rate": 100.0}, {"after_start_mb", "after_run_mb", "most_mb"}),
}


@pytest.mark.parametrize("name", TINY)
def test_benchmark_measures_what_it_names(name: str) -> None:
    measure, sizes, keys = TINY[name]
    figures = measure(**sizes)
    assert keys <= set(figures)
    assert all(figures[key] > 0 for key in keys), figures


@pytest.mark.t1
@pytest.mark.parametrize("name", WHOLE)
def test_benchmark_of_whole_processes_measures_what_it_names(name: str) -> None:
    measure, sizes, keys = WHOLE[name]
    figures = measure(**sizes)
    assert keys <= set(figures)
    assert all(figures[key] > 0 for key in keys), figures


def test_latency_counts_every_message_with_the_step_that_knew_it() -> None:
    decisions = [(100, 1_000), (103, 1_010), (104, 1_020)]
    assert latencies_us([99, 101, 102, 103, 104, 105], decisions, ahead_us=0) == [909, 908, 907, 916]


def test_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([5, 1, 4, 2, 3], 0.5) == 3
    assert percentile(list(range(1, 101)), 0.99) == 99
    assert percentile([7], 0.99) == 7


def test_machine_says_what_a_figure_needs() -> None:
    assert set(machine()) == {"cpu", "cores", "python", "load_1min"}
