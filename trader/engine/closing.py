"""EXITING: one funnel for every reason. Each leg is closed on its own, short ones before what covers them, and DONE needs the
exchange's word."""

from datetime import datetime
from decimal import Decimal
from functools import partial

from trader.domain.order import Purpose
from trader.engine import records as rec
from trader.engine.account.funding import may_come
from trader.engine.account.overclosed import is_owed
from trader.engine.account.positions import differs_lastingly, foreign_remainder
from trader.engine.cover import covers, in_ranks, shorts
from trader.engine.execution.exit import work_exit
from trader.engine.execution.working import ask_cancel
from trader.engine.gate import closable
from trader.engine.imbalance import tell_naked
from trader.engine.isolation import apart
from trader.engine.records import LegTerms
from trader.engine.state import Run, seconds_since
from trader.engine.turn import Turn
from trader.engine.valuation import untold_fees

COVER_PATIENCE_SECS = 30.0  # from a restart on, for a read of the account to tell whether there is something to cover
COST_PATIENCE_SECS = 30.0  # after the last fill; the list of fills tells commissions within a second or two


def close(turn: Turn, run_id: str) -> None:
    """Advance an EXITING run. No leg's failure keeps another leg from being tried."""
    run = turn.run(run_id)
    purpose = Purpose.UNWIND if run.exit_reason == "unwind" else Purpose.EXIT
    closed = []
    for rank in reversed(in_ranks(run.legs)):
        for leg in rank:
            stays = apart(turn, run_id, _covers, run_id, leg)
            closed.append(False if stays else _work(turn, run_id, leg, purpose))
    run = turn.run(run_id)
    tell_naked(turn, run)
    if not all(closed) and not _only_foreign_left(turn, run):
        return
    if run.unsettled or _costs_may_come(turn, run):
        turn.set_watch(run_id, account_wanted=True)
        return
    if may_come(turn, run):
        return
    _confirm_flat(turn, run)


def _covers(turn: Turn, run_id: str, leg: LegTerms) -> bool:
    """Whether a long leg stays for now because a short one of its kind is still open, or may be: that one is bought back
    first, and where it is held to its settlement its cover is too. What somebody else has closed needs no cover. After a restart
    the journal may be an older copy that knows nothing of the short ones: the account is read first, if it can be."""
    run = turn.run(run_id)
    if not covers(run.legs, leg) or run.open_quantity(leg.key) <= 0:
        return False
    watch = turn.watch(run_id)
    gone = differs_lastingly(watch)
    is_unread = watch.recovered and watch.account_read is None
    waits = is_unread and seconds_since(watch.since, turn.wall) < COVER_PATIENCE_SECS
    if waits:
        turn.set_watch(run_id, account_wanted=True)
    needing = [
        short
        for short in shorts(run.legs)
        if short.kind is leg.kind
        and (
            (run.open_quantity(short.key) > 0 and not (gone and closable(run, short) == 0))
            or any(run.orders[coid].intent.leg == short.key for coid in run.unsettled)
        )
    ]
    stays = waits or bool(needing)
    for order in run.leg_orders(leg.key) if stays else ():
        if order.status.live:
            ask_cancel(turn, run_id, order, "it still covers")
    return stays


def _work(turn: Turn, run_id: str, leg: LegTerms, purpose: Purpose) -> bool:
    """Advance one leg, whatever becomes of the others. Where its prices cannot be worked with, it is closed without any."""
    done = apart(turn, run_id, work_exit, run_id, leg, purpose)
    if done is None:
        done = apart(turn, run_id, partial(work_exit, priced=False), run_id, leg, purpose)
    return bool(done)


def _only_foreign_left(turn: Turn, run: Run) -> bool:
    """Our books say open, the exchange says there is nothing left for us to close, for longer than any lag: a person or
    the exchange itself closed it. Ours ends here; the difference is reported, never traded away."""
    if not differs_lastingly(turn.watch(run.run_id)):
        return False
    if turn.now.market is None or any(leg.has_expired(turn.now.market) for leg in run.legs):
        return False  # settled, or for all we know settled: its cash flow comes by settlement fill or settlement price
    return all(closable(run, leg) == 0 for leg in run.legs) and not run.live_orders()


def _costs_may_come(turn: Turn, run: Run) -> bool:
    """Whether the commission of a fill is still to be waited for: until a whole read of the fills, asked for long enough
    after the last of them, has not told it."""
    if not run.uncosted:
        return False
    read, newest = turn.watch(run.run_id).account_read, max(_told_at(run))
    return read is None or seconds_since(newest, read) < COST_PATIENCE_SECS


def _told_at(run: Run) -> list[datetime]:
    """When (wall) the newest fill of each leg was heard."""
    return [ledger.told_at for ledger in run.ledgers.values() if ledger.told_at is not None]


def _confirm_flat(turn: Turn, run: Run) -> None:
    """Flat only after a complete read asked for after our last order ended, agreeing with our fills."""
    watch = turn.watch(run.run_id)
    last_news = max(
        [o.ended_at for o in run.orders.values() if o.ended_at is not None]
        + _told_at(run)
        + [run.exit_decided_at or run.created_at, watch.picked_at or run.created_at]
    )
    lasting = differs_lastingly(watch)
    told = all(leg.symbol in run.positions for leg in run.legs)  # a fill makes the position read before it worthless
    if watch.account_read is None or watch.account_read <= last_news or not told:
        turn.set_watch(run.run_id, account_wanted=True)
        return
    if (watch.mismatch_since is not None and not lasting) or is_owed(turn.state, run):
        turn.set_watch(run.run_id, account_wanted=True)
        return
    foreign = foreign_remainder(run) if lasting else ""
    estimated = untold_fees(run, turn.state.market)
    turn.write(
        rec.RunFinished,
        run.run_id,
        exit_reason=run.exit_reason or "unknown",
        realized_pnl=run.cash_flow - run.fees - estimated,
        fees=run.fees + estimated if run.fills else Decimal(0),
        estimated_fees=estimated,
        foreign=foreign,
        carried=turn.state.account.carried(run.run_id),
    )
    if run.uncosted:
        text = f"The exchange has not told what {run.uncosted} of {len(run.fills)} fills cost; {estimated:.4f} USD of fees are estimated."
        turn.alert(run.run_id, "warning", "costs_untold", text)
    if not run.flat_by_fills:
        open_legs = ", ".join(leg.symbol for leg in run.legs if run.open_quantity(leg.key) != 0)
        text = f"Somebody else closed {open_legs}: what that cost is not in this run's P&L."
        turn.alert(run.run_id, "error", "closed_elsewhere", text)
    if foreign:
        turn.alert(run.run_id, "error", "foreign_remainder", f"NOT FLAT: {foreign} is not ours and was left alone.")
