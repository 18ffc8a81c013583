"""WAITING and ENTERING: from an armed run to a position of all its legs, or to the reason why not."""

from decimal import Decimal

from trader.domain.foreign import Foreign
from trader.domain.order import Purpose, Side
from trader.domain.structure import ByDelta
from trader.engine import records as rec
from trader.engine.account.abnormal import bars_words
from trader.engine.account.crossing import crossing, unrecorded_exit
from trader.engine.account.limits import oversize_of_run
from trader.engine.account.losses import (
    lock_words,
    made_today,
    present_losses,
    runs_selling,
    runs_sold,
    unvalued,
)
from trader.engine.beside import NOT_READ
from trader.engine.cover import in_ranks
from trader.engine.effects import ReadChain
from trader.engine.entry_cost import EntryCost, entry_cost, nonsense
from trader.engine.events import ChainRead
from trader.engine.execution.entry import Work, give_up, unready, work_entry
from trader.engine.execution.working import ask_cancel
from trader.engine.gate import slowed
from trader.engine.imbalance import UNWIND_SECS, imbalance_words, lacks, tell_naked, time_left
from trader.engine.levels import bars_entry, level_words
from trader.engine.liquidation import TooLate, stop_beyond
from trader.engine.prerequisites import Facts, Unread, in_the_way
from trader.engine.records import LegTerms, Phase
from trader.engine.schedule import (
    Window,
    date_words,
    entry_window,
    exit_before_expiry,
    fix_instants,
    past_words,
)
from trader.engine.selection import choose_legs, liquidity_flaw, touch_flow
from trader.engine.state import HUNDRED, ZERO, Run, Watch, seconds_since
from trader.engine.tickets.funds import options_beside, sent_since
from trader.engine.turn import Turn
from trader.engine.valuation import option_held, staleness
from trader.pricing.margin_mode import margin_in

_CHAIN_SECS = 2.0  # between reads of the chain while looking for strikes (wall)
_CHAIN_ANSWER_SECS = 15.0
_REPICK_SECS = 10.0  # strikes picked longer ago than this are picked again before an order is sent
_FARTHEST = Decimal("1.25")  # an index price that has moved by more since the strikes were chosen is not believed
_READ_AGE_SECS = 10.0  # the account must have been read this recently before an entry


def wait(turn: Turn, run_id: str) -> None:
    """Advance a WAITING run: fix the schedule, wait for the window, pick, check everything, enter."""
    if turn.now.market is None:
        turn.set_watch(run_id, why_not=("the exchange's time is not known yet: no market data has arrived",))
        return
    run = turn.run(run_id)
    if run.entry_at is None:
        instants = fix_instants(run.preset.schedule, turn.now.market, start_now=run.start_now)
        turn.write(
            rec.ScheduleFixed,
            run_id,
            entry_at=instants.entry_at,
            exit_at=instants.exit_at,
            warning=instants.warning,
        )
        if instants.warning:
            turn.alert(run_id, "info", "schedule", f"Schedule: {instants.warning}.")
        run = turn.run(run_id)
    assert run.entry_at is not None
    if past := date_words(run.preset.schedule, run.entry_at):
        turn.decide_exit(run_id, "missed_entry", f"Nothing was entered: {past}")
        return
    window = entry_window(run.preset.schedule, run.entry_at, run.exit_at, turn.now.market)
    if window is Window.EARLY:
        known = Facts(level=level_words(turn.state), foreign=turn.watch(run_id).foreign, confirmed=run.beside)
        turn.set_watch(run_id, why_not=("waiting for the entry time", *in_the_way(known)))
        return
    if window is Window.MISSED:
        why = "; ".join(turn.watch(run_id).why_not) or "the runner was not up in time"
        turn.decide_exit(run_id, "missed_entry", f"The entry window passed without an entry: {why}")
        return
    reasons = _obstacles(turn, run)
    turn.set_watch(run_id, why_not=tuple(reasons))
    if not reasons:
        run = turn.run(run_id)
        if late := _stop_beyond(turn, run, _cost(turn, run)):
            turn.alert(run_id, "warning", "stop_beyond_liquidation", f"Entered all the same: {late.words}.")
        turn.phase(run_id, Phase.ENTERING, "all prerequisites met")
        enter(turn, run_id)


def _obstacles(turn: Turn, run: Run) -> list[str]:
    """Everything that still keeps the entry from being made, in words; asks for what is missing on the way."""
    watch = turn.watch(run.run_id)
    patience = _buffer(turn, run, watch)
    strikes = _pick(turn, run, watch)
    run = turn.run(run.run_id)
    for leg in run.legs:
        flaw = staleness(turn.state.market, turn.now, leg.symbol, need_greeks=True, side=leg.side)
        strikes += [flaw] if flaw else _leg_flaws(turn, run, leg)
        if beside := crossing(turn.state, run, leg):
            strikes.append(beside.words)
        elif words := unrecorded_exit(turn.state, run, leg, turn.wall):
            strikes.append(words)
    if run.legs and (flaw := _index_flaw(run, turn.state.market.spots.get(run.underlying))):
        strikes.append(flaw)
    if run.legs and not strikes:
        strikes = _nonsense(turn, run)
    return patience + in_the_way(_facts(turn, run, strikes))


def _index_flaw(run: Run, spot: Decimal | None) -> str:
    """Why the index price is no base for what an entry needs and costs: it is nowhere near that of the whole chain on which the
    strikes were chosen."""
    chosen = run.spot_at_entry
    if spot is None or not chosen or chosen / _FARTHEST <= spot <= chosen * _FARTHEST:
        return ""
    return f"{run.underlying}: the index price {spot:.6g} is not credible, the strikes were chosen at {chosen:.6g}"


def _nonsense(turn: Turn, run: Run) -> list[str]:
    """Why the strikes make no trade worth making at the prices of now."""
    cost = _cost(turn, run)
    if cost is None:
        return []
    found = nonsense(run.preset, run.legs, cost)
    if run.preset.risk.liquidation == "refuse" and (late := _stop_beyond(turn, run, cost)):
        found.append(late.refusal)
    return found


def _cost(turn: Turn, run: Run) -> EntryCost | None:
    spot = turn.state.market.spots.get(run.underlying)
    return None if spot is None else entry_cost(run.preset, run.legs, turn.state.market.quotes, spot)


def _stop_beyond(turn: Turn, run: Run, cost: EntryCost | None) -> TooLate | None:
    """Whether a leg would be liquidated before the maximum loss fires; in portfolio mode no leg is."""
    market, now = turn.state.market, turn.now.market
    spot = market.spots.get(run.underlying)
    if cost is None or spot is None or now is None or not turn.state.account.is_isolated(run.underlying):
        return None
    return stop_beyond(run.preset, run.legs, market.quotes, cost, spot, now, run.exit_at)


def _facts(turn: Turn, run: Run, strikes: list[str]) -> Facts:
    """What the engine knows of the prerequisites (E3). Whether the exchange can be reached shows in prices and reads."""
    watch = turn.watch(run.run_id)
    foreign = _foreign(turn, run, watch)
    is_read = bool(run.legs) and not isinstance(foreign, Unread)
    return Facts(
        level=level_words(turn.state),
        slowed=slowed(turn.state, turn.now),
        abnormal=bars_words(turn.state, run),
        journal_fault=turn.state.journal_fault,
        account_stream_fault=turn.state.account_stream_fault,
        today=made_today(turn.state, turn.now),
        loss_limit=run.preset.risk.daily_loss_limit_usd,
        lock=lock_words(present_losses(turn.state, turn.now), turn.state.account.limits.loss_bars_pct),
        unvalued=unvalued(turn.state, turn.now, run.run_id),
        underlying=run.underlying,
        runs_sold=runs_sold(turn.state, run.underlying, turn.now) + runs_selling(turn.state, run.underlying, run),
        runs_most=run.preset.risk.max_runs_per_day,
        limits=turn.state.account.limits,
        strikes=strikes,
        oversize=oversize_of_run(turn.state, run),
        foreign=foreign,
        confirmed=run.beside,
        own_symbols=tuple(leg.symbol for leg in run.legs),
        margin_needed=margin_estimate(turn, run) if is_read else None,
        available=_available(turn, watch),
        margin_terms=turn.state.margin or Unread(turn.state.margin_fault or "the account has not been asked yet"),
        margin_mode_wanted=run.preset.risk.margin_mode,
        auto_topup_wanted=run.preset.risk.auto_topup,
    )


def _available(turn: Turn, watch: Watch) -> Decimal | None:
    """What was free when the account was read, less what tickets have sent since."""
    if watch.available_usd is None or watch.account_read is None:
        return watch.available_usd
    tickets = (run for run in turn.state.unresolved if run.ticket is not None)
    return watch.available_usd - sent_since(turn.state, tickets, watch.account_read, turn.now)


def _buffer(turn: Turn, run: Run, watch: Watch) -> list[str]:
    """Never at once after boot: scheduled and recovered runs wait a moment; a person's "now" does not."""
    if run.start_now and not watch.recovered:
        return []
    if watch.since_market is None:
        turn.set_watch(run.run_id, since_market=turn.now.market)
        return ["just started: waiting out the buffer"]
    left = run.preset.schedule.boot_buffer_secs - seconds_since(watch.since_market, turn.now.market or turn.wall)
    return [f"just started: {left:.0f} s of buffer left"] if left > 0 else []


def _pick(turn: Turn, run: Run, watch: Watch) -> list[str]:
    """Ask for the chain when strikes are missing or were picked too long ago."""
    waited = seconds_since(watch.chain_asked, turn.wall)
    if watch.chain_pending and waited < _CHAIN_ANSWER_SECS:
        return [] if run.legs else ["reading the option chain"]
    _ask_chain(turn, run, _REPICK_SECS if run.legs else _CHAIN_SECS)
    if run.legs:
        return []
    return [w for w in watch.why_not if w.startswith("strikes: ")] or ["reading the option chain"]


def _ask_chain(turn: Turn, run: Run, after_secs: float) -> None:
    """Ask for the chain, so long after it was asked for last."""
    if seconds_since(turn.watch(run.run_id).chain_asked, turn.wall) >= after_secs and not slowed(turn.state, turn.now):
        turn.set_watch(run.run_id, chain_asked=turn.wall, chain_pending=True)
        turn.do(ReadChain(run_id=run.run_id, underlying=run.underlying))


def _leg_flaws(turn: Turn, run: Run, leg: LegTerms) -> list[str]:
    quote = turn.state.market.quotes[leg.symbol]
    flaw = liquidity_flaw(run.preset.strategy, quote, leg.side, leg.tick_size)
    if flaw:
        return [f"{leg.symbol}: {flaw}"]
    band = run.preset.structure.leg(leg.key).selector
    assert quote.greeks is not None
    size = Decimal(str(abs(quote.greeks.delta)))
    # A strike may drift half the band out of it before another is picked.
    if isinstance(band, ByDelta) and not (3 * band.low - band.high) / 2 <= size <= (3 * band.high - band.low) / 2:
        if not turn.watch(run.run_id).chain_pending:
            _ask_chain(turn, run, _CHAIN_SECS)
        return [f"{leg.symbol}: |delta| {size:.3f} has left the band; picking again"]
    return []


def _foreign(turn: Turn, run: Run, watch: Watch) -> tuple[Foreign, ...] | Unread | None:
    """What stands on the account that no run explains, from a read of just now; without strikes, as far as it is known."""
    if not run.legs:
        return watch.foreign
    read, picked = watch.account_read, watch.picked_at
    if (
        watch.foreign is None
        or turn.state.orders_read is None  # since the level was changed: what it was changed for may be there still
        or seconds_since(read, turn.wall) > _READ_AGE_SECS
        or (picked is not None and read is not None and read < picked)
    ):
        turn.set_watch(run.run_id, account_wanted=True)
        return Unread(f"{NOT_READ}; part of it makes no sense: {watch.unread}" if watch.unread else NOT_READ)
    unread = [leg.symbol for leg in run.legs if leg.symbol not in run.positions]
    if unread:
        turn.set_watch(run.run_id, account_wanted=True)
        return Unread("; ".join(f"{symbol}: position not read yet" for symbol in unread))
    return watch.foreign


def margin_estimate(turn: Turn, run: Run) -> Decimal | None:
    """USD that entering would take out of what is available, in the margin mode of the account: what short legs block and
    long ones cost. None without an index price."""
    spot = turn.state.market.spots.get(run.underlying)
    if spot is None:
        return None
    new = [option_held(leg, leg.quantity, leg.mark, leg.iv) for leg in run.legs]
    mode, beside = turn.state.mode_on(run.underlying), options_beside(turn.state, run)
    blocked = margin_in(mode, new, spot=spot, at=turn.now.market, beside=beside)
    return blocked - sum((touch_flow(leg, leg.quantity) for leg in run.legs if leg.side is Side.BUY), ZERO)


def on_chain_read(turn: Turn, event: ChainRead) -> None:
    """Strikes are picked (again) on a fresh chain, as long as nothing has been sent."""
    run = turn.state.runs.get(event.run_id)
    if run is None or event.run_id not in turn.state.watches:
        return
    turn.set_watch(event.run_id, chain_pending=False)
    turn.slow_down(event.retry_after_secs)
    if run.ticket is not None or run.phase is not Phase.WAITING or run.orders or turn.now.market is None:
        return
    if run.entry_at is None or turn.now.market < run.entry_at:
        return  # read for the exchange's time: strikes of today would bind a run of tomorrow to today's expiry
    watch = turn.watch(event.run_id)
    if run.legs and watch.recovered and watch.account_read is None:
        return  # the journal may be an older copy: what was sold of these strikes is known once the account was read
    if event.error or event.spot is None:
        turn.set_watch(
            event.run_id, why_not=(f"strikes: the option chain could not be read: {event.error or 'no index price'}",)
        )
        return
    selection = choose_legs(
        run.preset, event.instruments, {q.symbol: q for q in event.quotes}, turn.now.market, event.spot
    )
    if not selection.legs:
        turn.set_watch(event.run_id, why_not=tuple(f"strikes: {reason}" for reason in selection.reasons))
        return
    if [leg.symbol for leg in selection.legs] == [leg.symbol for leg in run.legs]:
        return
    assert selection.expiry is not None
    exit_at = exit_before_expiry(run.preset.schedule, run.exit_at, selection.expiry)
    if exit_at <= turn.now.market:
        words = past_words(run.preset.schedule, run.exit_at, selection.expiry)
        turn.set_watch(event.run_id, why_not=(f"strikes: {words}",))
        return
    turn.write(
        rec.LegsChosen, event.run_id, legs=selection.legs, spot=event.spot, exit_at=exit_at, smile=selection.smile
    )
    turn.set_watch(event.run_id, account_wanted=True, picked_at=turn.wall, stops=None, stops_read=None)


def enter(turn: Turn, run_id: str) -> None:
    """Advance an ENTERING run, rank by rank, the legs of one at once; all complete → HOLDING, one failed → accept or unwind."""
    run = turn.run(run_id)
    if turn.now.market is not None and run.exit_at is not None and turn.now.market >= run.exit_at:
        turn.decide_exit(run_id, "time", "the exit time came while the entry was still working")
        return
    if _is_too_late(turn, run):
        turn.decide_exit(
            run_id, "missed_entry", f"nothing had been {_done_to(run)} when the entry window passed during a restart"
        )
        return
    if bars_entry(turn.state, run) and not _is_whole(run):
        why = f"{level_words(turn.state)}; {_taken_back(run)}"
        turn.decide_exit(run_id, "unwind", why)
        return
    if lost := [leg.symbol for leg in run.legs if run.entered(leg.key) and run.open_quantity(leg.key) <= 0]:
        why = f"{', '.join(lost)} is no longer open, and the entry still working; {_taken_back(run)}"
        turn.decide_exit(run_id, "leg_closed", why)
        return
    tell_naked(turn, run)
    if _is_naked_too_long(turn, run):
        _give_up_lacking(turn, run)
        return
    outcomes: dict[str, Work] = {}
    for rank in in_ranks(run.legs):
        outcomes |= {leg.key: work_entry(turn, run_id, leg) for leg in rank}
        if not all(work is Work.COMPLETE for work in outcomes.values()):
            break  # what covers comes before what it covers
    if all(outcomes.get(leg.key) is Work.COMPLETE for leg in run.legs):
        turn.phase(run_id, Phase.HOLDING, f"{_all_legs(run)} {_done_to(run)}")
        turn.set_watch(run_id, account_wanted=True)
        return
    run = turn.run(run_id)
    if Work.FAILED not in outcomes.values():
        return
    if Work.WORKING in outcomes.values() and run.preset.orders.partial_policy == "accept":
        return  # let the other leg finish before judging shares
    failures = "; ".join(turn.watch(run_id).leg_failed.values())
    if run.preset.orders.partial_policy == "accept" and all(_share_filled(run, leg) for leg in run.legs):
        turn.phase(run_id, Phase.HOLDING, f"accepted partly filled: {failures}")
        return
    turn.decide_exit(run_id, "unwind", _unwind_words(run, failures))


def _is_naked_too_long(turn: Turn, run: Run) -> bool:
    """The time a leg may stand alone has run out. After a restart what happened meanwhile is read first, if it can be."""
    if time_left(run, turn.wall) > 0:
        return False
    return not unready(turn, run) or seconds_since(turn.watch(run.run_id).since, turn.wall) >= UNWIND_SECS


def _give_up_lacking(turn: Turn, run: Run) -> None:
    """As for a leg that cannot be completed: keep what was sold if the preset accepts the shares, else buy it back."""
    words = imbalance_words(run, seconds_since(run.naked_since, turn.wall))
    why = f"{words[:1].lower()}{words[1:]}"
    if run.preset.orders.partial_policy == "accept" and all(_share_filled(run, leg) for leg in run.legs):
        for order in run.live_orders():
            ask_cancel(turn, run.run_id, order, "the legs are uneven")
            turn.set_watch(run.run_id, account_wanted=True)
        if not run.live_orders() and not run.fills_missing:
            turn.phase(run.run_id, Phase.HOLDING, f"accepted partly filled: {why}")
        return
    for leg in run.legs:
        if lacks(run, leg):
            give_up(turn, run.run_id, leg, why)
    turn.decide_exit(run.run_id, "unwind", _unwind_words(run, why))


def _unwind_words(run: Run, why: str) -> str:
    return f"the entry could not be completed ({why}); {_taken_back(run)}"


def _taken_back(run: Run) -> str:
    """What taking an entry back means just now."""
    if any(order.done_qty for order in run.orders.values()):
        return f"closing what was {_done_to(run)}" if _done_to(run) != "sold" else "buying back what was sold"
    return "cancelling what was sent" if run.live_orders() else f"nothing was {_done_to(run)}"


def _done_to(run: Run) -> str:
    """What entering does to the legs of a run, in one word."""
    sides = {leg.side for leg in run.legs}
    return "entered" if len(sides) > 1 else "bought" if Side.BUY in sides else "sold"


def _all_legs(run: Run) -> str:
    return {1: "the leg", 2: "both legs"}.get(len(run.legs), f"all {len(run.legs)} legs")


def _is_whole(run: Run) -> bool:
    """True when every leg is entered to its configured size and nothing of the entry works any more."""
    if run.unsettled:
        return False
    return all(run.entered(leg.key) >= leg.quantity for leg in run.legs)


def _is_too_late(turn: Turn, run: Run) -> bool:
    """A restart found an entry of which nothing has come, and its window has passed meanwhile."""
    if (
        not turn.watch(run.run_id).recovered
        or run.fills
        or run.unsettled
        or any(o.done_qty for o in run.orders.values())
    ):
        return False
    if turn.now.market is None or run.entry_at is None:
        return False
    return entry_window(run.preset.schedule, run.entry_at, run.exit_at, turn.now.market) is Window.MISSED


def _share_filled(run: Run, leg: LegTerms) -> bool:
    filled = sum(o.filled_qty for o in run.leg_orders(leg.key, Purpose.ENTRY))
    return filled > 0 and Decimal(filled) / leg.quantity * HUNDRED >= run.preset.orders.min_fill_pct
