"""The status: the runner's live picture where it is current, the journal's where it is not."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from trader.desk.alerting import AlertBook
from trader.desk.day import DayBook
from trader.desk.remembered import Remembered
from trader.desk.runner_absence import explain_silence
from trader.desk.runs import RunBook
from trader.desk.situation import happened, situation
from trader.desk.values import RunnerHealth, Status
from trader.engine.records import Level, LevelChanged
from trader.engine.view import LiveSnapshot, Ops, RunView
from trader.journal import Journal, Lease
from trader.journal.alerts import LOUD, needs_acknowledging
from trader.runner.process import is_provably_dead

HEARTBEAT_OLDEST = timedelta(seconds=4)  # with a page's second between looks, a dead runner looks dead within 5 s
_ALERTS_SHOWN = 20
_LOOKED_AT = 100  # newest alerts of any level, for what happened


def read_status(
    journal: Journal,
    book: RunBook,
    alerts: AlertBook,
    days: DayBook,
    *,
    env: str,
    account: str,
    run_id: str | None,
    wall: datetime,
    halted: str,
) -> Status:
    """The account at `wall`. `halted`: what else forbids entries (the HALT file), in words.

    Raises:
        JournalError: The journal cannot be read.
    """
    snapshot = journal.snapshot(account)
    lease = journal.lease_row(account)
    runner = runner_health(lease, None if snapshot is None else snapshot.wall, wall)
    live = {run.run_id: run for run in snapshot.runs} if snapshot is not None else {}
    known = book.of_account(account)
    views = [_current(book, live, name, snapshot, runner, wall) for name in known.unresolved]
    tickets = {one.ticket_id: one for one in snapshot.tickets} if snapshot is not None and runner.alive else {}
    orders = [tickets.get(name) or book.ticket(name, wall) for name in known.tickets]
    unresolved = tuple(view for view in views if view is not None)
    chosen = run_id or (known.unresolved[-1] if known.unresolved else known.ended_last)
    run = next((view for view in unresolved if view.run_id == chosen), None)
    is_live = snapshot is not None and (run in snapshot.runs if run is not None else chosen is None and runner.alive)
    if run is None and chosen is not None:
        # Ended: the live picture may still show it on its way, and after a restart knows no more of it than that it ended.
        run = book.view(chosen, wall)
    ops = None if snapshot is None else snapshot.ops
    trading = _trading(halted, ops if runner.alive else None, known.levels)
    silence = "" if runner.alive else explain_silence(journal, lease, None if snapshot is None else snapshot.wall)
    told = alerts.everything()
    waiting = tuple(alert for alert in told if needs_acknowledging(alert))
    records = book.records(run.run_id) if run is not None else ()
    preset = book.preset(run.run_id) if run is not None else None
    market = None if snapshot is None else snapshot.market
    singles = tuple(ticket for ticket in orders if ticket is not None)
    # A silent runner's exchange has gone on meanwhile, at least as fast as this machine's clock.
    since = max(wall - snapshot.wall, timedelta(0)) if snapshot is not None and not runner.alive else timedelta(0)
    return Status(
        env=env,
        account=account,
        runner=runner,
        run=run,
        runs=unresolved,
        ops=ops,
        alerts=tuple(alert for alert in told if alert.level in LOUD)[:_ALERTS_SHOWN],
        wall=wall,
        trading=trading,
        situation=situation(runner, silence, run, ops, trading, waiting),
        happened=_happened(told, records, known.decided),
        open_alerts=waiting,
        day=days.day(
            wall,
            None if market is None else market + since,
            runs=unresolved,
            tickets=singles,
            shown=run,
            risk=None if preset is None else preset.risk,
        ),
        pictured_at=snapshot.wall if snapshot is not None and is_live else None,
        market=market,
        totals=None if snapshot is None else snapshot.totals,
        margin=None if snapshot is None else snapshot.margin,
        tickets=singles,
    )


_happened = Remembered(lambda told, records, decided: happened(told[:_LOOKED_AT], records, decided))


def _trading(halted: str, ops: Ops | None, levels: Sequence[LevelChanged]) -> tuple[str, str]:
    """The account's level and why: as a living runner says, else as it was recorded last."""
    if halted:
        return Level.HALTED.value, halted
    if ops is not None:
        return ops.trading_state, ops.trading_reason
    return (levels[0].level.value, levels[0].reason) if levels else (Level.ACTIVE.value, "")


def runner_health(lease: Lease | None, pictured: datetime | None, wall: datetime) -> RunnerHealth:
    """Alive: its process is not known to be gone, the lease has not run out, and the picture its holder published (`pictured`: when) is
    at most 4 s old. A process that was killed a moment ago still has a fresh picture."""
    if lease is None:
        return RunnerHealth(alive=False, heartbeat_age_s=None, host=None, pid=None)
    age = None if pictured is None else wall - pictured
    # A picture from the future is a clock that was set back; it says nothing about being alive.
    fresh = age is not None and -HEARTBEAT_OLDEST <= age <= HEARTBEAT_OLDEST
    return RunnerHealth(
        alive=lease.alive(wall) and fresh and not is_provably_dead(lease.process),
        heartbeat_age_s=None if age is None else max(0.0, age.total_seconds()),
        host=lease.host,
        pid=lease.pid,
        epoch=lease.epoch,
    )


def _current(
    book: RunBook,
    live: dict[str, RunView],
    run_id: str,
    snapshot: LiveSnapshot | None,
    runner: RunnerHealth,
    wall: datetime,
) -> RunView | None:
    """An unresolved run: the live picture, unless the runner is dead and recorded more after its last one."""
    view = live.get(run_id)
    if view is not None and runner.alive:
        return view
    records = book.records(run_id)
    if view is not None and snapshot is not None and (not records or records[-1].wall <= snapshot.wall):
        return view
    return book.view(run_id, wall)
