"""One soak from its first process to its verdict."""

import math
import time
from dataclasses import dataclass
from typing import Any

from bench.measuring import machine, percentile
from tests.soak.books import compare
from tests.soak.driver import Driver
from tests.soak.latency import Latencies
from tests.soak.processes import Watched, folder_bytes
from tests.soak.world import SoakWorld

_SAMPLE_SECS = 10.0
_LOOK_SECS = 0.05
_GROWTH_MB = 10.0
_LOGS_MB = 200.0
_MORE_THREADS = 1
_MORE_DESCRIPTORS = 4
_NEWS_OF_TROUBLE = (
    "stream_gap",
    "stream_message_unreadable",
    "private_message_unreadable",
    "stream_down",
    "turn_failed",
)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What makes a soak fail. None is not judged."""

    p99_ms: float | None = 10.0
    stop_p99_ms: float | None = 500.0
    growth_mb: float = _GROWTH_MB
    sent_share: float = 0.95  # of the rate that the flood must have kept up


def soak(secs: float, rate: float, limits: Limits, tell: Any = lambda line: None) -> dict[str, Any]:
    """Run it; figures with `violations`, which is empty when everything held. `tell` hears a line of progress now and then."""
    warm_secs = min(300.0, secs * 0.2)
    with SoakWorld() as world:
        runner = world.run_watched()
        balance = world.client.wallet().balance
        listener = world.listen()
        assert world.flood is not None
        flood = world.flood
        flood.ask(("rate", "/", rate))
        flood.ask(("record",))
        watched = [Watched("runner", runner.pid), Watched("venue", world.venue["pid"])]
        latencies = Latencies(world.decisions, world.ahead_us)
        driver = Driver(world, secs)
        sent, sent_secs, journal_before, began, next_sample = 0, 0.0, folder_bytes(world.home), time.monotonic(), 0.0
        market_before = listener.ask("figures")["market"]
        while (elapsed := time.monotonic() - began) < secs or not driver.idle:
            if runner.poll() is not None:
                break
            driver.turn(begin=elapsed < secs - 6)
            if elapsed >= next_sample:
                next_sample += min(_SAMPLE_SECS, secs / 10)
                for one in watched:
                    one.sample(elapsed)
                stamps = flood.ask(("stamps",))
                flood.ask(("record",))
                sent, sent_secs = sent + len(stamps), elapsed
                latencies.feed(stamps)
                tell(
                    f"{elapsed:6.0f} s  {sent} messages  {len(driver.ended)} runs  {watched[0].samples[-1].rss_mb:.1f} MB"
                )
            time.sleep(_LOOK_SECS)
        lasted = time.monotonic() - began
        time.sleep(1.5)  # the stop watch writes once a second; events on their way arrive
        heard = listener.ask("figures")
        books, wrong = compare(world, listener.ask("fills"), balance)
        stops = _stop_ms(world, driver, listener.ask("closing"))
        figures = {
            "machine": machine(),
            "secs": round(lasted, 1),
            "rate": rate,
            "messages": sent,
            "messages_per_sec": round(sent / sent_secs, 1),
            "venue_messages_per_sec": round((heard["market"] - market_before) / lasted, 1),
            **books,
            "runs": len(driver.ended),
            "p50_ms": latencies.percentile_ms(0.5),
            "p99_ms": latencies.percentile_ms(0.99),
            "p999_ms": latencies.percentile_ms(0.999),
            "longest_ms": round(latencies.longest_us / 1000, 1),
            "decisions_timed": latencies.count,
            "stops": len(stops),
            "stop_p99_ms": round(percentile(stops, 0.99), 1) if stops else None,
            "logs_mb": round(folder_bytes(world.home / "logs") / 1e6, 2),
            "journal_mb": round(sum(f.stat().st_size for f in world.home.glob("journal.db*")) / 1e6, 2),
            "written_mb": round((folder_bytes(world.home) - journal_before) / 1e6, 2),
        }
        for one in watched:
            figures[one.name] = {**one.figures(warm_secs), "cpu_pct": one.cpu_pct(lasted)}
        wrong += driver.troubles + heard["gaps"]
        if runner.poll() is not None:
            wrong.append(f"the runner ended by itself with {runner.returncode}")
        wrong += _log_troubles(world)
    figures["load_after"] = machine()["load_1min"]
    wrong += _judged(figures, limits, rate)
    return {**figures, "violations": wrong}


def _stop_ms(world: SoakWorld, driver: Driver, closing: dict[str, float]) -> list[float]:
    """From asking for Stop to the first news of a closing order at the venue, for each run that was stopped."""
    journal = world.journal()
    told: list[float] = []
    for ended in driver.ended:
        if ended.stopped is None:
            continue
        coids = [row.intent.client_order_id for row in journal.orders(ended.run_id)]
        first = min((closing[coid] for coid in coids if coid in closing), default=None)
        if first is not None:
            told.append((first - ended.stopped) * 1000)
    return told


def _log_troubles(world: SoakWorld) -> list[str]:
    """Lines of the detailed log that no undisturbed hour may hold."""
    found: dict[str, int] = {}
    for path in sorted((world.home / "logs").glob("delta_trader_detailed.log*")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                for word in _NEWS_OF_TROUBLE:
                    if word in line:
                        found[word] = found.get(word, 0) + 1
    return [f"the log says {word} {count} times" for word, count in found.items()]


def _judged(figures: dict[str, Any], limits: Limits, rate: float) -> list[str]:
    wrong: list[str] = []
    if figures["messages_per_sec"] < rate * limits.sent_share:
        wrong.append(f"only {figures['messages_per_sec']} of {rate} messages per second were sent")
    if figures["runs"] == 0:
        wrong.append("no run was made")
    for name, limit in (("p99_ms", limits.p99_ms), ("stop_p99_ms", limits.stop_p99_ms)):
        if limit is not None and not (figures[name] or math.inf) <= limit:
            wrong.append(f"{name} {figures[name]} is above {limit}")
    runner = figures["runner"]
    if runner["rss_growth_mb"] > limits.growth_mb:
        wrong.append(f"the runner's memory grew by {runner['rss_growth_mb']} MB")
    if runner["threads_growth"] > _MORE_THREADS or runner["descriptors_growth"] > _MORE_DESCRIPTORS:
        wrong.append(f"threads grew by {runner['threads_growth']}, descriptors by {runner['descriptors_growth']}")
    if figures["logs_mb"] > _LOGS_MB:
        wrong.append(f"{figures['logs_mb']} MB of logs")
    return wrong
