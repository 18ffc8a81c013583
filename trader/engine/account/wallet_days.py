"""Each Indian day of the exchange's ledger, held against what all runs have booked on it.

A day's change of balance is realised P&L, fees, settlements and liquidations of the runs' contracts, which must be exactly the
cash that the journal books for that day, and whatever else moved money: deposits, transfers, other contracts. Those are listed
by kind and are no difference. So are perpetuals, of which the exchange books what closing has made: they are compared once nothing
of them is held (`wallet`).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from trader.domain.expiry import at_ist, ist_date
from trader.domain.instrument import Kind
from trader.domain.wallet import Transaction
from trader.engine import records as rec
from trader.engine.account.losses import today
from trader.engine.account.wallet import AGAIN_SECS, CUT_SECS, LASTING_SECS, SETTLED_SECS, WAITED_SECS
from trader.engine.effects import ReadWallet
from trader.engine.events import WalletRead
from trader.engine.gate import slowed
from trader.engine.state import KEPT_FLOWS, OWED_FOR, ZERO, Run, State, seconds_since
from trader.engine.turn import Turn

_DAY = timedelta(days=1)


def ask_days(turn: Turn) -> None:
    """After each midnight, and after a start, ask for the ledger from the first day that is owed."""
    day, market = today(turn.now), turn.now.market
    if market is None or turn.state.ledger_until == day or slowed(turn.state, turn.now):
        return
    if seconds_since(turn.state.ledger_asked, turn.wall) < AGAIN_SECS:
        return
    owed = _owed(turn.state, day)
    if not owed:
        turn.set(ledger_until=day, ledger_first=None)
        return
    if (market - _begins(day)).total_seconds() < SETTLED_SECS * turn.now.rate or not _is_settled(turn):
        return
    turn.set(ledger_asked=turn.wall, ledger_first=turn.state.ledger_first or turn.wall)
    turn.do(ReadWallet(run_id="", since=_from(turn.state, owed[0])))


def _owed(state: State, day: date) -> list[date]:
    """Days before this one on which something was booked, since the last that was compared."""
    last = state.account.compared
    first = max(day - OWED_FOR, date.min if last is None else last.day + _DAY)
    flows = (flow for flow in state.account.flows if not flow.is_perpetual)
    return sorted({at for flow in flows if first <= (at := ist_date(flow.at)) < day})


def _is_settled(turn: Turn) -> bool:
    """Whether all that is known to have traded is booked, with its cost; after a restart the account is read first."""
    return not any(
        run.fills_missing or run.uncosted or (run.orders and turn.watch(run.run_id).account_read is None)
        for run in turn.state.unresolved
    )


def on_days_read(turn: Turn, event: WalletRead) -> None:
    """Compare the days that are owed, in order, up to the first one that may yet come to agree."""
    waited = seconds_since(turn.state.ledger_first, turn.wall)
    for day in _owed(turn.state, today(turn.now)):
        if event.changes is None:
            if waited < WAITED_SECS:
                return
            _write(turn, day, _begins(day + _DAY), why=f"the ledger could not be read: {event.error}")
        elif not _compare(turn, day, event.changes, lasts=waited >= LASTING_SECS):
            return
    turn.set(ledger_first=None)


def _compare(turn: Turn, day: date, changes: Sequence[Transaction], *, lasts: bool) -> bool:
    """Whether the day is done with."""
    state, start, end = turn.state, _from(turn.state, day), _begins(day + _DAY)
    flows = state.account.flows
    if len(flows) >= KEPT_FLOWS and flows[0].at > _begins(day):
        _write(turn, day, end, why="more was executed since than is remembered")
        return True
    booked = [flow for flow in flows if ist_date(flow.at) == day and not flow.is_perpetual]
    products = {flow.product_id for flow in booked} | _held(state.unresolved)
    told = sum((flow.usd for flow in booked), ZERO)
    since = [line for line in changes if line.created_at is None or line.created_at >= start]
    until = day_cut(since, products, told, end, timedelta(seconds=CUT_SECS * turn.now.rate))
    paid = [line for line in since if line.created_at is not None and line.created_at < until]
    difference = _sum(paid, products) - told
    if difference and not lasts:
        return False
    _write(
        turn,
        day,
        until,
        lines=by_kind(line for line in paid if line.product_id in products),
        besides=by_kind(line for line in paid if line.product_id not in products),
        difference=difference,
    )
    return True


def day_cut(
    lines: Sequence[Transaction], products: set[int], told: Decimal, end: datetime, near: timedelta
) -> datetime:
    """Where the day ends in the ledger: at midnight, or at a line near it where only that makes the day agree."""
    stamps = [line.created_at for line in lines if line.created_at is not None and abs(line.created_at - end) <= near]
    microsecond = timedelta(microseconds=1)
    for cut in (end, *sorted({at for stamp in stamps for at in (stamp, stamp + microsecond)})):
        within = [line for line in lines if line.created_at is not None and line.created_at < cut]
        if _sum(within, products) == told:
            return cut
    return end


def _write(turn: Turn, day: date, until: datetime, **fields: object) -> None:
    turn.write(rec.DayCompared, "", cause="exchange", account=turn.state.account_key, day=day, until=until, **fields)
    difference, why = fields.get("difference"), fields.get("why")
    if difference:
        text = (
            f"On {day:%d %b} the wallet has changed by {difference:+f} USD more than the runs' contracts have booked: trades of "
            "somebody else in them, or a charge that no fill tells. Compare the exchange's transactions."
        )
        turn.write(rec.AlertRaised, "", level="error", code="wallet_day_differs", text=text)
    elif why:
        text = f"{day:%d %b} could not be compared with the wallet: {why}."
        turn.write(rec.AlertRaised, "", level="warning", code="wallet_day_unread", text=text)


def _sum(lines: Iterable[Transaction], products: set[int]) -> Decimal:
    return sum((line.amount for line in lines if line.product_id in products), ZERO)


def by_kind(lines: Iterable[Transaction]) -> dict[str, Decimal]:
    """USD by kind; what is of another asset says so."""
    found: dict[str, Decimal] = {}
    for line in lines:
        kind = line.kind if line.asset in (None, "USD") else f"{line.kind} {line.asset}"
        found[kind] = found.get(kind, ZERO) + line.amount
    return found


def _held(runs: Iterable[Run]) -> set[int]:
    return {leg.product_id for run in runs for leg in run.held if leg.kind is not Kind.PERPETUAL}


def _from(state: State, day: date) -> datetime:
    """Where a day begins in the ledger: where the one before was cut."""
    last = state.account.compared
    return last.until if last is not None and last.day == day - _DAY else _begins(day)


def _begins(day: date) -> datetime:
    return at_ist(day, time(0))
