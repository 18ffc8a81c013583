"""One Indian day of the account: what it has made, and every book of it held against the exchange's."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import TypeVar

from msgspec.structs import replace

from trader.config.ticket import TicketRequest
from trader.desk.books.lines import OrderLine, Trade
from trader.desk.books.orders import newest_lines
from trader.desk.books.statistics import MOST_ORDERS
from trader.desk.books.trades import all_trades
from trader.desk.day import DAYS_BACK, folded_bounds
from trader.desk.reports.audit import Unread, audit_fills, audit_orders, audit_wallet
from trader.desk.reports.day_values import Audit, DayDifference, DayReport, DayRun
from trader.domain.errors import TraderError
from trader.domain.expiry import at_ist, ist_date
from trader.domain.fill import Fill
from trader.domain.instrument import Kind
from trader.domain.order import OrderSnapshot
from trader.domain.wording import clause, counted, usd_words
from trader.engine import records as rec
from trader.engine.fold import fold
from trader.engine.state import State
from trader.exchange.ports import Gateway
from trader.journal import Journal
from trader.journal.listings import Origin, Wanted

ZERO = Decimal(0)
_DAY = timedelta(days=1)
_AROUND = timedelta(hours=1)  # what is read beyond both midnights: the two books may stamp one execution differently
_LATE = timedelta(days=1)  # an execution may be booked so much later than it was, after a runner had been away
_BEFORE = timedelta(
    days=1
)  # an order that ended on the day was made so long before at most, or is found by its executions
_COMPARED = 400  # days back
T = TypeVar("T")


def build_day(
    journal: Journal,
    account: str,
    env: str,
    day: date,
    gateway: Callable[[], Gateway],
    *,
    wall: datetime,
    market: datetime,
) -> DayReport:
    """The report of a day; of the present one, as far as it has come.

    Args:
        gateway: Gives the exchange; what cannot be read there is told as not compared.
        wall: This machine's clock, and
        market: the exchange's.

    Raises:
        JournalError: The journal cannot be read.
    """
    begins, ends = at_ist(day, time(0)), at_ist(day + _DAY, time(0))
    # The exchange first, then the books: what fills in between is in both.
    fills = _read(gateway, lambda api: api.fills(begins - _AROUND))
    listed = _read(gateway, lambda api: [*api.order_history(begins - _BEFORE), *api.open_orders()])
    lines = _read(gateway, lambda api: api.transactions(begins - _AROUND))
    around, orders = _books(journal, account, begins, ends, fills, listed)
    trades = tuple(trade for trade in around if begins <= trade.at < ends)
    made, booked, ended, begun = _booked(journal, account, day, wall)
    names = {*begun, *booked, *(trade.run_id for trade in trades), *(line.run_id for line in orders)}
    origins = journal.origins(names | set(journal.unresolved_runs(account)))
    rows = (_run(origins[name], trades, booked.get(name), ended.get(name)) for name in names if name in origins)
    runs = tuple(sorted(rows, key=lambda one: (one.began_at, one.run_id)))
    compared = {one.day: one for one in journal.compared_days(account, _COMPARED)}
    before = compared.get(day - _DAY)
    products = {
        leg.product_id for one in origins.values() for leg in one.legs.values() if leg.kind is not Kind.PERPETUAL
    }

    def within(at: datetime) -> bool:
        return begins <= at < ends

    @cache
    def records(name: str) -> Sequence[rec.AnyRecord]:
        return [record for _, record in journal.records(name)]

    wallet, balances = audit_wallet(
        trades, _funding(map(records, names), within), products, lines, begins if before is None else before.until, ends
    )
    installation = journal.installation()
    audits = (
        audit_fills(around, fills, within, installation),
        audit_orders(orders, listed, within, installation),
        wallet,
        _audit_books({one.run_id: records(one.run_id) for one in runs if one.run_id in ended}, ended),
        *_told_by_runner(compared.get(day)),
    )
    return DayReport(
        account=account,
        env=env,
        day=day,
        is_over=market >= ends,
        made_at=wall,
        verdict=_verdict(audits, made, runs),
        is_sound=all(one.verdict == "agrees" for one in audits),
        made=made,
        cash=sum((trade.cash or ZERO for trade in trades), ZERO),
        fees=sum((trade.fee or ZERO for trade in trades), ZERO),
        opening=balances.opening,
        closing=balances.closing,
        runs=runs,
        trades=trades,
        orders=orders,
        audits=audits,
    )


def _books(
    journal: Journal,
    account: str,
    begins: datetime,
    ends: datetime,
    fills: Sequence[Fill] | Unread,
    listed: Sequence[OrderSnapshot] | Unread,
) -> tuple[tuple[Trade, ...], tuple[OrderLine, ...]]:
    """Executions of the day and some time around it, and its orders, oldest first. What the exchange names of the day and these do
    not have is looked up by its id: right after a start the exchange's time is not known yet, and stands in no record."""
    trades = {one.seq: one for one in all_trades(journal, account, since=begins - _AROUND, until=ends + _LATE)}
    lines = newest_lines(journal, account, Wanted(since=begins, until=ends), MOST_ORDERS)
    orders = {line.client_order_id: line for line in lines}
    stamps: dict[str | None, datetime | None] = {}
    if not isinstance(fills, Unread):
        stamps |= {one.client_order_id: one.ts_event for one in fills}
    if not isinstance(listed, Unread):
        stamps |= {one.client_order_id: one.created_at for one in listed}
    named = {coid: at for coid, at in stamps.items() if coid and coid not in orders and at and begins <= at < ends}
    runs = {found[1].run_id for coid in named if (found := journal.order_by_id(account, coid)) is not None}
    for run_id in runs:
        trades |= {one.seq: one for one in all_trades(journal, account, run_id=run_id)}
        for line in newest_lines(journal, account, Wanted(run_id=run_id), MOST_ORDERS):
            if line.client_order_id in named:
                orders[line.client_order_id] = replace(line, created_at=named[line.client_order_id])
    return (
        tuple(sorted(trades.values(), key=lambda one: (one.at, one.seq))),
        tuple(sorted(orders.values(), key=lambda one: (one.created_at, one.seq))),
    )


def _funding(runs: Iterable[Sequence[rec.AnyRecord]], within: Callable[[datetime], bool]) -> Decimal:
    """What perpetuals have brought on the day, by the records of its runs."""
    booked = (record for records in runs for record in records if isinstance(record, rec.FundingBooked))
    return sum((one.amount for one in booked if within(one.at)), ZERO)


def _read(gateway: Callable[[], Gateway], ask: Callable[[Gateway], Sequence[T]]) -> Sequence[T] | Unread:
    """What one read could not bring the others may."""
    try:
        return ask(gateway())
    except TraderError as error:
        return Unread(clause(str(error)))


def _booked(
    journal: Journal, account: str, day: date, wall: datetime
) -> tuple[Decimal, dict[str, Decimal], dict[str, rec.RunFinished], set[str]]:
    """What the day has made in all, by run, the runs that ended and those that began on it; by the engine's own fold."""
    state, bounds = folded_bounds(journal, account, min(wall, at_ist(day, time(0))) - DAYS_BACK)
    booked, ended, begun = dict[str, Decimal](), dict[str, rec.RunFinished](), set[str]()
    for one in bounds:
        is_today = ist_date(one.market or one.wall) == day
        if isinstance(one, rec.RunCreated) and is_today:
            begun.add(one.run_id)
        elif isinstance(one, rec.RunFinished) and is_today:
            ended[one.run_id] = one
            booked[one.run_id] = booked.get(one.run_id, ZERO) + one.realized_pnl - one.carried
        elif isinstance(one, rec.DayMarked) and one.day == day:
            booked[one.run_id] = booked.get(one.run_id, ZERO) + one.pnl - one.carried
    return state.account.made_by_day.get(day, ZERO), booked, ended, begun


def _run(origin: Origin, trades: Sequence[Trade], made: Decimal | None, ended: rec.RunFinished | None) -> DayRun:
    created = origin.created
    own = [trade for trade in trades if trade.run_id == created.run_id]
    ticket = TicketRequest.model_validate(created.ticket) if created.ticket else None
    return DayRun(
        run_id=created.run_id,
        is_ticket=ticket is not None,
        name=created.preset if ticket is None else ticket.symbol,
        underlying=created.underlying,
        began_at=created.market or created.wall,
        ended_at=None if ended is None else ended.market or ended.wall,
        exit_reason=None if ended is None else ended.exit_reason,
        made=made,
        result=None if ended is None else ended.realized_pnl,
        traded=sum(trade.quantity for trade in own),
        cash=sum((trade.cash or ZERO for trade in own), ZERO),
        fees=sum((trade.fee or ZERO for trade in own), ZERO),
    )


def _audit_books(runs: Mapping[str, Sequence[rec.AnyRecord]], ended: Mapping[str, rec.RunFinished]) -> Audit:
    """What each ended run has told as its result is what its own records add up to."""
    found, count = list[DayDifference](), len(runs)
    for name, records in runs.items():
        first, told = records[0], ended[name].realized_pnl
        assert isinstance(first, rec.RunCreated)
        empty = State(installation="", epoch=0, env=first.env, account_key=first.account)
        end = next(number for number, record in enumerate(records) if isinstance(record, rec.RunFinished))
        run = fold(empty, records[: end + 1]).runs[name]  # as it stood then: a fee may be told later
        assert run.finished is not None
        adds_up = run.cash_flow - run.fees - run.finished.estimated_fees
        if adds_up != told:
            words = f"run {name} has told {told:+f} USD, its cash flows and fees come to {adds_up:+f} USD"
            found.append(DayDifference(code="RESULT_DIFFERS", usd=adds_up - told, sentence=words))
    words = f"{count} ended, and every result is what its own executions add up to." if count else "Nothing has ended."
    verdict = f"Of {count} results {len(found)} are not what their executions add up to." if found else words
    return Audit(name="Results", verdict="differs" if found else "agrees", sentence=verdict, differences=tuple(found))


def _told_by_runner(compared: rec.DayCompared | None) -> list[Audit]:
    """What the runner found itself after midnight; nothing where it compared nothing."""
    if compared is None:
        return []
    name = "The runner's own comparison"
    if compared.difference is None:
        return [Audit(name=name, verdict="unread", sentence=f"Not compared: {compared.why}.")]
    if not compared.difference:
        return [Audit(name=name, verdict="agrees", sentence="After midnight the wallet agreed.")]
    words = f"the wallet differed by {compared.difference:+f} USD"
    one = DayDifference(code="WALLET_DIFFERED", usd=compared.difference, sentence=words)
    return [Audit(name=name, verdict="differs", sentence=f"After midnight {words}.", differences=(one,))]


def _verdict(audits: Sequence[Audit], made: Decimal, runs: Sequence[DayRun]) -> str:
    """``Made +3.10 USD with 2 runs and 1 single order. Everything agrees with the exchange.``"""
    orders = sum(one.is_ticket for one in runs)
    kinds = [counted(count, name) for count, name in ((len(runs) - orders, "run"), (orders, "single order")) if count]
    words = f"Made {usd_words(made, signed=True)} with {' and '.join(kinds)}." if kinds else "Nothing was traded."
    differing = [one for audit in audits for one in audit.differences]
    unread = [audit.name for audit in audits if audit.verdict == "unread"]
    if differing:
        sized = sum((abs(one.usd) for one in differing if one.usd is not None), ZERO)
        size = f", {usd_words(sized)} in all" if sized else ""
        words += f" {counted(len(differing), 'difference')} from the exchange{size}."
    if unread:
        words += f" Not compared: {', '.join(unread)}."
    if not differing and not unread:
        words += " Everything agrees with the exchange."
    return words
