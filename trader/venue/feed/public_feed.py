"""Follows another exchange's public side: its products and tickers over REST, everything else over the compact socket.

Only public endpoints are read and no key is known here, so nothing of an account can leave this way. What is listed is
looked up again every minute; new chains are subscribed, settled contracts are read once for their settlement price.
"""

import logging
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from statistics import median_low
from typing import Any

import msgspec

from trader.config.addresses import split_address
from trader.config.environments import DEPLOYMENTS
from trader.domain.errors import ConfigError, ExchangeError, WireError
from trader.domain.instrument import index_symbol
from trader.exchange.common.budget import Priority
from trader.exchange.common.events import StreamDown, StreamEvent, StreamUp, SubscriptionRefused
from trader.exchange.common.rows import in_plain_words
from trader.exchange.delta.http import endpoints as at
from trader.exchange.delta.http.rest import RestClient
from trader.exchange.delta.stream.connection import StreamFigures, Timings
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire.listing import Rows
from trader.exchange.delta.wire.numbers import price_or_none
from trader.exchange.delta.wire.parse import parse_instrument
from trader.machine.threads import LastingThread
from trader.venue.feed.events import PRODUCT, TICKER_ROW, FeedEvent, event_of, row_event
from trader.venue.feed.stream import FeedStream, Message

logger = logging.getLogger(__name__)

_PRODUCTION = next(deployment for deployment in DEPLOYMENTS if deployment.name == "india")
_TYPES = "call_options,put_options,perpetual_futures"
_PAGE = 500
_EXPIRED_PAGE = 100
_CHAIN_CHANNELS = ("ticker", "ob_l1", "mark_price", "trades")
_BOOKS_MAX = 100  # contracts with a whole book per connection, the exchange's own limit


class FeedOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to follow. `expiries` is how many of the nearest, None = all; `books` how many contracts near the money are
    followed with their whole book, the others with their best quotes."""

    rest_url: str = _PRODUCTION.rest
    ws_url: str = _PRODUCTION.ws_public or ""
    underlyings: tuple[str, ...] = ("BTC", "ETH")
    expiries: int | None = 4
    books: int = 90
    refresh_secs: float = 60.0
    timings: Timings = Timings()
    proxy: str | None = None


class PublicFeed:
    """One exchange's public market data as a stream of events.

    `on_event` gets every event, `on_state` True and False as the socket comes and goes; both are called from the feed's own
    threads and must be quick.
    """

    def __init__(
        self,
        options: FeedOptions,
        on_event: Callable[[FeedEvent], None],
        on_state: Callable[[bool, str], None] = lambda up, why: None,
    ) -> None:
        check_options(options)
        self.options = options
        self._on_event = on_event
        self._on_state = on_state
        self._rest = RestClient(options.rest_url, proxy=options.proxy)
        self._stream = FeedStream(
            options.ws_url, self._message, self._stream_event, timings=options.timings, proxy=options.proxy
        )
        self._stopping = threading.Event()
        self._refresher = LastingThread("feed-refresh", self._refresh_until_stopped, self._stopping)
        self._live: dict[str, dict[str, Any]] = {}
        self._spots: dict[str, Decimal] = {}  # as of the last tickers, to choose the books by

    def start(self) -> None:
        """Read products and tickers, then connect the socket.

        Raises:
            ConfigError: The exchange does not answer, or lists nothing of what is to be followed.
        """
        try:
            self._read_products()
            self._read_tickers()
        except ExchangeError as error:
            raise ConfigError(f"no market data from {self.options.rest_url}: {error}") from None
        if not self._live:
            wanted = ", ".join(self.options.underlyings)
            raise ConfigError(f"{self.options.rest_url} lists no contracts on {wanted}")
        self._subscribe()
        self._stream.start()
        self._refresher.start()

    def stop(self) -> None:
        """Disconnect for good."""
        self._stopping.set()
        self._stream.stop()
        self._refresher.join(5)
        self._rest.close()

    @property
    def figures(self) -> StreamFigures:
        """Counters of the socket."""
        return self._stream.figures

    def products(self) -> list[dict[str, Any]]:
        """The rows of everything followed, as last read."""
        return list(self._live.values())

    # events

    def _message(self, message: Message) -> None:
        self._on_event(event_of(message.raw, message.frame, message.received_us))

    def _stream_event(self, event: StreamEvent) -> None:
        if isinstance(event, StreamUp):
            self._on_state(True, "")
        elif isinstance(event, StreamDown):
            self._on_state(False, event.reason)
        elif isinstance(event, SubscriptionRefused):
            logger.warning("feed_subscription_refused channel=%s reason=%s", event.channel, event.reason)

    def _tell_rows(self, channel: str, rows: list[dict[str, Any]]) -> None:
        received_us = time.time_ns() // 1000
        for row in rows:
            self._on_event(row_event(channel, row, received_us))

    # REST

    def _read_products(self) -> None:
        rows = self._rest.read_pages(
            dict[str, Any],
            at.PRODUCTS,
            query=[("contract_types", _TYPES), ("states", "live")],
            page_size=_PAGE,
            priority=Priority.MARKET,
        )
        followed = self._chosen(self._rest.usable("the product list", rows, _sound_product))
        fresh = {row["symbol"]: row for row in followed}
        gone = [symbol for symbol in self._live if symbol not in fresh]
        changed = [row for symbol, row in fresh.items() if self._live.get(symbol) != row]
        self._live = fresh
        self._tell_rows(PRODUCT, changed)
        if gone:
            self._read_expired(set(gone))

    def _read_expired(self, symbols: set[str]) -> None:
        """Settlement prices of contracts that left the list."""
        query = [
            ("contract_types", "call_options,put_options"),
            ("states", "expired"),
            ("page_size", str(_EXPIRED_PAGE)),
        ]
        rows = self._rest.fetch(Rows(dict[str, Any]), at.PRODUCTS, query=query, priority=Priority.MARKET)
        gone = self._rest.usable("the expired products", rows, _sound_product)
        self._tell_rows(PRODUCT, [row for row in gone if row["symbol"] in symbols])

    def _read_tickers(self) -> None:
        for underlying in self.options.underlyings:
            query = [("contract_types", _TYPES), ("underlying_asset_symbols", underlying)]
            rows = self._rest.fetch(Rows(dict[str, Any]), at.TICKERS, query=query, priority=Priority.MARKET)
            named = self._rest.usable("the tickers", rows, _named)
            followed = [row for row in named if row["symbol"] in self._live]
            told = [price for row in followed if (price := _price(row.get("spot_price"))) is not None]
            if told:
                self._spots[underlying] = median_low(told)
            self._tell_rows(TICKER_ROW, followed)

    def _chosen(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows of the wanted underlyings: their perpetuals and the nearest expiries."""
        mine = [row for row in rows if _underlying(row) in self.options.underlyings]
        if self.options.expiries is None:
            return mine
        kept: list[dict[str, Any]] = []
        for underlying in self.options.underlyings:
            of_it = [row for row in mine if _underlying(row) == underlying]
            expiries = sorted({str(row["settlement_time"]) for row in of_it if row.get("settlement_time")})
            near = set(expiries[: self.options.expiries])
            kept += [row for row in of_it if not row.get("settlement_time") or row["settlement_time"] in near]
        return kept

    # subscriptions

    def _subscribe(self) -> None:
        chains = {_chain(row) for row in self._live.values() if row.get("settlement_time")}
        futures = {symbol for symbol, row in self._live.items() if not row.get("settlement_time")}
        for channel in _CHAIN_CHANNELS:
            self._follow(channel, chains | futures)
        self._follow("funding_rate", futures)
        indices = [index_symbol(underlying) for underlying in self.options.underlyings]
        self._follow("spot_price", set(indices))
        self._follow("spot_30mtwap_price", set(indices))
        self._follow("ob_l2", self._near_the_money() | futures)
        for channel in ("product_updates", "system_status"):
            if channel not in self._stream.subscriptions:
                self._stream.subscribe(channel)

    def _follow(self, channel: str, symbols: set[str]) -> None:
        known = {symbol.removeprefix("MARK:") for symbol in self._stream.subscriptions.get(channel, frozenset())}
        if symbols - known:
            self._stream.subscribe(channel, symbols - known)
        if known - symbols:
            self._stream.unsubscribe(channel, known - symbols)

    def _near_the_money(self) -> set[str]:
        """Contracts nearest the money, as far as the exchange's limit of whole books reaches; chosen once a refresh."""
        options = [row for row in self._live.values() if row.get("settlement_time") and row.get("strike_price")]
        distance = {
            str(row["symbol"]): abs(Decimal(str(row["strike_price"])) / spot - 1)
            for row in options
            if (spot := self._spots.get(_underlying(row)))
        }
        count = max(0, min(self.options.books, _BOOKS_MAX - len(self.options.underlyings)))
        return set(sorted(distance, key=lambda symbol: (distance[symbol], symbol))[:count])

    def _refresh_until_stopped(self) -> None:
        while not self._stopping.wait(self.options.refresh_secs):
            try:
                self._read_products()
                self._read_tickers()
                self._subscribe()
            except ExchangeError as error:
                logger.warning("feed_refresh_failed error=%s", error)


def public_addresses(environment: str) -> tuple[str, str]:
    """REST and public socket of the exchange's own ``testnet`` or ``production`` (India).

    Raises:
        ConfigError: There is no such environment.
    """
    for deployment in DEPLOYMENTS:
        if deployment.environment.value == environment and deployment.ws_public is not None:
            return deployment.rest, deployment.ws_public
    raise ConfigError(f"no exchange is called {environment!r}: expected testnet or production")


def check_options(options: FeedOptions) -> None:
    """Refuse addresses no public data can come from.

    Raises:
        ConfigError: Saying what is wrong.
    """
    for name, url, secure, plain in (
        ("REST", options.rest_url, "https", "http"),
        ("public socket", options.ws_url, "wss", "ws"),
    ):
        try:
            split_address(url, secure, plain)
        except ValueError as error:
            raise ConfigError(f"the {name} URL {error}") from None
    if not options.underlyings:
        raise ConfigError("name at least one underlying to follow")
    if options.expiries is not None and options.expiries < 1:
        raise ConfigError(f"expiries must be at least 1, was {options.expiries}")


def _sound_product(row: dict[str, Any]) -> dict[str, Any] | None:
    """A product's row as it came; None for kinds that are not followed.

    Raises:
        WireError: A contract cannot be made of it.
    """
    try:
        instrument = parse_instrument(msgspec.convert(row, wire.ProductRow, strict=False))
    except msgspec.ValidationError as error:
        raise WireError(in_plain_words(error)) from None
    return None if instrument is None else row


def _named(row: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(row.get("symbol"), str) or not row["symbol"]:
        raise WireError("it names no symbol")
    return row


def _price(value: Any) -> Decimal | None:
    return price_or_none(value) if isinstance(value, str | int | float) else None


def _underlying(row: dict[str, Any]) -> str:
    asset = row.get("underlying_asset")
    return str(asset.get("symbol", "")) if isinstance(asset, dict) else ""


def _chain(row: dict[str, Any]) -> str:
    return f"{_underlying(row)}-{str(row['symbol']).rpartition('-')[2]}"
