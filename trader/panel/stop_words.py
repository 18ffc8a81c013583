"""The words of the bar: the run's state, and what Stop & Exit asks. What it would do is the desk's own sentence."""

from decimal import Decimal
from typing import NamedTuple

from trader.desk import Day, Status, stop_words
from trader.domain.wording import counted
from trader.engine.records import Phase
from trader.engine.view import RunView, TicketView
from trader.panel import orders_words, parts, runs, watch, words
from trader.panel.format import DASH, ist_time

SILENT = "The runner is silent: Stop is recorded now and carried out as soon as a runner is up."
RECORDED = "Stop is recorded and being carried out; pressing again changes nothing."
_UNREADABLE = "Record a Stop for every run that may be open? The desk cannot be read now."


def label(status: Status | str) -> str:
    """The button: nothing is bought back of a run that only waits. Of several runs it names the one that it is of."""
    if only_tickets(status):
        return "Close all" if _holds(status) else "Cancel all orders"
    if isinstance(status, str) or status.run is None:
        return "Stop & Exit"
    does = "Cancel the wait" if status.run.phase is Phase.WAITING else "Stop & Exit"
    called = runs.called(status, status.run)
    return f"{does}: {called}" if called else does


def answer(status: Status | str) -> str:
    """The button that does it."""
    if only_tickets(status):
        return answer_of_all(status)
    run = None if isinstance(status, str) else status.run
    return "Yes, cancel" if run is not None and run.phase is Phase.WAITING else "Yes, exit"


def refusal(status: Status | str) -> str:
    """The button that leaves everything as it is."""
    if only_tickets(status):
        return "Keep them"
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
    if singles := len(watch.tickets(status)):
        said.append(f"{counted(singles, 'order ticket')} {'go' if singles > 1 else 'goes'} on.")
    if not status.runner.alive:
        said.append(SILENT)
    return " ".join(said)


def only_tickets(status: Status | str) -> bool:
    """Are single orders all there is to close?"""
    return not isinstance(status, str) and not watch.running(status) and bool(watch.tickets(status))


def _holds(status: Status | str) -> bool:
    return not isinstance(status, str) and any(one.open_quantity for one in watch.tickets(status))


def everything(status: Status | str) -> str:
    """What there is besides the run that is shown, with it: ``All 2 runs``, ``All: 1 run, 2 order tickets``. Empty where that is all."""
    if isinstance(status, str) or only_tickets(status):
        return ""
    among, singles = _open_runs(status), watch.tickets(status)
    if singles:
        return f"All: {counted(len(among), 'run')}, {counted(len(singles), 'order ticket')}"
    return f"All {len(among)} runs" if len(among) > 1 else ""


def answer_of_all(status: Status | str) -> str:
    """The button that closes all of it."""
    if only_tickets(status):
        return "Yes, close all" if _holds(status) else "Yes, cancel all"
    if isinstance(status, str) or watch.tickets(status):
        return "Yes, close everything"
    return f"Yes, exit all {len(_open_runs(status))} runs"


def question_of_all(status: Status) -> tuple[list[str], str]:
    """What stopping all runs and closing all single orders would do, a line for each, and what that would realise in all."""
    among, singles = _open_runs(status), watch.tickets(status)
    said = runs.names(among)
    lines = [f"{said[run.run_id]}: {RECORDED if recorded(run) else stop_words(run)}" for run in among]
    lines += [f"{orders_words.close_of_ticket(one)}." for one in singles]
    held = [run for run in among if any(leg.open_quantity for leg in run.legs)]
    results = [*(run.pnl for run in held), *(one.pnl for one in singles if one.open_quantity)]
    places = max((parts.places(run.premium) for run in held), default=2)
    what = (
        f"{_to_do(among, singles)}: {_in_all(results, places)}"
        if results
        else f"{_to_do(among, singles)}; nothing is held"
    )
    return lines, f"{what}.{'' if status.runner.alive else f' {SILENT}'}"


def _to_do(among: tuple[RunView, ...], singles: tuple[TicketView, ...]) -> str:
    stop = f"Stop {'the run' if len(among) == 1 else f'all {len(among)} runs'}" if among else ""
    end = "close" if any(one.open_quantity for one in singles) else "cancel"
    close = f"{end} {counted(len(singles), 'order ticket')}" if singles else ""
    both = " and ".join(filter(None, (stop, close)))
    return both[:1].upper() + both[1:]


def _in_all(results: list[Decimal | None], places: int) -> str:
    known = [one for one in results if one is not None]
    if len(known) < len(results):
        return "what they would realise in all is not known now"
    return f"in all realises ≈ {parts.dollars(sum(known, Decimal(0)), places, signed=True)}"


def _open_runs(status: Status) -> tuple[RunView, ...]:
    return tuple(run for run in watch.seen(status) if watch.unresolved(run))


class Piece(NamedTuple):
    """A part of the bar's text, and how it is said where there is little room."""

    text: str
    short: str


def bar_text(status: Status) -> tuple[str, list[Piece]]:
    """The bar's text: the state, then P&L and what comes next. Of several runs their sum besides, and of single orders how many."""
    state, pieces = _of_run(status)
    among, singles = runs.several(status), watch.tickets(status)
    if singles:
        state = {"Flat": "Run flat", "No run yet": "No run"}.get(state, state)
        pieces = [*(pieces if watch.running(status) else ()), *_of_tickets(singles)]
    if not among or status.run is None:
        return state, pieces
    opened = runs.open_pnl(among)
    places = max(parts.places(run.premium) for run in among)
    money = parts.dollars(opened, places, signed=True)
    return state, [*pieces, Piece(f"all {len(among)} runs {money}", "")]


def _of_tickets(singles: tuple[TicketView, ...]) -> list[Piece]:
    """How many single orders are not finished, and what those that hold something have made."""
    count, held = counted(len(singles), "order ticket"), [one for one in singles if one.open_quantity]
    closing = sum(one.phase is Phase.EXITING for one in singles)
    doing = f"{closing} of them being closed" if closing else "see Orders & positions"
    told = [Piece(f"{count} not finished, {doing}", f"{count}{', closing' if closing else ''}")]
    if held and all(one.pnl is not None for one in held):
        money = parts.dollars(sum((one.pnl or Decimal(0) for one in held), Decimal(0)), 2, signed=True)
        told.append(_piece(money))
    return told


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
