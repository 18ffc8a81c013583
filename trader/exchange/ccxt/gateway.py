"""The gateway verbs over ccxt, for exchanges this program has no client of its own for.

An order ends as `Ok`, `Rejected` or `Unknown` by the same rule as everywhere (`wire` finds out what was sent and
answered); reads are repeated on network, exchange and rate-limit errors, orders never. ccxt's unified structures carry
less than an exchange tells: what an exchange needs said differently lives in a subclass (`delta`).
"""

import copy
import functools
import time
import zlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Self, TypeVar

from trader.domain.errors import ExchangeError, VenueRefused, WireError
from trader.domain.fill import Fill, Position
from trader.domain.foreign import concerns
from trader.domain.instrument import Instrument, Kind
from trader.domain.margin import MarginTerms
from trader.domain.odd_row import OddRow
from trader.domain.order import OrderIntent, OrderSnapshot, OrderType, Purpose, Side, TimeInForce
from trader.domain.outcome import Ok, Outcome, Rejected, Unknown, not_sent
from trader.domain.quote import Quote
from trader.domain.wallet import Transaction, Wallet
from trader.exchange.ccxt import unified as unified
from trader.exchange.ccxt.wire import UNUSABLE, CcxtWire
from trader.exchange.common.budget import DEFAULT_QUOTA, Priority
from trader.exchange.common.clock_offset import ClockOffset
from trader.exchange.common.instruments import TTL_SECS, InstrumentCache
from trader.exchange.common.odd_rows import OddRows
from trader.exchange.common.outcomes import UnsendableOrder, check_match, outcome_of, priority_of
from trader.exchange.common.patience import CCXT, Patience
from trader.exchange.common.rows import agreeing, sift
from trader.exchange.common.statistics import CallStatistics, Statistics
from trader.exchange.delta.api.health import PROBE_ID, trading_refusal
from trader.exchange.delta.api.order_requests import build_place, request_of
from trader.exchange.delta.http.errors import NOT_FOUND, normalise
from trader.exchange.ports import MaySign

T = TypeVar("T")

PAGE = 100
_NOT_KNOWN = NOT_FOUND | {normalise("OrderNotFound")}

_HALF_HOUR = timedelta(minutes=30)


class CcxtGateway:
    """One account at one exchange. Implements `trader.exchange.ports.Gateway`."""

    def __init__(
        self,
        make: Callable[[], Any],
        *,
        settle: str = "USD",
        quota: int = DEFAULT_QUOTA,
        patience: Patience = CCXT,
        sound: Mapping[str, Callable[[Any], object]] | None = None,
    ) -> None:
        """`make` builds a ccxt exchange with keys and addresses; `settle` is the currency margin and P&L are in; `sound` see
        `CcxtWire`.

        Raises:
            ConfigError: ccxt is not installed.
        """
        self.wire = CcxtWire(make, quota=quota, patience=patience, sound=sound)
        self._settle = settle
        self._instruments = InstrumentCache(self._load_instruments, time.monotonic, ttl_secs=TTL_SECS)
        self._symbols: dict[int, str] = {}  # product id → ccxt's unified symbol
        self._ids: dict[str, int] = {}  # the exchange's own symbol → product id
        self._markets: dict[str, Any] = {}  # the exchange's own symbol → ccxt's market, as last read
        self._left_out: frozenset[str] = frozenset()  # symbols whose row cannot be used

    def for_exit(self) -> Self:
        urgent = copy.copy(self)
        urgent.wire = self.wire.for_exit()
        return urgent

    # ------------------------------------------------------------------------------------------------- orders

    def submit(self, intent: OrderIntent, *, may_sign: MaySign | None = None) -> Outcome:
        """What the exchange's minimum, maximum and steps forbid is not sent, nor is a stop it cannot be told of."""

        def send() -> Ok:
            build_place(request_of(intent))  # the house's own checks: id, quantity, price, stop
            symbol = self._symbol(intent.product_id)
            self._check_limits(intent, symbol)
            price = None if intent.limit_price is None else f"{intent.limit_price:f}"
            kind = "limit" if intent.order_type is OrderType.LIMIT else "market"
            params = self.order_params(intent)
            row = self.wire.change(
                "create_order",
                lambda x: x.create_order(symbol, kind, intent.side.value, intent.quantity, price, params),
                priority=priority_of(intent.purpose),
                may_sign=may_sign,
            )
            order = self.parse_order(row)
            check_match(
                order,
                product_id=intent.product_id,
                client_order_id=intent.client_order_id,
                side=intent.side,
                quantity=intent.quantity,
            )
            return Ok(order)

        statistics = self.wire.statistics
        statistics.record("orders_submitted")
        outcome = outcome_of(send, intent.client_order_id)
        statistics.record_order(outcome)
        return outcome

    def close_position(self, product_id: int, client_order_id: str) -> Outcome | None:
        """Close whatever is held of a contract at market, reduce-only. None when the exchange says nothing is held.

        Raises:
            ExchangeError: The position could not be read.
        """
        held = self.position(product_id)
        if held.quantity == 0:
            return None
        intent = OrderIntent(
            client_order_id=client_order_id, run_id="", leg="", purpose=Purpose.EXIT, attempt=1, symbol=held.symbol,
            product_id=product_id, side=Side.SELL if held.quantity > 0 else Side.BUY, quantity=abs(held.quantity),
            order_type=OrderType.MARKET, limit_price=None, reduce_only=True,
        )  # fmt: skip
        return self.submit(intent)

    def _check_limits(self, intent: OrderIntent, symbol: str) -> None:
        """The exchange's own minimum, maximum and steps.

        Raises:
            UnsendableOrder: One of them forbids the order.
        """
        market = self.wire.exchange.market(symbol)
        limits, precision = market.get("limits") or {}, market.get("precision") or {}
        trigger = None if intent.stop is None else intent.stop.price
        asked = (("amount", Decimal(intent.quantity)), ("price", intent.limit_price), ("price", trigger))
        for what, value in asked:
            low, high = (unified.decimal_of((limits.get(what) or {}).get(end)) for end in ("min", "max"))
            if value is None:
                continue
            if low is not None and value < low:
                raise UnsendableOrder(f"{what} {value} is below the exchange's minimum of {low}")
            if high is not None and high > 0 and value > high:
                raise UnsendableOrder(f"{what} {value} is above the exchange's maximum of {high}")
            step = unified.decimal_of(precision.get(what))
            if step is not None and step > 0 and value % step:
                raise UnsendableOrder(f"{what} {value} is no multiple of {step.normalize():f}")

    def cancel(
        self,
        *,
        product_id: int,
        client_order_id: str | None = None,
        venue_order_id: str | None = None,
        may_sign: MaySign | None = None,
    ) -> Outcome:

        def send() -> Ok | Rejected:
            if venue_order_id is None and client_order_id is None:
                raise UnsendableOrder("a cancel needs the client order id or the exchange's")
            row = self.send_cancel(self._symbol(product_id), client_order_id, venue_order_id, may_sign)
            order = self.parse_order(row)
            if order.product_id != product_id:
                raise WireError(f"mismatch: asked about product {product_id}, answered product {order.product_id}")
            return Ok(order)

        self.wire.statistics.record("cancels_submitted")
        outcome = outcome_of(send, f"cancel {client_order_id or venue_order_id}")
        if isinstance(outcome, Rejected) and normalise(outcome.code) in _NOT_KNOWN:
            outcome = Rejected("open_order_not_found", outcome.message)  # one word for it, whatever ccxt's class
        if isinstance(outcome, Ok):
            self.wire.statistics.record("cancels_accepted")
        return outcome

    def cancel_all(self, product_id: int) -> Outcome | None:

        def send() -> None:
            symbol, params = self._symbol(product_id), self.cancel_all_params()
            self.wire.change("cancel_all_orders", lambda x: x.cancel_all_orders(symbol, params), priority=Priority.EXIT)

        return outcome_of(send, f"cancel_all {product_id}")

    def lookup(self, client_order_id: str) -> OrderSnapshot | None:
        order = self._found(lambda x: x.fetch_order("", None, {"clientOrderId": client_order_id}))
        if order is not None and order.client_order_id != client_order_id:
            raise WireError(f"mismatch: asked about order {client_order_id}, answered {order.client_order_id}")
        return order

    def lookup_by_id(self, venue_order_id: str) -> OrderSnapshot | None:
        return self._found(lambda x: x.fetch_order(venue_order_id))

    def _found(self, call: Callable[[Any], Any]) -> OrderSnapshot | None:
        self._loaded()
        try:
            return self.parse_order(self.wire.read("fetch_order", call))
        except VenueRefused as error:
            if error.http_status == 404 or normalise(error.code) in _NOT_KNOWN:
                return None
            raise

    def open_orders(self, product_ids: Sequence[int] | None = None) -> list[OrderSnapshot]:
        return self._orders("fetch_open_orders", None, product_ids)

    def order_history(self, since: datetime, product_ids: Sequence[int] | None = None) -> list[OrderSnapshot]:
        return self._orders("fetch_closed_orders", since, product_ids)

    def _orders(self, method: str, since: datetime | None, product_ids: Sequence[int] | None) -> list[OrderSnapshot]:
        return self._whole(
            "the orders", self._rows(method, since, product_ids), self.parse_order, product_ids, _order_id
        )

    # ------------------------------------------------------------------------------------------------ account

    def fills(self, since: datetime | None, product_ids: Sequence[int] | None = None) -> list[Fill]:
        rows = self._rows("fetch_my_trades", since, product_ids)
        return self._whole("the fills", rows, self.parse_fill, product_ids, lambda fill: fill.key)

    def positions(self, underlying: str) -> list[Position]:
        self._loaded()
        ids = {instrument.product_id for instrument in self.instruments(underlying)}
        rows = self.wire.read("fetch_positions", lambda x: x.fetch_positions())
        listed = [*rows, *self.wire.left_out()]

        def held(row: Any) -> Position | None:
            position = self.parse_position(row)
            # A contract that is not traded here, or no longer listed, is a holding of the underlying all the same.
            wanted = position.product_id in ids or concerns(position.symbol, underlying)
            return position if wanted and position.quantity else None

        return self._whole("the positions", listed, held, None, lambda position: position.product_id)

    def position(self, product_id: int) -> Position:
        symbol = self._symbol(product_id)
        return self.parse_position(self.wire.read("fetch_position", lambda x: x.fetch_position(symbol)))

    def transactions(self, since: datetime) -> list[Transaction]:
        rows = self._rows("fetch_ledger", since, None)
        return self._whole("the transactions", rows, self.parse_transaction, None, lambda line: line.transaction_id)

    def wallet(self) -> Wallet:
        self._loaded()
        balance = self.wire.read("fetch_balance", lambda x: x.fetch_balance()).get(self._settle) or {}
        total, free, used = (unified.decimal_of(balance.get(name)) for name in ("total", "free", "used"))
        if total is None or free is None:
            raise WireError(f"the balance tells nothing of {self._settle}")
        blocked = total - free if used is None else used
        return Wallet(balance=total, available=free, blocked_margin=blocked, asset=self._settle)

    def margin_terms(self) -> MarginTerms:
        """Nothing is told: what ccxt unifies of it differs from exchange to exchange."""
        return MarginTerms()

    def set_margin_mode(self, mode: str) -> Rejected | Unknown | None:
        return not_sent(
            "the margin mode of this exchange cannot be set through ccxt; set it on the exchange's own page"
        )

    def set_auto_topup(self, product_id: int | None, on: bool) -> Rejected | Unknown | None:
        return not_sent("auto top-up of this exchange cannot be set through ccxt; set it on the exchange's own page")

    def set_leverage(self, product_id: int, leverage: Decimal) -> Rejected | Unknown | None:
        def send() -> None:
            if not self.wire.exchange.has.get("setLeverage"):
                raise UnsendableOrder("the leverage of this exchange cannot be set through ccxt")
            wanted, symbol = unified.leverage_text(leverage), self._symbol(product_id)
            self.wire.change("leverage", lambda x: x.set_leverage(wanted, symbol), priority=Priority.OWN)

        return outcome_of(send, f"leverage {product_id}")

    def leverage(self, product_id: int) -> Decimal:
        symbol = self._symbol(product_id)
        told = self.wire.read("leverage", lambda x: x.fetch_leverage(symbol))
        found = unified.decimal_of(told.get("longLeverage"))
        if found is None or found <= 0:
            raise WireError(f"the exchange does not tell the leverage of {symbol}")
        return found

    def who_am_i(self) -> str:
        """Where the exchange tells no user, a fingerprint of the key."""
        exchange = self.wire.exchange
        return f"{exchange.id}-{zlib.crc32(str(exchange.apiKey).encode()):08x}"

    # ------------------------------------------------------------------------------------------------- market

    def instruments(self, underlying: str) -> list[Instrument]:
        return self._instruments.of(underlying)

    def product_id_of(self, symbol: str) -> int | None:
        """The product id of one of the exchange's own symbols, without a request."""
        return self._ids.get(symbol)

    def tickers(self, underlying: str, expiry: date | None = None) -> list[Quote]:
        wanted = {
            self._symbols[i.product_id]
            for i in self.instruments(underlying)
            if expiry is None or (i.expiry is not None and i.expiry.date() == expiry)
        }
        rows = self.wire.read("fetch_tickers", lambda x: x.fetch_tickers(sorted(wanted)), priority=Priority.MARKET)
        return self.usable("the tickers", [*rows.values(), *self.wire.left_out()], self.parse_ticker)

    def index_closes(self, underlying: str, since: datetime, until: datetime) -> list[tuple[datetime, Decimal]]:
        """Candles of the perpetual's index."""
        symbol = self._symbols[self._perpetual(underlying).product_id]
        begin = int(since.timestamp() * 1000)
        rows = self.wire.read(
            "fetch_ohlcv",
            lambda x: x.fetch_ohlcv(symbol, "30m", begin, int((until - since) / _HALF_HOUR) + 1, {"price": "index"}),
            priority=Priority.MARKET,
        )
        closes = ((datetime.fromtimestamp(row[0] / 1000, UTC), Decimal(str(row[4]))) for row in rows)
        return [(start, close) for start, close in closes if since <= start <= until]

    def _perpetual(self, underlying: str) -> Instrument:
        """Where an underlying's index is read off.

        Raises:
            WireError: The exchange lists none.
        """
        perpetual = next((i for i in self.instruments(underlying) if i.kind is Kind.PERPETUAL), None)
        if perpetual is None:
            raise WireError(f"the exchange lists no perpetual of {underlying} to read an index price off")
        return perpetual

    def spot(self, underlying: str) -> Decimal:
        """The perpetual's index price."""
        perpetual = self._perpetual(underlying)
        symbol = self._symbols[perpetual.product_id]
        row = self.wire.read("fetch_ticker", lambda x: x.fetch_ticker(symbol), priority=Priority.MARKET)
        price = self.index_price(row)
        if price is None or price <= 0:
            raise WireError(f"the ticker of {perpetual.symbol} carries no index price")
        return price

    def settlement_price(self, symbol: str) -> Decimal | None:
        rows = self.wire.read("fetch_settlement_history", lambda x: x.fetch_settlement_history(symbol))
        return next((unified.decimal_of(row.get("price")) for row in rows), None)

    # ------------------------------------------------------------------------------------------------- health

    @property
    def odd_rows(self) -> OddRows:
        return self.wire.odd

    @property
    def counters(self) -> CallStatistics:
        """Where whatever else belongs to this connection is counted."""
        return self.wire.statistics

    @property
    def clock(self) -> ClockOffset:
        """What is known of the exchange's clock, for whatever else signs."""
        return self.wire.clock

    @property
    def clock_offset_secs(self) -> float:
        return self.wire.clock.secs

    has_dead_man = False  # nothing here sets one

    def quota_left(self) -> int:
        return self.wire.budget.left()

    def statistics(self) -> Statistics:
        return self.wire.statistics.snapshot(
            quota_left=self.quota_left(),
            clock_offset_secs=self.clock_offset_secs,
            cache=self._instruments.figures,
            breaker_opened=0,
        )

    def trading_refusal(self) -> str:
        listed = self._instruments.one()
        symbol = self._symbol(listed.product_id)
        return trading_refusal(lambda: self.send_cancel(symbol, PROBE_ID, None, None), self.explain)

    def explain(self, error: ExchangeError) -> str:
        return str(error)

    def close(self) -> None:
        self.wire.close()

    # ----------------------------------------------------- what an exchange may want said or read differently

    def market_pages(self) -> Sequence[dict[str, Any]]:
        """Parameters of the calls that together list every market."""
        return ({},)

    def order_params(self, intent: OrderIntent) -> dict[str, Any]:
        """ccxt's words for what an order is beyond side, size and price."""
        params: dict[str, Any] = {"clientOrderId": intent.client_order_id}
        if intent.time_in_force is TimeInForce.IOC:
            params["timeInForce"] = "IOC"
        if intent.post_only:
            params["postOnly"] = True
        if intent.reduce_only:
            params["reduceOnly"] = True
        if intent.stop is not None:
            params |= unified.stop_params(intent.stop, self.wire.exchange)
        return params

    def cancel_all_params(self) -> dict[str, Any]:
        return {}

    def send_cancel(
        self, symbol: str, client_order_id: str | None, venue_order_id: str | None, may_sign: MaySign | None
    ) -> Any:
        """Cancel by the exchange's id; one known only by ours is looked up first."""
        if venue_order_id is None:
            assert client_order_id is not None
            order = self.lookup(client_order_id)
            if order is None:
                raise VenueRefused("open_order_not_found", "the exchange does not know the order")
            venue_order_id = order.venue_order_id
        order_id = venue_order_id
        return self.wire.change(
            "cancel_order", lambda x: x.cancel_order(order_id, symbol), priority=Priority.EXIT, may_sign=may_sign
        )

    def next_page(self, exchange: Any, rows: list[Any]) -> dict[str, Any] | None:
        """Parameters of the page after this one, None at the end.

        Raises:
            WireError: It cannot be told whether there is more: part of a list is never the list.
        """
        if len(rows) >= PAGE:
            raise WireError("the list is as long as a page, and this exchange does not say whether there is more")
        return None

    def index_price(self, row: Any) -> Decimal | None:
        """The index price of a perpetual's ticker."""
        return unified.decimal_of(row.get("indexPrice"))

    def parse_order(self, row: Any) -> OrderSnapshot:
        """One order; see `unified`."""
        return unified.parse_order(row, *self._named(row.get("symbol")))

    def parse_transaction(self, row: Any) -> Transaction:
        """A line of the ledger. ccxt's own rows drop the contract, without which a line says nothing here: a subclass that
        knows the exchange's rows reads those."""
        raise WireError("this exchange's ledger does not tell contracts")

    def parse_fill(self, row: Any) -> Fill:
        """One trade of our own; see `unified`."""
        return unified.parse_fill(row, *self._named(row.get("symbol")))

    def parse_position(self, row: Any) -> Position:
        """One position; see `unified`."""
        return unified.parse_position(row, *self._named(row.get("symbol")))

    def parse_ticker(self, row: Any) -> Quote:
        """One ticker; see `unified`."""
        return unified.parse_ticker(row, self._named(row.get("symbol"))[0])

    def parse_market(self, market: Any) -> Instrument | None:
        """One market; see `unified`."""
        return unified.parse_market(market, self.product_id(market), self._settle)

    def product_id(self, market: Any) -> int:
        """The exchange's number of a market; where it has none, one made of its name."""
        number = market.get("numericId")
        return int(number) if number is not None else zlib.crc32(str(market["id"]).encode())

    # ------------------------------------------------------------------------------------------------ helpers

    def _load_instruments(self) -> list[Instrument]:
        rows: list[Any] = []
        odd: list[OddRow] = []
        for params in self.market_pages():
            fetch = functools.partial(_markets, params=params)
            rows += self.wire.read("fetch_markets", fetch, priority=Priority.MARKET)
            odd += self.wire.left_out()
        currencies = self.wire.read("fetch_currencies", lambda x: x.fetch_currencies(), priority=Priority.MARKET)
        rows = [row for row in rows if not row.get(UNUSABLE)]
        # What is held in a contract whose row cannot be read now must still be closed: ccxt goes on with the row it had.
        before = [self._markets[row.symbol] for row in odd if row.symbol in self._markets]
        self._markets = {str(row["id"]): row for row in [*before, *rows]}
        self.wire.set_markets([*before, *rows], currencies)
        self._left_out = frozenset(row.symbol for row in odd)

        def instrument_of(market: Any) -> Instrument | None:
            instrument = self.parse_market(market)
            if instrument is not None:
                self._symbols[instrument.product_id] = str(market["symbol"])
                self._ids[instrument.symbol] = instrument.product_id
            return instrument

        found, unsound = sift("the markets", rows, instrument_of)
        good, differing = agreeing("the markets", found, lambda i: i.symbol, lambda i: i.product_id)
        self.wire.leave_out([*odd, *unsound, *differing])
        self._left_out |= {row.symbol for row in [*unsound, *differing]}
        return good

    def usable(self, what: str, rows: Sequence[Any], parse: Callable[[Any], T | None]) -> list[T]:
        """See `Lists.usable`."""
        return self.wire.usable(what, _readable(rows), parse)

    def _whole(
        self,
        what: str,
        rows: Sequence[Any],
        parse: Callable[[Any], T | None],
        product_ids: Sequence[int] | None,
        once: Callable[[T], Hashable],
    ) -> list[T]:
        """See `Lists.whole`; rows about other products than those asked for do not count."""
        names = {number: symbol for symbol, number in self._ids.items()}

        def counts(row: OddRow) -> bool:
            return product_ids is None or any(row.concerns(names.get(i, ""), i) for i in product_ids)

        return self.wire.whole(what, _readable(rows), parse, once=once, counts=counts)

    def _loaded(self) -> None:
        """See that the markets are known: ccxt reads no order without them."""
        if not self._symbols:
            self._instruments.of("")

    def _symbol(self, product_id: int) -> str:
        """ccxt's symbol of a product.

        Raises:
            UnsendableOrder: The exchange lists no such product.
        """
        self._loaded()
        symbol = self._symbols.get(product_id)
        if symbol is None:
            raise UnsendableOrder(f"the exchange lists no product {product_id}")
        return symbol

    def _named(self, unified: str | None) -> tuple[str, int]:
        """The exchange's own symbol and product id behind ccxt's symbol.

        Raises:
            WireError: There is no such market.
        """
        self._loaded()
        market = self.wire.exchange.markets.get(unified) if unified else None
        if market is None:
            raise WireError(f"no market is called {unified!r}")
        return str(market["id"]), self.product_id(market)

    def _rows(self, method: str, since: datetime | None, product_ids: Sequence[int] | None) -> list[Any]:
        self._loaded()
        symbols: Sequence[str | None] = (
            [None] if product_ids is None else [self._symbol(product_id) for product_id in sorted(set(product_ids))]
        )
        millis = None if since is None else int(since.timestamp() * 1000)
        rows: list[Any] = []
        for symbol in symbols:
            params: dict[str, Any] | None = {}
            seen: list[dict[str, Any]] = []
            while params is not None:
                if params in seen:
                    raise WireError(f"{method}: the page cursor repeats; the list cannot be completed")
                seen.append(params)
                fetch = functools.partial(self._page, method=method, symbol=symbol, millis=millis, params=params)
                page, params = self.wire.read(method, fetch)
                rows += [*page, *self.wire.left_out(timed=millis is not None)]
        return rows

    def _page(
        self, exchange: Any, method: str, symbol: str | None, millis: int | None, params: dict[str, Any]
    ) -> tuple[list[Any], dict[str, Any] | None]:
        rows = getattr(exchange, method)(symbol, millis, PAGE, params)
        return rows, self.next_page(exchange, rows)


def _readable(rows: Sequence[Any]) -> list[Any]:
    """Without the stand-ins for rows ccxt tripped over, which come as `OddRow` beside them."""
    return [row for row in rows if not (isinstance(row, dict) and row.get(UNUSABLE))]


def _order_id(order: OrderSnapshot) -> str:
    return order.venue_order_id


def _markets(exchange: Any, params: dict[str, Any]) -> list[Any]:
    rows: list[Any] = exchange.fetch_markets(params)
    return rows
