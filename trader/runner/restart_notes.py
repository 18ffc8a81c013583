"""What happened, in words: how the last runner ended, what was found on the exchange, that somebody else has the account.

Built from the lease row, the last live picture and the first complete read after a start; recorded as alerts, so that the
panel, the command line and the logs tell the same story. Pure.
"""

from collections.abc import Sequence
from datetime import datetime

from trader.domain.expiry import IST
from trader.engine.account.allocation import share_of, signed
from trader.engine.events import AccountRead
from trader.engine.records import Phase
from trader.engine.state import Run, State
from trader.engine.view import LiveSnapshot
from trader.journal.lease import RELEASED, Lease
from trader.journal.views import RunSummary
from trader.runner.notices import Note


def clock(at: datetime) -> str:
    """An instant as people of the market read it: ``10:41:07 IST``."""
    return f"{at.astimezone(IST):%H:%M:%S} IST"


def started(
    before: Lease | None, picture: LiveSnapshot | None, runs: Sequence[RunSummary], now: Lease, why: str = ""
) -> Note:
    """How the runner came to be here, told at its start.

    Args:
        before: The lease as it stood before this runner took it, None when nobody ever had it.
        picture: The last live picture of the account, for when the last runner was heard.
        runs: The account's unresolved runs.
        now: The lease this runner holds.
        why: What made this process replace its own runner; empty at the process's first.
    """
    here = f"{_host(now)}, epoch {now.epoch}"
    if before is None:
        return Note("info", "runner_started", f"The runner was started for the first time on this account ({here}).")
    doing = _doing(runs)
    if why:
        text = f"The runner was replaced by a new one{doing and f' {doing}'}: {why}. Started again at {clock(now.taken_at)} ({here})."
        return Note("warning", "runner_replaced", text)
    if before.host == "flatten":
        return Note("info", "runner_started", f"Started at {clock(now.taken_at)} after a flatten by hand ({here}).")
    if before.holder == RELEASED:
        text = f"The runner was stopped at about {clock(_heard(before, picture))}{doing and f' {doing}'}; started again at "
        return Note("info", "runner_started", f"{text}{clock(now.taken_at)} ({here}).")
    text = (
        f"The runner ({_host(before)}) was killed or lost its machine{doing and f' {doing}'}; last heard "
        f"{clock(_heard(before, picture))}. Started again at {clock(now.taken_at)} ({here})."
    )
    return Note("warning" if doing else "info", "runner_killed", text)


def found(state: State, run: Run, read: AccountRead) -> Note:
    """What the first complete read after a start shows of a run that was taken up again, and what is done now."""
    assert read.positions is not None
    parts: list[str] = []
    differs = False
    for leg in run.legs:
        whole, ours = read.held(leg.symbol, leg.product_id), signed(run, leg.key)
        seen = None if whole is None else share_of(state, run, leg.symbol, whole)
        differs = differs or seen != ours
        expected = "as recorded" if seen == ours else f"{_size(ours)} by our fills so far"
        parts.append(f"{leg.symbol} {_size(seen)} ({expected})")
    orders = len(read.open_orders or ())
    shown = "; ".join(parts) or "no leg chosen yet"
    text = f"Found on the exchange: {shown}; {orders or 'no'} open order{'s' if orders != 1 else ''}. {_now_doing(run)}"
    odd = differs and run.phase is Phase.HOLDING  # while orders work, fills follow the position
    return Note("warning" if odd else "info", "found_on_exchange", text, run.run_id)


def standing_by(other: Lease, host: str, pid: int) -> Note:
    """Told once by a runner that finds the account held."""
    text = (
        f"Another runner ({_host(other)}) holds the account; the one in {_where(host)} (pid {pid}) stands by and takes "
        "over only when that one ends."
    )
    return Note("info", "standing_by", text)


def fenced(lease: Lease, why: str) -> Note:
    return Note(
        "warning",
        "fenced",
        f"The runner ({_host(lease)}, epoch {lease.epoch}) lost the account: {why}. It sends nothing more.",
    )


def stream_back(stream: str, since: datetime, now: datetime) -> Note:
    secs = (now - since).total_seconds()
    text = (
        f"The {stream} stream is back after {secs:.0f} s (down since {clock(since)}); what it missed is read over REST."
    )
    return Note("info", f"{stream}_stream_back", text)


def clock_set(by_secs: float) -> Note:
    text = f"This machine's clock was set by {by_secs:+.0f} s; it is followed from now on."
    return Note("info", "clock_set", text)


def _now_doing(run: Run) -> str:
    """The rules that go on, in words."""
    match run.phase:
        case Phase.HOLDING:
            level = (
                "no trailing level yet" if run.level_pct is None else f"trailing stop at {run.level_pct:+.1f} % kept"
            )
            by = "" if run.exit_at is None else f", exit at {run.exit_at.astimezone(IST):%d %b %H:%M} IST kept"
            return f"{level[0].upper()}{level[1:]}{by}; watching."
        case Phase.EXITING:
            return "The exit goes on until the exchange confirms flat."
        case Phase.ENTERING:
            return "The entry is completed or taken back; it is never begun a second time."
        case _:
            return "Still waiting for the entry."


def _size(quantity: int | None) -> str:
    if quantity is None:
        return "could not be read"
    return "flat" if quantity == 0 else f"{'short' if quantity < 0 else 'long'} {abs(quantity)}"


def _doing(runs: Sequence[RunSummary]) -> str:
    """What was on, as the end of a sentence's first half; empty when nothing was."""
    return "" if not runs else "while " + " and ".join(f"{run.phase} {run.underlying}" for run in runs)


def _heard(before: Lease, picture: LiveSnapshot | None) -> datetime:
    if picture is not None and picture.epoch == before.epoch:
        return max(before.renewed_at, picture.wall)
    return before.renewed_at


def _host(lease: Lease) -> str:
    return f"{_where(lease.host)}, pid {lease.pid}"


def _where(host: str) -> str:
    return {"thread": "panel", "process": "process of its own"}.get(host, host)
