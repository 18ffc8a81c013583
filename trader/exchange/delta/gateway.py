"""The gateway verbs over Delta's REST API."""

import copy
import time
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from msgspec.structs import replace

from trader.domain.errors import ExchangeError, WireError
from trader.domain.fill import Fill, Position
from trader.domain.instrument import Instrument, index_symbol, parse_option_symbol
from trader.domain.margin import MarginTerms, terms_of
from trader.domain.odd_row import OddRow
from trader.domain.order import OrderIntent, OrderSnapshot, Side
from trader.domain.outcome import Outcome, Rejected, Unknown
from trader.domain.quote import Quote
from trader.domain.wallet import Transaction, Wallet
from trader.exchange.common.budget import DEFAULT_QUOTA, Priority
from trader.exchange.common.clock_offset import ClockOffset
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.instruments import TTL_SECS, InstrumentCache
from trader.exchange.common.odd_rows import OddRows, PartialList, in_words
from trader.exchange.common.outcomes import Done, priority_of
from trader.exchange.common.patience import OWN, Patience
from trader.exchange.common.rows import agreeing, odd_row, sift
from trader.exchange.common.statistics import CallStatistics, Statistics
from trader.exchange.delta.api.account import AccountAPI
from trader.exchange.delta.api.health import PROBE_ID, Health, check_health, explain_failure, trading_refusal
from trader.exchange.delta.api.market import PRODUCTS_PAGE, MarketAPI
from trader.exchange.delta.api.order_requests import Bracket, CancelScope, request_of
from trader.exchange.delta.api.orders import PAGE as ORDERS_PAGE
from trader.exchange.delta.api.orders import OrderAPI
from trader.exchange.delta.api.position_care import close_everything, move_bracket
from trader.exchange.delta.http import endpoints as at
from trader.exchange.delta.http.queries import Query, span
from trader.exchange.delta.http.rest import USER_AGENT, Endpoint, RestClient
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire import numbers
from trader.exchange.delta.wire.listing import Rows
from trader.exchange.delta.wire.parse import (
    parse_fill,
    parse_instrument,
    parse_named_wallet,
    parse_order,
    parse_position,
    parse_ticker,
    ticker_flaw,
)
from trader.exchange.ports import MaySign

T = TypeVar("T")

_OPTION_TYPES = "call_options,put_options"
_TRADED_TYPES = f"{_OPTION_TYPES},perpetual_futures"


class DeltaGateway:
    """One account at one Delta deployment. Implements `trader.exchange.ports.Gateway`, and carries the rest of the
    protocol as `market`, `orders` and `account`: the same connection, budget and statistics."""

    def __init__(
        self,
        rest_url: str,
        credentials: Credentials | None = None,
        *,
        quota: int = DEFAULT_QUOTA,
        instruments_ttl_secs: float = TTL_SECS,
        user_agent: str = USER_AGENT,
        proxy: str | None = None,
        patience: Patience = OWN,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Check URLs with `environments.check_urls` before; this class does not know which environment is meant."""
        self.rest = RestClient(
            rest_url,
            credentials=credentials,
            quota=quota,
            user_agent=user_agent,
            proxy=proxy,
            patience=patience,
            wall=wall,
            monotonic=monotonic,
        )
        self._rest_url = rest_url
        self._wall = wall
        self._bind()
        self._instruments = InstrumentCache(self._load_instruments, monotonic, ttl_secs=instruments_ttl_secs)
        self._left_out: frozenset[str] = frozenset()  # symbols the product list holds in a form that cannot be used

    def _bind(self) -> None:
        self.market = MarketAPI(self.rest)
        self.orders = OrderAPI(self.rest)
        self.account = AccountAPI(self.rest)

    def for_exit(self) -> "DeltaGateway":
        urgent = copy.copy(self)
        urgent.rest = self.rest.for_exit()
        urgent._bind()
        return urgent

    # ------------------------------------------------------------------------------------------------ orders

    def submit(self, intent: OrderIntent, *, may_sign: MaySign | None = None) -> Outcome:
        return self.orders.place(request_of(intent), priority=priority_of(intent.purpose), may_sign=may_sign)

    def cancel(
        self,
        *,
        product_id: int,
        client_order_id: str | None = None,
        venue_order_id: str | None = None,
        may_sign: MaySign | None = None,
    ) -> Outcome:
        return self.orders.cancel(
            product_id=product_id,
            client_order_id=client_order_id,
            venue_order_id=venue_order_id,
            may_sign=may_sign,
        )

    def cancel_all(self, product_id: int) -> Rejected | Unknown | None:
        return _agreed(self.orders.cancel_all(CancelScope(product_id=product_id)))

    def lookup(self, client_order_id: str) -> OrderSnapshot | None:
        order = self._order(at.ORDER_BY_CLIENT_ID, client_order_id)
        if order is not None and order.client_order_id != client_order_id:
            raise WireError(f"mismatch: asked about order {client_order_id}, answered {order.client_order_id}")
        return order

    def lookup_by_id(self, venue_order_id: str) -> OrderSnapshot | None:
        order = self._order(at.ORDER_BY_ID, venue_order_id)
        if order is not None and order.venue_order_id != venue_order_id:
            raise WireError(f"mismatch: asked about order {venue_order_id}, answered {order.venue_order_id}")
        return order

    def open_orders(self, product_ids: Sequence[int] | None = None) -> list[OrderSnapshot]:
        rows = self._listed(wire.OrderRow, at.OPEN_ORDERS, [("states", "open,pending")], product_ids)
        return self._whole("the open orders", rows, parse_order, product_ids, key=_order_key)

    def order_history(self, since: datetime, product_ids: Sequence[int] | None = None) -> list[OrderSnapshot]:
        rows = self._listed(wire.OrderRow, at.ORDER_HISTORY, span(since), product_ids)
        return self._whole("the order history", rows, parse_order, product_ids, key=_order_key)

    def move_bracket(self, product_id: int, position: Side, bracket: Bracket) -> Done[None] | Rejected | Unknown:
        """New stop loss and take profit for an open position; see `position_care`."""
        return move_bracket(self.for_exit().orders, product_id, position, bracket)

    def close_everything(self) -> Done[list[OrderSnapshot]] | Rejected | Unknown:
        """Emergency: have the exchange close every position of the account, anybody's; gives the closing orders."""

        def now() -> datetime:
            return datetime.fromtimestamp(self._wall() + self.clock_offset_secs, UTC)

        urgent = self.for_exit()
        return close_everything(urgent.orders, urgent.account, user_id=urgent.who_am_i(), now=now)

    # ----------------------------------------------------------------------------------------------- account

    def fills(self, since: datetime | None, product_ids: Sequence[int] | None = None) -> list[Fill]:
        query = span(since)
        rows = self._listed(wire.FillRow, at.FILLS, query, product_ids)
        return self._whole("the fills", rows, parse_fill, product_ids, key=_fill_key)

    def positions(self, underlying: str) -> list[Position]:
        query = [("underlying_asset_symbol", underlying)]
        envelope = self.rest.read(Rows(wire.PositionRow), at.POSITIONS, query=query)
        return self._whole("the positions", envelope.result or (), self._position_of, None, key=_position_key)

    def position(self, product_id: int) -> Position:
        envelope = self.rest.read(wire.PositionRow, at.POSITIONS, query=[("product_id", str(product_id))])
        position = self._named(parse_position(envelope.result or wire.PositionRow(), product_id=product_id))
        if position.product_id != product_id:
            raise WireError(f"mismatch: asked about product {product_id}, answered {position.product_id}")
        return self._consistent(position)

    def transactions(self, since: datetime) -> list[Transaction]:
        return self.account.transactions(since=since)

    def wallet(self) -> Wallet:
        envelope = self.rest.read(Rows(wire.WalletRow), at.BALANCES)
        equity = numbers.signed_or_none(envelope.meta.net_equity if envelope.meta else None)
        good, odd = sift("the balances", envelope.result or (), parse_named_wallet)
        self.rest.leave_out(odd)
        settling = list(dict.fromkeys(wallet for wallet in good if wallet.asset == "USD"))
        if len(settling) == 1:
            return replace(settling[0], equity=equity)
        if settling:
            raise WireError("the wallet has several USD rows that differ")
        raise WireError(f"the wallet has no USD row{f' ({in_words(odd)})' if odd else ''}")

    def margin_terms(self) -> MarginTerms:
        """Of a position whose row makes no sense nothing is told."""
        preferences = self.account.preferences()
        try:
            rows = tuple(self.account.margined())
        except PartialList as part:
            rows = part.rows
        return terms_of(rows, preferences.portfolios, preferences.default_auto_topup)

    def set_margin_mode(self, mode: str) -> Rejected | Unknown | None:
        return _agreed(self.account.set_margin_mode(mode))

    def set_auto_topup(self, product_id: int | None, on: bool) -> Rejected | Unknown | None:
        if product_id is None:
            return _agreed(self.account.set_default_auto_topup(on))
        return _agreed(self.account.set_auto_topup(product_id, on))

    def set_leverage(self, product_id: int, leverage: Decimal) -> Rejected | Unknown | None:
        return _agreed(self.account.set_leverage(product_id, leverage))

    def leverage(self, product_id: int) -> Decimal:
        return self.account.leverage(product_id).leverage

    def who_am_i(self) -> str:
        envelope = self.rest.read(wire.PreferencesRow, at.PREFERENCES)
        return numbers.id_of(envelope.result.user_id if envelope.result else None, "user_id")

    # ------------------------------------------------------------------------------------------------ market

    def instruments(self, underlying: str) -> list[Instrument]:
        return self._instruments.of(underlying)

    def product_id_of(self, symbol: str) -> int | None:
        """The product id of a contract from the cached list, without a request; None where it was never listed."""
        return self._instruments.id_of(symbol)

    def tickers(self, underlying: str, expiry: date | None = None) -> list[Quote]:
        types = _TRADED_TYPES if expiry is None else _OPTION_TYPES
        query = [("contract_types", types), ("underlying_asset_symbols", underlying)]
        if expiry is not None:
            query.append(("expiry_date", f"{expiry:%d-%m-%Y}"))
        envelope = self.rest.read(Rows(wire.TickerRow), at.TICKERS, query=query, priority=Priority.MARKET)
        found = self.rest.usable(f"the {underlying} tickers", envelope.result or (), self._quote_of)
        quotes, odd = agreeing(f"the {underlying} tickers", found, lambda quote: quote.symbol)
        self.rest.leave_out(odd)
        unlisted = {quote.symbol for quote in quotes if self._instruments.id_of(quote.symbol) is None}
        if unlisted - self._left_out:
            self._instruments.doubt()  # contracts were listed since the list was read
        return quotes

    def spot(self, underlying: str) -> Decimal:
        """Read off the perpetual's ticker, which is a small answer."""
        envelope = self.rest.read(wire.TickerRow, at.TICKERS, tail=f"{underlying}USD", priority=Priority.MARKET)
        assert envelope.result is not None  # `read` has seen to it
        quote = parse_ticker(envelope.result)
        if quote.spot is None:
            raise WireError(f"the ticker of {underlying}USD carries no index price")
        return quote.spot

    def index_closes(self, underlying: str, since: datetime, until: datetime) -> list[tuple[datetime, Decimal]]:
        """Candles of the index."""
        return [(row.start, row.close) for row in self.market.candles(index_symbol(underlying), "30m", since, until)]

    def settlement_price(self, symbol: str) -> Decimal | None:
        """0 is a price: the option expired worthless."""
        kind = "call_options" if parse_option_symbol(symbol).kind == "call" else "put_options"
        row = self.rest.find(wire.ProductRow, at.PRODUCTS, symbol)
        if row is None:
            query = [("states", "expired"), ("contract_types", kind)]
            rows = self.rest.read_pages(wire.ProductRow, at.PRODUCTS, query=query, page_size=PRODUCTS_PAGE)
            row = self._settled_row(rows, symbol)
        price = numbers.decimal_of(row.settlement_price, "settlement_price") if row is not None else None
        if price is not None and price < 0:
            raise WireError(f"settlement price of {symbol} is negative: {price}")
        return price

    # ------------------------------------------------------------------------------------------------ health

    @property
    def counters(self) -> CallStatistics:
        """Where whatever else belongs to this connection is counted."""
        return self.rest.statistics

    @property
    def clock(self) -> ClockOffset:
        """What is known of the exchange's clock, for whatever else signs."""
        return self.rest.clock

    @property
    def clock_offset_secs(self) -> float:
        return self.rest.clock.secs

    @property
    def odd_rows(self) -> OddRows:
        return self.rest.odd

    @property
    def has_dead_man(self) -> bool:
        return self.rest.statistics.has_called(at.ACK_HEARTBEAT.name)

    def quota_left(self) -> int:
        return self.rest.budget.left()

    def statistics(self) -> Statistics:
        return self.rest.statistics.snapshot(
            quota_left=self.quota_left(),
            clock_offset_secs=self.clock_offset_secs,
            cache=self._instruments.figures,
            breaker_opened=self.rest.breaker.opened,
        )

    def health(self) -> Health:
        """Whether the exchange can be asked and takes our key, with reasons. Makes two requests."""
        return check_health(self.rest, rest_url=self._rest_url, spot=self._any_spot, who=self.who_am_i)

    def _any_spot(self) -> str:
        """The index price of an underlying the exchange lists, in words."""
        listed = self._instruments.any()
        return (
            f"{listed.underlying} at {self.spot(listed.underlying):f}" if listed is not None else "it lists no contract"
        )

    def explain(self, error: ExchangeError) -> str:
        """What most likely went wrong and what to do about it."""
        return explain_failure(error, rest_url=self._rest_url, clock_offset_secs=self.clock_offset_secs)

    def trading_refusal(self) -> str:
        """Why the key may not trade; empty when it may. Makes a request that changes nothing.

        Raises:
            ExchangeError: The exchange did not say.
        """
        listed = self._instruments.one()
        body = {"client_order_id": PROBE_ID, "product_id": listed.product_id}
        return trading_refusal(
            lambda: self.rest.change(Any, at.CANCEL_ORDER, body, priority=Priority.OWN), self.explain
        )

    def reconnect_if_needed(self) -> bool:
        """After failed calls: drop the kept connections and ask once more. True when the exchange answers."""
        if self.rest.breaker.failures_in_a_row == 0:
            return True
        self.rest.close()
        try:
            self.rest.read(Rows(wire.AssetRow), at.ASSETS)
        except ExchangeError:
            return self.rest.breaker.failures_in_a_row == 0  # a refusal is an answer, too
        return True

    def use_credentials(self, credentials: Credentials) -> None:
        """Change the key pair without a restart."""
        self.rest.use_credentials(credentials)

    def close(self) -> None:
        """Drop the kept connections."""
        self.rest.close()

    # ----------------------------------------------------------------------------------------------- helpers

    def _load_instruments(self) -> list[Instrument]:
        query = [("contract_types", _TRADED_TYPES), ("states", "live")]
        rows = self.rest.read_pages(
            wire.ProductRow, at.PRODUCTS, query=query, page_size=PRODUCTS_PAGE, priority=Priority.MARKET
        )
        found, odd = sift("the product list", rows, parse_instrument)
        good, differing = agreeing("the product list", found, lambda i: i.symbol, lambda i: i.product_id)
        odd += differing
        self.rest.leave_out(odd)
        self._left_out = frozenset(row.symbol for row in odd)
        if odd and not good:
            raise WireError(f"no row of the product list could be read: {in_words(odd)}")
        return good

    def _settled_row(self, rows: Sequence[Any], symbol: str) -> wire.ProductRow | None:
        """The contract's row among the expired ones.

        Raises:
            WireError: It is there and cannot be read.
        """
        found, odd = sift("the expired products", rows, lambda row: row if row.symbol == symbol else None)
        self.rest.leave_out(odd)
        if not found and (ours := [row for row in odd if row.symbol == symbol]):
            raise WireError(in_words(ours))
        return found[0] if found else None

    def _whole(
        self,
        what: str,
        rows: Sequence[Any],
        parse: Callable[[Any], T],
        product_ids: Sequence[int] | None,
        *,
        key: Callable[[T], tuple[Hashable, Hashable]],
    ) -> list[T]:
        """The values of a list of the account, each once. An unreadable row that says it is about a product that was not
        asked for does not count; `key` is a value's identity and what cannot differ between two tellings.

        Raises:
            PartialList: Some rows make no sense; it carries the others.
        """

        def counts(row: OddRow) -> bool:
            return product_ids is None or any(row.concerns(self._symbol_of(i), i) for i in product_ids)

        return self.rest.whole(
            what,
            rows,
            lambda row: self._consistent(parse(row)),
            once=key,
            same=lambda value: key(value)[0],
            counts=counts,
        )

    def _consistent(self, value: T) -> T:
        """A row of the account whose contract is one and the same by symbol and by number.

        Raises:
            WireError: The product list knows the number under another symbol.
        """
        told: Any = value
        known = self._instruments.by_id(told.product_id)
        if known is not None and told.symbol != known.symbol:
            raise WireError(f"it names {told.symbol}, and product {told.product_id} is {known.symbol}")
        return value

    def _symbol_of(self, product_id: int) -> str:
        known = self._instruments.by_id(product_id)
        return known.symbol if known is not None else ""

    def _quote_of(self, row: wire.TickerRow) -> Quote:
        """A ticker; what in it makes no sense is absent from the quote, and told."""
        quote = parse_ticker(row)
        if flaw := ticker_flaw(row, quote):
            self.rest.leave_out([odd_row("the tickers", 0, row, f"{flaw}; the rest of the row is used")])
        return quote

    def _position_of(self, row: wire.PositionRow) -> Position:
        """A position with its contract's symbol.

        Raises:
            WireError: As `parse_position`, or nobody knows which contract it is.
        """
        position = self._named(parse_position(row))
        if not position.symbol:
            raise WireError(f"it names no symbol, and product {position.product_id} is not listed")
        return position

    def _order(self, endpoint: Endpoint, order_id: str) -> OrderSnapshot | None:
        row = self.rest.find(wire.OrderRow, endpoint, order_id)
        return parse_order(row) if row is not None else None

    def _listed(self, row: Any, endpoint: Endpoint, query: Query, product_ids: Sequence[int] | None) -> list[Any]:
        return self.rest.read_of(product_ids, row, endpoint, query=query, page_size=ORDERS_PAGE)

    def _named(self, position: Position) -> Position:
        if position.symbol:
            return position
        known = self._instruments.by_id(position.product_id)
        return replace(position, symbol=known.symbol if known else "")


def _agreed(ended: Done[Any] | Rejected | Unknown) -> Rejected | Unknown | None:
    """None where the exchange agreed."""
    return None if isinstance(ended, Done) else ended


def _order_key(order: OrderSnapshot) -> tuple[Hashable, Hashable]:
    return order.venue_order_id, (order.symbol, order.side, order.client_order_id)


def _fill_key(fill: Fill) -> tuple[Hashable, Hashable]:
    return fill.key, (fill.symbol, fill.side, fill.quantity, fill.price)


def _position_key(position: Position) -> tuple[Hashable, Hashable]:
    return position.symbol, position.quantity
