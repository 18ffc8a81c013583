"""Rows of an account read that made no sense: which of them leave a run's picture of its own contracts incomplete."""

from trader.domain.foreign import may_concern
from trader.domain.odd_row import OddRow
from trader.engine.account.allocation import explained
from trader.engine.events import AccountRead
from trader.engine.records import LegTerms, Phase
from trader.engine.state import Run, State


def doubts(state: State, run: Run, event: AccountRead) -> tuple[OddRow, ...]:
    """Unreadable positions, open orders and fills that may be of this run's contracts, and are not explained otherwise.

    A row that says it is about another contract leaves this run's picture whole.
    """
    found: list[OddRow] = []
    for leg in run.legs:
        if event.positions is not None and event.held(leg.symbol, leg.product_id) is None:
            found += event.odd_of("positions", leg.symbol, leg.product_id)
        found += event.odd_of("open_orders", leg.symbol, leg.product_id)
        fills = event.odd_of("fills", leg.symbol, leg.product_id)
        found += [row for row in fills if not _is_booked(state, row) and not _is_anothers(state, event, leg, row)]
    if run.phase is Phase.WAITING:
        found += hidden(run, event)
    return tuple(dict.fromkeys(found))


def hidden(run: Run, event: AccountRead) -> list[OddRow]:
    """Rows behind which something may stand on the run's underlying: nothing is sold beside that."""
    positions = [row for row in event.odd.get("positions", ()) if not _is_held(event, row)]
    unsure = [*positions, *event.odd.get("open_orders", ())]
    return [row for row in unsure if may_concern(row, run.underlying)]


def _is_held(event: AccountRead, row: OddRow) -> bool:
    """True for the position of a contract that was read by itself."""
    return row.product_id is not None and event.held(row.symbol, row.product_id) is not None


def _is_anothers(state: State, event: AccountRead, leg: LegTerms, row: OddRow) -> bool:
    """True for a fill of an order that is none of any run's, where nothing of the contract is unexplained: all orders in it have
    ended with all their fills, and the position is what they make."""
    orders = [o for run in state.unresolved for o in run.orders.values()]
    if not row.order_id or any(row.order_id in order.venue_ids for order in orders):
        return False
    if any((o.status.live or o.fills_missing) and o.intent.symbol == leg.symbol for o in orders):
        return False
    return event.held(leg.symbol, leg.product_id) == explained(state, leg.symbol)


def _is_booked(state: State, row: OddRow) -> bool:
    """True for a fill of one of our orders that has ended with every contract booked."""
    return bool(row.order_id) and any(
        row.order_id in order.venue_ids and order.status.terminal and not order.fills_missing
        for run in state.runs.values()
        for order in run.orders.values()
    )
