"""The report of one run as CSV: everything of the page but its chart, exact."""

from collections.abc import Sequence

import msgspec

from trader.desk import RunReport
from trader.report.csv_text import sections_csv
from trader.report.run_html import attribution_rows

_LEG = ("key", "symbol", "side", "quantity", "filled_quantity", "open_quantity", "strike", "expiry", "avg_px", "exit_px", "pnl", "fees_paid", "iv_at_entry")  # fmt: skip
_ORDER = ("created_at", "client_order_id", "venue_order_id", "purpose", "leg", "symbol", "side", "quantity", "filled", "order_type", "limit_price", "stop_price", "reference", "avg_px", "slippage_usd", "fees", "algorithm", "status", "answer_secs", "fill_secs", "code", "message", "who", "reason")  # fmt: skip
_SUMMARY = ("run_id", "account", "env", "preset", "config_hash", "underlying", "created_at", "created_market", "finished_at", "finished_market", "exit_reason", "premium", "realized_pnl", "pnl_pct", "basis_name", "fees", "wallet_difference")  # fmt: skip
# One execution, as every list of them has it.
TRADE = ("at", "client_order_id", "venue_order_id", "fill_id", "symbol", "side", "quantity", "price", "fee", "fee_currency", "role", "kind", "cash", "run_id", "preset", "leg", "algorithm")  # fmt: skip


def run_csv(report: RunReport) -> str:
    """The whole file."""
    return sections_csv(
        (
            ("summary", ("field", "value"), _summary(report)),
            ("changed", ("field", "preset", "run"), [(one.field, one.before, one.after) for one in report.changed]),
            ("configuration", ("field", "value"), _flat(report.config.model_dump(mode="json"))),
            ("entry checks", ("check", "numbers"), report.entry_checks.items()),
            ("legs", (*_LEG, "iv_out"), [(*columns(leg, _LEG), report.iv_out.get(leg.key)) for leg in report.legs]),
            ("orders", _ORDER, [columns(line, _ORDER) for line in report.lines]),
            ("fills", TRADE, [columns(trade, TRADE) for trade in report.trades]),
            ("attribution", ("part", "usd"), _attribution(report)),
            ("execution", ("figure", "value"), _execution(report)),
            (
                "timeline",
                ("at", "what", "by", "detail"),
                [(one.at, one.kind, one.cause, one.text) for one in report.timeline],
            ),
        )
    )


def columns(row: object, names: Sequence[str]) -> tuple[object, ...]:
    """Some attributes of a value."""
    return tuple(getattr(row, name) for name in names)


def _summary(report: RunReport) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [(name, getattr(report.summary, name)) for name in _SUMMARY]
    return [*rows, ("verdict", report.verdict), ("reason", report.reason), ("compared_with", report.compared_with)]


def _flat(body: dict[str, object], before: str = "") -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for name, value in body.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{before}{name}.")
        else:
            shown = value if isinstance(value, str | int | float | None) else msgspec.json.encode(value).decode()
            rows.append((before + name, shown))
    return rows


def _attribution(report: RunReport) -> list[tuple[str, object]]:
    if report.told is None:
        return []
    parts = report.told.parts
    return [*attribution_rows(parts), ("Result", parts.pnl)]


def _execution(report: RunReport) -> list[tuple[str, object]]:
    if report.told is None:
        return []
    names = ("attempts", "rejected", "contracts_sent", "contracts_filled", "maker_contracts", "slippage_usd", "risk_passed", "risk_failed", "naked_secs", "exposure_usd", "tax", "margin", "peak_pct", "worst_pct", "spot_at_entry", "spot_at_exit")  # fmt: skip
    return list(zip(names, columns(report.told.result, names), strict=True))
