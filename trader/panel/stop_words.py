"""What Stop & Exit asks and says: what it would do now, and what that would realise. The figures are the run's own."""

from decimal import Decimal
from typing import NamedTuple

from trader.desk import Day, Status
from trader.engine.records import Phase
from trader.engine.view import LegView, RunView
from trader.panel import parts, watch, words
from trader.panel.format import ist_time, plain

SILENT = "The runner is silent: Stop is recorded now and carried out as soon as a runner is up."
RECORDED = "Stop is recorded and being carried out; pressing again changes nothing."
_UNREADABLE = "Record a Stop for every run that may be open? The desk cannot be read now."


def label(status: Status | str) -> str:
    """The button: nothing is bought back of a run that only waits."""
    run = None if isinstance(status, str) else status.run
    return "Cancel the wait" if run is not None and run.phase is Phase.WAITING else "Stop & Exit"


def answer(status: Status | str) -> str:
    """The button that does it."""
    run = None if isinstance(status, str) else status.run
    return "Yes, cancel" if run is not None and run.phase is Phase.WAITING else "Yes, exit"


def recorded(run: RunView | None) -> bool:
    """Is it on its way already?"""
    return run is not None and run.stop_requested and run.phase is not Phase.DONE


def question(status: Status | str, target: str | None) -> str:
    """One or two sentences: what would be done, to which run, what it would realise, and who carries it out.

    Args:
        target: The run that is meant, None for whatever there is.
    """
    if isinstance(status, str):
        return _UNREADABLE
    said = [_what(status.run)] if status.run is not None else [_UNREADABLE]
    others = len([run for run in watch.seen(status) if watch.unresolved(run)]) - 1
    if others > 0 and status.run is not None:
        goes_on = f"{others} other run{'s go' if others > 1 else ' goes'} on" if target else "every other run too"
        said.append(f"This is {plain(status.run.underlying, 8)} {plain(status.run.preset, 40)}; {goes_on}.")
    if not status.runner.alive:
        said.append(SILENT)
    return " ".join(said)


def _what(run: RunView) -> str:
    if recorded(run):
        return RECORDED
    if run.phase is Phase.WAITING:
        return "Cancel the wait? Nothing is sold, so nothing is bought back."
    if run.phase is Phase.DONE:
        return "Not confirmed flat: look again, cancel what works and buy back what is still open?"
    legs = [leg for leg in run.legs if leg.open_quantity]
    if run.phase is Phase.ENTERING:
        back = f" and buy back {_and(legs)}" if legs else ""
        return f"Cancel the entry orders{back}?"
    if not legs:
        return "Cancel every working order of this run?"
    decimals = parts.places(run.premium)
    realises = parts.dollars(run.pnl, decimals, signed=True)
    known = f"realises ≈ {realises}" if run.pnl is not None else "what that realises is not known now"
    return f"Buy back {_and(legs)}: {known}?"


def _and(legs: list[LegView]) -> str:
    return " and ".join(map(_leg, legs))


def _leg(leg: LegView) -> str:
    """``100 C 80,000 at ≈ 167.40``"""
    price = leg.closing_px if leg.closing_px is not None else leg.ask
    at = f" at ≈ {parts.price(price)}" if price is not None else ""
    return f"{leg.open_quantity:,} {plain(leg.key, 8)} {parts.amount(leg.strike)}{at}"


class Piece(NamedTuple):
    """A part of the bar's text, and how it is said where there is little room."""

    text: str
    short: str


def bar_text(status: Status) -> tuple[str, list[Piece]]:
    """The bar's text: the state, then P&L and what comes next."""
    run = status.run
    if run is None:
        return "No run yet", []
    if run.phase is Phase.DONE:
        return _ended(run, status.day)
    word = words.PHASES[run.phase][0]
    result = _piece(_both(run.pnl, run.pnl_pct, run))
    if not status.runner.alive:
        return "Not watched", [_piece(f"was {word.lower()}"), result]
    if run.phase is Phase.EXITING:
        return word, [result, _piece(words.exit_reason(run.exit_reason))]
    if run.phase is Phase.ENTERING:
        return word, [_piece("entry orders are working")]
    waits = run.phase is Phase.WAITING
    at = run.entry_at if waits else run.exit_at
    wait = words.countdown(at, run.market_at)
    verb = "sells" if waits else "out"
    comes = Piece(f"{verb} {ist_time(at)} {wait}".rstrip(), wait.removeprefix("in ") or ist_time(at))
    return word, [comes] if waits else [result, comes]


def _ended(run: RunView, day: Day | None) -> tuple[str, list[Piece]]:
    if run.flat != "true":
        return words.flat_line(run).label, [_piece("Stop & Exit looks again")]
    pct = next((one.pnl_pct for one in day.results if one.run_id == run.run_id), None) if day is not None else None
    told = [_piece("confirmed by the exchange")]
    if run.realized_pnl is not None:
        both = _both(run.realized_pnl, pct, run)
        told.append(Piece(f"last run {both}, {words.exit_reason(run.exit_reason)}", both))
    return "Flat", told


def _both(value: Decimal | None, pct: Decimal | None, run: RunView) -> str:
    """``−$2.48 (−8 %)``"""
    shown = parts.dollars(value, parts.places(run.premium), signed=True)
    return shown if value is None or pct is None else f"{shown} ({parts.percent(pct, 0)})"


def _piece(text: str) -> Piece:
    return Piece(text, text)
