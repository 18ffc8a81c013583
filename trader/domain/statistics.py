"""What the connection to an exchange has been like, in figures: for the health page, the status and the log."""

import msgspec


class EndpointStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint. Latencies are milliseconds over its last 256 answered calls, None before the first."""

    endpoint: str
    calls: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None = None
    p99_ms: float | None


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """Everything counted since the client was made. `quota_left` is weight units in the running 5 minutes."""

    orders_submitted: int
    orders_accepted: int
    orders_rejected: int
    orders_unknown: int
    orders_filled: int  # at once, in the answer; what fills later the streams and fills tell
    edits_submitted: int
    cancels_submitted: int
    cancels_accepted: int
    calls: int
    errors: dict[str, int]
    rate_limited: int
    quota_left: int
    clock_offset_secs: float
    instrument_cache_hit_rate: float | None
    instruments_cached: int
    breaker_opened: int
    rows_skipped: int
    reconnections: dict[str, int]  # stream → how often it was connected again
    endpoints: list[EndpointStatistics]
