"""The desk: the one thing every face talks to. It reads views, inserts command rows and asks the exchange's public side.

It never decides anything about a run and never sends an order; the runner does, wherever it is hosted.
"""

from trader.config.presets import PresetChanged, PresetInfo
from trader.desk.desk import Desk
from trader.desk.happening import alert_counts, alert_groups
from trader.desk.outcome import Outcome
from trader.desk.reach import reach_of_preview, reach_of_run
from trader.desk.sizing import SizeBy
from trader.desk.stopping import stop_words
from trader.desk.values import (
    CheckResult,
    CommandReceipt,
    Day,
    DayResult,
    ExpiryChoice,
    Happening,
    LogLine,
    LotSize,
    Marker,
    NotPossible,
    Payoff,
    PnlSeries,
    Preview,
    PreviewLeg,
    RunnerHealth,
    RunReport,
    Status,
    TimelineEvent,
)
from trader.journal import AlertRow, CommandRow, FillRow, RunSummary

__all__ = [
    "AlertRow",
    "CheckResult",
    "CommandReceipt",
    "CommandRow",
    "Day",
    "DayResult",
    "Desk",
    "ExpiryChoice",
    "FillRow",
    "Happening",
    "LogLine",
    "LotSize",
    "Marker",
    "NotPossible",
    "Outcome",
    "Payoff",
    "PnlSeries",
    "PresetChanged",
    "PresetInfo",
    "Preview",
    "PreviewLeg",
    "RunReport",
    "RunSummary",
    "RunnerHealth",
    "SizeBy",
    "Status",
    "TimelineEvent",
    "alert_counts",
    "alert_groups",
    "reach_of_preview",
    "reach_of_run",
    "stop_words",
]
