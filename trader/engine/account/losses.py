"""What all runs together have made on an Indian day and in a week, and what follows when that is a loss.

A day has made what was realised on it, and what open positions came to by its end less what they had come to before: a loss
belongs to the day on which it arises. Open runs are marked at each Indian midnight for that (`marking`). Of the limits' steps
one is told (a warning), one bars entries for as long as the loss stands there, and the limit itself locks, and closes what is
open where the account's document says so. An exit is never asked.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from trader.domain.clock import Now
from trader.domain.expiry import ist_date
from trader.engine import records as rec
from trader.engine.records import Phase
from trader.engine.spread_guard import counted, note_spreads
from trader.engine.state import HUNDRED, ZERO, Account, Run, State, seconds_since
from trader.engine.turn import Turn
from trader.engine.valuation import flaw_of, untold_fees

_LASTING_SECS = 2.0  # a loss that one stray print shows is none yet
_UNVALUED_SECS = 30.0  # until then the last value known of an open run counts; after it what is open is not known


class Made(NamedTuple):
    """USD of a day or a week: booked (realised, or marked at a midnight), and of what is open since its last mark."""

    booked: Decimal
    open: Decimal

    @property
    def lost(self) -> Decimal:
        """0 where it is no loss."""
        return max(-(self.booked + self.open), ZERO)


class Loss(NamedTuple):
    """One limit of losses, and how far it is used. `since`: the day, or the Monday, for which it holds."""

    name: str  # as the limits name it
    made: Made
    limit: Decimal
    since: date
    locked: bool
    warned: bool
    closes: bool

    @property
    def words(self) -> str:
        """``the account's loss of today, 46.00 USD (of it open 20.00),``"""
        when = "of today" if self.name == "daily" else "since Monday"
        opened = f" (of it open {-self.made.open:.2f})" if self.made.open < 0 else ""
        return f"the account's loss {when}, {self.made.lost:.2f} USD{opened},"

    @property
    def code(self) -> str:
        return f"account_{self.name}_loss"

    def reaches(self, share: Decimal) -> bool:
        """Whether so many % of the limit are lost."""
        return self.made.lost >= self.limit * share / HUNDRED


def today(now: Now) -> date:
    return ist_date(now.market or now.wall)


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def open_pnl(state: State) -> Decimal:
    """P&L of all unfinished runs as they were last valued, at cost to close as exits at a loss count it, less what earlier days
    have made of it."""
    total = ZERO
    for run in state.unresolved:
        watch = state.watches.get(run.run_id)
        if watch is not None and watch.counted is not None:
            total += watch.counted - state.account.carried(run.run_id)
    return total


def made_today(state: State, now: Now) -> Made:
    """All runs, all underlyings, the present Indian day."""
    return Made(state.account.made_by_day.get(today(now), ZERO), open_pnl(state))


def losses(account: Account, day: date, opened: Decimal) -> tuple[Loss, Loss]:
    """The daily and the weekly limit on a day on which what is open has made so much since its marks."""
    monday, limits, booked = monday_of(day), account.limits, account.made_by_day
    week = sum((pnl for at, pnl in booked.items() if monday <= at <= day), ZERO)
    return (
        Loss(
            "daily",
            Made(booked.get(day, ZERO), opened),
            limits.daily_loss_usd,
            day,
            account.locked_day == day,
            account.warned_day == day,
            limits.daily_loss_closes,
        ),
        Loss(
            "weekly",
            Made(week, opened),
            limits.weekly_loss_usd,
            monday,
            account.locked_week == monday,
            account.warned_week == monday,
            limits.weekly_loss_closes,
        ),
    )


def present_losses(state: State, now: Now) -> tuple[Loss, Loss]:
    return losses(state.account, today(now), open_pnl(state))


def lock_words(found: Sequence[Loss], bars_pct: Decimal) -> str:
    """Why losses let no entry out, in words; empty while they do."""
    for loss in found:
        if loss.reaches(HUNDRED):
            return f"{loss.words} has reached {loss.name}_loss_usd of {loss.limit} USD"
    for loss in found:
        if loss.reaches(bars_pct):
            return f"{loss.words} has reached {bars_pct} % of {loss.name}_loss_usd of {loss.limit} USD"
    for loss in found:
        if loss.locked:
            ends = (
                "today; entries are locked until tomorrow"
                if loss.name == "daily"
                else "this week; entries are locked until Monday"
            )
            return f"the account's {loss.name} loss was reached {ends} or until a person resumes"
    return ""


def unvalued(state: State, now: Now, but: str = "") -> str:
    """Why the P&L of what is open is not known, in words; empty while it is. `but`: the run that asks, whose entry is completed
    on the prices of its own legs."""
    for run in state.unresolved:
        if not run.held or run.run_id == but:
            continue
        watch = state.watches.get(run.run_id)
        if watch is None or watch.valued is None:
            return f"the open P&L of run {run.run_id} is not known yet"
        if (age := seconds_since(watch.valued.wall, now.wall)) > _UNVALUED_SECS:
            return f"the open P&L of run {run.run_id} has not been known for {age:.0f} s"
    return ""


def value_other(turn: Turn, run: Run) -> None:
    """Value a ticket, or a run that is entering or leaving, past the same spread guard; a structure that is held is valued where its
    exits are judged."""
    market = turn.state.market
    if not run.fills or (run.phase is Phase.HOLDING and run.ticket is None) or flaw_of(run, market, turn.now):
        return
    note_spreads(turn, run)
    valuation = counted(turn.run(run.run_id), market, turn.watch(run.run_id), turn.now)
    if valuation is not None:
        turn.set_watch(run.run_id, counted=valuation.pnl - untold_fees(run, market), valued=turn.now)


def check_losses(turn: Turn) -> None:
    """Every step that a loss has reached is taken, once it has lasted. Where nothing is open there is nothing to lock against: what
    is realised bars entries by itself; but it is told."""
    is_open = bool(turn.state.unresolved)
    for loss in present_losses(turn.state, turn.now):
        if _lasts(turn, f"{loss.code}_near", _warns(turn, loss)):
            _warn(turn, loss)
        if _lasts(turn, loss.code, is_open and loss.reaches(HUNDRED) and not loss.locked):
            _lock(turn, loss)


def _warns(turn: Turn, loss: Loss) -> bool:
    share = turn.state.account.limits.loss_warn_pct
    return share > 0 and not (loss.warned or loss.locked) and loss.reaches(share) and not loss.reaches(HUNDRED)


def _lasts(turn: Turn, step: str, reached: bool) -> bool:
    since = turn.state.loss_since
    if not reached:
        if step in since:
            turn.set(loss_since={name: at for name, at in since.items() if name != step})
        return False
    if step not in since:
        turn.set(loss_since={**since, step: turn.wall})
        return False
    return seconds_since(since[step], turn.wall) >= _LASTING_SECS


def _warn(turn: Turn, loss: Loss) -> None:
    limits, account = turn.state.account.limits, turn.state.account
    day, week = (loss.since, account.warned_week) if loss.name == "daily" else (account.warned_day, loss.since)
    turn.write(rec.LossWarned, "", account=turn.state.account_key, day=day, week=week)
    share = loss.made.lost / loss.limit * HUNDRED
    then = "all open runs are closed and entries are locked" if loss.closes else "entries are locked"
    text = (
        f"{_upper(loss.words)} is {share:.0f} % of {loss.name}_loss_usd of {loss.limit} USD. From {limits.loss_bars_pct} % on "
        f"no entry is made, at 100 % {then}."
    )
    turn.write(rec.AlertRaised, "", level="warning", code=f"{loss.code}_near", text=text)


def _lock(turn: Turn, loss: Loss) -> None:
    account = turn.state.account
    words = f"{loss.words} has reached {loss.name}_loss_usd of {loss.limit} USD"
    day, week = (loss.since, account.locked_week) if loss.name == "daily" else (account.locked_day, loss.since)
    turn.write(rec.LossLocked, "", account=turn.state.account_key, day=day, week=week, reason=words)
    until = "tomorrow" if loss.name == "daily" else "Monday"
    turn.write(rec.AlertRaised, "", level="error", code=loss.code, text=f"No entry until {until}: {words}.")
    if loss.closes:
        for run in turn.state.unresolved:
            if run.phase in (Phase.ENTERING, Phase.HOLDING):
                turn.decide_exit(run.run_id, "account_loss", words)


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def lift_lock(turn: Turn, issued_by: str) -> bool:
    """A person resumes: entries are let out again although a loss was reached. True where they were locked."""
    account = turn.state.account
    if account.locked_day is None and account.locked_week is None:
        return False
    reason = f"resumed ({issued_by})"
    turn.write(rec.LossLocked, "", cause="user", account=turn.state.account_key, day=None, reason=reason)
    return True


def runs_sold(state: State, underlying: str, now: Now) -> int:
    """Runs on an underlying that have made their first entry fill on the present Indian day."""
    return state.account.runs_by_day.get((underlying, today(now)), 0)


def runs_selling(state: State, underlying: str, but: Run | None = None) -> int:
    """Runs on it whose entry may yet make its first fill: each may be one more of today."""
    return sum(
        not run.fills
        and bool(run.unsettled or run.phase is Phase.ENTERING)
        and run.underlying == underlying
        and run is not but
        and run.ticket is None
        for run in state.unresolved
    )
