"""Reports as JSON documents, the same for the command line and the HTTP API."""

from typing import Any

import msgspec

from trader.analytics.attribution import Attribution
from trader.analytics.result import RunResult
from trader.config.differing import Changed
from trader.desk.books.lines import Trade
from trader.desk.values import RunReport, TimelineEvent
from trader.engine.view import LegView, OrderView
from trader.journal import FillRow, RunSummary


class RunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a run: see `RunReport`. `result` and `attribution` are null while it is not finished, and for one that never
    traded. `fills` are the executions as they were recorded, `trades` the same with run, algorithm and currency."""

    verdict: str
    reason: str
    summary: RunSummary
    config: dict[str, Any]
    compared_with: str
    changed: tuple[Changed, ...]
    entry_checks: dict[str, str]
    legs: tuple[LegView, ...]
    orders: tuple[OrderView, ...]
    fills: tuple[FillRow, ...]
    trades: tuple[Trade, ...]
    timeline: tuple[TimelineEvent, ...]
    result: RunResult | None
    attribution: Attribution | None


def run_report_document(report: RunReport) -> RunDocument:
    told = report.told
    return RunDocument(
        verdict=report.verdict,
        reason=report.reason,
        summary=report.summary,
        config=report.config.model_dump(mode="json"),
        compared_with=report.compared_with,
        changed=report.changed,
        entry_checks=report.entry_checks,
        legs=report.legs,
        orders=report.orders,
        fills=report.fills,
        trades=report.trades,
        timeline=report.timeline,
        result=None if told is None else told.result,
        attribution=None if told is None else told.parts,
    )
