"""The account's limits: how much all runs may hold and order together, and what they may lose in a day and in a week.

They bound new risk. An exit is never asked; reaching the daily loss closes what is open, where the account's document says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from trader.config.account_limits import AccountLimits, read_limits
from trader.config.orders import Orders
from trader.domain.clock import Now
from trader.domain.errors import ConfigError
from trader.domain.expiry import ist_date
from trader.domain.order import OrderIntent, Purpose
from trader.engine import records as rec
from trader.engine.effects import AckCommand
from trader.engine.events import LimitsCommand
from trader.engine.execution.algo import largest_child
from trader.engine.records import LegTerms, Phase
from trader.engine.state import ZERO, Run, State, seconds_since
from trader.engine.turn import Turn
from trader.engine.view import Exposure, Totals

_LASTING_SECS = 2.0  # a loss that one stray print shows is none yet


class Bound(NamedTuple):
    """One check of an entry: the code to refuse it with, the numbers, and the measured one alone."""

    fails: bool
    code: str
    numbers: str
    brief: str


class Size(NamedTuple):
    """Contracts of one option; `each`: USD that one of them is worth at the index price, None where that is not known."""

    symbol: str
    underlying: str
    contracts: int
    each: Decimal | None


class Counted(NamedTuple):
    """What is counted in one contract, on one underlying or in all, beside its limits. The notional is None where the index
    price of anything counted is not known."""

    code: str
    part: str  # as the limits name it
    contracts: int
    most: int
    notional: Decimal | None
    richest: Decimal


def today(now: Now) -> date:
    return ist_date(now.market or now.wall)


def day_loss(state: State, now: Now) -> Decimal:
    """USD lost on the present Indian day by all runs, realised and open; 0 when it is not negative."""
    return max(-(state.account.realized_by_day.get(today(now), ZERO) + open_pnl(state)), ZERO)


def week_loss(state: State, now: Now) -> Decimal:
    """The same since Monday."""
    day = today(now)
    monday = day - timedelta(days=day.weekday())
    booked = sum((pnl for at, pnl in state.account.realized_by_day.items() if monday <= at <= day), ZERO)
    return max(-(booked + open_pnl(state)), ZERO)


def open_pnl(state: State) -> Decimal:
    """P&L of all unfinished runs as they were last valued, at cost to close as exits at a loss count it."""
    total = ZERO
    for run_id, run in state.runs.items():
        watch = state.watches.get(run_id)
        if run.phase is not Phase.DONE and watch is not None and watch.counted is not None:
            total += watch.counted
    return total


def lock_words(state: State, now: Now) -> str:
    """Why losses let no entry out, in words; empty while they do."""
    limits, lost, week = state.account.limits, day_loss(state, now), week_loss(state, now)
    if lost >= limits.daily_loss_usd:
        return f"the account's loss of today, {lost:.2f} USD, has reached daily_loss_usd of {limits.daily_loss_usd} USD"
    if week >= limits.weekly_loss_usd:
        return f"the account's loss since Monday, {week:.2f} USD, has reached weekly_loss_usd of {limits.weekly_loss_usd} USD"
    if state.account.locked_day == today(now):
        return "the account's daily loss was reached today; entries are locked until tomorrow or until a person resumes"
    return ""


def entry_bounds(state: State, run: Run, leg: LegTerms, intent: OrderIntent, now: Now) -> Iterator[Bound]:
    """Everything the account asks of an entry, the quickest to say first."""
    limits = state.account.limits
    yield Bound(
        intent.quantity > limits.order_contracts,
        "ACCOUNT_ORDER_SIZE",
        f"quantity={intent.quantity}, order_contracts={limits.order_contracts}",
        f"order={intent.quantity}",
    )
    recent = sum(1 for t in state.account.order_times if now.wall - t < timedelta(seconds=1))
    yield Bound(
        recent >= limits.orders_per_second,
        "ORDER_RATE_EXCEEDED",
        f"orders in the last second={recent}, orders_per_second={limits.orders_per_second}",
        f"rate={recent}",
    )
    lost, week = day_loss(state, now), week_loss(state, now)
    locked = state.account.locked_day == today(now)
    yield Bound(
        lost >= limits.daily_loss_usd or locked,
        "ACCOUNT_DAILY_LOSS",
        f"lost today={lost:.2f} USD, daily_loss_usd={limits.daily_loss_usd}, locked={locked}",
        f"lost today={lost:.2f}",
    )
    yield Bound(
        week >= limits.weekly_loss_usd,
        "ACCOUNT_WEEKLY_LOSS",
        f"lost since Monday={week:.2f} USD, weekly_loss_usd={limits.weekly_loss_usd}",
        f"this week={week:.2f}",
    )
    own = _size(state, run, leg, intent.quantity)
    for code, part, contracts, most, notional, richest in _exposures([*_held(state), own], own, limits):
        yield Bound(
            contracts > most,
            f"{code}_CONTRACTS",
            f"contracts={contracts}, contracts_{part}={most}",
            f"{code.lower()}={contracts}",
        )
        if notional is None:
            yield Bound(True, f"{code}_NOTIONAL", "an index price is not known: the notional cannot be told", "")
        else:
            yield Bound(
                notional > richest,
                f"{code}_NOTIONAL",
                f"notional={notional:.0f} USD, notional_{part}_usd={richest}",
                f"{notional:.0f} USD",
            )


def oversize_of_run(state: State, run: Run) -> list[str]:
    """Which limits of size the whole entry of a run would break, in words."""
    planned = [_size(state, run, leg, leg.quantity) for leg in run.legs]
    return oversize(state.account.limits, _held(state), planned, run.preset.orders)


def oversize(limits: AccountLimits, held: Sequence[Size], planned: Sequence[Size], orders: Orders) -> list[str]:
    """The same of what is held and planned. Asked before the first leg is entered: a limit that is met halfway would leave
    an entry to be undone at a loss."""
    largest = max((largest_child(orders, one.contracts) for one in planned), default=0)
    flaws = []
    if largest > limits.order_contracts:
        flaws.append(f"an order of {largest} contracts is needed, order_contracts is {limits.order_contracts}")
    for one in planned:
        where = {"INSTRUMENT": f"in {one.symbol}", "UNDERLYING": f"on {one.underlying}", "ACCOUNT": "on this account"}
        for code, part, contracts, most, notional, richest in _exposures([*held, *planned], one, limits):
            if contracts > most:
                flaws.append(f"{contracts} contracts {where[code]} with this entry, contracts_{part} is {most}")
            if notional is not None and notional > richest:
                words = f"{notional:,.0f} USD of notional {where[code]} with this entry"
                flaws.append(f"{words}, notional_{part}_usd is {richest:,f}")
    return list(dict.fromkeys(flaws))


def _exposures(sizes: Iterable[Size], own: Size, limits: AccountLimits) -> Iterator[Counted]:
    """All that counts beside `own`, itself in it: in its contract, on its underlying and in all."""
    counted = [one for one in sizes if one.contracts]
    for code, part, which in (
        ("INSTRUMENT", "per_instrument", [one for one in counted if one.symbol == own.symbol]),
        ("UNDERLYING", "per_underlying", [one for one in counted if one.underlying == own.underlying]),
        ("ACCOUNT", "total", counted),
    ):
        notional: Decimal | None = ZERO
        for one in which:
            notional = None if notional is None or one.each is None else notional + one.contracts * one.each
        yield Counted(
            code,
            part,
            sum(one.contracts for one in which),
            getattr(limits, f"contracts_{part}"),
            notional,
            getattr(limits, f"notional_{part}_usd"),
        )


def _held(state: State) -> list[Size]:
    return [_size(state, run, leg, exposed(run, leg)) for run in state.unresolved for leg in run.legs]


def _size(state: State, run: Run, leg: LegTerms, contracts: int) -> Size:
    spot = state.market.spots.get(run.underlying)
    return Size(leg.symbol, run.underlying, contracts, None if spot is None else leg.contract_value * spot)


def exposed(run: Run, leg: LegTerms) -> int:
    """Contracts of a leg that are open or may come to be: by fills, by its orders' own word, by what still works."""
    entries = run.leg_orders(leg.key, Purpose.ENTRY)
    return run.open_quantity(leg.key) + sum(o.leaves_qty + o.untold_qty for o in entries)


def totals(state: State, now: Now) -> Totals:
    """What the limits count, for people; the bounds themselves are `entry_bounds`."""
    found: dict[str, Exposure] = {}
    for one in _held(state):
        size, more = one.contracts, None if one.each is None else one.contracts * one.each
        seen = found.get(one.symbol)
        if seen is not None:
            more = None if more is None or seen.notional is None else seen.notional + more
            size += seen.contracts
        found[one.symbol] = Exposure(symbol=one.symbol, underlying=one.underlying, contracts=size, notional=more)
    return Totals(
        limits=state.account.limits.document(),
        locked=lock_words(state, now),
        exposures=tuple(one for one in found.values() if one.contracts),
    )


def check_losses(turn: Turn) -> None:
    """Reaching the daily loss locks entries for the day, and closes what is open where the document says so."""
    state, limits = turn.state, turn.state.account.limits
    lost = day_loss(state, turn.now)
    if state.loss_since is None and lost < limits.daily_loss_usd:
        return
    if not state.unresolved or state.account.locked_day == today(turn.now):
        return
    if lost < limits.daily_loss_usd:
        turn.set(loss_since=None)
        return
    if state.loss_since is None:
        turn.set(loss_since=turn.wall)
    if seconds_since(turn.state.loss_since, turn.wall) < _LASTING_SECS:
        return
    words = lock_words(state, turn.now)
    turn.write(rec.LossLocked, "", account=state.account_key, day=today(turn.now), reason=words)
    turn.write(rec.AlertRaised, "", level="error", code="account_daily_loss", text=f"No entry until tomorrow: {words}.")
    if limits.daily_loss_closes:
        for run in turn.state.unresolved:
            if run.phase in (Phase.ENTERING, Phase.HOLDING):
                turn.decide_exit(run.run_id, "account_loss", words)


def lift_lock(turn: Turn, issued_by: str) -> bool:
    """A person resumes: entries are let out again although the daily loss was reached. True where they were locked."""
    if turn.state.account.locked_day is None:
        return False
    turn.write(
        rec.LossLocked, "", cause="user", account=turn.state.account_key, day=None, reason=f"resumed ({issued_by})"
    )
    return True


def _changed(seen: dict[str, Any], limits: AccountLimits) -> str:
    """What is no longer as a person saw it: ``open_runs 6 -> 4``; empty where nothing is."""
    try:
        before = read_limits(seen)
    except ConfigError as error:
        return str(error)
    pairs = ((name, getattr(before, name), getattr(limits, name)) for name in type(limits).model_fields)
    return ", ".join(f"{name} {old} -> {new}" for name, old, new in pairs if old != new)


def on_limits(turn: Turn, event: LimitsCommand) -> None:
    """A person sets the account's limits: the whole document, or nothing of it."""
    try:
        limits = read_limits(event.limits)
    except ConfigError as error:
        turn.do(AckCommand(command_id=event.command_id, status="refused", detail=f"The limits are not valid: {error}"))
        return
    if event.seen is not None and (changed := _changed(event.seen, turn.state.account.limits)):
        detail = f"The limits were changed meanwhile ({changed}); nothing of this change was set"
        turn.do(AckCommand(command_id=event.command_id, status="refused", detail=detail))
        return
    if limits != turn.state.account.limits:
        turn.write(
            rec.LimitsSet,
            "",
            cause="user",
            account=turn.state.account_key,
            limits=limits.document(),
            issued_by=event.issued_by,
            command_id=event.command_id,
        )
    turn.do(AckCommand(command_id=event.command_id, status="accepted", detail="the account's limits are set"))
