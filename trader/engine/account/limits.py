"""The account's limits: how much all runs may hold and order together; `losses` says what they may lose.

They bound new risk. An exit is never asked.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from trader.config.account_limits import AccountLimits, read_limits
from trader.config.orders import Orders
from trader.domain.clock import Now
from trader.domain.errors import ConfigError
from trader.domain.order import OrderIntent, Purpose
from trader.engine import records as rec
from trader.engine.account.losses import lock_words, present_losses, unvalued
from trader.engine.effects import AckCommand
from trader.engine.events import LimitsCommand
from trader.engine.execution.algo import largest_child
from trader.engine.records import LegTerms
from trader.engine.state import HUNDRED, ZERO, Run, State
from trader.engine.turn import Turn
from trader.engine.view import Exposure, Totals

LEAST_TICKS = 5  # a price may always lie so far from what it is held against


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


def entry_bounds(state: State, run: Run, leg: LegTerms, intent: OrderIntent, now: Now) -> Iterator[Bound]:
    """Everything the account asks of an entry, the quickest to say first."""
    limits = state.account.limits
    least, largest = _order_sizes(limits, leg.symbol)
    yield Bound(
        intent.quantity > largest,
        "ACCOUNT_ORDER_SIZE",
        f"quantity={intent.quantity}, order_contracts={largest}",
        f"order={intent.quantity}",
    )
    yield Bound(leg.quantity < least, "ORDER_TOO_SMALL", f"quantity={leg.quantity}, order_contracts_least={least}", "")
    yield from _price_bound(state, leg, intent)
    if run.ticket is None:
        recent = state.account.sent_lately(now.wall, is_ticket=False)
        yield Bound(
            recent >= limits.orders_per_second,
            "ORDER_RATE_EXCEEDED",
            f"orders in the last second={recent}, orders_per_second={limits.orders_per_second}",
            f"rate={recent}",
        )
    unknown = unvalued(state, now, run.run_id)
    yield Bound(bool(unknown), "OPEN_PNL_UNKNOWN", unknown, "")
    for loss in present_losses(state, now):
        made, field = loss.made, f"{loss.name}_loss_usd"
        numbers = (
            f"lost={made.lost:.2f} USD (booked {made.booked:.2f}, open {made.open:.2f}), {field}={loss.limit}, "
            f"loss_bars_pct={limits.loss_bars_pct}, locked={loss.locked}"
        )
        fails = loss.locked or loss.reaches(limits.loss_bars_pct)
        yield Bound(fails, loss.code.upper(), numbers, f"{loss.name} loss={made.lost:.2f}/{loss.limit}")
    own = _size(state, run, leg, intent.quantity)
    yield from _value_bounds(state, run, own)
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


def _order_sizes(limits: AccountLimits, symbol: str) -> tuple[int, int]:
    """The fewest contracts of an order that opens, and the most."""
    here = limits.of(symbol)
    least = max(limits.order_contracts_least, here.order_contracts_least or 0)
    return least, min(limits.order_contracts, here.order_contracts or limits.order_contracts)


def _price_bound(state: State, leg: LegTerms, intent: OrderIntent) -> Iterator[Bound]:
    """How far its limit may reach beyond the mark, or beyond the price that sets it off."""
    quote, pct = state.market.quotes.get(leg.symbol), state.account.limits.price_deviation_pct
    about = intent.stop.price if intent.stop is not None else None if quote is None else quote.mark
    if intent.limit_price is None or not intent.limit_price.is_finite() or not about or not pct:
        return
    width = max(about * pct / HUNDRED, LEAST_TICKS * leg.tick_size)
    off = (intent.limit_price - about) * intent.side.sign
    numbers = f"limit_price={intent.limit_price}, from={about}, price_deviation_pct={pct}"
    yield Bound(off > width, "PRICE_DEVIATION", numbers, f"deviation={off:.2f} of {width:.2f}")


def _value_bounds(state: State, run: Run, own: Size) -> Iterator[Bound]:
    """What one order may be worth at the index price, and as a share of the balance."""
    limits = state.account.limits
    if own.each is None:
        return  # said with the notional of all that is counted
    value = own.contracts * own.each
    yield Bound(
        value > limits.order_notional_usd,
        "ORDER_NOTIONAL",
        f"notional={value:.0f} USD, order_notional_usd={limits.order_notional_usd}",
        f"order={value:.0f} USD",
    )
    if not limits.order_share_pct and not limits.position_share_pct:
        return
    shown = state.shown.get(run.underlying)
    balance = None if shown is None else shown.balance
    if balance is None or balance <= 0:
        yield Bound(True, "BALANCE_UNKNOWN", "its share of the balance cannot be told: the balance is not known", "")
        return
    there = [one for one in _held(state) if one.symbol == own.symbol]
    position = value + sum((one.contracts * one.each for one in there if one.each is not None), ZERO)
    for code, worth, most, name in (
        ("ORDER_SHARE", value, limits.order_share_pct, "order_share_pct"),
        ("POSITION_SHARE", position, limits.position_share_pct, "position_share_pct"),
    ):
        share = worth / balance * HUNDRED
        if most:
            numbers = f"notional={worth:.0f} USD, balance={balance:.2f}, share={share:.1f} %, {name}={most}"
            yield Bound(share > most, code, numbers, f"{code.lower()}={share:.1f} %")


def oversize_of_run(state: State, run: Run) -> list[str]:
    """Which limits of size the whole entry of a run would break, in words."""
    planned = [_size(state, run, leg, leg.quantity) for leg in run.legs]
    return oversize(state.account.limits, _held(state), planned, run.preset.orders)


def oversize(limits: AccountLimits, held: Sequence[Size], planned: Sequence[Size], orders: Orders) -> list[str]:
    """The same of what is held and planned. Asked before the first leg is entered: a limit that is met halfway would leave
    an entry to be undone at a loss."""
    flaws = []
    for one in planned:
        least, most = _order_sizes(limits, one.symbol)
        largest = largest_child(orders, one.contracts)
        if largest > most:
            flaws.append(f"an order of {largest} contracts is needed, order_contracts is {most}")
        if one.contracts < least:
            flaws.append(f"{one.contracts} contracts of {one.symbol}, order_contracts_least is {least}")
        if one.each is not None and largest * one.each > limits.order_notional_usd:
            worth = f"an order worth {largest * one.each:,.0f} USD of notional is needed"
            flaws.append(f"{worth}, order_notional_usd is {limits.order_notional_usd:,f}")
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
        most, richest = getattr(limits, f"contracts_{part}"), getattr(limits, f"notional_{part}_usd")
        if code == "INSTRUMENT":
            here = limits.of(own.symbol)
            most, richest = min(most, here.contracts or most), min(richest, here.notional_usd or richest)
        yield Counted(code, part, sum(one.contracts for one in which), most, notional, richest)


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
        locked=lock_words(present_losses(state, now), state.account.limits.loss_bars_pct),
        exposures=tuple(one for one in found.values() if one.contracts),
    )


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
