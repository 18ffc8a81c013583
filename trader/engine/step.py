"""The engine: ``step(state, event) -> (state, effects)``. Pure; whatever it needs to know arrives in the event.

Each event is first booked (facts become records), then every unresolved run is advanced by what is known now. So a rule
never depends on which event brought the knowledge, and an unexpected event is never an error: it is news. Only single orders
wait for the next tick where what is told or asked of another one has not touched them: there may be hundreds.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from trader.engine import events as ev
from trader.engine.account.abnormal import watch_calls, watch_markets
from trader.engine.account.funding import ask_funding, book_funding
from trader.engine.account.limits import on_limits
from trader.engine.account.losses import check_losses, value_other
from trader.engine.account.margin import ask_margin, on_margin_read
from trader.engine.account.marking import mark_midnight
from trader.engine.account.overclosed import book_overclosed
from trader.engine.account.positions import see_liquidation
from trader.engine.account.read import read_account, returned
from trader.engine.account.reconcile import on_account_read
from trader.engine.account.wallet import ask_wallet, on_wallet_read
from trader.engine.account.wallet_days import ask_days, on_days_read
from trader.engine.beside import on_beside
from trader.engine.closing import close
from trader.engine.commands import on_start, on_stop
from trader.engine.effects import Effect, Subscribe
from trader.engine.execution.working import ask_cancel
from trader.engine.holding import ask_quotes, hold
from trader.engine.isolation import apart
from trader.engine.levels import on_level
from trader.engine.orders import mark_unknown, on_cancel_answered, on_fill, on_order_seen, on_submit_answered
from trader.engine.records import Phase
from trader.engine.selfcheck import check_step
from trader.engine.state import Run, State, Watch, oldest
from trader.engine.tickets.accept import answer, on_order
from trader.engine.tickets.adopting import on_adopt
from trader.engine.tickets.amending import on_amend
from trader.engine.tickets.commands import on_cancel, on_close
from trader.engine.tickets.holding import close_ticket, hold_ticket
from trader.engine.tickets.leverage import on_leverage
from trader.engine.tickets.listing import see_listing, tickets_symbols
from trader.engine.tickets.waiting import wait_ticket
from trader.engine.tickets.working import enter_ticket
from trader.engine.turn import Turn
from trader.engine.waiting import enter, on_chain_read, wait

_ADVANCE = {Phase.WAITING: wait, Phase.ENTERING: enter, Phase.HOLDING: hold, Phase.EXITING: close}
_OF_ONE = (  # what these bring concerns the runs they touch
    *(ev.SubmitAnswered, ev.CancelAnswered, ev.OrderSeen, ev.FillSeen, ev.PositionSeen, ev.LeverageAnswered),
    *(ev.OrderCommand, ev.AmendCommand, ev.AdoptCommand, ev.CancelCommand, ev.CloseCommand),
)
_ADVANCE_TICKET = {
    Phase.WAITING: wait_ticket,
    Phase.ENTERING: enter_ticket,
    Phase.HOLDING: hold_ticket,
    Phase.EXITING: close_ticket,
}


def step(state: State, event: ev.AnyEvent) -> tuple[State, list[Effect]]:
    """Advance everything by one event.

    Returns the new state and the effects in order. Records among the effects must be committed before any other effect of
    the same step is performed.
    """
    turn = Turn(state, event.at)
    _book(turn, event)
    if turn.effects or isinstance(event, ev.AccountRead):
        book_overclosed(turn)
    watch_calls(turn, event)
    watch_markets(turn, event)
    is_own = isinstance(event, _OF_ONE)
    for run in turn.state.unresolved:
        if not is_own or run.ticket is None or _is_touched(turn.state, state, run.run_id):
            apart(turn, run.run_id, _advance, run.run_id)
    is_tick = isinstance(event, ev.ClockTicked)
    if is_tick:
        _look_back(turn)
        ask_wallet(turn)
        ask_days(turn)
        ask_funding(turn)
        ask_margin(turn)
    for run in turn.state.unresolved:
        apart(turn, run.run_id, value_other, run)
    mark_midnight(turn)
    check_losses(turn)
    read_account(turn, finished=is_tick)
    answer(turn)
    check_step(turn, state)
    _subscribe(turn, state)
    return turn.state, turn.effects


def _is_touched(now: State, before: State, run_id: str) -> bool:
    """Whether this step has changed a run or what is watched of it so far."""
    same_run = now.runs[run_id] is before.runs.get(run_id)
    return not same_run or now.watches[run_id] is not before.watches.get(run_id)


def _book(turn: Turn, event: ev.AnyEvent) -> None:
    match event:
        case ev.MarketMoved():
            _market_moved(turn, event)
        case ev.ClockTicked():
            pass
        case ev.SubmitAnswered():
            on_submit_answered(turn, event)
        case ev.CancelAnswered():
            on_cancel_answered(turn, event)
        case ev.OrderSeen():
            on_order_seen(turn, event.order)
        case ev.FillSeen():
            on_fill(turn, event.fill)
        case ev.PositionSeen():
            see_liquidation(turn, (event.position,))
        case ev.AccountRead():
            on_account_read(turn, event)
        case ev.WalletRead():
            turn.slow_down(event.retry_after_secs)
            book_funding(turn, event)
            (on_wallet_read if event.run_id else on_days_read)(turn, event)
        case ev.MarginRead():
            on_margin_read(turn, event)
        case ev.ChainRead():
            _chain_read(turn, event)
        case ev.LeverageAnswered():
            on_leverage(turn, event)
        case ev.StartCommand():
            on_start(turn, event)
        case ev.BesideCommand():
            on_beside(turn, event)
        case ev.StopCommand():
            on_stop(turn, event)
        case ev.LevelCommand():
            on_level(turn, event)
        case ev.OrderCommand():
            on_order(turn, event)
        case ev.AmendCommand():
            on_amend(turn, event)
        case ev.AdoptCommand():
            on_adopt(turn, event)
        case ev.CancelCommand():
            on_cancel(turn, event)
        case ev.CloseCommand():
            on_close(turn, event)
        case ev.LimitsCommand():
            on_limits(turn, event)
        case ev.StreamChanged():
            _stream_changed(turn, event)
        case ev.Booted():
            _booted(turn)
        case ev.JournalChanged():
            _journal_changed(turn, event)


def _advance(turn: Turn, run_id: str) -> None:
    """Let a run take every step it can now; a phase change is followed at once, but only forward."""
    run, before = turn.run(run_id), None
    while run.phase is not before:
        before = run.phase
        if before is Phase.DONE:
            return
        (_ADVANCE if run.ticket is None else _ADVANCE_TICKET)[before](turn, run_id)
        run = turn.run(run_id)
    if turn.now.market is None:
        ask_quotes(turn, run)  # a silent stream must not keep the exchange's time, and with it every deadline, from us


def _look_back(turn: Turn) -> None:
    """Finished runs do nothing, except where an order taken as absent has appeared after all: it is cancelled."""
    for run in turn.state.runs.values():
        if run.phase is Phase.DONE:
            apart(turn, run.run_id, _cancel_returned, run)


def _cancel_returned(turn: Turn, run: Run) -> None:
    for order in returned(run):
        ask_cancel(turn, run.run_id, order, "resurrected")


def _market_moved(turn: Turn, event: ev.MarketMoved) -> None:
    market = turn.state.market
    quotes = market.quotes.copy()
    for quote in event.quotes:
        quotes[quote.symbol] = quote
    spots = _with_spots(market.spots, event.spots)
    newest = event.newest if market.newest is None or market.newest < event.newest else market.newest
    moved = replace(market, quotes=quotes, spots=spots, newest=newest, heard=event.at.wall)
    turn.state = replace(turn.state, market=moved)


def _with_spots(known: dict[str, Decimal], told: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """The index prices as far as they are any: on one that is not above 0 nothing depends but the commission, and a stop
    must not be blind for its sake, so the last one stands."""
    for underlying, spot in told:
        if known.get(underlying) != spot and spot.is_finite() and spot > 0:
            known = {**known, underlying: spot}
    return known


def _chain_read(turn: Turn, event: ev.ChainRead) -> None:
    """A chain serves the choice of strikes; its quotes also stand in for a silent stream."""
    see_listing(turn, event)
    on_chain_read(turn, event)
    run = turn.state.runs.get(event.run_id)
    if run is None or event.error or run.phase is Phase.DONE:
        return
    wanted = {leg.symbol for other in turn.state.unresolved for leg in other.legs} | tickets_symbols(turn.state)
    market = turn.state.market
    fresh = {q.symbol: q for q in event.quotes if q.symbol in wanted and _is_newer(market.quotes.get(q.symbol), q)}
    if not fresh:
        return
    newest = max([q.ts_mark for q in fresh.values() if q.ts_mark is not None], default=market.newest)
    now = turn.now
    if newest is not None and now.market is not None and now.rate <= 1 and now.market - newest > oldest(now.rate)[0]:
        return  # heard late, by a machine that stood still: it does not end the silence
    if market.newest is not None and newest is not None:
        newest = max(newest, market.newest)
    spots = _with_spots(market.spots, () if event.spot is None else ((run.underlying, event.spot),))
    moved = replace(market, quotes={**market.quotes, **fresh}, spots=spots, newest=newest, heard=turn.wall)
    turn.state = replace(turn.state, market=moved)


def _is_newer(old: object, new: object) -> bool:
    old_ts, new_ts = getattr(old, "ts_mark", None), getattr(new, "ts_mark", None)
    return new_ts is not None and (old_ts is None or new_ts > old_ts)


def _stream_changed(turn: Turn, event: ev.StreamChanged) -> None:
    """Whatever a socket may have missed is read over REST; a person is told of the loss once and of the return."""
    if event.stream == "private" and not (event.up and event.gap):  # a gap says nothing of what was refused before
        fault = "" if event.up else event.detail or "no reason given"
        turn.state = replace(turn.state, account_stream_fault=fault)
    for run in turn.state.unresolved:
        turn.set_watch(run.run_id, account_wanted=True)
        code = f"{event.stream}_stream"
        if event.gap or not event.up:
            words = "lost messages" if event.gap else f"is down ({event.detail or 'no reason given'})"
            turn.alert(run.run_id, "warning", code, f"The {event.stream} stream {words}; reconciling over REST.")
        else:
            turn.rearm(run.run_id, code)


def _journal_changed(turn: Turn, event: ev.JournalChanged) -> None:
    """Without a journal no new risk; exits go on. When it is back, everything is held against the exchange again."""
    was, turn.state = turn.state.journal_fault, replace(turn.state, journal_fault=event.fault)
    for run in turn.state.unresolved:
        turn.set_watch(run.run_id, account_wanted=True)
        if event.fault:
            text = f"The journal cannot be written: {event.fault} No entries; exits go on."
            turn.alert(run.run_id, "error", "journal_unwritable", text)
        elif was:
            turn.rearm(run.run_id, "journal_unwritable")
            text = "The journal can be written again; orders, fills and positions are being read again."
            turn.alert(run.run_id, "warning", "journal_writable", text, once=False)


def _booted(turn: Turn) -> None:
    """After a restart: fresh watches, and every intent without an answer is unknown until proof."""
    watches = {run_id: Watch(since=turn.wall, since_market=turn.now.market) for run_id in turn.state.runs}
    turn.state = replace(turn.state, watches=watches)
    for run in turn.state.unresolved:
        recovered = bool(run.orders) or run.phase is not Phase.WAITING
        turn.set_watch(run.run_id, recovered=True)
        for order in run.live_orders():
            if order.venue_order_id is None:
                why = "no answer before the restart"
                mark_unknown(turn, turn.run(run.run_id), order, code="restart", message=why)
        if recovered:
            text = f"Runner restarted with this run {run.phase}; its orders, fills and positions are being read again."
            turn.alert(run.run_id, "warning", "recovered", text)


def _subscribe(turn: Turn, before: State) -> None:
    """Prices follow the active contracts."""
    if turn.state.runs is before.runs and before.subscribed != ((), ()):
        return
    unresolved = turn.state.unresolved
    symbols = tuple(sorted({leg.symbol for run in unresolved for leg in run.legs}))
    underlyings = tuple(sorted({run.underlying for run in unresolved}))
    if (symbols, underlyings) != turn.state.subscribed:
        turn.state = replace(turn.state, subscribed=(symbols, underlyings))
        turn.do(Subscribe(symbols=symbols, underlyings=underlyings))
