"""The words of the bar: the run's state, and what Stop & Exit asks. What it would do is the desk's own sentence."""

from decimal import Decimal
from typing import NamedTuple

from trader.desk import Day, Status, stop_words
from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.panel import parts, runs, watch, words
from trader.panel.format import DASH, ist_time

SILENT = "The runner is silent: Stop is recorded now and carried out as soon as a runner is up."
RECORDED = "Stop is recorded and being carried out; pressing again changes nothing."
_UNREADABLE = "Record a Stop for every run that may be open? The desk cannot be read now."


def label(status: Status | str) -> str:
    """The button: nothing is bought back of a run that only waits. Of several runs it names the one that it is of."""
    if isinstance(status, str) or status.run is None:
        return "Stop & Exit"
    does = "Cancel the wait" if status.run.phase is Phase.WAITING else "Stop & Exit"
    called = runs.called(status, status.run)
    return f"{does}: {called}" if called else does


def answer(status: Status | str) -> str:
    """The button that does it."""
    run = None if isinstance(status, str) else status.run
    return "Yes, cancel" if run is not None and run.phase is Phase.WAITING else "Yes, exit"


def refusal(status: Status | str) -> str:
    """The button that leaves everything as it is."""
    run = None if isinstance(status, str) else status.run
    return "Keep waiting" if run is not None and run.phase is Phase.WAITING else "Keep running"


def recorded(run: RunView | None) -> bool:
    """Is it on its way already?"""
    return run is not None and run.stop_requested and run.phase is not Phase.DONE


def question(status: Status | str) -> str:
    """What would be done to which run, what that would realise, and who carries it out."""
    if isinstance(status, str):
        return "The desk cannot be read now. Record a Stop for every run that may be open?"
    run = status.run
    if run is None:
        return "Record a Stop for every run that may be open?"
    said = [RECORDED if recorded(run) and run.phase is not Phase.EXITING else stop_words(run)]
    if run.phase is Phase.DONE:
        said.append("Look again, cancel what works and buy back what is open?")
    if (others := len(runs.several(status)) - 1) > 0:
        said = [f"{runs.called(status, run)}:", *said, f"{others} other run{'s go' if others > 1 else ' goes'} on."]
    if not status.runner.alive:
        said.append(SILENT)
    return " ".join(said)


def question_of_all(status: Status) -> tuple[list[str], str]:
    """What stopping all runs would do, a line for each, and what that would realise in all."""
    among = runs.several(status)
    said = runs.names(among)
    lines = [f"{said[run.run_id]}: {RECORDED if recorded(run) else stop_words(run)}" for run in among]
    held = [run for run in among if any(leg.open_quantity for leg in run.legs)]
    known = [run.pnl for run in held if run.pnl is not None]
    total = sum(known, Decimal(0))
    places = max((parts.places(run.premium) for run in held), default=2)
    money = "what they would realise in all is not known now" if len(known) < len(held) else (
        f"in all realises ≈ {parts.dollars(total, places, signed=True)}"
    )  # fmt: skip
    silent = "" if status.runner.alive else f" {SILENT}"
    return lines, f"Stop all {len(among)} runs: {money}.{silent}"


class Piece(NamedTuple):
    """A part of the bar's text, and how it is said where there is little room."""

    text: str
    short: str


def bar_text(status: Status) -> tuple[str, list[Piece]]:
    """The bar's text: the state, then P&L and what comes next. Of several runs their sum besides, and of single orders how many."""
    state, pieces = _of_run(status)
    among, singles = runs.several(status), watch.tickets(status)
    if singles:
        state = "Run flat" if state == "Flat" else state
        count = f"{len(singles)} order ticket{'s' if len(singles) > 1 else ''}"
        pieces = [*pieces, Piece(f"{count} not finished, see Orders & positions", count)]
    if not among or status.run is None:
        return state, pieces
    opened = None if status.day is None else status.day.open
    places = max(parts.places(run.premium) for run in among)
    money = parts.dollars(opened, places, signed=True)
    return state, [*pieces, Piece(f"all {len(among)} runs {money}", "")]


def _of_run(status: Status) -> tuple[str, list[Piece]]:
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
        return word, [result, _contracts(run, out=True), Piece(words.exit_reason(run.exit_reason), "")]
    if run.phase is Phase.ENTERING:
        return word, [_contracts(run, out=False) if run.legs else _piece("entry orders are working")]
    waits = run.phase is Phase.WAITING
    at = run.entry_at if waits else run.exit_at
    wait = words.countdown(at, run.market_at)
    verb = "sells" if waits else "out"
    comes = Piece(
        f"{verb} {DASH if at is None else words.day_time(at, run.market_at)} {wait}".rstrip(),
        wait.removeprefix("in ") or ist_time(at),
    )
    return word, [comes] if waits else [result, comes]


def _contracts(run: RunView, *, out: bool) -> Piece:
    """``160 of 400 contracts in``, of all legs."""
    entered = sum(leg.filled_quantity for leg in run.legs)
    if out:
        done, way = f"{entered - sum(leg.open_quantity for leg in run.legs):,} of {entered:,}", "out"
    else:
        done, way = f"{entered:,} of {sum(leg.quantity for leg in run.legs):,}", "in"
    return Piece(f"{done} contracts {way}", f"{done} {way}")


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
