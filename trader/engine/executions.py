"""One execution told twice: by the account's stream at once, by REST later with what it cost.

The two channels name an execution by ids of their own, so an id says something only about its own channel. What both tell
alike is the order, the price and the quantity; how much an order can have executed is the arbiter. Therefore what is booked
of an order at one price is the most that either channel has told of it: the first telling books, the other confirms and costs.
"""

from decimal import Decimal

from msgspec.structs import replace

from trader.domain.fill import Fill, price_key, told_key
from trader.engine import records as rec
from trader.engine.state import Order, Run
from trader.engine.turn import Turn

_SMALLEST_SHARE = Decimal("1E-12")  # USD: a part with an end, so that parts add up to the whole exactly


def is_taken_in(run: Run, fill: Fill) -> bool:
    """Whether this very telling was recorded before."""
    return fill.key in run.fills or fill.key in run.confirmed


def is_booked(run: Run, fill: Fill) -> bool:
    """The same for any fill of the account. A journal that recorded no channel holds the bare id."""
    return is_taken_in(run, fill) or fill.fill_id in run.fills


def cost_again(turn: Turn, run: Run, fill: Fill) -> None:
    """A telling that was taken in before may bring what the execution cost."""
    if fill.commission is None:
        return
    coid = run.confirmed.get(fill.key, "")
    if coid:
        _confirm(turn, run.run_id, coid, replace(fill, quantity=0))
        _cost(turn, run.run_id, coid, fill)
        return
    booked = run.fills.get(fill.key)
    if booked is not None and booked.fill.commission is None:
        turn.write(rec.FillCosted, run.run_id, cause="exchange", fill_id=booked.fill.key, commission=fill.commission)


def take_in(turn: Turn, run: Run, order: Order, fill: Fill) -> int:
    """Record a telling heard for the first time; how many contracts of it are booked, the rest being confirmed."""
    coid = order.intent.client_order_id
    fresh, possible = _untold(order, fill), _possible(order, fill)
    if fresh > possible:
        text = f"{coid}: the stream and the list of fills tell other prices of one execution; the first is booked."
        turn.alert(run.run_id, "warning", f"told_otherwise:{coid}", text)
        fresh = possible
    part, rest = _split(fill, fresh)
    if part is not None:
        turn.write(rec.FillRecorded, run.run_id, cause="exchange", leg=order.intent.leg, fill=part)
    if rest is not None:
        _confirm(turn, run.run_id, coid, rest)
        _cost(turn, run.run_id, coid, rest)
    return fresh


def _confirm(turn: Turn, run_id: str, coid: str, told: Fill) -> None:
    turn.write(
        rec.FillConfirmed,
        run_id,
        cause="exchange",
        client_order_id=coid,
        channel=told.channel,
        fill_id=told.key,
        price=told.price,
        quantity=told.quantity,
        costed=told.commission is not None,
    )


def _untold(order: Order, fill: Fill) -> int:
    """Contracts of this telling beyond what the two channels have told of the order at this price."""
    unconfirmed = order.booked.get(price_key(fill.price), 0) - order.told.get(told_key(fill.channel, fill.price), 0)
    return max(0, min(fill.quantity - unconfirmed, fill.quantity))


def _possible(order: Order, fill: Fill) -> int:
    """Contracts that this telling can add: what the order has left, or what its channel alone tells beyond what is booked."""
    channel = told_key(fill.channel, fill.price).partition("@")[0]
    alone = sum(told for key, told in order.told.items() if key.partition("@")[0] == channel) + fill.quantity
    return max(order.intent.quantity - order.filled_qty, alone - order.filled_qty, 0)


def _split(fill: Fill, quantity: int) -> tuple[Fill | None, Fill | None]:
    """The fill as a part of `quantity` contracts and the rest, the commission divided so that its sum stays exact."""
    if quantity in (0, fill.quantity):
        return (fill, None) if quantity else (None, fill)
    whole = fill.commission
    share = None if whole is None else (whole * quantity / fill.quantity).quantize(_SMALLEST_SHARE)
    left = None if whole is None or share is None else whole - share
    return (
        replace(fill, quantity=quantity, commission=share),
        replace(fill, quantity=fill.quantity - quantity, commission=left),
    )


def share_of_cost(fill: Fill, before: int, quantity: int) -> Decimal | None:
    """The commission of `quantity` contracts of a fill, `before` of which are somebody's already: all parts add up exactly."""
    if fill.commission is None or quantity == fill.quantity:
        return fill.commission

    def of(contracts: int) -> Decimal:
        if contracts == fill.quantity:
            return fill.commission or Decimal(0)
        return ((fill.commission or Decimal(0)) * contracts / fill.quantity).quantize(_SMALLEST_SHARE)

    return of(before + quantity) - of(before)


def _cost(turn: Turn, run_id: str, coid: str, told: Fill) -> None:
    """Give a confirming telling's commission to booked fills of its order that have none: those like it first."""
    if turn.run(run_id).finished is not None:
        if told.commission is not None and turn.run(run_id).uncosted:
            text = f"{coid}: {told.commission:f} USD of commission were told after the run had ended with an estimate."
            turn.alert(run_id, "warning", f"cost_late:{told.key}", text)
        return
    lacking = [
        (b.fill.price != told.price, b.fill.quantity != told.quantity, key, b.fill.quantity - b.costed)
        for key, b in turn.run(run_id).fills.items()
        if b.fill.client_order_id == coid and b.fill.commission is None
    ]
    rest: Fill | None = told
    for _, _, key, contracts in sorted(lacking, key=lambda row: row[:2]):
        if rest is None or rest.commission is None:
            return
        part, rest = _split(rest, min(contracts, rest.quantity))
        assert part is not None and part.commission is not None
        turn.write(
            rec.FillCosted,
            run_id,
            cause="exchange",
            fill_id=key,
            commission=part.commission,
            quantity=part.quantity,
        )
