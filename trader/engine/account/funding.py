"""Funding of perpetuals: what longs pay shorts, or the other way round, at whole hours, in the P&L of the tickets that held them.

No fill tells it: it is a line of the exchange's ledger, one per contract and instant, for the position of the whole account. Each
ticket that held contracts at that instant has its part of the line, by their number; all parts add up to it exactly. Exchanges
exchange funding at whole hours (Delta: 0, 8 and 16 UTC), and not all of them tell which: so the ledger is read after every whole
hour over which a ticket was held, and a ticket that has closed is not done before. It is divided once the account was read after that
hour: a protection may have fired while this machine or the stream was down.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from trader.domain.instrument import Kind
from trader.domain.wallet import Transaction
from trader.engine import records as rec
from trader.engine.account.wallet import SETTLED_SECS
from trader.engine.effects import ReadWallet
from trader.engine.events import WalletRead
from trader.engine.gate import slowed
from trader.engine.records import LegTerms, Phase
from trader.engine.state import Run, State, seconds_since
from trader.engine.turn import Turn

LISTED_SECS = 30.0  # of the exchange's time after a whole hour: a line that is not listed by then does not come
PATIENCE_SECS = 60.0  # of this machine's: a ticket that has closed waits no longer for the ledger
_AGAIN_SECS = 5.0  # between reads
_SMALLEST = Decimal("1E-12")  # USD: parts with an end add up exactly


def ask_funding(turn: Turn) -> None:
    """Ask for the ledger where a whole hour has passed over a ticket in a perpetual."""
    market, read = turn.now.market, turn.state.funding
    owed = [run for run in turn.state.unresolved if is_owed(turn.state, run, market)]
    if market is None or not owed or slowed(turn.state, turn.now) or seconds_since(read.asked, turn.wall) < _AGAIN_SECS:
        return
    since = min(run.funded_at or _traded_at(run) or run.created_at for run in owed)
    hour = max(hour for run in owed if (hour := _hour_of(run, market)) is not None)
    if (market - hour).total_seconds() < SETTLED_SECS * turn.now.rate or not _is_known(turn, hour):
        return
    turn.set(funding=replace(read, asked=turn.wall, market=market, hour=hour, run_id=owed[0].run_id))
    turn.do(ReadWallet(run_id=owed[0].run_id, since=since))


def is_owed(state: State, run: Run, market: datetime | None) -> bool:
    """Whether funding of a run may not be booked yet."""
    hour = _hour_of(run, market)
    return hour is not None and (state.funding.until is None or state.funding.until < hour)


def may_come(turn: Turn, run: Run) -> bool:
    """Whether a run that has closed should wait for the ledger; a person is told where it was waited for in vain."""
    if not is_owed(turn.state, run, turn.now.market):
        return False
    closed, begun = run.last_fill_at(run.legs[0].key), turn.watch(run.run_id).since
    if seconds_since(begun if closed is None else max(closed, begun), turn.wall) < PATIENCE_SECS:
        return True
    text = (
        "The exchange's ledger or executions could not be read: funding of the last hours may be missing in this P&L."
    )
    turn.alert(run.run_id, "warning", "funding_untold", text)
    return False


def book_funding(turn: Turn, event: WalletRead) -> None:
    """Divide the funding that the ledger lists among those that held the contract at that instant."""
    if event.changes is None:
        return
    lines = [
        (line.created_at, line) for line in event.changes if line.kind == "funding" and line.created_at is not None
    ]
    for at, line in sorted(lines, key=lambda one: one[0]):
        if not _is_known(turn, at):
            return  # the ledger is read again
        _divide(turn, line, at)
    read = turn.state.funding
    if read.run_id != event.run_id or read.hour is None or read.market is None:
        return
    is_listed = any(at >= read.hour for at, _ in lines)
    if is_listed or (read.market - read.hour).total_seconds() >= LISTED_SECS * turn.now.rate:
        turn.set(funding=replace(read, until=read.hour))


def _is_known(turn: Turn, at: datetime) -> bool:
    """Whether what every ticket in a perpetual held at an instant of the exchange's time is known: its executions were read since."""
    if turn.now.market is None:
        return False
    passed = (turn.now.market - at).total_seconds() / turn.now.rate
    return not any(
        run.fills_missing or seconds_since(turn.watch(run.run_id).account_read, turn.wall) > passed
        for run in turn.state.unresolved
        if run.has_sent and run.legs[0].kind is Kind.PERPETUAL
    )


def _divide(turn: Turn, line: Transaction, at: datetime) -> None:
    held = [
        (run, leg, size)
        for run in turn.state.runs.values()
        if run.finished is None or (run.finished.market or run.finished.wall) >= at
        for leg in run.legs
        if leg.kind is Kind.PERPETUAL and leg.product_id == line.product_id and (size := _held_at(run, leg, at)) > 0
    ]
    total, before = sum(size for _, _, size in held), 0
    for run, leg, size in held:
        part = _share(line.amount, before + size, total) - _share(line.amount, before, total)
        before += size
        if run.funded_at is not None and run.funded_at >= at:
            continue
        if run.phase is Phase.DONE:
            text = f"{part:+f} USD of funding were told after the end; they are not in this P&L."
            turn.alert(run.run_id, "warning", f"funding_late:{at:%m%d%H}", text)
            continue
        turn.write(rec.FundingBooked, run.run_id, cause="exchange", leg=leg.key, amount=part, at=at)


def _share(amount: Decimal, contracts: int, total: int) -> Decimal:
    return amount if contracts == total else (amount * contracts / total).quantize(_SMALLEST)


def _held_at(run: Run, leg: LegTerms, at: datetime) -> int:
    """Contracts that a run held at an instant of the exchange's time."""
    stamped = [(booked.fill, booked.fill.ts_event or at) for booked in run.fills.values() if booked.leg == leg.key]
    if all(stamp <= at for _, stamp in stamped):
        return run.open_quantity(leg.key)
    return sum(fill.quantity * (1 if fill.side is leg.side else -1) for fill, stamp in stamped if stamp <= at)


def _hour_of(run: Run, market: datetime | None) -> datetime | None:
    """The last whole hour over which a run held a perpetual; None where there was none. Of one that has closed its executions tell
    it, while the exchange's time is not known yet."""
    first = _traded_at(run)
    if first is None or run.legs[0].kind is not Kind.PERPETUAL:
        return None
    stamps = [booked.fill.ts_event for booked in run.fills.values() if booked.fill.ts_event is not None]
    last = market if run.open_quantity(run.legs[0].key) > 0 else max(stamps, default=market)
    if last is None:
        return None
    hour = last - timedelta(minutes=last.minute, seconds=last.second, microseconds=last.microsecond)
    return hour if hour > first else None


def _traded_at(run: Run) -> datetime | None:
    """When (exchange time) the first contract of a ticket was traded."""
    return run.sold_at(run.legs[0].key) if run.legs else None
