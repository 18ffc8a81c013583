"""The status as one JSON document, for the command line and other programs. Money as text, times ISO-8601 in UTC."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from trader.config.account_limits import read_limits
from trader.desk.account import uses
from trader.desk.values import Day, Status
from trader.engine.view import LegView, RunView

_FLAT: dict[str, bool | str] = {"true": True, "false": False}


def status_document(status: Status) -> dict[str, Any]:
    """The document. Without any run its fields are null and `flat` is "unknown": nobody has asked the exchange. The fields of a
    run are those of the newest; `runs` has the same of each that is open.

    `client` is what the runner's connection to the exchange has counted since the runner began, with the latencies of each
    endpoint. `pnl_pct` and `trailing_level` are % of `basis` (what that is: `basis_name`) as text; greeks, volatilities and spots of the corridor are numbers;
    prices are USD per unit of underlying. Every figure of a run means what `trader.engine.view` says of it, of `day` what
    `trader.desk.values` does. `limits` are the account's, with what is used of each in words and as a share, null where it is
    not known. `market` is the exchange's time.
    """
    return {
        "env": status.env,
        "account": status.account,
        "runner": {
            "alive": status.runner.alive,
            "heartbeat_age_s": None
            if status.runner.heartbeat_age_s is None
            else round(status.runner.heartbeat_age_s, 3),
            "host": status.runner.host,
            "pid": status.runner.pid,
        },
        "client": None if status.ops is None else msgspec.to_builtins(status.ops.client),
        **run_document(status.run),
        "open_runs": [run.run_id for run in status.runs],
        "runs": [run_document(run) for run in status.runs],
        "alerts": [
            {
                "id": a.seq,
                "at": _time(a.wall),
                "level": a.level,
                "code": a.code,
                "text": a.text,
                "run_id": a.run_id,
                "acknowledged_by": a.acked_by or None,
                "acknowledged_at": None if a.acked_at is None else _time(a.acked_at),
            }
            for a in status.alerts
        ],
        "alerts_open": len(status.open_alerts),
        "trading": {"level": status.trading[0], "reason": status.trading[1]},
        "day": None if status.day is None else _day(status.day),
        "limits": _limits(status),
        "account_margin": _value(status.margin),
        "situation": list(status.situation),
        "left_out": _left_out(status),
        "happened": [
            {"at": _time(h.at), "level": h.level, "code": h.code, "text": h.text, "run_id": h.run_id, "times": h.times}
            for h in status.happened
        ],
        "market": None if status.market is None else _time(status.market),
        "pictured_at": None if status.pictured_at is None else _time(status.pictured_at),
        "at": _time(status.wall),
    }


def _day(day: Day) -> dict[str, Any]:
    sums = {"open_today": day.open_today, "total": day.total, "week_total": day.week_total}
    return {**_value(day), **{name: _value(usd) for name, usd in sums.items()}}


def _limits(status: Status) -> dict[str, Any] | None:
    """None until a runner has told which are in force."""
    if status.totals is None:
        return None
    limits = read_limits(status.totals.limits)
    used = {name: {"used": use.words, "share": use.share} for name, use in uses(limits, status).items()}
    values = limits.document()
    return {
        "locked": status.totals.locked,
        **{name: {"limit": values[name], **used.get(name, {})} for name in values if name != "schema"},
    }


def _left_out(status: Status) -> dict[str, Any]:
    """Rows of the exchange's lists that made no sense: how often, and which lately. Nothing while no runner is alive."""
    ops = status.ops if status.runner.alive else None
    return {"times": 0 if ops is None else ops.left_out_times, "rows": [] if ops is None else list(ops.left_out)}


def run_document(run: RunView | None) -> dict[str, Any]:
    """One run as `status_document` has it."""
    if run is None:
        return {**dict.fromkeys(_RUN_FIELDS), "stop_requested": False, "flat": "unknown", "legs": [], "ladder": []}
    document = {name: _value(getattr(run, name), name) for name in _RUN_FIELDS}
    document["stop_requested"] = run.stop_requested
    document["flat"] = _FLAT.get(run.flat, "unknown")
    document["legs"] = [_leg(leg) for leg in run.legs]
    return document


_RUN_FIELDS = (
    "run_id",
    "phase",
    "words",
    "preset",
    "config_hash",
    "underlying",
    "market_at",
    "spot",
    "spot_at_entry",
    "entry_at",
    "exit_at",
    "premium",
    "basis",
    "basis_name",
    "pnl",
    "pnl_pct",
    "peak_pnl",
    "peak_pct",
    "trailing_level",
    "max_loss_usd",
    "max_profit_usd",
    "exit_reason",
    "realized_pnl",
    "fees",
    "quantity",
    "contract_value",
    "notional",
    "pnl_mark",
    "spread_to_close",
    "fees_to_close",
    "peak_at",
    "margin",
    "margin_mode",
    "net_delta",
    "net_gamma",
    "net_theta",
    "net_vega",
    "guarded",
    "naked",
    "nearest_stop",
    "corridor",
    "outlook",
    "safety",
    "stop_hurries",
    "ladder",
)
_LEG_FIELDS = (
    "key",
    "strike",
    "expiry",
    "contract_value",
    "bid_size",
    "ask_size",
    "closing_px",
    "counted_px",
    "guard_secs",
    "fees_paid",
    "fee_to_close",
    "pnl_mark",
    "iv",
    "iv_at_entry",
    "position_delta",
    "position_gamma",
    "position_theta",
    "position_vega",
    "distance_pct",
    "fresh",
    "ratio",
    "why",
    "liquidation_px",
    "liquidation_told",
    "guard_px",
)


def _leg(leg: LegView) -> dict[str, Any]:
    return {
        **{name: _value(getattr(leg, name), name) for name in _LEG_FIELDS},
        "symbol": leg.symbol,
        "side": leg.side,
        "quantity": leg.quantity,
        "filled_quantity": leg.filled_quantity,
        "open_quantity": leg.open_quantity,
        "avg_px": _text(leg.avg_px),
        "exit_px": _text(leg.exit_px),
        "mark": _text(leg.mark),
        "bid": _text(leg.bid),
        "ask": _text(leg.ask),
        "delta": leg.delta,
        "pnl": _text(leg.pnl),
        "price_age_s": leg.price_age_s,
        "held_to_settlement": leg.kept,
        "progress": leg.progress,
    }


def _value(value: Any, name: str = "") -> Any:
    """One field as JSON: money as text, percents of premium that are exact numbers too; times; what is nested likewise."""
    if isinstance(value, Decimal):
        return _percent(value) if name.endswith("_pct") or name == "trailing_level" else _text(value)
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, msgspec.Struct):
        return {field: _value(getattr(value, field), field) for field in value.__struct_fields__}
    if isinstance(value, tuple):
        return [_value(part, name) for part in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _text(value: Decimal | None) -> str | None:
    """Exact, without exponent."""
    return None if value is None else f"{value:f}"


def _percent(value: Decimal | None) -> str | None:
    """Four decimals: a quotient has no exact text."""
    return None if value is None else f"{value:.4f}"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
