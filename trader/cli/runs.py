"""Start and stop a run: each inserts a command row, waits for the runner's answer, and says what became of it."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trader.cli import numbers, options
from trader.cli.output import emit_json, emit_lines, status_document
from trader.cli.words import one_run, run_lines, still_open
from trader.domain.errors import ConfigError, TraderError
from trader.domain.wording import clause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trader.config.preset import Preset
    from trader.desk import CommandRow, Desk, Status
    from trader.engine.view import RunView

# A runner picks a command up within a quarter of a second; this leaves room for a machine under load.
ANSWER_SECS = 10.0
STOP_WAIT_SECS = 30.0
POLL_SECS = 0.2
_OVER = frozenset({"done"})
_HELD_OR_OVER = frozenset({"holding", "exiting", "done"})


def start(
    preset: options.PresetName = None,
    sets: options.Overrides = None,
    now: Annotated[bool, typer.Option("--now", help="Enter at once instead of at the entry time.")] = False,
    wait: Annotated[
        float,
        numbers.seconds("Wait up to this long until it holds."),
    ] = 0,
    repeat: Annotated[
        int,
        numbers.whole(1, 1000, "More than 1: that many runs, each begun when the last is done."),
    ] = 1,
    confirm: Annotated[str | None, typer.Option(help="Production only: the phrase that arms this one run.")] = None,
    beside: Annotated[
        str | None,
        typer.Option(metavar="PHRASE", help="Confirms what stands on the account that no run here accounts for."),
    ] = None,
    as_json: options.JsonFlag = False,
) -> None:
    """Ask the runner to start a run; answers once the runner has accepted or refused it."""
    from trader.config.precedence import resolve

    settings = options.read_settings()
    chosen = resolve(settings, preset=preset, overrides=sets or ()).preset
    with options.open_desk(settings) as desk:
        if repeat > 1:
            _start_series(desk, chosen, now, repeat, beside, as_json)
        else:
            _start_one(desk, chosen, now, confirm, beside, wait, as_json)


def _start_one(
    desk: "Desk",
    preset: "Preset",
    now: bool,
    confirm: str | None,
    beside: str | None,
    wait_secs: float,
    as_json: bool,
) -> None:
    from trader.domain.structure_words import in_words

    row = _ask_to_start(desk, preset, now, confirm, beside)
    run_id = run_of(row)
    asked = time.monotonic()
    status = _await(desk, run_id, wait_secs, _HELD_OR_OVER) if wait_secs else desk.status(run_id)
    if as_json:
        emit_json({"command_id": row.command_id, **status_document(status)})
    else:
        trades = in_words(preset.structure, preset.strategy.quantity)
        emit_lines([f"Accepted with preset {preset.name} ({preset.config_hash}): {trades}.", *run_lines(status)])
    if wait_secs and (status.run is None or status.run.phase != "holding"):
        waited = time.monotonic() - asked
        what = f": {clause(status.run.words)}" if status.run is not None and status.run.words else ""
        typer.echo(f"Error: The run does not hold its position after {waited:.0f} s{what}.", err=True)
        raise typer.Exit(1)


def _start_series(desk: "Desk", preset: "Preset", now: bool, count: int, beside: str | None, as_json: bool) -> None:
    """Runs one after another, as a replay of several days needs them. Ctrl+C leaves the present one as it is."""
    if desk.settings.env == "production":
        raise ConfigError("--repeat is not for production: the phrase arms one run")
    done: list[dict[str, Any]] = []
    for _ in range(count):
        run_id = run_of(_ask_to_start(desk, preset, now, None, beside))
        status = _await(desk, run_id, None, _OVER)
        done.append(status_document(status))
        if not as_json and status.run is not None:
            emit_lines(one_run(status.run)[:2])
    if as_json:
        emit_json({"runs": done})


def _ask_to_start(desk: "Desk", preset: "Preset", now: bool, confirm: str | None, beside: str | None) -> "CommandRow":
    """The accepted command.

    Raises:
        TraderError: No runner is alive, it refused, it did not answer, or the phrase production needs was not typed.
    """
    phrase = _typed_phrase(desk, preset, confirm)
    receipt = desk.start(preset, now=now, issued_by="cli", confirm=phrase, beside=beside)
    row = desk.await_command(receipt.command_id, ANSWER_SECS)
    if row.status == "refused":
        raise TraderError(f"The runner refused to start: {row.detail}")
    if row.status == "new":
        raise TraderError(
            f"The runner has not answered within {ANSWER_SECS:.0f} s; the start stays recorded ({row.command_id}) and may "
            "still be carried out: see `python -m trader status`, or take it back with `python -m trader stop`."
        )
    return row


def beside(
    phrase: Annotated[
        str | None, typer.Argument(help="The phrase for what stands there; without it, it is shown.")
    ] = None,
    run_id: Annotated[str | None, typer.Option("--run", metavar="RUN", help="The run that waits.")] = None,
    as_json: options.JsonFlag = False,
) -> None:
    """Confirm what stands on the account besides a run that waits: other positions and orders of its underlying."""
    with options.open_desk(options.read_settings()) as desk:
        options.require_run(desk, run_id)
        run = desk.status(run_id).run
        if run is None or run.phase != "waiting":
            raise ConfigError("No run waits for its entry, so there is nothing to confirm")
        if phrase is None:
            _show_foreign(run, as_json)
            return
        receipt = desk.confirm_beside(run.run_id, phrase, issued_by="cli")
        row = desk.await_command(receipt.command_id, ANSWER_SECS)
    if row.status != "accepted":
        raise TraderError(
            row.detail or f"The runner has not answered within {ANSWER_SECS:.0f} s; see `python -m trader status`."
        )
    if as_json:
        emit_json({"command_id": row.command_id, "detail": row.detail})
    else:
        emit_lines([f"Confirmed: {row.detail}."])


def _show_foreign(run: "RunView", as_json: bool) -> None:
    from trader.domain.foreign import beside_phrase

    phrase = beside_phrase(run.foreign) if run.foreign else None
    if as_json:
        emit_json({"run_id": run.run_id, "foreign": list(run.foreign), "phrase": phrase})
    elif phrase is None:
        emit_lines([f"Nothing on {run.underlying} stands on this account but what runs here account for."])
    else:
        emit_lines(
            [*(f"- {thing.words}" for thing in run.foreign), f'To start beside it: python -m trader beside "{phrase}"']
        )


def run_of(row: "CommandRow") -> str:
    """The run an accepted start made; the runner's answer names it."""
    return row.detail.removeprefix("run ")


def stop(
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="One run; without it every open run.")
    ] = None,
    wait: Annotated[
        float,
        numbers.seconds("Wait up to this long for the exchange to confirm flat."),
    ] = STOP_WAIT_SECS,
    as_json: options.JsonFlag = False,
) -> None:
    """Stop & Exit: cancel everything, buy everything back. Exit code 0 only when the exchange confirmed flat."""
    with options.open_desk(options.read_settings()) as desk:
        options.require_run(desk, run_id)
        receipt = desk.stop(run_id, issued_by="cli")
        asked = time.monotonic()
        status = desk.await_flat(wait, run_id)
        waited = time.monotonic() - asked
    if as_json:
        emit_json({"command_id": receipt.command_id, **status_document(status)})
    else:
        emit_lines(run_lines(status))
    open_runs = status.runs if run_id is None else ()
    if status.run is None or status.run.flat != "true" or open_runs:
        typer.echo(f"Error: {_why_not_flat(status, open_runs, waited)}", err=True)
        raise typer.Exit(1)


def _why_not_flat(status: "Status", open_runs: "Sequence[RunView]", waited: float) -> str:
    if status.run is None:
        return f"There is no run on account {status.account}, so there was nothing to close and nothing was confirmed."
    if status.run.phase == "done" and not open_runs:
        # What is left is not this run's, or came after its end: nothing works on it, and the run's own words say which.
        return f"{clause(status.run.words)}. The run has ended and nothing works on it any more."
    if not status.runner.alive:
        return (
            "NOT FLAT: Stop is recorded, but no runner is alive to carry it out; start one with `python -m trader run` "
            "and it will close everything first, or close without one: `python -m trader flatten`."
        )
    still = still_open((status.run, *open_runs))
    what = f"still open: {', '.join(dict.fromkeys(still))}" if still else "the exchange has not confirmed it yet"
    return f"NOT FLAT after {waited:.0f} s: {what}; the runner keeps working on it, ask again with `python -m trader status`."


def _await(desk: "Desk", run_id: str, timeout_secs: float | None, phases: frozenset[str]) -> "Status":
    """Poll until the run is in one of the phases, or time is up (None = wait for it)."""
    deadline = None if timeout_secs is None else time.monotonic() + timeout_secs
    while True:
        status = desk.status(run_id)
        if status.run is not None and status.run.phase in phases:
            return status
        if deadline is not None and time.monotonic() >= deadline:
            return status
        time.sleep(POLL_SECS)


def _typed_phrase(desk: "Desk", preset: "Preset", given: str | None) -> str | None:
    """The phrase that arms one production run, asked for at a terminal when it was not given; None where none is needed.

    Whether it is the right one is the desk's to say.
    """
    if desk.settings.env != "production" or given is not None or not sys.stdin.isatty():
        return given
    from trader.domain.structure_words import in_words

    strategy = preset.strategy
    typer.echo(f"With real money, on {strategy.underlying}: {in_words(preset.structure, strategy.quantity)}.", err=True)
    return input(f"Type {desk.arming_phrase(preset)} to go on: ")


def add_to(app: typer.Typer) -> None:
    app.command()(start)
    app.command()(beside)
    app.command()(stop)
