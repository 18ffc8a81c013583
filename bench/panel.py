"""What a refresh of the dashboard costs the server, in the real panel with a held run and a 2,000-point series.

Streamlit's script runs are timed in the panel's process, from request to last message, collection of garbage included. The
visitor speaks Streamlit's protocol like a browser and refreshes one fragment after another; serialising happens beside
it on the server's event loop and shows in the CPU figure.
"""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bench.measuring import Figures, cpu_secs, main, median, percentile
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
    """Milliseconds of server time: each fragment alone, all of them together (a second of the dashboard), the whole page."""
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
            fragments = list(visitor.intervals)
            one: list[float] = []
            one_cpu: list[float] = []
            together: list[float] = []
            trips: list[float] = []
            received = visitor.received_bytes
            process, begin = cpu_secs(panel.pid), time.monotonic()
            for _ in range(refreshes):
                for fragment in fragments:
                    sent = time.perf_counter()
                    visitor.refresh(fragment)
                    trips.append(time.perf_counter() - sent)
                told = panel.ask("reruns")
                one += [wall for _, wall, _ in told]
                one_cpu += [cpu for _, _, cpu in told]
                together.append(sum(wall for _, wall, _ in told))
            elapsed = time.monotonic() - begin
            process = cpu_secs(panel.pid) - process
            bytes_each = (visitor.received_bytes - received) / refreshes
            for _ in range(3):
                visitor.load()
            full += [wall for _, wall, _ in panel.ask("reruns")]
    heaviest = [max(one[at : at + len(fragments)]) for at in range(0, len(one), len(fragments))]
    return {
        "fragments": len(fragments),
        "fragment_median_ms": _ms(median(one)),
        "heaviest_fragment_median_ms": _ms(median(heaviest)),
        "heaviest_fragment_p95_ms": _ms(percentile(heaviest, 0.95)),
        "fragment_thread_cpu_median_ms": _ms(median(one_cpu)),
        "all_fragments_median_ms": _ms(median(together)),
        "process_cpu_per_round_ms": _ms((process) / refreshes),
        "round_trip_median_ms": _ms(median(trips)),
        "full_page_median_ms": _ms(median(full)),
        "bytes_per_round": round(bytes_each),
        "rounds_per_sec": round(refreshes / elapsed, 1),
    }


def _ms(secs: float) -> float:
    return round(secs * 1000, 2)


if __name__ == "__main__":
    main("panel", __doc__, measure, refreshes=40, points=2000)
