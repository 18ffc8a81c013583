"""What tickets need to know of the exchange, asked once for all of them: contracts and prices of an underlying, positions and balance."""

from collections.abc import Iterable

from msgspec.structs import replace

from trader.domain.order import OrderStatus
from trader.engine.effects import ReadChain
from trader.engine.events import AccountRead, ChainRead
from trader.engine.gate import slowed
from trader.engine.records import Phase
from trader.engine.state import Listing, Order, Run, Shown, State, seconds_since
from trader.engine.turn import Turn

_CHAIN_SECS = 2.0  # between reads of one underlying's contracts
_CHAIN_ANSWER_SECS = 15.0
_ACCOUNT_SECS = 1.0  # between reads of the account for tickets, however many there are
_CLOSING_SECS = 0.25
_RESTS = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)


def tickets_symbols(state: State) -> set[str]:
    """Contracts of tickets, those too whose terms are not known yet."""
    return {run.ticket.symbol for run in state.unresolved if run.ticket is not None}


def ask_chain(turn: Turn, run: Run) -> None:
    """Read contracts and prices of a ticket's underlying, unless another ticket has just asked for them."""
    if slowed(turn.state, turn.now) and run.phase is not Phase.EXITING:
        return
    for other in turn.state.runs.values():
        if other.ticket is None or other.underlying != run.underlying:
            continue
        watch = turn.state.watches.get(other.run_id)
        waited = float("inf") if watch is None else seconds_since(watch.chain_asked, turn.wall)
        is_pending = watch is not None and watch.chain_pending and other.phase is not Phase.DONE
        if waited < (_CHAIN_ANSWER_SECS if is_pending else _CHAIN_SECS):
            return
    turn.set_watch(run.run_id, chain_asked=turn.wall, chain_pending=True)
    turn.do(ReadChain(run_id=run.run_id, underlying=run.underlying))


def see_listing(turn: Turn, event: ChainRead) -> None:
    """Keep the contracts that a read for a ticket has told."""
    run = turn.state.runs.get(event.run_id)
    if run is None or run.ticket is None:
        return
    if event.error or not event.instruments:
        why = event.error or "the list of contracts is empty"
        turn.set_watch(run.run_id, why_not=(f"the contracts of {run.underlying} could not be read: {why}",))
        return
    asked = turn.watch(run.run_id).chain_asked or turn.wall
    contracts = {one.symbol: one for one in event.instruments}
    quotes = {one.symbol: one for one in event.quotes}
    turn.set(listings={**turn.state.listings, run.underlying: Listing(asked, contracts, quotes)})
    market = turn.state.market
    if event.spot is not None and run.underlying not in market.spots:
        turn.set(market=replace(market, spots={**market.spots, run.underlying: event.spot}))


def take_quote(turn: Turn, run: Run, symbol: str) -> None:
    """Take a contract's quote from the last read where nothing was heard of it yet: it was read for another ticket."""
    listing, market = turn.state.listings.get(run.underlying), turn.state.market
    told = None if listing is None else listing.quotes.get(symbol)
    if told is not None and symbol not in market.quotes:
        turn.set(market=replace(market, quotes={**market.quotes, symbol: told}))


def see_shown(turn: Turn, covered: Iterable[Run], event: AccountRead) -> None:
    """Keep positions and balance, by underlying: they are those of the whole account there."""
    if event.positions is None or event.error:
        return
    held = {position.symbol: position.quantity for position in event.positions}
    prices = {one.symbol: one.entry_price for one in event.positions if one.entry_price is not None}
    shown = Shown(event.asked, held, prices, event.available_usd, event.balance_usd)
    turn.set(shown={**turn.state.shown, **{run.underlying: shown for run in covered}})


def may_ask(turn: Turn, run: Run) -> bool:
    """Whether a ticket may have the account read now. What one read tells serves all of them, so they share one pace."""
    asked = turn.state.tickets_asked
    if run.phase is Phase.EXITING:
        return seconds_since(asked, turn.wall) >= _CLOSING_SECS
    if run.phase is Phase.WAITING and not turn.watch(run.run_id).account_wanted:
        return False
    return seconds_since(asked, turn.wall) >= _ACCOUNT_SECS


def see_unlisted(turn: Turn, run_id: str, event: AccountRead) -> None:
    """Which resting orders the list of open ones lacks: only these are asked for one by one."""
    listed = {one.client_order_id for one in event.open_orders or ()} | {
        one.venue_order_id for one in event.open_orders or ()
    }
    resting = [order for order in turn.run(run_id).live_orders() if order.status in _RESTS]
    lacking = frozenset(
        order.intent.client_order_id
        for order in resting
        if order.intent.client_order_id not in listed and not listed.intersection(order.venue_ids)
    )
    if lacking != turn.watch(run_id).unlisted:
        turn.set_watch(run_id, unlisted=lacking, account_wanted=bool(lacking) or turn.watch(run_id).account_wanted)


def unlisted_orders(run: Run, unlisted: frozenset[str]) -> list[Order]:
    """The live orders of a ticket that have to be asked for by their ids."""
    return [
        order for order in run.live_orders() if order.status not in _RESTS or order.intent.client_order_id in unlisted
    ]
