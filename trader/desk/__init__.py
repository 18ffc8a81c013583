"""The desk: the one thing every face talks to. It reads views, inserts command rows and asks the exchange's public side.

It never decides anything about a run and never sends an order; the runner does, wherever it is hosted.
"""

from trader.config.presets import PresetChanged, PresetInfo
from trader.desk.account import Use, uses
from trader.desk.chain import Chain, ChainRow, ChainSide
from trader.desk.day import wallet_of_day
from trader.desk.desk import Desk
from trader.desk.guard_words import guard_words, is_unoffered, unoffered_words
from trader.desk.links import PATH as LINK_PATH
from trader.desk.links import Question
from trader.desk.margin import MarginChange
from trader.desk.market import Board
from trader.desk.order_check import OrderCheck, OrderCost, TicketCheck
from trader.desk.outcome import Outcome
from trader.desk.payoff import Outcomes, fires, outcomes, payoff
from trader.desk.position import HeldLeg, Levels, Position
from trader.desk.reach import reach_of_preview, reach_of_run
from trader.desk.reports.day_values import Audit, DayDifference, DayReport, DayRun
from trader.desk.situation import alert_counts, alert_groups
from trader.desk.sizing import SizeBy
from trader.desk.spot_map import SpotMap, spot_map
from trader.desk.stopping import stop_words
from trader.desk.system.connection import Call
from trader.desk.system.health import Health
from trader.desk.system.messages import ChannelRow, MessagesView, SeverityRow
from trader.desk.system.settings_shown import KeyRow, SettingRow
from trader.desk.ticket_values import CloseAnswer, OrderAnswer, TicketAnswer
from trader.desk.values import (
    CheckResult,
    CommandReceipt,
    Day,
    DayResult,
    DayRow,
    ExpiryChoice,
    Fire,
    Happening,
    KeyReused,
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
from trader.desk.volatility import Volatility
from trader.desk.what_if import Shock, WhatIf, margin_shock, what_if
from trader.journal import AlertRow, CommandRow, FillRow, RunSummary
from trader.journal.outbox import OutboxRow

__all__ = [
    "LINK_PATH",
    "AlertRow",
    "Audit",
    "Board",
    "Call",
    "Chain",
    "ChainRow",
    "ChainSide",
    "ChannelRow",
    "CheckResult",
    "CloseAnswer",
    "CommandReceipt",
    "CommandRow",
    "Day",
    "DayDifference",
    "DayReport",
    "DayResult",
    "DayRow",
    "DayRun",
    "Desk",
    "ExpiryChoice",
    "FillRow",
    "Fire",
    "Happening",
    "Health",
    "HeldLeg",
    "KeyReused",
    "KeyRow",
    "Levels",
    "LogLine",
    "LotSize",
    "MarginChange",
    "Marker",
    "MessagesView",
    "NotPossible",
    "OrderAnswer",
    "OrderCheck",
    "OrderCost",
    "OutboxRow",
    "Outcome",
    "Outcomes",
    "Payoff",
    "PnlSeries",
    "Position",
    "PresetChanged",
    "PresetInfo",
    "Preview",
    "PreviewLeg",
    "Question",
    "RunReport",
    "RunSummary",
    "RunnerHealth",
    "SettingRow",
    "SeverityRow",
    "Shock",
    "SizeBy",
    "SpotMap",
    "Status",
    "TicketAnswer",
    "TicketCheck",
    "TimelineEvent",
    "Use",
    "Volatility",
    "WhatIf",
    "alert_counts",
    "alert_groups",
    "fires",
    "guard_words",
    "is_unoffered",
    "margin_shock",
    "outcomes",
    "payoff",
    "reach_of_preview",
    "reach_of_run",
    "spot_map",
    "stop_words",
    "unoffered_words",
    "uses",
    "wallet_of_day",
    "what_if",
]
