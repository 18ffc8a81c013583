"""An Indian day's books held against the exchange: executions, fees, orders, wallet. Pure; every difference has its size."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from trader.desk.books.lines import OrderLine, Trade
from trader.desk.reports.day_values import Audit, DayDifference
from trader.domain.fill import Fill
from trader.domain.instrument import is_option
from trader.domain.order import OrderSnapshot, OrderStatus
from trader.domain.wallet import Transaction
from trader.domain.wording import counted, plain
from trader.engine.account.wallet_days import by_kind, day_cut
from trader.engine.ids import is_ours

ZERO = Decimal(0)
_NEVER_SENT = (OrderStatus.DENIED, OrderStatus.CREATED)
_LATE = timedelta(seconds=10)  # near midnight a line may be stamped on the other side of it than its fill


class Unread(msgspec.Struct, frozen=True):
    """Something of the exchange that could not be read, and why."""

    why: str


class _Side(msgspec.Struct):
    """What one of the two books has of one order at one price."""

    contracts: int = 0
    usd: Decimal = ZERO  # price times contracts, unsigned and without the contract's value
    fee: Decimal = ZERO
    uncosted: int = 0
    symbol: str = ""
    side: str = ""
    at: datetime | None = None


def audit_fills(
    trades: Sequence[Trade], fills: Sequence[Fill] | Unread, within: Callable[[datetime], bool], installation: str
) -> Audit:
    """The day's executions, order by order: contracts, prices, and what they cost.

    Args:
        trades: Of the books, some time before and after the day included.
        fills: The exchange's, of the same time.
        within: Whether an instant is of the day.
    """
    name = "Executions and fees"
    if isinstance(fills, Unread):
        return Audit(name=name, verdict="unread", sentence=f"The exchange's fills could not be read: {fills.why}.")
    ours, theirs = _ours(trades), _theirs(fills)
    foreign = {
        fill.venue_order_id
        for fill in fills
        if not is_ours(fill.client_order_id, installation) and fill.venue_order_id not in ours
    }
    traded = {trade.symbol for trade in trades}
    found, notes, counted = list[DayDifference](), list[str](), 0
    for order in sorted({*ours, *theirs}):
        mine, other = ours.get(order, {}), theirs.get(order, {})
        if not any(one.at is not None and within(one.at) for one in (*mine.values(), *other.values())):
            continue
        counted += 1
        symbol = next(one.symbol for one in (*mine.values(), *other.values()))
        if order in foreign and symbol not in traded:
            many = sum(one.contracts for one in other.values())
            notes.append(f"Order {order}, of no run or single order here: {many} {symbol}.")
            continue
        found += _differing(order, mine, other, is_foreign=order in foreign)
    fees = sum((one.fee for rows in ours.values() for one in rows.values() if one.at and within(one.at)), ZERO)
    words = f"{counted} orders with executions, fees {fees:f} USD by the books"
    return _judged(name, words, found, notes)


def _ours(trades: Iterable[Trade]) -> dict[str, dict[Decimal, _Side]]:
    """By the exchange's order and price. What no order of the exchange tells (a settlement booked by its price) is the wallet's to show."""
    found: dict[str, dict[Decimal, _Side]] = {}
    for trade in trades:
        if trade.venue_order_id:
            row = found.setdefault(trade.venue_order_id, {}).setdefault(trade.price.normalize(), _Side())
            _add(row, trade.quantity, trade.price, trade.fee, trade.symbol, trade.side, trade.at)
    return found


def _theirs(fills: Iterable[Fill]) -> dict[str, dict[Decimal, _Side]]:
    found: dict[str, dict[Decimal, _Side]] = {}
    for fill in fills:
        row = found.setdefault(fill.venue_order_id, {}).setdefault(fill.price.normalize(), _Side())
        _add(row, fill.quantity, fill.price, fill.commission, fill.symbol, fill.side.value, fill.ts_event)
    return found


def _add(
    row: _Side, quantity: int, price: Decimal, fee: Decimal | None, symbol: str, side: str, at: datetime | None
) -> None:
    row.contracts += quantity
    row.usd += price * quantity
    row.fee += fee or ZERO
    row.uncosted += fee is None
    row.symbol, row.side, row.at = symbol, side, at


def _differing(
    order: str, mine: Mapping[Decimal, _Side], other: Mapping[Decimal, _Side], *, is_foreign: bool
) -> Iterable[DayDifference]:
    for price in sorted({*mine, *other}):
        one, two = mine.get(price, _Side()), other.get(price, _Side())
        what = f"{(two.side or one.side)} {two.symbol or one.symbol} at {price:f} (order {order})"
        if one.contracts != two.contracts:
            code = "FILL_FOREIGN" if is_foreign else "FILL_MISSING" if two.contracts > one.contracts else "FILL_UNKNOWN"
            why = ", of no run or single order here" if is_foreign else ""
            yield DayDifference(
                code=code,
                contracts=two.contracts - one.contracts,
                sentence=f"{what}: the exchange has {two.contracts} contracts, the books {one.contracts}{why}",
            )
        elif one.uncosted or one.fee != two.fee:
            told = "not all told yet" if one.uncosted else f"{one.fee:f} USD"
            yield DayDifference(
                code="FEE_DIFFERS",
                usd=two.fee - one.fee,
                sentence=f"{what}: the exchange charged {two.fee:f} USD, by the books the fee is {told}",
            )


def audit_orders(
    orders: Sequence[OrderLine], listed: Sequence[OrderSnapshot] | Unread, within: Callable[[datetime], bool], installation: str
) -> Audit:  # fmt: skip
    """Every order of the day is accounted for: the exchange knows it with the same contracts filled, or it never reached it.

    Args:
        orders: The day's, of the books.
        listed: Open ones and ended ones of the exchange, some time before and after the day included.
    """
    name = "Orders"
    if isinstance(listed, Unread):
        return Audit(name=name, verdict="unread", sentence=f"The exchange's orders could not be read: {listed.why}.")
    theirs = {one.venue_order_id: one for one in listed}
    by_ours = {one.client_order_id: one for one in listed if one.client_order_id}
    found, notes = list[DayDifference](), list[str]()
    sent = [line for line in orders if OrderStatus(line.status) not in _NEVER_SENT]
    for line in sent:
        found += _order(line, by_ours.get(line.client_order_id) or theirs.get(line.venue_order_id or ""))
    known = {line.client_order_id for line in orders}
    for snapshot in listed:
        if snapshot.created_at is None or not within(snapshot.created_at) or snapshot.client_order_id in known:
            continue
        what = f"{snapshot.side.value} {snapshot.quantity} {snapshot.symbol}, {snapshot.filled_qty} filled"
        if is_ours(snapshot.client_order_id, installation):
            words = f"{snapshot.client_order_id} ({what}) bears our mark and is not in the books of this day"
            found.append(DayDifference(code="ORDER_NOT_IN_BOOKS", contracts=snapshot.filled_qty, sentence=words))
        else:
            notes.append(f"Order {snapshot.venue_order_id}, of no run or single order here: {what}.")
    denied = sum(line.status == OrderStatus.DENIED for line in orders)
    live = sum(OrderStatus(line.status).live for line in orders)
    words = f"{len(sent)} orders sent, {denied} denied by our own gate, {live} may still trade"
    return _judged(name, words, found, notes)


def _order(line: OrderLine, snapshot: OrderSnapshot | None) -> Iterable[DayDifference]:
    what = f"{line.client_order_id} ({line.side} {line.quantity} {line.symbol})"
    status = OrderStatus(line.status)
    if status in (OrderStatus.UNKNOWN, OrderStatus.IN_FLIGHT):
        words = f"{what}: what became of it is not known"
        yield DayDifference(code="ORDER_UNKNOWN", contracts=line.left, sentence=words)
    elif snapshot is None:
        if status is not OrderStatus.REJECTED:
            words = (
                f"{what} is {line.status} with {line.filled} filled by the books, and not among the exchange's orders"
            )
            yield DayDifference(code="ORDER_MISSING", contracts=-line.filled, sentence=words)
    elif snapshot.filled_qty != line.filled:
        words = f"{what}: the exchange has filled {snapshot.filled_qty}, the books have {line.filled}"
        yield DayDifference(code="ORDER_FILLED", contracts=snapshot.filled_qty - line.filled, sentence=words)


class Balances(msgspec.Struct, frozen=True):
    """The wallet before and after the day; None where the ledger does not tell."""

    opening: Decimal | None = None
    closing: Decimal | None = None


def audit_wallet(
    trades: Sequence[Trade],
    funding: Decimal,
    products: Collection[int],
    lines: Sequence[Transaction] | Unread,
    begins: datetime,
    ends: datetime,
) -> tuple[Audit, Balances]:
    """The day's change of balance: it is the sum of the ledger's lines, and those in our options come to what was booked.

    Args:
        trades: The day's executions, of the books.
        funding: What perpetuals have brought in funding by the books.
        products: Product ids of the options that our runs traded or held.
        lines: The exchange's ledger from the day's beginning on.
        begins, ends: Where the day is cut.
    """
    name = "Wallet"
    if isinstance(lines, Unread):
        words = f"The exchange's ledger could not be read: {lines.why}."
        return Audit(name=name, verdict="unread", sentence=words), Balances()
    options = {*products}
    booked = [trade for trade in trades if is_option(trade.symbol)]
    told = sum((trade.cash or ZERO for trade in booked), ZERO) - sum((trade.fee or ZERO for trade in booked), ZERO)
    settled = [line for line in lines if line.asset in (None, "USD") and line.created_at is not None]
    since = sorted((line for line in settled if line.created_at is not None and line.created_at >= begins), key=_stamp)
    until = day_cut(since, options, told, ends, _LATE)
    paid = [line for line in since if line.created_at is not None and line.created_at < until]
    balances, found = _chained(paid)
    in_ours = sum((line.amount for line in paid if line.product_id in options), ZERO)
    if in_ours != told:
        words = f"in our options the ledger has changed by {in_ours:+f} USD, by the books by {told:+f} USD"
        found.append(DayDifference(code="WALLET_DIFFERS", usd=in_ours - told, sentence=words))
    ours = by_kind(line for line in paid if line.product_id in options)
    besides = by_kind(line for line in paid if line.product_id not in options)
    change = sum((line.amount for line in paid), ZERO)
    notes = [f"Of our options: {_listed(ours)}."] if ours else []
    notes += [f"Besides (deposits, perpetuals, other contracts): {_listed(besides)}."] if besides else []
    if funding:
        notes.append(
            f"Funding of perpetuals by the books: {funding:+f} USD; they are compared once nothing of them is held."
        )
    across = (
        "" if balances.opening is None else f", from {plain(balances.opening)} to {plain(balances.closing or ZERO)} USD"
    )
    words = f"{len(paid)} lines of the ledger change the balance by {change:+f} USD{across}; in our options {in_ours:+f} USD"
    return _judged(name, words, found, notes), balances


def _stamp(line: Transaction) -> tuple[datetime, int, str]:
    assert line.created_at is not None
    number = line.transaction_id
    return line.created_at, int(number) if number.isdigit() else 0, number


def _chained(lines: Sequence[Transaction]) -> tuple[Balances, list[DayDifference]]:
    """Balance before and after: each line begins where another has ended, whatever order those of one instant are told in."""
    if not lines:
        return Balances(), []
    before, after = Counter(one.balance - one.amount for one in lines), Counter(one.balance for one in lines)
    begun, ended = list((before - after).elements()), list((after - before).elements())
    if len(begun) <= 1:
        opening = begun[0] if begun else lines[0].balance - lines[0].amount
        return Balances(opening, ended[0] if ended else opening), []
    opening, closing = lines[0].balance - lines[0].amount, lines[-1].balance
    change = sum((one.amount for one in lines), ZERO)
    words = f"the ledger's lines add up to {change:+f} USD, its balance went from {opening:f} to {closing:f} USD"
    return Balances(opening, closing), [
        DayDifference(code="BALANCE_DIFFERS", usd=closing - opening - change, sentence=words)
    ]


def _listed(kinds: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{kind} {amount:+f}" for kind, amount in sorted(kinds.items()))


def _judged(name: str, words: str, found: Sequence[DayDifference], notes: Sequence[str]) -> Audit:
    if not found:
        return Audit(name=name, verdict="agrees", sentence=f"{words}: all agree.", notes=tuple(notes))
    many = counted(len(found), "difference")
    return Audit(
        name=name, verdict="differs", sentence=f"{words}: {many}.", differences=tuple(found), notes=tuple(notes)
    )
