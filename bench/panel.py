"""What a refresh of the dashboard costs the server, in the real panel with a held run and a 2,000-point series.

Streamlit's script runs are timed in the panel's process, from request to last message, collection of garbage included. The
visitor speaks Streamlit's protocol like a browser and refreshes one fragment after another; serialising happens beside
it on the server's event loop and shows in the CPU figure.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bench.measuring import Figures, main, median, percentile
from bench.visitor import Visitor
from bench.world import World, free_port
from trader.journal.views import Sample


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


def measure(refreshes: int, points: int) -> Figures:
    """Milliseconds of server time. `refresh` is the typical fragment, `chart` the heaviest of those that refresh every
    second, `cheapest` what Streamlit itself takes, `ms_per_second_watched` all of them at their own intervals."""
    with World() as world:
        port = free_port()
        panel = world.run_panel(port)
        run_id = world.hold()
        world.journal().sample(_samples(run_id, points))
        with Visitor(port) as visitor:
            visitor.load()
            visitor.load()
            panel.ask("reruns")
            visitor.load()
            full = [wall for _, wall, _ in panel.ask("reruns")]
            costs: dict[str, list[float]] = {fragment: [] for fragment in visitor.intervals}
            cpu: list[float] = []
            received = visitor.received_bytes
            for _ in range(refreshes):
                for fragment, walls in costs.items():
                    visitor.refresh(fragment)
                    (_, wall, thread_cpu) = panel.ask("reruns")[-1]
                    walls.append(wall)
                    if visitor.intervals[fragment] == 1:
                        cpu.append(thread_cpu)
            received = visitor.received_bytes - received
            for _ in range(3):
                visitor.load()
            full += [wall for _, wall, _ in panel.ask("reruns")]
            intervals = dict(visitor.intervals)
    medians = {fragment: median(walls) for fragment, walls in costs.items()}
    every_second = [medians[fragment] for fragment, secs in intervals.items() if secs == 1 and fragment in medians]
    heaviest = max((f for f in medians if intervals[f] == 1), key=lambda f: medians[f])
    return {
        "fragments": len(medians),
        "refresh_median_ms": _ms(median(list(medians.values()))),
        "refresh_cpu_median_ms": _ms(median(cpu)),
        "cheapest_refresh_ms": _ms(min(medians.values())),
        "chart_refresh_ms": _ms(medians[heaviest]),
        "chart_refresh_p95_ms": _ms(percentile(costs[heaviest], 0.95)),
        "slow_refreshes_ms": _ms(sum(cost for f, cost in medians.items() if intervals[f] > 1)),
        "ms_per_second_watched": _ms(sum(cost / intervals[f] for f, cost in medians.items())),
        "every_second_sum_ms": _ms(sum(every_second)),
        "full_page_median_ms": _ms(median(full)),
        "bytes_per_round": round(received / refreshes),
    }


def _ms(secs: float) -> float:
    return round(secs * 1000, 2)


if __name__ == "__main__":
    main("panel", __doc__, measure, refreshes=40, points=2000)
