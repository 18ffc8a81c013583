"""Counts and latencies of calls and orders, for the health page and the log."""

import threading
from collections import Counter, deque

import msgspec

from trader.domain.outcome import Ok, Outcome, Rejected, Unknown
from trader.domain.statistics import EndpointStatistics, Statistics

__all__ = ["CacheFigures", "CallStatistics", "EndpointStatistics", "Statistics"]

_LATENCIES_KEPT = 256
_RECONNECTED = "reconnected_"


class CacheFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The product list's cache: contracts held, and how often a question was answered without loading."""

    size: int
    hits: int
    misses: int

    @property
    def hit_rate(self) -> float | None:
        """None before the first question."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None


class CallStatistics:
    """Counters, safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._latencies: dict[str, deque[float]] = {}

    def record_call(self, endpoint: str, elapsed_secs: float, error: BaseException | None) -> None:
        """One call that ended, well or not."""
        with self._lock:
            self._calls[endpoint] += 1
            if error is not None:
                self._failed[endpoint] += 1
                self._errors[type(error).__name__] += 1
            else:
                self._latencies.setdefault(endpoint, deque(maxlen=_LATENCIES_KEPT)).append(elapsed_secs * 1000)

    def record(self, event: str, number: int = 1) -> None:
        """Something worth counting, e.g. ``orders_accepted``."""
        with self._lock:
            self._events[event] += number

    def record_order(self, outcome: Outcome) -> None:
        """How the sending of an order ended."""
        names = {Ok: "orders_accepted", Rejected: "orders_rejected", Unknown: "orders_unknown"}
        self.record(names[type(outcome)])
        if isinstance(outcome, Ok) and outcome.order.leaves_qty == 0:
            self.record("orders_filled")

    def has_called(self, endpoint: str) -> bool:
        """Whether an endpoint was ever asked."""
        with self._lock:
            return self._calls[endpoint] > 0

    def reconnected(self, stream: str) -> None:
        """A stream was connected again."""
        self.record(_RECONNECTED + stream)

    def snapshot(
        self, *, quota_left: int, clock_offset_secs: float, cache: CacheFigures, breaker_opened: int
    ) -> Statistics:
        """The figures of this moment."""
        with self._lock:
            events, latencies = self._events, {name: sorted(kept) for name, kept in self._latencies.items()}
            return Statistics(
                orders_submitted=events["orders_submitted"],
                orders_accepted=events["orders_accepted"],
                orders_rejected=events["orders_rejected"],
                orders_unknown=events["orders_unknown"],
                orders_filled=events["orders_filled"],
                edits_submitted=events["edits_submitted"],
                cancels_submitted=events["cancels_submitted"],
                cancels_accepted=events["cancels_accepted"],
                calls=self._calls.total(),
                errors=dict(self._errors),
                rate_limited=self._errors["RateLimited"],
                quota_left=quota_left,
                clock_offset_secs=clock_offset_secs,
                instrument_cache_hit_rate=cache.hit_rate,
                instruments_cached=cache.size,
                breaker_opened=breaker_opened,
                rows_skipped=events["rows_skipped"],
                reconnections={stream: events[f"{_RECONNECTED}{stream}"] for stream in ("public", "private")},
                endpoints=[
                    EndpointStatistics(
                        endpoint=name,
                        calls=calls,
                        errors=self._failed[name],
                        p50_ms=_quantile(latencies.get(name), 0.50),
                        p95_ms=_quantile(latencies.get(name), 0.95),
                        p99_ms=_quantile(latencies.get(name), 0.99),
                    )
                    for name, calls in sorted(self._calls.items())
                ],
            )


def _quantile(ordered: list[float] | None, share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None
