"""What a finished run has told of its money, held against the lines of the exchange's own ledger.

The ledger says how cash changed, contract by contract: premium, commissions, settlement, liquidation fees. What all runs have
booked of the same contracts since the same instant must add up to exactly that; a difference that lasts is told with its amount.
Another run that is still on may trade in these contracts meanwhile, and the ledger may know of it before we do: a difference that
changes from one read to the next, or that a fill not heard of may explain, is not one yet. It is read again until it is clear.

Of a perpetual the ledger books no price but what closing has made, by the average entry of the whole position: from one instant at
which nothing was held to the next it adds up to what the fills have made. So tickets in one are compared together, once the last of
them is done, from where the first of them began.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from trader.domain.instrument import Kind
from trader.domain.wallet import Transaction
from trader.engine import records as rec
from trader.engine.account.read import begun
from trader.engine.effects import ReadWallet
from trader.engine.events import WalletRead
from trader.engine.gate import slowed
from trader.engine.records import Phase
from trader.engine.state import KEPT_FLOWS, OWED_FOR, ZERO, Run, State, seconds_since
from trader.engine.turn import Turn

SETTLED_SECS = 5.0  # after the end: the ledger's lines may come a little later than the fills
AGAIN_SECS = 20.0  # between reads
LASTING_SECS = 60.0  # a difference that is the same in all reads of so long is one
WAITED_SECS = 600.0  # after this a ledger that could not be read is asked no more, until the next start
CUT_SECS = 10.0  # near a cut in time: a line may be written on the other side of it than its fill
_FURTHEST = timedelta(
    minutes=4
)  # before a run's beginning; what was booked just before that a restart may not have read back
_ROUNDED = Decimal("0.000001")  # USD: an average entry may have no end, the ledger's lines have one
_UNREAD = "wallet_unread"


def ask_wallet(turn: Turn) -> None:
    """Ask for the ledger once a run is done, until it was compared; for one run at a time, as there may be many after a start.
    Tries are counted, not seconds: a machine may sleep."""
    if slowed(turn.state, turn.now):
        return
    for run in turn.state.runs.values():
        watch = turn.state.watches.get(run.run_id)
        if (
            watch is None
            or not is_owed(run)
            or _waits(turn, run)
            or seconds_since(watch.wallet_asked, turn.wall) < AGAIN_SECS
        ):
            continue
        age = seconds_since(_ended(run), turn.wall)
        if not SETTLED_SECS <= age <= OWED_FOR.total_seconds() or _UNREAD in watch.alerted:
            continue
        if watch.wallet_tries * AGAIN_SECS >= WAITED_SECS:
            _give_up(turn, run, "the exchange did not answer")
            continue
        turn.set_watch(run.run_id, wallet_asked=turn.wall, wallet_tries=watch.wallet_tries + 1)
        turn.do(ReadWallet(run_id=run.run_id, since=_since(turn, run)))
        return


def _since(turn: Turn, run: Run) -> datetime:
    """Where a comparison begins: with the run, or before it where another run was trading in its contracts just then. Of two fills
    alike either may have been booked with the other's time, so the ledger is not cut near one, before it or after."""
    if _is_perpetual(run):
        return _flat_since(turn, run)
    cut = first = begun(turn, run)
    near, products = timedelta(seconds=CUT_SECS * turn.now.rate), {leg.product_id for leg in run.legs}
    flows = [flow for flow in turn.state.account.flows if flow.product_id in products and flow.at <= first + near]
    booked = {flow.at for flow in flows if flow.at < first or flow.run_id != run.run_id}
    for at in sorted(booked, reverse=True):
        if at < cut - near or at - near < first - _FURTHEST:
            break
        cut = min(cut, at - near)
    return cut


def is_owed(run: Run) -> bool:
    """Whether a run has traded, is done, and was not compared with the ledger yet. Tickets in options are compared with the days they
    traded on."""
    is_done = run.phase is Phase.DONE and run.finished is not None
    return is_done and bool(run.fills) and run.wallet is None and (run.ticket is None or _is_perpetual(run))


def _is_perpetual(run: Run) -> bool:
    return bool(run.legs) and run.legs[0].kind is Kind.PERPETUAL


def _waits(turn: Turn, run: Run) -> bool:
    """Whether others still hold a perpetual, or its ledger was read a moment ago for another ticket."""
    if not _is_perpetual(run):
        return False
    product = run.legs[0].product_id
    beside = [one for one in turn.state.runs.values() if one.legs and one.legs[0].product_id == product]
    return any(one.phase is not Phase.DONE for one in beside) or any(
        seconds_since(watch.wallet_asked, turn.wall) < AGAIN_SECS
        for one in beside
        if (watch := turn.state.watches.get(one.run_id)) is not None
    )


def _flat_since(turn: Turn, run: Run) -> datetime:
    """The last instant before a ticket's first contract at which nothing was held of its perpetual, by what is booked; not where the
    ledger's lines of before and after may lie the other way round."""
    leg, near = run.legs[0], timedelta(seconds=CUT_SECS * turn.now.rate)
    first = start = run.sold_at(leg.key) or begun(turn, run)
    held, last = 0, None
    for flow in sorted(
        (one for one in turn.state.account.flows if one.product_id == leg.product_id), key=lambda o: o.at
    ):
        if flow.contracts and not held and flow.at <= first and (last is None or flow.at - last > near):
            start = flow.at
        held, last = held + flow.contracts, flow.at
    return start if run.adopts else start - near / 2


def on_wallet_read(turn: Turn, event: WalletRead) -> None:
    """Compare a run with the ledger."""
    run = turn.state.runs.get(event.run_id)
    if run is None or run.run_id not in turn.state.watches or not is_owed(run):
        return
    if event.changes is None:
        if turn.watch(run.run_id).wallet_tries * AGAIN_SECS >= WAITED_SECS:
            _give_up(turn, run, f"it could not be read: {event.error}")
        return
    turn.set_watch(run.run_id, wallet_tries=0)
    products = {leg.product_id for leg in run.legs}
    told = _told(turn.state, products, event)
    if told is None:
        _give_up(turn, run, "more was executed since the run began than is remembered")
        return
    paid = [line for line in event.changes if line.product_id in products and _is_since(line, event)]
    difference = sum((line.amount for line in paid), ZERO) - told
    if _is_perpetual(run) and abs(difference) < _ROUNDED:
        difference = ZERO
    if difference and not _lasts(turn, run, products, difference):
        return
    kinds = dict.fromkeys((line.kind for line in paid), ZERO)
    for line in paid:
        kinds[line.kind] += line.amount
    for one in _together(turn, run, event.since):
        turn.write(rec.WalletCompared, one, cause="exchange", since=event.since, lines=kinds, difference=difference)
    if difference:
        text = (
            f"The wallet has changed by {difference:+f} USD more than this run's contracts have booked: trades of somebody "
            "else in them, or a charge that no fill tells. Compare the exchange's transactions."
        )
        turn.alert(run.run_id, "error", "wallet_differs", text)


def _together(turn: Turn, run: Run, since: datetime) -> list[str]:
    """The runs that one comparison is of: a run; of tickets in a perpetual all that traded since then."""
    if not _is_perpetual(run):
        return [run.run_id]
    leg = run.legs[0]
    return [
        one.run_id
        for one in turn.state.runs.values()
        if is_owed(one) and one.legs[0].product_id == leg.product_id and (one.sold_at(leg.key) or since) >= since
    ]


def _lasts(turn: Turn, run: Run, products: set[int], difference: Decimal) -> bool:
    """Whether a difference has been the same for long enough, with nothing left that may explain it."""
    was, reads = turn.watch(run.run_id).wallet_differs
    reads = reads + 1 if difference == was else 1
    reads = 0 if any(_may_explain(turn, other, products) for other in turn.state.unresolved) else reads
    turn.set_watch(run.run_id, wallet_differs=(difference, reads))
    return reads > LASTING_SECS / AGAIN_SECS


def _may_explain(turn: Turn, other: Run, products: set[int]) -> bool:
    """Whether an unfinished run may have traded in these contracts without our having booked it, with its cost."""
    shared = [leg for leg in other.legs if leg.product_id in products]
    if not shared or not other.has_sent:
        return False
    if (
        other.uncosted
        or other.fills_missing
        or any(leg.has_expired(turn.now.market) for leg in shared if leg in other.held)
    ):
        return True
    return seconds_since(turn.watch(other.run_id).account_read, turn.wall) > AGAIN_SECS


def _give_up(turn: Turn, run: Run, why: str) -> None:
    text = f"The result was not compared with the wallet's ledger: {why}."
    turn.alert(run.run_id, "warning", _UNREAD, text)


def _told(state: State, products: set[int], event: WalletRead) -> Decimal | None:
    """USD that all runs have booked of these contracts since; None where so far back is remembered no more."""
    flows = state.account.flows
    if len(flows) >= KEPT_FLOWS and flows[0].at > event.since:
        return None
    return sum((flow.usd for flow in flows if flow.product_id in products and flow.at >= event.since), ZERO)


def _is_since(line: Transaction, event: WalletRead) -> bool:
    return line.created_at is None or line.created_at >= event.since


def _ended(run: Run) -> datetime | None:
    return None if run.finished is None else run.finished.wall
