"""Rows of an account read that made no sense: which of them leave a run's picture of its own contracts incomplete."""

from trader.domain.foreign import may_concern
from trader.domain.odd_row import OddRow
from trader.engine.events import AccountRead
from trader.engine.records import LegTerms, Phase
from trader.engine.state import Run


def doubts(run: Run, event: AccountRead) -> tuple[OddRow, ...]:
    """Unreadable positions, open orders and fills that may be of this run's contracts, and are not explained otherwise.

    A row that says it is about another contract leaves this run's picture whole.
    """
    found: list[OddRow] = []
    for leg in run.legs:
        if event.positions is not None and event.held(leg.symbol, leg.product_id) is None:
            found += event.odd_of("positions", leg.symbol, leg.product_id)
        found += event.odd_of("open_orders", leg.symbol, leg.product_id)
        fills = event.odd_of("fills", leg.symbol, leg.product_id)
        found += [row for row in fills if not _is_booked(run, row) and not _is_anothers(run, event, leg, row)]
    if run.phase is Phase.WAITING:
        # Nothing is sold while something unread may stand on the underlying.
        positions = [row for row in event.odd.get("positions", ()) if not _is_held(event, row)]
        unsure = [*positions, *event.odd.get("open_orders", ())]
        found += [row for row in unsure if may_concern(row, run.underlying)]
    return tuple(dict.fromkeys(found))


def _is_held(event: AccountRead, row: OddRow) -> bool:
    """True for the position of a contract that was read by itself."""
    return row.product_id is not None and event.held(row.symbol, row.product_id) is not None


def _is_anothers(run: Run, event: AccountRead, leg: LegTerms, row: OddRow) -> bool:
    """True for a fill of an order that is none of the run's, where nothing of the leg is unexplained: its orders have ended with
    all their fills, and the position is what they make."""
    if not row.order_id or any(row.order_id in order.venue_ids for order in run.orders.values()):
        return False
    if any(order.status.live or order.fills_missing for order in run.leg_orders(leg.key)):
        return False
    return event.held(leg.symbol, leg.product_id) == run.open_quantity(leg.key) * leg.side.sign


def _is_booked(run: Run, row: OddRow) -> bool:
    """True for a fill of one of our orders that has ended with every contract booked."""
    return any(
        row.order_id in order.venue_ids and order.status.terminal and not order.fills_missing
        for order in run.orders.values()
        if row.order_id
    )
