"""Composes the exchange's read verbs into the engine's two questions: the chain, and the state of the account."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from trader.domain.clock import Now
from trader.domain.errors import ExchangeError, RateLimited, WireError
from trader.domain.fill import Fill, Position
from trader.domain.odd_row import OddRow
from trader.domain.order import OrderSnapshot
from trader.domain.quote import credible_newest, usual_spot
from trader.domain.wallet import Wallet
from trader.engine.effects import ReadAccount, ReadChain, ReadWallet
from trader.engine.events import AccountRead, ChainRead, MarginRead, WalletRead
from trader.exchange.common.odd_rows import PartialList
from trader.exchange.ports import AccountReads, MarketReads

T = TypeVar("T")


def read_chain(gateway: MarketReads, effect: ReadChain, now: Callable[[], Now]) -> ChainRead:
    """Listed contracts and quotes of an underlying; what the exchange or the network does ends up in `error`."""
    try:
        quotes = gateway.tickers(effect.underlying)
        instruments = gateway.instruments(effect.underlying)
        spot = usual_spot(quotes) or gateway.spot(effect.underlying)
    except ExchangeError as error:
        return ChainRead(at=now(), run_id=effect.run_id, error=str(error), retry_after_secs=_retry_after(error))
    return ChainRead(at=now(), run_id=effect.run_id, instruments=tuple(instruments), quotes=tuple(quotes), spot=spot)


def read_wallet(gateway: AccountReads, effect: ReadWallet, now: Callable[[], Now]) -> WalletRead:
    """The ledger's lines; a list of which a row made no sense is no whole one."""
    read = WalletRead(at=now(), run_id=effect.run_id, since=effect.since)
    try:
        changes = tuple(gateway.transactions(effect.since))
    except (ExchangeError, PartialList) as error:
        return replace(read, at=now(), error=str(error), retry_after_secs=_retry_after(error))
    return replace(read, at=now(), changes=changes)


def read_margin(gateway: AccountReads, now: Callable[[], Now]) -> MarginRead:
    """How the account is margined."""
    try:
        terms = gateway.margin_terms()
    except ExchangeError as error:
        return MarginRead(at=now(), error=str(error), retry_after_secs=_retry_after(error))
    return MarginRead(at=now(), terms=terms)


def newest_mark(event: ChainRead) -> datetime | None:
    """The youngest exchange time a chain carries; one far ahead of every other of its rows is not believed."""
    return credible_newest(quote.ts_mark for quote in event.quotes)


def read_account(gateway: AccountReads, effect: ReadAccount, asked: datetime, now: Callable[[], Now]) -> AccountRead:
    """One reconciliation read. What could be read is kept; a member that could not stays None, and `error` says why. Rows that
    made no sense are in `odd`.

    Fills are read last, so that no position in the same answer is younger than the fills that explain it.
    """
    read = _read_members(gateway, effect, AccountRead(at=now(), runs=effect.runs, asked=asked))
    return replace(read, at=now())


def _read_members(gateway: AccountReads, effect: ReadAccount, read: AccountRead) -> AccountRead:
    gateway = gateway.for_exit() if effect.for_exit else gateway
    products = effect.product_ids or None
    parts = _Parts()
    try:
        found = {coid: parts.named(coid, partial(_lookup, gateway, coid)) for coid in effect.lookups}
        read = replace(read, lookups={coid: answer[0] for coid, answer in found.items() if answer is not None})
        if effect.whole:
            read = replace(read, open_orders=parts.rows("open_orders", gateway.open_orders), whole=True)
        elif products is not None:
            read = replace(read, open_orders=parts.rows("open_orders", lambda: gateway.open_orders(products)))
        if products is None:
            read = replace(read, open_orders=read.open_orders if effect.whole else (), fills=(), history=())
        else:
            if effect.lookups or effect.history:
                history = parts.rows("history", lambda: gateway.order_history(effect.since, products))
                read = replace(read, history=history)
        read = replace(read, positions=_positions(gateway, effect, parts))
        if products is not None:
            fills = parts.rows("fills", lambda: gateway.fills(effect.since, products))
            named = [parts.one(partial(_with_order, gateway, effect, fill)) or fill for fill in fills or ()]
            read = replace(read, fills=None if fills is None else tuple(named))
        wallet = _wallet(gateway)
        if wallet is not None:
            read = replace(
                read,
                available_usd=wallet.available,
                balance_usd=wallet.balance,
                margin_mode=wallet.margin_mode,
            )
        prices = {
            symbol: parts.named(symbol, partial(gateway.settlement_price, symbol)) for symbol in effect.settled_symbols
        }
        read = replace(read, settlements={symbol: price for symbol, price in prices.items() if price is not None})
    except ExchangeError as error:
        parts.errors.append(f"{type(error).__name__}: {error}")
        read = replace(read, retry_after_secs=_retry_after(error))
    return replace(read, odd=parts.odd, failed=parts.failed, error="; ".join(parts.errors))


class _Parts:
    """The parts of one read: an answer that makes no sense costs that part only, a row that makes none only that row."""

    def __init__(self) -> None:
        self.odd: dict[str, tuple[OddRow, ...]] = {}
        self.errors: list[str] = []
        self.failed: dict[str, str] = {}

    def one(self, ask: Callable[[], T]) -> T | None:
        """An answer, None where it cannot be read (or is None)."""
        try:
            return ask()
        except WireError as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            return None

    def named(self, name: str, ask: Callable[[], T]) -> T | None:
        """The same of what is asked for the sake of one run, by its name: its failure is no other's."""
        try:
            return ask()
        except WireError as error:
            self.failed[name] = f"{type(error).__name__}: {error}"
            return None

    def rows(self, member: str, ask: Callable[[], Sequence[T]]) -> tuple[T, ...] | None:
        """The rows of a list that could be read, None where it is no list."""

        def readable() -> Sequence[T]:
            try:
                return ask()
            except PartialList as part:
                self.odd[member] = (*self.odd.get(member, ()), *part.odd)
                return part.rows

        found = self.one(readable)
        return None if found is None else tuple(found)


def _positions(gateway: AccountReads, effect: ReadAccount, parts: _Parts) -> tuple[Position, ...] | None:
    """Positions of the underlyings. Where a row of a list made no sense, the runs' own contracts are asked for one by one."""
    held: tuple[Position, ...] = ()
    for underlying in effect.underlyings:
        listed = parts.rows("positions", partial(gateway.positions, underlying))
        if listed is None:
            return None
        held += listed
    if "positions" not in parts.odd:
        return held
    known = {position.product_id for position in held}
    asked = [_position(gateway, number) for number in effect.product_ids if number not in known]
    return (*held, *(position for position in asked if position is not None))


def _wallet(gateway: AccountReads) -> Wallet | None:
    """The money; None where it makes no sense, which keeps from entries only."""
    try:
        return gateway.wallet()
    except WireError as error:
        gateway.odd_rows.note([OddRow(listed="the balances", place=0, reason=str(error))])
        return None


def _lookup(gateway: AccountReads, client_order_id: str) -> tuple[OrderSnapshot | None]:
    """In a tuple: that the exchange does not know an order is an answer, too."""
    return (gateway.lookup(client_order_id),)


def _position(gateway: AccountReads, product_id: int) -> Position | None:
    """One contract's position; None where its row makes no sense either."""
    try:
        position = gateway.position(product_id)
    except WireError:
        return None
    return position if position.symbol else None


def _retry_after(error: ExchangeError) -> float | None:
    """Seconds the rate limit asks us to stay away; None where it did not speak."""
    return error.retry_after_secs if isinstance(error, RateLimited) else None


def _with_order(gateway: AccountReads, effect: ReadAccount, fill: Fill) -> Fill:
    """Fills over REST carry no client order id: an order we do not know by its id is looked up, so that a fill of a lost
    order of ours is recognised. Settlement and the like carry ids that name no order."""
    if fill.client_order_id is not None or fill.venue_order_id in effect.known_order_ids:
        return fill
    if not effect.lookups or not fill.venue_order_id.isdigit():
        return fill
    order = gateway.lookup_by_id(fill.venue_order_id)
    return fill if order is None else replace(fill, client_order_id=order.client_order_id)
