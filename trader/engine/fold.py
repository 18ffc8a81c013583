"""State as a fold over records. Recovery and normal running use this one function, so they cannot disagree."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from trader.config.account_limits import read_limits
from trader.config.pinned import pinned_preset
from trader.config.ticket import TicketRequest
from trader.domain.expiry import ist_date
from trader.domain.fill import Fill, FillKind, told_key
from trader.domain.instrument import Kind
from trader.engine import records as rec
from trader.engine.account.allocation import others_in, signed_in
from trader.engine.basis import basis_of
from trader.engine.cover import astray
from trader.engine.execution.algo import allowed_lead
from trader.engine.ledger import Ledger, with_cost, with_fill, with_funding, with_moved
from trader.engine.order_fold import begun, executed, resolved, told_more
from trader.engine.records import Phase
from trader.engine.state import (
    KEPT_FLOWS,
    OWED_FOR,
    ZERO,
    Account,
    BookedFill,
    Flow,
    Order,
    Reduced,
    Run,
    Runs,
    State,
    Trading,
    Watch,
)
from trader.engine.tickets.terms import KEY, preset_of

_KEPT_ORDER_TIMES = 16
_KEPT_TICKET_TIMES = 256  # a second of the most that may be set, exits and all
_KEPT_DIVIDED = 200
_KEPT_OWED = 20  # finished runs whose ledger cannot be read: each was told of, and a day's own comparison remains
_TICKET_KEPT = timedelta(minutes=2)  # after its end: a command may be read again, a late fill be told
_TICKETS_KEPT = 500  # of these at most, the newest: each costs every step a little


# What moves the wallet.
_Moving = rec.FillRecorded | rec.FillCosted | rec.RunFinished | rec.FundingBooked | rec.PositionAdopted


def evolve(state: State, record: rec.AnyRecord) -> State:
    """The state after one more record. Records of runs that are not held (older, finished) change only the account."""
    of_account = _OF_ACCOUNT.get(type(record))
    if of_account is not None:
        return of_account(state, record)
    handler = _HANDLERS.get(type(record))
    if handler is None:
        return state
    if isinstance(record, rec.FillRecorded) and record.fill.kind is not FillKind.NORMAL:
        state = replace(state, account=_divided(state.account, record.fill))
    run = state.runs.get(record.run_id)
    if run is None:
        return state
    if isinstance(record, rec.RunFinished):
        state = replace(state, account=_book_day(state.account, record))
    if isinstance(record, rec.FillRecorded):
        state = replace(state, account=_count_sold(state.account, run, record))
    if isinstance(record, _Moving) and (flow := _flow_of(run, record)) is not None:
        state = replace(state, account=replace(state.account, flows=(*state.account.flows, flow)[-KEPT_FLOWS:]))
    if isinstance(record, rec.OrderIntended) and record.cause != "recovery":  # what is taken over was sent long ago
        state = replace(state, account=_count_order(state.account, record.wall, is_ticket=run.ticket is not None))
    changed = handler(run, record)
    if isinstance(record, rec.FillRecorded) and changed is not run:
        changed = _still_short(state, run, changed, record.fill.symbol)
    return replace(state, runs=Runs({**state.runs, run.run_id: changed}))


def fold(state: State, records: Iterable[rec.AnyRecord]) -> State:
    """`evolve` over all records, in journal order."""
    for record in records:
        state = evolve(state, record)
    return state


def _level_changed(state: State, record: rec.LevelChanged) -> State:
    if record.account != state.account_key:
        return state
    trading = Trading(level=record.level, reason=record.reason, code=record.code, since=record.wall)
    return replace(state, account=replace(state.account, trading=trading))


def _account_set(state: State, record: rec.LimitsSet | rec.LossLocked | rec.LossWarned | rec.DayCompared) -> State:
    if record.account != state.account_key:
        return state
    account = state.account
    match record:
        case rec.LossLocked():
            account = replace(account, locked_day=record.day, locked_week=record.week)
        case rec.LossWarned():
            account = replace(account, warned_day=record.day, warned_week=record.week)
        case rec.DayCompared():
            account = replace(account, compared=record)
        case rec.LimitsSet():
            account = replace(account, limits=read_limits(record.limits))
    return replace(state, account=account)


def _margin_observed(state: State, record: rec.MarginObserved) -> State:
    if record.account != state.account_key:
        return state
    told = {"portfolios": record.portfolios, "default_auto_topup": record.default_auto_topup}
    return replace(state, account=replace(state.account, margin_mode=record.mode, **told))


def _day_of(record: rec.Record) -> date:
    return ist_date(record.market or record.wall)


def _run_created(state: State, record: rec.RunCreated) -> State:
    ticket = TicketRequest.model_validate(record.ticket) if record.ticket else None
    run = Run(
        run_id=record.run_id,
        env=record.env,
        account=record.account,
        preset=pinned_preset(record.config) if ticket is None else preset_of(ticket, record.underlying),
        config_hash=record.config_hash,
        underlying=record.underlying,
        start_now=record.start_now,
        created_at=record.wall,
        created_market=record.market,
        phase_since=record.wall,
        ticket=ticket,
        command_id="" if ticket is None else record.command_id,
        linked=record.linked,
        adopts=record.adopts,
    )
    owed = [key for key, old in state.runs.items() if _is_to_be_compared(old, record)][-_KEPT_OWED:]
    kept = {
        key: old
        for key, old in state.runs.items()
        if old.phase is not Phase.DONE or key in owed or _is_kept(old, run, record)
    }
    ended = [key for key, old in kept.items() if old.phase is Phase.DONE and old.ticket is not None]
    for key in ended[:-_TICKETS_KEPT]:
        del kept[key]
    watches = {key: watch for key, watch in state.watches.items() if key in kept}
    watches[run.run_id] = Watch(since=record.wall, since_market=record.market)
    return replace(state, runs=Runs({**kept, run.run_id: run}), watches=watches)


def _is_kept(old: Run, new: Run, now: rec.Record) -> bool:
    """Whether a finished run is still held when another is made: the last one of its underlying is shown until a new one begins
    there, which a ticket is none of."""
    if old.ticket is not None:
        return old.finished is not None and now.wall - old.finished.wall < _TICKET_KEPT
    return new.ticket is not None or old.underlying != new.underlying


def _is_to_be_compared(run: Run, now: rec.Record) -> bool:
    """Whether a finished run is still to be held against the exchange's ledger."""
    if run.finished is None or run.wallet is not None or not run.fills or run.ticket is not None:
        return False
    return now.wall - run.finished.wall < OWED_FOR


def _flow_of(run: Run, record: _Moving) -> Flow | None:
    """The cash of an execution, or what it was told later to have cost, or is taken to have; of funding; None for what was booked
    before, and for a run of which only beginning and end are known."""
    if not run.legs:
        return None
    first, is_perpetual, contracts = run.legs[0], run.legs[0].kind is Kind.PERPETUAL, 0
    at, product_id, usd = record.market or record.wall, first.product_id, ZERO
    match record:
        case rec.RunFinished(estimated_fees=fees):
            usd = -fees if run.finished is None else ZERO
        case rec.FillCosted():
            booked = run.fills.get(record.fill_id)
            if booked is None or booked.fill.commission is not None or run.finished is not None:
                return None  # what a finished run was not told is in its estimate
            at, product_id, usd = booked.fill.ts_event or at, booked.fill.product_id, -record.commission
        case rec.FillRecorded(fill=fill):
            if fill.key in run.fills:
                return None
            at, product_id = fill.ts_event or at, fill.product_id
            usd = fill.cash_flow(run.leg(record.leg).contract_value) - (fill.commission or ZERO)
            contracts = fill.side.sign * fill.quantity if is_perpetual else 0
        case rec.FundingBooked():
            at, usd = record.at, record.amount
        case rec.PositionAdopted():
            contracts = first.side.sign * record.quantity if is_perpetual else 0
            usd = -contracts * record.price * first.contract_value  # an option's premium was paid before
    if not usd and not isinstance(record, rec.FillRecorded):
        return None
    return Flow(at, product_id, usd, contracts, is_perpetual, run.run_id)


def _book_day(account: Account, record: rec.RunFinished | rec.DayMarked) -> Account:
    """A day has made what a run came to by its end, less what it had come to before."""
    marks = {run_id: mark for run_id, mark in account.marks.items() if run_id != record.run_id}
    if isinstance(record, rec.DayMarked):
        day, made, marks[record.run_id] = record.day, record.pnl, record
    else:
        day, made = _day_of(record), record.realized_pnl
    booked = account.made_by_day
    return replace(account, made_by_day={**booked, day: booked.get(day, ZERO) + made - record.carried}, marks=marks)


def _count_sold(account: Account, run: Run, record: rec.FillRecorded) -> Account:
    """A run counts for the day of its first entry fill."""
    fill, leg = record.fill, next((leg for leg in run.legs if leg.key == record.leg), None)
    if (
        run.ticket is not None
        or run.fills
        or fill.kind is not FillKind.NORMAL
        or (leg is not None and fill.side is not leg.side)
    ):
        return account
    counts, day = account.runs_by_day, (run.underlying, ist_date(fill.ts_event or record.market or record.wall))
    return replace(account, runs_by_day={**counts, day: counts.get(day, 0) + 1})


def _divided(account: Account, fill: Fill) -> Account:
    """Contracts that the exchange closed by itself and a run has booked; of long ago none comes again."""
    known = dict(list(account.divided.items())[-_KEPT_DIVIDED:])
    return replace(account, divided={**known, fill.whole_key: known.get(fill.whole_key, 0) + fill.quantity})


def _count_order(account: Account, wall: datetime, *, is_ticket: bool) -> Account:
    times = account.ticket_times if is_ticket else account.order_times
    recent = (*(t for t in times if wall - t <= timedelta(seconds=1)), wall)
    if is_ticket:
        return replace(account, ticket_times=recent[-_KEPT_TICKET_TIMES:])
    return replace(account, order_times=recent[-_KEPT_ORDER_TIMES:])


def _schedule_fixed(run: Run, record: rec.ScheduleFixed) -> Run:
    return replace(run, entry_at=record.entry_at, exit_at=record.exit_at, schedule_warning=record.warning)


def _legs_chosen(run: Run, record: rec.LegsChosen) -> Run:
    chosen = replace(
        run,
        legs=record.legs,
        entry_at=run.entry_at if run.ticket is None else run.entry_at or record.market,
        exit_at=record.exit_at,
        spot_at_entry=record.spot,
        smile=record.smile,
        ledgers={},
        held=(),
        basis=ZERO,
    )
    for booked in run.fills.values():
        chosen = _entered_in(chosen, booked)
    return chosen


def _phase_changed(run: Run, record: rec.PhaseChanged) -> Run:
    return replace(run, phase=record.phase, phase_since=record.wall)


def _beside_confirmed(run: Run, record: rec.BesideConfirmed) -> Run:
    return replace(run, beside=record.foreign)


def _stop_requested(run: Run, record: rec.StopRequested) -> Run:
    if run.stop_command:
        return run
    return replace(run, stop_command=record.command_id, kept={})  # what was held to its settlement is tried again


def _order_begun(run: Run, record: rec.OrderIntended | rec.OrderDenied) -> Run:
    return _with_order(run, begun(record))


def _with_order(run: Run, order: Order) -> Run:
    """The run with an order made or changed."""
    coid = order.intent.client_order_id
    unsettled = run.unsettled
    if (order.status.live or order.fills_missing) is not (coid in unsettled):
        unsettled = tuple(known for known in unsettled if known != coid) if coid in unsettled else (*unsettled, coid)
    return replace(run, orders={**run.orders, coid: order}, unsettled=unsettled)


def _entered_in(run: Run, booked: BookedFill) -> Run:
    """The run with one more fill in the sums of its legs."""
    leg = next((leg for leg in run.legs if leg.key == booked.leg), None)
    if leg is None:
        return run
    return _with_ledger(run, leg, with_fill(run.ledger(leg.key), leg, booked.fill, booked.wall))


def _with_ledger(run: Run, leg: rec.LegTerms, ledger: Ledger) -> Run:
    """The run with other sums of a leg."""
    ledgers = {**run.ledgers, leg.key: ledger}
    held = tuple(leg for leg in run.legs if leg.key in ledgers and ledgers[leg.key].open > 0)
    basis, name = basis_of(run.legs, ledgers) if run.ticket is None else (ZERO, "")
    return replace(run, ledgers=ledgers, held=held, basis=basis, basis_name=name)


def _order_resolved(run: Run, record: rec.OrderResolved) -> Run:
    order = run.orders.get(record.client_order_id)
    return run if order is None else _with_order(run, resolved(order, record))


def _cancel_intended(run: Run, record: rec.CancelIntended) -> Run:
    order = run.orders.get(record.client_order_id)
    if order is None:
        return run
    return _with_order(run, replace(order, cancel_asked_at=record.wall))


def _fill_recorded(run: Run, record: rec.FillRecorded) -> Run:
    if record.fill.key in run.fills:
        return run
    fill = BookedFill(record.leg, record.fill, record.wall)
    # A position read before this fill says nothing any more.
    positions = {symbol: size for symbol, size in run.positions.items() if symbol != record.fill.symbol}
    run = _entered_in(replace(run, fills={**run.fills, record.fill.key: fill}, positions=positions), fill)
    order = run.orders.get(record.fill.client_order_id or "")
    if order is not None:
        run = _with_order(run, executed(order, record))
    return replace(run, naked_since=_naked_since(run, record.wall))


def _still_short(state: State, before: Run, run: Run, symbol: str) -> Run:
    """Where the exchange was seen to show less of a contract than a run's fills make, and another run holds the same one, that
    is remembered past the fill: forgotten until the next read, it would let this run close what is the other's."""
    share = before.positions.get(symbol)
    if share is None or not any(signed_in(other, symbol) for other in others_in(state, before, symbol)):
        return run
    ours = signed_in(before, symbol)
    shown = max(share * (1 if ours > 0 else -1), 0)
    return run if shown >= abs(ours) else replace(run, missing={**run.missing, symbol: abs(ours) - shown})


def _naked_since(run: Run, wall: datetime) -> datetime | None:
    """Since when a short leg stands without what it belongs with: kept while one does."""
    leads = {leg.key: allowed_lead(run, leg) for leg in run.legs}
    is_astray = astray(run.legs, {leg.key: run.open_quantity(leg.key) for leg in run.legs}, leads)
    return run.naked_since or wall if is_astray else None


def _fill_confirmed(run: Run, record: rec.FillConfirmed) -> Run:
    order = run.orders.get(record.client_order_id)
    if order is None:
        return run
    told = told_more(order, told_key(record.channel, record.price), record.quantity)
    confirmed = {**run.confirmed, record.fill_id: "" if record.costed else record.client_order_id}
    return replace(_with_order(run, told), confirmed=confirmed)


def _fill_costed(run: Run, record: rec.FillCosted) -> Run:
    booked = run.fills.get(record.fill_id)
    if booked is None or booked.fill.commission is not None:
        return run
    costed = booked.fill.quantity if record.quantity is None else booked.costed + record.quantity
    cost = booked.cost_so_far + record.commission
    fill, ledgers = booked.fill, run.ledgers
    if costed >= fill.quantity:
        fill = replace(fill, commission=cost)
        if booked.leg in ledgers:
            ledgers = {**ledgers, booked.leg: with_cost(ledgers[booked.leg], cost)}
    booked = replace(booked, fill=fill, costed=costed, cost_so_far=cost)
    return replace(run, fills={**run.fills, record.fill_id: booked}, ledgers=ledgers)


def _position_observed(run: Run, record: rec.PositionObserved) -> Run:
    missing = {symbol: lacking for symbol, lacking in run.missing.items() if symbol != record.symbol}
    return replace(run, positions={**run.positions, record.symbol: record.quantity}, missing=missing)


def _trailed(run: Run, record: rec.Trailed) -> Run:
    return replace(
        run,
        peak_pnl=record.peak_pnl,
        peak_pct=record.peak_pct,
        peak_at=record.market,
        level_pct=record.level_pct,
    )


def _spread_guarded(run: Run, record: rec.SpreadGuarded) -> Run:
    return replace(run, guarded=record.since)


def _exit_decided(run: Run, record: rec.ExitDecided) -> Run:
    if run.exit_reason is not None:
        return run
    return replace(run, exit_reason=record.reason, exit_detail=record.detail, exit_decided_at=record.wall)


def _leg_kept(run: Run, record: rec.LegKept) -> Run:
    return replace(run, kept={**run.kept, record.leg: record})


def _leg_released(run: Run, record: rec.LegReleased) -> Run:
    return replace(run, kept={key: kept for key, kept in run.kept.items() if key != record.leg})


def _run_finished(run: Run, record: rec.RunFinished) -> Run:
    return replace(run, finished=record, phase=Phase.DONE, phase_since=record.wall)


def _wallet_compared(run: Run, record: rec.WalletCompared) -> Run:
    return replace(run, wallet=record)


def _ticket_refused(run: Run, record: rec.TicketRefused) -> Run:
    return replace(run, refused=record)


def _ticket_amended(run: Run, record: rec.TicketAmended) -> Run:
    if run.ticket is None:
        return run
    ticket = TicketRequest.model_validate(record.ticket)
    legs = tuple(replace(leg, quantity=ticket.quantity) for leg in run.legs)
    return replace(run, ticket=ticket, preset=preset_of(ticket, run.underlying), legs=legs)


def _cancel_requested(run: Run, record: rec.CancelRequested) -> Run:
    return run if run.cancelled else replace(run, cancelled=record.reason)


def _closing_set(run: Run, record: rec.ClosingSet) -> Run:
    others = tuple(one for one in run.closing if one.name != record.closing.name)
    reduced = (*run.reduced, Reduced(record.wall, record.command_id, record.closing))
    return replace(run, closing=(*others, record.closing), reduced=reduced)


def _closing_dropped(run: Run, record: rec.ClosingDropped) -> Run:
    left = tuple(one for one in run.closing if one.name != record.name)
    return replace(run, closing=left)


def _position_adopted(run: Run, record: rec.PositionAdopted) -> Run:
    """The contracts as if bought (sold) at the exchange's entry price; no cash has moved, and no commission is owed."""
    if run.ticket is None or not run.legs:
        return run
    leg = run.leg(KEY)
    fill = Fill(
        fill_id=f"adopted-{run.run_id}",
        venue_order_id="adopted",
        client_order_id=None,
        symbol=leg.symbol,
        product_id=leg.product_id,
        side=leg.side,
        quantity=record.quantity,
        price=record.price,
        commission=ZERO,
        kind=FillKind.OTC,
        ts_event=record.market,
    )
    booked = BookedFill(KEY, fill, record.wall)
    return _entered_in(replace(run, fills={**run.fills, fill.key: booked}), booked)


def _closing_moved(run: Run, record: rec.ClosingMoved) -> Run:
    """As if this run had closed so many more, or fewer. The position that was read stays: nothing was traded by this."""
    leg = next((leg for leg in run.legs if leg.key == record.leg), None)
    if leg is None:
        return run
    ledger = with_moved(run.ledger(leg.key), leg, record.quantity, record.price, record.wall)
    moved = {**run.moved, leg.key: run.moved.get(leg.key, 0) + max(-record.quantity, 0)}
    run = _with_ledger(replace(run, moved=moved), leg, ledger)
    return replace(run, naked_since=_naked_since(run, record.wall))


def _funding_booked(run: Run, record: rec.FundingBooked) -> Run:
    if not any(leg.key == record.leg for leg in run.legs):
        return run
    ledgers = {**run.ledgers, record.leg: with_funding(run.ledger(record.leg), record.amount)}
    return replace(run, ledgers=ledgers, funded_at=record.at)


_OF_ACCOUNT: dict[type[Any], Callable[[State, Any], State]] = {
    rec.RunCreated: _run_created,
    rec.LevelChanged: _level_changed,
    rec.LimitsSet: _account_set,
    rec.LossLocked: _account_set,
    rec.LossWarned: _account_set,
    rec.DayCompared: _account_set,
    rec.DayMarked: lambda state, record: replace(state, account=_book_day(state.account, record)),
    rec.MarginObserved: _margin_observed,
}

_HANDLERS: dict[type[Any], Callable[[Run, Any], Run]] = {
    rec.ScheduleFixed: _schedule_fixed,
    rec.LegsChosen: _legs_chosen,
    rec.PhaseChanged: _phase_changed,
    rec.BesideConfirmed: _beside_confirmed,
    rec.StopRequested: _stop_requested,
    rec.OrderIntended: _order_begun,
    rec.OrderDenied: _order_begun,
    rec.OrderResolved: _order_resolved,
    rec.CancelIntended: _cancel_intended,
    rec.FillRecorded: _fill_recorded,
    rec.FillConfirmed: _fill_confirmed,
    rec.FillCosted: _fill_costed,
    rec.PositionObserved: _position_observed,
    rec.Trailed: _trailed,
    rec.SpreadGuarded: _spread_guarded,
    rec.ExitDecided: _exit_decided,
    rec.LegKept: _leg_kept,
    rec.LegReleased: _leg_released,
    rec.RunFinished: _run_finished,
    rec.WalletCompared: _wallet_compared,
    rec.TicketRefused: _ticket_refused,
    rec.TicketAmended: _ticket_amended,
    rec.CancelRequested: _cancel_requested,
    rec.ClosingSet: _closing_set,
    rec.ClosingDropped: _closing_dropped,
    rec.PositionAdopted: _position_adopted,
    rec.ClosingMoved: _closing_moved,
    rec.FundingBooked: _funding_booked,
}


def durable(run: Run) -> bytes:
    """The durable run as canonical bytes, for comparing a fold with live state."""
    ticket = None if run.ticket is None else run.ticket.model_dump_json()
    return msgspec.json.encode(replace(run, preset=run.preset.canonical_json(), ticket=ticket), order="sorted")
