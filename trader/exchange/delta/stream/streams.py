"""The two streams: market data from the public host, the account from the private one.

`Stream` gives both their connection; here is what they say and how they are read. Handlers run in the stream's thread
and must be quick.

Source: exchange documentation, "Public Channels", "Private Channels", "Authenticating".
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import websocket

from trader.domain.errors import WireError
from trader.domain.odd_row import OddRow
from trader.exchange.common.clock_offset import ClockOffset
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.decoding import decoder_of
from trader.exchange.common.events import (
    LoginRefused,
    PrivateMessage,
    SequenceGap,
    StreamEvent,
    TradingStatusChanged,
    UnreadableMessage,
    VenueStatus,
)
from trader.exchange.common.odd_rows import OddRows, in_words
from trader.exchange.common.rows import odd_row, sift
from trader.exchange.common.sequence import SequenceTracker, Verdict
from trader.exchange.common.stream_socket import StreamSocket
from trader.exchange.delta.http.errors import LOGIN_STATUSES
from trader.exchange.delta.http.rest import USER_AGENT
from trader.exchange.delta.http.signing import sign_login
from trader.exchange.delta.stream.connection import (
    FRAME_LOG_BYTES,
    Ended,
    Listed,
    LoginFailed,
    Stream,
    StreamFigures,
    Timings,
)
from trader.exchange.delta.stream.local_book import BookBroken, LocalBook
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire import feeds as feeds
from trader.exchange.delta.wire.numbers import count_or_none
from trader.exchange.delta.wire.parse import parse_order, parse_position, parse_user_trade, parse_wallet
from trader.exchange.delta.wire.parse_feeds import (
    Feed,
    PortfolioMargin,
    ProtectionTriggered,
    parse_feed,
    parse_long_user_trade,
    parse_mmp_trigger,
    parse_portfolio_margins,
)

__all__ = ["PrivateStream", "PublicStream", "StreamFigures", "Timings"]

logger = logging.getLogger(__name__)

BOOK_PAUSE_SECS = 2.0  # before a book that broke is asked for anew
_EXPIRED = "request_expired"
_PRICES = (wire.BestQuote, wire.MarkPrice, wire.SpotPrice)  # nearly all that comes
_PRIVATE_CHANNELS = ("orders", "v2/user_trades", "positions")


class PublicStream(Stream):
    """Market data. `on_message` gets each `wire.MarketMessage` in the stream thread, `on_event` what the stream reports
    about itself and about the exchange, `on_feed` books, trades, candles, settlement averages and funding as values."""

    lists: Mapping[str, Listed] = {
        "ticker": Listed("d", wire.Ticker, wire.TickerItem),
        "subscriptions": Listed("channels", wire.Subscriptions, wire.ChannelState),
    }

    def __init__(
        self,
        url: str,
        on_message: Callable[[wire.MarketMessage], None],
        on_event: Callable[[StreamEvent], None],
        *,
        on_feed: Callable[[Feed], None] = lambda feed: None,
        timings: Timings = Timings(),  # noqa: B008 - a frozen value
        user_agent: str = USER_AGENT,
        proxy: str | None = None,
        odd: OddRows | None = None,
    ) -> None:
        decoder = decoder_of(wire.PublicMessage | feeds.FeedMessage | feeds.CandleFrame)
        super().__init__("public", url, decoder, timings=timings, user_agent=user_agent, proxy=proxy, odd=odd)
        self._on_message = on_message
        self._on_event = on_event
        self._on_feed = on_feed
        self._books: dict[str, LocalBook] = {}
        self._broken_books: dict[str, float] = {}  # when each may be asked for anew (monotonic seconds)

    def _report(self, event: StreamEvent) -> None:
        self._on_event(event)

    def _log_in(self, socket: StreamSocket) -> None:
        self._books.clear()  # nobody logs in here; but a new connection sends new snapshots
        self._broken_books.clear()

    def _handle(self, message: Any) -> None:
        if isinstance(message, _PRICES):
            self._on_message(message)
        elif isinstance(message, wire.Ticker):
            self._drop_doubtful(message)
            self._on_message(message)
        elif isinstance(message, wire.Subscriptions):
            self._subscribed(message)
        elif isinstance(message, wire.ProductUpdate):
            product = message.product
            self._on_event(
                TradingStatusChanged(
                    symbol=product.symbol,
                    product_id=count_or_none(product.id) or 0,
                    trading_status=product.trading_status,
                )
            )
        elif isinstance(message, wire.SystemStatus):
            self._on_event(VenueStatus(event=message.event, status=message.status))
        elif isinstance(message, feeds.BookUpdate):
            self._book_update(message)
        else:
            try:
                feed = parse_feed(message)
            except WireError as error:
                self._unreadable += 1
                kind = message.__struct_config__.tag
                self._cannot_read(odd_row(f"the {kind} messages", 0, message, str(error)[:200]))
                return
            self._on_feed(feed)

    def _drop_doubtful(self, message: wire.Ticker) -> None:
        """A chain's item that names no contract, and those that name the same one and differ, are left out."""
        names = {item.s for item in message.d}
        if len(names) == len(message.d) and "" not in names:
            return
        what = "the ticker messages"
        told: dict[str, list[wire.TickerItem]] = {}
        for item in message.d:
            told.setdefault(item.s, []).append(item)
        clear = {name for name, items in told.items() if name and all(item == items[0] for item in items)}
        doubtful = [item for item in message.d if item.s not in clear]
        message.d = [items[0] for name, items in told.items() if name in clear]
        self._left_out(
            [odd_row(what, 1, item, "it is listed more than once, or without a symbol") for item in doubtful]
        )

    def _book_update(self, message: feeds.BookUpdate) -> None:
        symbol = message.sy or message.symbol or ""
        if message.action == "snapshot":
            self._broken_books.pop(symbol, None)
            self._books[symbol] = LocalBook(symbol)
        book = self._books.get(symbol)
        if book is None and symbol in self._broken_books:
            return  # increments of the book that was given up
        try:
            (book or LocalBook(symbol)).apply(message)
        except BookBroken as error:
            logger.warning("book_broken symbol=%s reason=%s", symbol, error)
            self._books.pop(symbol, None)
            self._broken_books[symbol] = time.monotonic() + BOOK_PAUSE_SECS
            self._report(SequenceGap(channel="ob_updates", symbol=symbol, expected=0, received=message.seq or 0))
            return
        if book is not None:
            self._on_feed(book.view())

    def _tick(self, socket: StreamSocket) -> None:
        super()._tick(socket)
        for symbol in [symbol for symbol, due in self._broken_books.items() if time.monotonic() >= due]:
            self._broken_books[symbol] = time.monotonic() + BOOK_PAUSE_SECS
            self.unsubscribe("ob_updates", [symbol])
            self.subscribe("ob_updates", [symbol])


class PrivateStream(Stream):
    """The account: orders, fills, positions and margins as domain values, in the order they arrive. What cannot be read is
    told like a gap, for the account to be read over REST, and costs nothing else."""

    lists: Mapping[str, Listed] = {
        "orders": Listed("result", wire.Orders, wire.OrderRow),
        "positions": Listed("result", wire.Positions, wire.PositionRow),
        "subscriptions": Listed("channels", wire.Subscriptions, wire.ChannelState),
    }

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        on_private: Callable[[PrivateMessage], None],
        *,
        clock: ClockOffset | None = None,
        product_id_of: Callable[[str], int | None] = lambda symbol: None,
        on_protection: Callable[[PortfolioMargin | ProtectionTriggered], None] = lambda news: None,
        symbols: Iterable[str] = ("all",),
        timings: Timings = Timings(),  # noqa: B008 - a frozen value
        user_agent: str = USER_AGENT,
        proxy: str | None = None,
        odd: OddRows | None = None,
        follows_positions: bool = True,
        follows_margins: bool = True,
    ) -> None:
        """`clock` is what is known of the exchange's clock, shared with the REST client; `product_id_of` names the product of a symbol,
        which the fill channel does not (0 where nobody knows); `on_protection` hears of ``portfolio_margins`` and
        ``mmp_trigger`` where they are subscribed."""
        decoder = decoder_of(wire.PrivateWire | feeds.ProtectionMessage)
        super().__init__("private", url, decoder, timings=timings, user_agent=user_agent, proxy=proxy, odd=odd)
        self._credentials = credentials
        self._on_private = on_private
        self._clock = clock or ClockOffset()
        self._product_id_of = product_id_of
        self._on_protection = on_protection
        self._product_ids: dict[str, int] = {}
        self._sequence = SequenceTracker()
        for channel in _PRIVATE_CHANNELS:
            if channel != "positions" or follows_positions:
                self.subscribe(channel, symbols)
        if follows_margins:
            self.subscribe("margins")

    def use_credentials(self, credentials: Credentials) -> None:
        """Change the key pair; the next login uses it."""
        self._credentials = credentials

    def _report(self, event: StreamEvent) -> None:
        self._on_private(event)

    def _log_in(self, socket: StreamSocket) -> None:
        self._sequence.reset()
        answer = self._ask_login(socket)
        if answer is not None and not answer.success and answer.status == _EXPIRED:
            answer = self._ask_login(socket)  # the refusal told the exchange's time: signed by it, the login may pass
        if answer is not None and answer.success:
            return
        if answer is None and self._stopping.is_set():
            raise Ended("stopped")
        reason = f"no answer within {self._timings.answer_secs:.0f} s"
        if answer is not None:
            reason = LOGIN_STATUSES.get(answer.status, answer.status or "refused without a reason")
            reason = f"{reason} ({answer.message[:200]})" if answer.message else reason
        self._guarded_report(LoginRefused(reason=reason))
        raise LoginFailed(f"login refused: {reason}")

    def _trace(self, raw: bytes) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            text = raw[:FRAME_LOG_BYTES].decode(errors="replace")
            logger.debug("stream_frame stream=%s %s", self._name, text)

    def _ask_login(self, socket: StreamSocket) -> wire.KeyAuth | None:
        key, secret = self._credentials.reveal()
        sent_at = time.time()
        timestamp = str(int(sent_at + self._clock.secs))
        payload = {"api-key": key, "signature": sign_login(secret, timestamp), "timestamp": timestamp}
        socket.send(msgspec.json.encode({"type": "key-auth", "payload": payload}).decode())
        logger.debug("stream_login_sent stream=%s timestamp=%s", self._name, timestamp)
        return self._login_answer(socket, sent_at)

    def _login_answer(self, socket: StreamSocket, sent_at: float) -> wire.KeyAuth | None:
        deadline = time.monotonic() + self._timings.answer_secs
        while time.monotonic() < deadline and not self._stopping.is_set():
            try:
                raw = socket.receive()
            except websocket.WebSocketTimeoutException:
                continue
            if raw is None:
                raise Ended("closed by the exchange during the login")
            try:
                message = self._decoder.decode(raw)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                continue  # nothing of the account comes before the login
            if isinstance(message, wire.KeyAuth):
                logger.debug("stream_login_answer stream=%s status=%s", self._name, message.status)
                if not message.success:
                    expired = message.status == _EXPIRED
                    self._clock.learn_refusal(raw, sent_at=sent_at, received_at=time.time(), expired=expired)
                return message
        return None

    def _handle(self, message: Any) -> None:
        try:
            self._handle_account(message)
        except WireError as error:
            self._unreadable += 1
            kind = message.__struct_config__.tag
            self._cannot_read(odd_row(f"the {kind} messages", 0, message, str(error)[:200]))

    def _cannot_read(self, row: OddRow) -> None:
        self._left_out([row])

    def _left_out(self, odd: Sequence[OddRow]) -> None:
        if odd:
            self._odd.note(odd)
            self._report(UnreadableMessage(stream=self._name, detail=in_words(odd)[:200]))

    def _handle_account(self, message: Any) -> None:
        if isinstance(message, wire.Orders):
            self._orders(message)
        elif isinstance(message, wire.UserTrade):
            self._user_trade(message)
        elif isinstance(message, wire.Positions):
            self._positions(message)
        elif isinstance(message, wire.Margins):
            self._on_private(parse_wallet(message))
        elif isinstance(message, wire.Subscriptions):
            self._subscribed(message)
        elif isinstance(message, wire.KeyAuth):
            raise Ended(f"logged out by the exchange: {message.status or 'no reason'}")
        elif isinstance(message, wire.SystemStatus):
            self._report(VenueStatus(event=message.event, status=message.status))
        elif isinstance(message, feeds.PortfolioMargins):
            self._on_protection(parse_portfolio_margins(message))
        elif isinstance(message, feeds.MmpTrigger):
            self._on_protection(parse_mmp_trigger(message))
        elif isinstance(message, feeds.LongUserTrade):
            self._numbered("user_trades", message.symbol, message.seq_no)
            self._on_private(parse_long_user_trade(message))

    def _orders(self, message: wire.Orders) -> None:
        if message.action == "snapshot":
            symbol = message.symbol
            if symbol and message.meta and message.meta.seq_no is not None:
                self._sequence.snapshot("orders", symbol, message.meta.seq_no)
            orders, odd = sift("the orders messages", message.result or (), parse_order)
            for order in orders:
                self._product_ids[order.symbol] = order.product_id
                self._on_private(order)
            self._left_out(odd)
            return
        order = parse_order(message)
        self._product_ids[order.symbol] = order.product_id
        self._numbered("orders", order.symbol, message.seq_no)
        # Passed on whatever its number: one that is no news changes nothing, and a number may count something else.
        self._on_private(order)

    def _user_trade(self, message: wire.UserTrade) -> None:
        self._numbered("v2/user_trades", message.sy, message.se)
        # A repeated fill is passed on: the receiver keeps fills by id, and losing one is worse than hearing it twice.
        told = count_or_none(message.product_id) or self._product_ids.get(message.sy) or self._product_id_of(message.sy)
        self._on_private(parse_user_trade(message, told or 0))

    def _positions(self, message: wire.Positions) -> None:
        if message.action == "delete" and message.size is None:
            message.size = 0  # the exchange says that the position is gone
        rows = message.result or () if message.action == "snapshot" else [message]
        positions, odd = sift("the positions messages", rows, parse_position)
        for position in positions:
            self._product_ids[position.symbol] = position.product_id
            self._on_private(position)
        self._left_out(odd)

    def _numbered(self, channel: str, symbol: str, number: int | None) -> None:
        """Judge a message's number and report a gap."""
        if number is None:
            return
        judged = self._sequence.observe(channel, symbol, number)
        if judged.verdict is Verdict.GAP:
            logger.warning("stream_gap channel=%s symbol=%s", channel, symbol)
            self._report(SequenceGap(channel=channel, symbol=symbol, expected=judged.expected, received=number))
