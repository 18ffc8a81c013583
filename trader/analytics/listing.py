"""Finished runs as a table for other programs: a line each, every number exact."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from trader.analytics.attribution import Attribution
from trader.analytics.board import PARTS
from trader.analytics.result import RunResult
from trader.domain.wording import plain

_OF_RUN = (
    "run_id", "account", "env", "preset", "config_hash", "structure", "underlying", "entered_at", "ended_at", "held", "expiry",
    "exit_reason", "held_contracts", "premium", "basis", "basis_name", "pnl", "pnl_pct", "fees", "tax", "margin", "peak_pct",
    "worst_pct", "level_pct", "past_stop_pct", "spot_at_entry", "spot_at_exit", "iv_at_entry", "slippage_usd", "attempts",
    "rejected", "contracts_sent", "contracts_filled", "maker_contracts", "exit_secs", "naked_secs", "exposure_usd",
)  # fmt: skip
HEAD = (*_OF_RUN, "legs", *(f"part_{name}" for name in PARTS))
"""Instants are ISO-8601 UTC, `held` seconds, money USD, percentages of the basis, `part_...` where the P&L came from; empty where nothing is known."""


def listed(runs: Iterable[tuple[RunResult, Attribution]]) -> list[list[str]]:
    """A row for each, in the columns of `HEAD`."""
    return [
        [*(_text(getattr(one, name)) for name in _OF_RUN), " ".join(one.legs), *(_text(getattr(parts, name)) for name in PARTS)]
        for one, parts in runs
    ]  # fmt: skip


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.3f}"
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)
