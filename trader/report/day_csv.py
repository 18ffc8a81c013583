"""The report of one Indian day as CSV, every amount exact."""

from trader.desk import DayReport
from trader.report.csv_text import sections_csv
from trader.report.run_csv import TRADE, columns

_DAY = ("account", "env", "day", "is_over", "made_at", "verdict", "is_sound", "made", "cash", "fees", "opening", "closing")  # fmt: skip
_RUN = ("run_id", "is_ticket", "name", "underlying", "began_at", "ended_at", "exit_reason", "traded", "cash", "fees", "made", "result")  # fmt: skip
_ORDER = ("created_at", "run_id", "client_order_id", "venue_order_id", "purpose", "leg", "symbol", "side", "quantity", "filled", "order_type", "limit_price", "avg_px", "fees", "algorithm", "status", "code", "message")  # fmt: skip


def day_csv(report: DayReport) -> str:
    """The whole file."""
    found = [
        (one.name, difference.code, difference.sentence, difference.usd, difference.contracts)
        for one in report.audits
        for difference in one.differences
    ]
    notes = [(one.name, note) for one in report.audits for note in one.notes]
    return sections_csv(
        (
            ("day", ("field", "value"), [(name, getattr(report, name)) for name in _DAY]),
            (
                "audit",
                ("what", "verdict", "sentence"),
                [(one.name, one.verdict, one.sentence) for one in report.audits],
            ),
            ("differences", ("what", "code", "sentence", "usd", "contracts"), found),
            ("notes", ("what", "note"), notes),
            ("runs", _RUN, [columns(run, _RUN) for run in report.runs]),
            ("fills", TRADE, [columns(trade, TRADE) for trade in report.trades]),
            ("orders", _ORDER, [columns(line, _ORDER) for line in report.orders]),
        )
    )
