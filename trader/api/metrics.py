"""The monitoring figures in OpenMetrics: the runner's own, from its picture, and those of the books. Nothing is counted here."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from trader.desk import Desk, Status
from trader.desk.books.statistics import Execution
from trader.domain.statistics import Statistics

MEDIA_TYPE = CONTENT_TYPE_LATEST
HOURS = 24  # of the figures of execution
_LEVELS = ("ACTIVE", "PAUSED", "REDUCING", "HALTED")


def exposition(desk: Desk) -> bytes:
    """Raises:
    JournalError: The journal cannot be read.
    """
    registry = CollectorRegistry()
    registry.register(_Figures(desk.status(), desk.statistics(HOURS).execution))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text


class _Figures(Collector):
    def __init__(self, status: Status, execution: Execution) -> None:
        self._status = status
        self._execution = execution

    def collect(self) -> Iterator[Metric]:
        yield from _account(self._status)
        yield from _runs(self._status)
        yield from _carried_out(self._execution)
        ops = self._status.ops
        if ops is not None and self._status.runner.alive:
            yield _gauge("trader_price_age_seconds", "Age of the oldest price in use.", ops.price_age_s)
            yield _gauge("trader_quota_left_percent", "Request weight left.", ops.quota_left_pct)
            yield _gauge("trader_clock_skew_seconds", "This machine's clock against the exchange's.", ops.clock_skew_s)
            yield _gauge("trader_messages_per_second", "Messages of the exchange's streams.", ops.messages_per_s)
            up = GaugeMetricFamily("trader_stream_up", "Whether a stream is connected.", labels=["stream"])
            up.add_metric(["public"], ops.public_socket == "up")
            up.add_metric(["private"], ops.private_socket == "up")
            yield up
            if ops.client is not None:
                yield from _client(ops.client)


def _gauge(name: str, words: str, value: object) -> Metric:
    """Without a sample where the value is not known: a monitor must not take that for 0."""
    found = GaugeMetricFamily(name, words)
    if value is not None:
        found.add_metric([], float(value))  # type: ignore[arg-type]
    return found


def _account(status: Status) -> Iterator[Metric]:
    yield _gauge("trader_runner_alive", "Whether a runner trades this account.", status.runner.alive)
    yield _gauge("trader_heartbeat_age_seconds", "Age of the runner's picture.", status.runner.heartbeat_age_s)
    yield _gauge("trader_open_runs", "Runs that are not finished.", len(status.runs))
    yield _gauge("trader_open_tickets", "Single orders that are not finished.", len(status.tickets))
    yield _gauge("trader_open_alerts", "Alerts nobody has acknowledged.", len(status.open_alerts))
    level = GaugeMetricFamily("trader_level", "What the account may do: 1 for the level it has.", labels=["level"])
    for name in _LEVELS:
        level.add_metric([name], status.trading[0] == name)
    yield level
    if (day := status.day) is not None:
        yield _gauge("trader_day_realised_usd", "What the Indian day has booked.", day.realised)
        yield _gauge("trader_day_total_usd", "The same with what is open.", day.total)
        yield _gauge("trader_week_total_usd", "The same since Monday.", day.week_total)


def _runs(status: Status) -> Iterator[Metric]:
    labels = ["run_id", "underlying", "preset"]  # of a ticket: its id, and no preset
    pnl = GaugeMetricFamily("trader_run_pnl_usd", "P&L of an open run or ticket, after fees.", labels=labels)
    fees = GaugeMetricFamily("trader_run_fees_usd", "Fees it has paid.", labels=labels)
    lines = [((run.run_id, run.underlying, run.preset), run.pnl, run.fees) for run in status.runs]
    lines += [((one.ticket_id, one.underlying, ""), one.pnl, one.fees) for one in status.tickets]
    for names, made, paid in lines:
        if made is not None:
            pnl.add_metric(names, float(made))
        if paid is not None:
            fees.add_metric(names, float(paid))
    yield pnl
    yield fees


def _carried_out(execution: Execution) -> Iterator[Metric]:
    """Orders of the last `HOURS`: gauges, because what is older drops out."""
    statuses = GaugeMetricFamily("trader_day_orders", "Orders of the last 24 hours, by status.", labels=["status"])
    for status, count in execution.by_status.items():
        statuses.add_metric([status], count)
    yield statuses
    checks = GaugeMetricFamily("trader_day_risk_checks", "What the gate let out and refused.", labels=["result"])
    checks.add_metric(["passed"], execution.risk_passed)
    checks.add_metric(["failed"], execution.risk_failed)
    yield checks
    yield _gauge("trader_day_fill_ratio", "Contracts filled, of those of ended orders.", execution.fill_rate)
    yield _gauge("trader_day_rejection_ratio", "Orders rejected, of those sent.", execution.rejection_rate)
    yield _gauge("trader_day_slippage_usd", "How much worse than at decision it filled.", execution.slippage_usd)
    yield _gauge("trader_day_slippage_percent", "The same per order, on average.", execution.slippage_pct)
    yield _gauge("trader_day_fees_usd", "Fees told so far.", execution.fees)
    took = GaugeMetricFamily(
        "trader_day_execution_seconds",
        "From an order's intent to the exchange's answer, and to its fill.",
        labels=["until", "quantile"],
    )
    for until, spread in (("answer", execution.answer_secs), ("fill", execution.fill_secs)):
        for quantile, secs in (("0.5", spread.p50), ("0.95", spread.p95), ("0.99", spread.p99)):
            if secs is not None:
                took.add_metric([until, quantile], secs)
    yield took


def _client(client: Statistics) -> Iterator[Metric]:
    orders = CounterMetricFamily("trader_orders", "Orders sent, by what the exchange said at once.", labels=["outcome"])
    for outcome in ("submitted", "accepted", "rejected", "unknown", "filled"):
        orders.add_metric([outcome], getattr(client, f"orders_{outcome}"))
    yield orders
    yield _gauge("trader_request_weight_left", "Weight left in the running 5 minutes.", client.quota_left)
    yield _gauge("trader_cache_hit_ratio", "Instruments answered from the cache.", client.instrument_cache_hit_rate)
    yield CounterMetricFamily("trader_rate_limited", "Requests refused or held back by the rate.", client.rate_limited)
    yield CounterMetricFamily("trader_breaker_opened", "Times the circuit breaker opened.", client.breaker_opened)
    again = CounterMetricFamily("trader_reconnections", "Times a stream was connected again.", labels=["stream"])
    for stream, times in client.reconnections.items():
        again.add_metric([stream], times)
    yield again
    errors = CounterMetricFamily("trader_errors", "Requests that failed, by kind.", labels=["kind"])
    for kind, times in client.errors.items():
        errors.add_metric([kind], times)
    yield errors
    yield from _endpoints(client)


def _endpoints(client: Statistics) -> Iterator[Metric]:
    calls = CounterMetricFamily("trader_api_calls", "Requests to the exchange.", labels=["endpoint"])
    latency = GaugeMetricFamily(
        "trader_api_latency_seconds", "Latency of the last 256 answered calls.", labels=["endpoint", "quantile"]
    )
    for one in client.endpoints:
        calls.add_metric([one.endpoint], one.calls)
        for quantile, took in (("0.5", one.p50_ms), ("0.95", one.p95_ms), ("0.99", one.p99_ms)):
            if took is not None:
                latency.add_metric([one.endpoint, quantile], took / 1000)
    yield calls
    yield latency
