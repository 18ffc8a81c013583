"""The run's story in the logs: one line per record. INFO are milestones, WARNING asks for a look, ERROR is money at risk."""

import logging
from collections.abc import Iterable

from trader.engine import records as rec
from trader.engine.effects import Tell
from trader.engine.state import State
from trader.runner.notes import Note

logger = logging.getLogger("trader.milestones")

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def log_records(records: Iterable[rec.AnyRecord], state: State) -> None:
    """Tell what has just been committed."""
    for record in records:
        level, words = _words(record)
        if words:
            _log(level, record.run_id, words, state)


def log_line(line: Tell, state: State) -> None:
    """Write a line the engine wants told."""
    _log(logging.INFO, line.run_id, line.text, state)


def log_note(note: Note) -> None:
    """Tell what the runner itself has to tell."""
    logger.log(_LEVELS.get(note.level, logging.WARNING), "%s", note.text, extra={"run_id": note.run_id})


def _log(level: int, run_id: str, words: str, state: State) -> None:
    run = state.runs.get(run_id)
    name = run.preset.name if run is not None else "?"
    logger.log(level, "[%s %s] %s", run_id[:5], name, words, extra={"run_id": run_id})


def _words(record: rec.AnyRecord) -> tuple[int, str]:
    match record:
        case rec.RunCreated():
            when = "now" if record.start_now else "at its time"
            return logging.INFO, f"Run {record.run_id} on {record.underlying} ({record.env}), starting {when}"
        case rec.ScheduleFixed():
            return logging.INFO, f"Entry at {record.entry_at:%Y-%m-%d %H:%M} UTC, exit by {record.exit_at:%H:%M} UTC"
        case rec.LegsChosen():
            return logging.INFO, "Strikes: " + ", ".join(
                f"{leg.symbol} (delta {leg.delta:+.3f}, bid {leg.bid})" for leg in record.legs
            )
        case rec.PhaseChanged():
            return logging.INFO, f"Phase {record.phase}" + (f": {record.reason}" if record.reason else "")
        case rec.StopRequested():
            return logging.INFO, "Stop & Exit requested"
        case rec.OrderIntended(intent=intent):
            price = intent.limit_price if intent.limit_price is not None else "market"
            text = f"{intent.purpose.name.lower()} {intent.side} {intent.quantity} {intent.symbol} at {price}"
            return logging.INFO, f"Order {intent.client_order_id}: {text}"
        case rec.OrderDenied():
            return logging.WARNING, f"Order denied {record.code}: {record.detail}"
        case rec.OrderResolved():
            level = logging.WARNING if record.status in ("rejected", "unknown") else logging.INFO
            return level, f"Order {record.client_order_id} {record.status} {record.code} {record.message}".rstrip()
        case rec.FillRecorded(fill=fill):
            return logging.INFO, f"Fill: {fill.side} {fill.quantity} {fill.symbol} at {fill.price}"
        case rec.Trailed():
            level_words = "not armed" if record.level_pct is None else f"{record.level_pct} %"
            return logging.DEBUG, f"Peak {record.peak_pct} % of premium, trailing level {level_words}"
        case rec.ExitDecided():
            return logging.INFO, f"Exit ({record.reason}): {record.detail}"
        case rec.RunFinished():
            return logging.INFO, (
                f"FLAT, confirmed. Realised P&L {record.realized_pnl} USD, fees {record.fees} USD ({record.exit_reason})"
            )
        case rec.LevelChanged():
            why = f": {record.reason}" if record.reason else ""
            return logging.WARNING, f"Trading is {record.level}{why}"
        case rec.AlertRaised():
            return _LEVELS.get(record.level, logging.WARNING), record.text
    return logging.DEBUG, ""
