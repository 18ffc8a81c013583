"""Selling now what waits for its time: the wait is stopped, seen to be over with nothing sold, and only then is the same
configuration started at once.

There is no command that hurries a waiting run, and none is needed: both steps are the ordinary ones, so a crash between them
leaves an ordinary stopped run and no trade.
"""

from typing import TYPE_CHECKING

from trader.desk.tickets import IssuedBy
from trader.desk.values import CommandReceipt, NotPossible
from trader.domain.errors import ConfigError, TraderError
from trader.domain.foreign import beside_phrase
from trader.engine.records import Phase
from trader.engine.view import RunView

if TYPE_CHECKING:
    from trader.desk.desk import Desk

_OVER_SECS = 8.0


def sell_now_instead(desk: "Desk", run_id: str, *, issued_by: IssuedBy, confirm: str | None) -> CommandReceipt:
    """The receipt of the start. What a person confirmed to start beside is confirmed again, exactly as it stood.

    Raises:
        NotPossible: The run does not wait any more, the day allows no further run, or the end of the wait is not confirmed.
        ConfigError: Production, and the phrase is not the right one: the wait goes on.
        TraderError: The wait is over and the start was refused; the sentence says both.
    """
    status = desk.status(run_id)
    run, preset = status.run, desk.preset_of(run_id)
    if run is None or run.run_id != run_id or run.phase is not Phase.WAITING or preset is None:
        raise NotPossible(f"Run {run_id} does not wait for its entry any more.")
    if status.env == "production" and confirm != desk.arming_phrase(preset):
        raise ConfigError(
            f'Production needs the phrase "{desk.arming_phrase(preset)}", typed in full. The wait goes on.'
        )
    if not status.runner.alive:
        raise NotPossible("No runner is alive, so the wait goes on as it is.")
    day = status.day
    if day is not None and day.runs_most is not None and day.runs_made >= day.runs_most:
        raise NotPossible(
            f"{day.runs_made} runs were made today and risk.max_runs_per_day is {day.runs_most}; selling now would be one "
            "more, so the wait goes on."
        )
    desk.stop(run_id, issued_by=issued_by)
    after = desk.await_flat(_OVER_SECS, run_id).run
    if after is None or after.run_id != run_id or not _over(after):
        raise NotPossible(
            "The wait is being ended, which is not confirmed yet. Nothing was started: press Start when it is."
        )
    if after.premium is not None:
        raise NotPossible("The run had begun to sell and was bought back. Nothing was started.")
    beside = beside_phrase(run.foreign) if run.foreign and set(run.foreign) <= set(run.beside) else None
    try:
        return desk.start(preset, now=True, issued_by=issued_by, confirm=confirm, beside=beside)
    except TraderError as error:
        raise NotPossible(f"The wait is over, and nothing was started: {error}") from error


def _over(run: RunView) -> bool:
    return run.phase is Phase.DONE and run.flat == "true"
