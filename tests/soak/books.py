"""The venue's record against the journal: no order and no fill is missing, none is there twice, the money agrees."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.killpoints.rig import executions
from tests.soak.world import SoakWorld
from trader.domain.order import OrderStatus
from trader.engine.records import FillRecorded, OrderIntended, OrderResolved, RunFinished

_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
_ENDED = {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED}


def compare(
    world: SoakWorld, heard_fills: list[tuple[str, str, int, Decimal]], balance_before: Decimal
) -> tuple[dict[str, Any], list[str]]:
    """Figures and everything that is wrong."""
    client, journal = world.client, world.journal()
    wrong: list[str] = []
    records = [record for _, record in journal.records()]
    intents = {r.intent.client_order_id: r.intent for r in records if isinstance(r, OrderIntended)}
    last = {r.client_order_id: r for r in records if isinstance(r, OrderResolved)}
    booked = [r.fill for r in records if isinstance(r, FillRecorded)]
    finished = [r for r in records if isinstance(r, RunFinished)]

    orders = [*client.open_orders(), *client.order_history(_EARLIEST)]
    fills = client.fills(None)
    for order in orders:
        coid = order.client_order_id or ""
        if coid not in intents:
            wrong.append(f"order {coid or order.venue_order_id} has no intent in the journal")
        elif coid not in last or last[coid].status not in _ENDED:
            wrong.append(f"order {coid} ended at the venue, not in the journal")
        elif (last[coid].filled_qty or 0) != order.quantity - order.leaves_qty:
            wrong.append(
                f"order {coid}: {last[coid].filled_qty} filled in the journal, {order.quantity - order.leaves_qty} at the venue"
            )
    coids = [order.client_order_id for order in orders]
    wrong += [f"order {coid} was accepted twice" for coid in set(coids) if coids.count(coid) > 1]
    for name, ids in (("venue", [f.fill_id for f in fills]), ("stream", [heard[0] for heard in heard_fills])):
        if len(ids) != len(set(ids)):
            wrong.append(f"{len(ids) - len(set(ids))} fills are in the {name} twice")
    there, here = executions(fills), executions(booked)
    heard = Counter(told[1:] for told in heard_fills)  # an id of the stream is none of the venue's REST
    if there != here:
        wrong.append(f"{(there - here).total()} fills are lost, {(here - there).total()} are invented")
    if there != heard:
        wrong.append(f"{(there - heard).total()} fills never came over the stream")
    moved = client.wallet().balance - balance_before
    sum_booked = sum((run.realized_pnl for run in finished if run.realized_pnl is not None), Decimal(0))
    if sum_booked != moved:
        wrong.append(f"booked {sum_booked}, the venue's cash moved by {moved}")
    left = {p.symbol: p.quantity for name in ("BTC", "ETH") for p in client.positions(name) if p.quantity}
    if left:
        wrong.append(f"positions are left: {left}")
    figures = {
        "orders": len(orders),
        "orders_in_journal": len(intents),
        "fills": len(fills),
        "fills_in_journal": len(booked),
        "fills_heard": len(heard_fills),
        "runs_finished": len(finished),
        "realized_pnl": str(sum_booked),
    }
    return figures, wrong
