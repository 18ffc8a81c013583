"""WAITING, for a ticket: what has to be known is read, what stands against it is said, then its order goes out or it is refused."""

from typing import NamedTuple

from trader.domain.order import Purpose
from trader.engine import records as rec
from trader.engine.account.allocation import newest_fill_at
from trader.engine.execution.working import paused, place
from trader.engine.gate import slowed
from trader.engine.levels import bars_entry, level_words
from trader.engine.records import Phase
from trader.engine.state import POSITION_LAG_SECS, Listing, Run, seconds_since
from trader.engine.tickets.adopting import take_over
from trader.engine.tickets.checks import flaws, unlisted
from trader.engine.tickets.funds import funds_flaw, price_of
from trader.engine.tickets.leverage import ask_leverage
from trader.engine.tickets.listing import ask_chain, take_quote
from trader.engine.tickets.refusal import Refusal, finish, of_denied, refuse
from trader.engine.tickets.terms import KEY, leg_of, shape_of
from trader.engine.turn import Turn
from trader.engine.valuation import staleness
from trader.engine.verdict import Denied

PATIENCE_SECS = 15.0  # what is not known by then keeps the ticket from being sent
RATE_PATIENCE_SECS = 60.0  # a list of many goes out as fast as the account may order
_LISTING_SECS = 600.0  # contracts read so lately are not read again; the exchange refuses what has changed since
_READ_SECS = 10.0  # positions and balance must have been read this recently
_ORDERS_SECS = (
    60.0  # and all open orders of the account: new ones are told by its stream, what it has missed is seen here
)
_PASSES = frozenset(
    """ORDER_RATE_EXCEEDED RATE_LIMITED NO_FRESH_MARK NO_INDEX_PRICE ACCOUNT_NOT_READ OPEN_PNL_UNKNOWN BALANCE_UNKNOWN
    INDEX_JUMP BOOK_CROSSED SPREADS_WIDE FEED_FROZEN API_FAILING""".split()
)


class Obstacle(NamedTuple):
    """Why a ticket does not go out now. What does not last is waited for, as long as a person would."""

    refusal: Refusal
    lasts: bool


def wait_ticket(turn: Turn, run_id: str) -> None:
    """Advance a WAITING ticket."""
    run = turn.run(run_id)
    if turn.watch(run_id).recovered and not run.adopts:
        _end_restarted(turn, run)
        return
    if run.cancelled:
        finish(turn, run_id, "cancelled")
        return
    obstacle = _adopt(turn, run) if run.adopts else _in_the_way(turn, run) or _send(turn, run_id)
    if obstacle is None:
        return
    age = seconds_since(turn.watch(run_id).since, turn.wall)
    patience = RATE_PATIENCE_SECS if turn.watch(run_id).recovered or _is_rate(obstacle) else PATIENCE_SECS
    if obstacle.lasts or age >= patience:
        refuse(turn, run_id, obstacle.refusal)
    else:
        turn.set_watch(run_id, why_not=(obstacle.refusal.sentence,))


def _end_restarted(turn: Turn, run: Run) -> None:
    """After a restart it is not sent any more. Whether it had been is for the exchange to say, since the journal may be an older
    copy: that is waited for, however long it takes."""
    obstacle = unsearched(turn, run)
    if obstacle is not None and not obstacle.lasts:
        turn.set_watch(run.run_id, why_not=(obstacle.refusal.sentence,))
    elif run.cancelled:
        finish(turn, run.run_id, "cancelled")
    else:
        words = "the runner was restarted before it went out; nothing was sent, send it again"
        refuse(turn, run.run_id, Refusal("RESTARTED", "", words) if obstacle is None else obstacle.refusal)


def unsearched(turn: Turn, run: Run) -> Obstacle | None:
    """What keeps the exchange from being searched for orders that an older journal does not know. Where it lists one of this ticket
    whose contract the journal has lost, too, that is pinned, and the account read again."""
    watch = turn.watch(run.run_id)
    if watch.account_read is not None and watch.taken_over and (obstacle := pin(turn, run)):
        return obstacle
    if turn.watch(run.run_id).is_searched:
        return None
    turn.set_watch(run.run_id, account_wanted=True)
    return Obstacle(of_denied(Denied("ACCOUNT_NOT_READ", "not since the restart")), lasts=False)


def _adopt(turn: Turn, run: Run) -> Obstacle | None:
    """What stands there is no new risk: only what it is has to be known, by a read that is young enough to show every fill of its runs."""
    if obstacle := pin(turn, run):
        return obstacle
    shown, traded = (
        turn.state.shown.get(run.underlying),
        newest_fill_at(turn.state, turn.run(run.run_id).leg(KEY).symbol),
    )
    if shown is None or shown.asked < run.created_at or seconds_since(traded, shown.asked) < POSITION_LAG_SECS:
        turn.set_watch(run.run_id, account_wanted=True)
        return Obstacle(of_denied(Denied("ACCOUNT_NOT_READ", "positions are being read")), lasts=False)
    refusal = take_over(turn, run.run_id)
    return None if refusal is None else Obstacle(refusal, lasts=True)


def _is_rate(obstacle: Obstacle) -> bool:
    return obstacle.refusal.code == "ORDER_RATE_EXCEEDED"


def _in_the_way(turn: Turn, run: Run) -> Obstacle | None:
    """What has to be known, or to be over, before the gate can judge: the quickest to say first."""
    state = turn.state
    if bars_entry(state, run):
        code = f"TRADING_{state.account.trading.level}"
        return Obstacle(of_denied(Denied(code, level_words(state))), lasts=True)
    if state.account_stream_fault:
        words = f"the account's stream is down: {state.account_stream_fault}"
        return Obstacle(Refusal("ACCOUNT_STREAM_DOWN", "", words), lasts=False)
    if slow := slowed(state, turn.now):
        return Obstacle(of_denied(Denied("RATE_LIMITED", slow)), lasts=False)
    return pin(turn, run) or _unpriced(turn, run) or _unread(turn, run)


def pin(turn: Turn, run: Run) -> Obstacle | None:
    """Pin the terms of the contract, once the exchange's time is known."""
    if turn.now.market is None:
        ask_chain(turn, run)
        return Obstacle(Refusal("NO_MARKET_TIME", "", "no market data has arrived yet"), lasts=False)
    if run.legs:
        return None
    ticket, listing = run.ticket, turn.state.listings.get(run.underlying)
    assert ticket is not None
    spot = turn.state.market.spots.get(run.underlying)
    if listing is None or spot is None or not _is_recent(turn, run, listing):
        ask_chain(turn, run)
        why = next(iter(turn.watch(run.run_id).why_not), "") or f"the contracts of {run.underlying} are being read"
        return Obstacle(Refusal("CONTRACTS_NOT_READ", "symbol", why), lasts=False)
    contract = listing.contracts.get(ticket.symbol)
    if (refusal := unlisted(ticket, contract, turn.now.market)) is not None or contract is None:
        return None if refusal is None else Obstacle(refusal, lasts=True)
    leg = leg_of(ticket, contract, turn.state.market.quotes.get(ticket.symbol))
    turn.write(rec.LegsChosen, run.run_id, legs=(leg,), spot=spot, exit_at=None)
    turn.set_watch(run.run_id, picked_at=turn.wall)
    return None


def _is_recent(turn: Turn, run: Run, listing: Listing) -> bool:
    """Whether a list is young enough: where it lacks the contract, younger than the ticket."""
    assert run.ticket is not None
    if run.ticket.symbol in listing.contracts:
        return seconds_since(listing.at, turn.wall) < _LISTING_SECS
    return listing.at >= run.created_at


def _unpriced(turn: Turn, run: Run) -> Obstacle | None:
    symbol = turn.run(run.run_id).leg(KEY).symbol
    flaw = staleness(turn.state.market, turn.now, symbol, adds_risk=True)
    if flaw:
        take_quote(turn, run, symbol)
        flaw = staleness(turn.state.market, turn.now, symbol, adds_risk=True)
    if not flaw:
        return None
    ask_chain(turn, run)
    return Obstacle(Refusal("NO_FRESH_PRICE", "symbol", flaw), lasts=False)


def _unread(turn: Turn, run: Run) -> Obstacle | None:
    """Positions and balance must be known, and what rests on the account."""
    shown = turn.state.shown.get(run.underlying)
    if shown is None or seconds_since(shown.asked, turn.wall) > _READ_SECS:
        turn.set_watch(run.run_id, account_wanted=True)
        return Obstacle(of_denied(Denied("ACCOUNT_NOT_READ", "positions and balance are being read")), lasts=False)
    if seconds_since(turn.state.orders_read, turn.wall) > _ORDERS_SECS:
        turn.set_watch(run.run_id, account_wanted=True)
        return Obstacle(of_denied(Denied("ACCOUNT_NOT_READ", "open orders are being read")), lasts=False)
    return None


def _send(turn: Turn, run_id: str) -> Obstacle | None:
    """Put the order through the gate. What an algorithm works begins instead."""
    run = turn.run(run_id)
    ticket, leg, market = run.ticket, run.leg(KEY), turn.state.market
    assert ticket is not None
    if paused(turn, run_id, KEY):
        return None
    listing = turn.state.listings.get(run.underlying)
    contract = None if listing is None else listing.contracts.get(leg.symbol)
    quote = market.quotes.get(leg.symbol)
    found = (
        [] if contract is None else flaws(ticket, contract, quote, market.spots.get(run.underlying), turn.now.market)
    )
    if found:
        return Obstacle(found[0], lasts=found[0].code not in _PASSES)
    if obstacle := _leverage(turn, run_id):
        return obstacle
    if ticket.work != "once":
        # All of it has to be there, before the first part of it goes out.
        short = funds_flaw(turn.state, run, leg, leg.quantity, price_of(turn.state, leg), turn.now, {})
        if short is not None:
            return Obstacle(of_denied(short), lasts=short.code not in _PASSES)
        turn.phase(run_id, Phase.ENTERING, f"worked as {ticket.work}")
        return None
    if (denied := place_entry(turn, run_id)) is not None:
        return Obstacle(of_denied(denied), lasts=denied.code not in _PASSES)
    turn.phase(run_id, Phase.ENTERING, "sent")
    return None


def _leverage(turn: Turn, run_id: str) -> Obstacle | None:
    """Where a ticket names one, the exchange has agreed to it before the order goes out."""
    refusal = ask_leverage(turn, run_id)
    return None if refusal is None else Obstacle(refusal, lasts=refusal.code != "LEVERAGE_NOT_SET")


def place_entry(turn: Turn, run_id: str) -> Denied | None:
    """The order as the ticket now asks for it, for what has not filled yet."""
    run = turn.run(run_id)
    assert run.ticket is not None
    leg, shape, quote = run.leg(KEY), shape_of(run.ticket), turn.state.market.quotes.get(run.ticket.symbol)
    done = sum(order.done_qty for order in run.leg_orders(KEY, Purpose.ENTRY))
    return place(
        turn,
        run_id,
        leg,
        Purpose.ENTRY,
        leg.quantity - done,
        shape.limit_price,
        None if quote is None else quote.mark,
        shape.time_in_force,
        algo="once",
        post_only=shape.post_only,
        stop=shape.stop,
    )
