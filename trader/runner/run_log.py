"""The run's story in the logs: one line per record, and one per effect that is asked for. INFO are milestones, WARNING asks
for a look, ERROR is money at risk; DEBUG is for the detailed log, where each line carries the record or effect itself."""

import logging
from collections.abc import Iterable

from trader.domain.statistics import Statistics
from trader.engine import records as rec
from trader.engine.effects import (
    Cancel,
    Effect,
    ReadAccount,
    ReadChain,
    ReadMargin,
    ReadWallet,
    SetLeverage,
    Submit,
    Subscribe,
)
from trader.engine.record_kinds import Weight, kind_of
from trader.engine.state import State
from trader.runner.notices import Note

logger = logging.getLogger("trader.milestones")

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def log_records(records: Iterable[rec.AnyRecord], state: State) -> None:
    """Tell what has just been committed."""
    for record in records:
        kind = kind_of(record)
        level = logging.DEBUG if kind.weight is Weight.DETAIL else _LEVELS[kind.severity(record)]
        _log(level, record.run_id, f"{kind.name.replace('_', ' ')}: {kind.sentence(record)}", state, record)


def log_effect(effect: Effect, state: State) -> None:
    """Write down what has just been asked for; records have lines of their own."""
    match effect:
        case Submit(intent=intent):
            run_id, words = intent.run_id, f"effect submit {intent.client_order_id}"
        case Cancel(client_order_id=client_order_id):
            run_id = next((run.run_id for run in state.runs.values() if client_order_id in run.orders), "")
            words = f"effect cancel {client_order_id}"
        case ReadAccount():
            run_id, words = effect.runs[0] if len(effect.runs) == 1 else "", "effect ReadAccount"
        case SetLeverage():
            run_id, words = effect.run_id, f"effect leverage {effect.leverage} of product {effect.product_id}"
        case ReadChain() | ReadWallet():
            run_id, words = effect.run_id, f"effect {type(effect).__name__}"
        case ReadMargin():
            run_id, words = "", "effect ReadMargin"
        case Subscribe():
            run_id, words = "", f"effect subscribe {len(effect.symbols)} contracts"
        case _:
            return
    _log(logging.DEBUG, run_id, words, state, effect)


def log_note(note: Note) -> None:
    """Tell what the runner itself has to tell."""
    logger.log(_LEVELS.get(note.level, logging.WARNING), "%s", note.text, extra={"run_id": note.run_id})


def log_statistics(figures: Statistics) -> None:
    """The connection's figures since the runner began, in one line."""
    calls = [one for one in figures.endpoints if one.p95_ms is not None]
    slowest = max(calls, key=lambda one: one.p95_ms or 0.0, default=None)
    hits = figures.instrument_cache_hit_rate
    parts = [
        f"{figures.orders_submitted} orders sent ({figures.orders_accepted} accepted, {figures.orders_filled} filled at once, "
        f"{figures.orders_rejected} rejected, {figures.orders_unknown} unknown)",
        f"{figures.calls} calls, {sum(figures.errors.values())} failed, {figures.rate_limited} held back by the rate",
        "" if slowest is None else f"slowest {slowest.endpoint} p95 {slowest.p95_ms:.0f} ms",
        f"{sum(figures.reconnections.values())} reconnections, breaker opened {figures.breaker_opened} times",
        f"weight left {figures.quota_left}" + ("" if hits is None else f", cache hits {hits:.0%}"),
    ]
    logger.info("statistics: %s", "; ".join(part for part in parts if part), extra={"data": figures})


def _log(level: int, run_id: str, words: str, state: State, data: object = None) -> None:
    run = state.runs.get(run_id)
    name = f" {run.preset.name}" if run is not None else ""
    prefix = f"[{run_id[:5]}{name}] " if run_id else ""
    extra = {"run_id": run_id} if data is None else {"run_id": run_id, "data": data}
    logger.log(level, "%s%s", prefix, words, extra=extra)
