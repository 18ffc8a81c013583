"""Finished runs as a table for other programs: a line each, every number exact."""

from collections.abc import Iterable
from operator import attrgetter

from trader.analytics.attribution import Attribution
from trader.analytics.board import PARTS
from trader.analytics.result import RunResult

_OF_RUN = (
    "run_id", "account", "env", "preset", "config_hash", "structure", "underlying", "entered_at", "ended_at", "held", "expiry",
    "exit_reason", "held_contracts", "premium", "basis", "basis_name", "pnl", "pnl_pct", "fees", "tax", "margin", "peak_pct",
    "worst_pct", "level_pct", "past_stop_pct", "spot_at_entry", "spot_at_exit", "iv_at_entry", "slippage_usd", "attempts",
    "rejected", "contracts_sent", "contracts_filled", "maker_contracts", "exit_secs", "naked_secs", "exposure_usd",
)  # fmt: skip
HEAD = (*_OF_RUN, "legs", *(f"part_{name}" for name in PARTS))
"""Percentages are of the basis, `part_...` where the P&L came from, `legs` symbols with a space between."""


def listed(runs: Iterable[tuple[RunResult, Attribution]]) -> list[list[object]]:
    """A row for each, in the columns of `HEAD`; None where nothing is known."""
    return [[*_of_run(one), " ".join(one.legs), *_parts(parts)] for one, parts in runs]


_of_run, _parts = attrgetter(*_OF_RUN), attrgetter(*PARTS)
