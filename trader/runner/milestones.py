"""The run's story in the logs: one line per record, and one per effect that is asked for. INFO are milestones, WARNING asks
for a look, ERROR is money at risk; DEBUG is for the detailed log, where each line carries the record or effect itself."""

import logging
from collections.abc import Iterable

from trader.domain.foreign import listed_words
from trader.domain.wording import fill_verb, refusal_words
from trader.engine import records as rec
from trader.engine.effects import Cancel, Effect, ReadAccount, ReadChain, Submit, Subscribe, Tell
from trader.engine.state import State
from trader.runner.notes import Note

logger = logging.getLogger("trader.milestones")

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def log_records(records: Iterable[rec.AnyRecord], state: State) -> None:
    """Tell what has just been committed."""
    for record in records:
        level, words = _words(record)
        kind = str(type(record).__struct_config__.tag)
        _log(level, record.run_id, words or f"record {kind}", state, record)


def log_line(line: Tell, state: State) -> None:
    """Write a line the engine wants told."""
    _log(logging.INFO, line.run_id, line.text, state)


def log_effect(effect: Effect, state: State) -> None:
    """Write down what has just been asked for; records and what is told have lines of their own."""
    match effect:
        case Submit(intent=intent):
            run_id, words = intent.run_id, f"effect submit {intent.client_order_id}"
        case Cancel(client_order_id=client_order_id):
            run_id = next((run.run_id for run in state.runs.values() if client_order_id in run.orders), "")
            words = f"effect cancel {client_order_id}"
        case ReadAccount() | ReadChain():
            run_id, words = effect.run_id, f"effect {type(effect).__name__}"
        case Subscribe():
            run_id, words = "", f"effect subscribe {len(effect.symbols)} contracts"
        case _:
            return
    _log(logging.DEBUG, run_id, words, state, effect)


def log_note(note: Note) -> None:
    """Tell what the runner itself has to tell."""
    logger.log(_LEVELS.get(note.level, logging.WARNING), "%s", note.text, extra={"run_id": note.run_id})


def _log(level: int, run_id: str, words: str, state: State, data: object = None) -> None:
    run = state.runs.get(run_id)
    name = run.preset.name if run is not None else "?"
    prefix = f"[{run_id[:5]} {name}] " if run_id else ""
    extra = {"run_id": run_id} if data is None else {"run_id": run_id, "data": data}
    logger.log(level, "%s%s", prefix, words, extra=extra)


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
        case rec.BesideConfirmed():
            return logging.WARNING, f"Confirmed to start beside {listed_words(record.foreign)}"
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
            why = refusal_words(record.code, record.message)
            return level, f"Order {record.client_order_id} {record.status}{f': {why}' if why else ''}"
        case rec.FillRecorded(fill=fill):
            return logging.INFO, f"Fill: {fill_verb(fill)} {fill.quantity} {fill.symbol} at {fill.price}"
        case rec.Trailed():
            level_words = "not armed" if record.level_pct is None else f"{record.level_pct} %"
            return logging.DEBUG, f"Peak {record.peak_pct} % of premium, trailing level {level_words}"
        case rec.ExitDecided():
            return logging.INFO, f"Exit ({record.reason}): {record.detail}"
        case rec.LegReleased():
            return logging.INFO, f"{record.symbol} is not held to settlement any more: {record.reason}"
        case rec.RunFinished():
            end = f"NOT FLAT: {record.foreign} is not ours and was left alone" if record.foreign else "FLAT, confirmed"
            money = f"Realised P&L {record.realized_pnl} USD, fees {record.fees} USD ({record.exit_reason})"
            return logging.WARNING if record.foreign else logging.INFO, f"{end}. {money}"
        case rec.LevelChanged():
            why = f": {record.reason}" if record.reason else ""
            return logging.WARNING, f"Trading is {record.level}{why}"
        case rec.AlertRaised():
            return _LEVELS.get(record.level, logging.WARNING), record.text
    return logging.DEBUG, ""
