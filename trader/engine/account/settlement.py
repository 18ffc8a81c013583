"""What the exchange closes by itself: settlement, liquidation, deleveraging. It closes for the whole account; each run books its
part, and every contract once.
"""

from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from trader.domain.fill import Fill, FillKind
from trader.domain.order import Purpose
from trader.engine import records as rec
from trader.engine.account.allocation import split
from trader.engine.events import AccountRead
from trader.engine.executions import share_of_cost
from trader.engine.records import LegTerms
from trader.engine.state import Run, seconds_since
from trader.engine.turn import Turn


def divide(turn: Turn, fill: Fill) -> None:
    """Book a fill whose order is none of ours: the contract tells whose it is, its time who had entered by then.

    A settlement closes everything: what nobody's fills explain, or somebody has bought back, is missing for the youngest run.
    Of a part that is closed the youngest run has the first share, as it has of every shortage; but what an exit may have closed,
    or is about to, comes last, since it would be closed twice.
    """
    booked = [(run, part) for run in turn.state.runs.values() if (part := _part_of(run, fill)) is not None]
    divided = turn.state.account.divided  # runs that have ended and are held no more have booked, too
    done = max(sum(part.quantity for _, part in booked), divided.get(fill.key, 0), divided.get(fill.fill_id, 0))
    _cost(turn, fill, booked)
    theirs = {run.run_id for run, _ in booked}
    found = [(run, leg) for run in turn.state.unresolved if run.run_id not in theirs for leg in _closed_by(run, fill)]
    if done >= fill.quantity or not found:
        return
    if fill.kind is not FillKind.SETTLEMENT:
        found.reverse()
    parts = free_first(fill.quantity - done, found)
    _tell_foreign(turn, found[0][0], fill, done + sum(parts))
    for (run, leg), quantity in zip(found, parts, strict=True):
        if quantity:
            part = replace(
                fill,
                quantity=quantity,
                commission=share_of_cost(fill, done, quantity),
                part=run.run_id if done else "",
            )
            _book(turn, run, leg, part)
            done += quantity


def _closed_by(run: Run, fill: Fill) -> list[LegTerms]:
    """The leg of a run of which a fill may have closed contracts."""
    return [
        leg
        for leg in run.legs
        if leg.symbol == fill.symbol
        and leg.side is fill.side.opposite
        and run.open_quantity(leg.key) > 0
        and not fill.is_older(run.sold_at(leg.key) or run.created_market)
    ]


def free_first(quantity: int, found: list[tuple[Run, LegTerms]]) -> list[int]:
    """The part of each: first of what no exit of its own is closing; then of what one is, the newest first, since it meets what
    the others have left; never of what one has closed."""
    free, closing, sent = [], [], []
    for run, leg in found:
        exits = run.leg_orders(leg.key, Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN)
        untold = sum(order.untold_qty for order in (*exits, *run.leg_orders(leg.key, Purpose.CLOSE)))
        left = max(run.open_quantity(leg.key) - untold, 0)
        closing.append(min(sum(order.leaves_qty for order in exits), left))
        free.append(left - closing[-1])
        sent.append(exits[-1].intended_at if exits else run.created_at)
    newest = sorted(range(len(found)), key=lambda row: sent[row], reverse=True)
    parts = split(quantity, free + [closing[row] for row in newest])
    last = dict(zip(newest, parts[len(found) :], strict=True))
    return [part + last[row] for row, part in enumerate(parts[: len(found)])]


def _book(turn: Turn, run: Run, leg: LegTerms, part: Fill) -> None:
    turn.write(rec.FillRecorded, run.run_id, cause="exchange", leg=leg.key, fill=part)
    if part.kind is not FillKind.SETTLEMENT:
        text = f"The exchange closed {part.quantity} of {part.symbol} itself ({part.kind})."
        turn.alert(run.run_id, "error", f"{part.kind}:{part.key}", text)


def _part_of(run: Run, fill: Fill) -> Fill | None:
    """What a run has booked of such a fill. A journal that recorded no channel holds the bare id."""
    for key in (fill.key, f"{fill.key}/{run.run_id}", fill.fill_id):
        if key in run.fills:
            return run.fills[key].fill
    return None


def _cost(turn: Turn, fill: Fill, booked: list[tuple[Run, Fill]]) -> None:
    """The list of fills may bring later what it cost: each run its part."""
    before = 0
    for run, part in sorted(booked, key=lambda pair: pair[1].part != ""):
        cost = share_of_cost(fill, before, part.quantity)
        before += part.quantity
        if cost is not None and part.commission is None:
            turn.write(rec.FillCosted, run.run_id, cause="exchange", fill_id=part.key, commission=cost)


def _tell_foreign(turn: Turn, run: Run, fill: Fill, ours: int) -> None:
    if ours < fill.quantity:
        text = f"The exchange closed {fill.quantity} of {fill.symbol} ({fill.kind}), ours are {ours} of them."
        turn.alert(run.run_id, "warning", f"foreign_share:{fill.key}", text)


def has_expired(run: Run, leg: LegTerms, market: datetime | None) -> bool:
    """Whether nothing can be traded of a leg any more: by the exchange's time; after a restart, until that is heard, by what ended
    the run, or by a settled leg that expires no earlier."""
    if market is not None:
        return leg.has_expired(market)
    settled = {booked.leg for booked in run.fills.values() if booked.fill.kind is FillKind.SETTLEMENT}
    return run.exit_reason == "expiry" or any(one.key in settled and one.expiry >= leg.expiry for one in run.legs)


def settle(turn: Turn, run_id: str, event: AccountRead) -> None:
    """Worthless options may vanish without a settlement fill: the expired product's price then closes the books."""
    if event.positions is None or event.fills is None:
        return
    run = turn.run(run_id)
    for leg in run.legs:
        open_quantity = run.open_quantity(leg.key)
        price = event.settlements.get(leg.symbol)
        if open_quantity <= 0 or price is None or not leg.has_expired(turn.now.market):
            continue
        if event.held(leg.symbol, leg.product_id) != 0 or event.odd_of("fills", leg.symbol, leg.product_id):
            continue
        if seconds_since(leg.expiry, turn.now.market or leg.expiry) < 60:
            continue  # give a real settlement fill its minute
        if any(o.fills_missing for o in run.leg_orders(leg.key)):
            continue  # how many contracts were left to be settled is not known yet
        fill = Fill(
            fill_id=f"settled-{run.run_id}-{leg.symbol}",
            venue_order_id="settlement",
            client_order_id=None,
            symbol=leg.symbol,
            product_id=leg.product_id,
            side=leg.side.opposite,
            quantity=open_quantity,
            price=price,
            commission=Decimal(0),
            kind=FillKind.SETTLEMENT,
            ts_event=leg.expiry,
        )
        turn.write(rec.FillRecorded, run.run_id, cause="recovery", leg=leg.key, fill=fill)
