"""The life of one stream connection: connect, log in, subscribe, watch for silence, reconnect. Knows no market or account.

Each stream is one daemon thread with a `recv()` loop that decodes and hands on; whatever it calls must be quick. After
every (re)connect it logs in where needed, asks for heartbeats and subscribes anew, then reports `StreamUp`: what was
missed meanwhile is for the caller to read over REST. There is no replay.

Source: exchange documentation, "Subscribing to Channels", "Detecting Connection Drops", "Authenticating".
"""

import logging
import random
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import websocket

from trader.domain.odd_row import OddRow
from trader.exchange.common.backoff import CONNECTS_MAX, Backoff
from trader.exchange.common.decoding import convert
from trader.exchange.common.events import StreamDown, StreamEvent, StreamUp, SubscriptionRefused, UnreadableMessage
from trader.exchange.common.odd_rows import OddRows
from trader.exchange.common.rows import UNREADABLE, convert_rows, in_plain_words, odd_row, read_loosely, sift
from trader.exchange.common.stream_socket import StreamSocket
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire.feeds import RESOLUTIONS
from trader.machine.threads import LastingThread

logger = logging.getLogger(__name__)

_ONE_SYMBOL_PER_FRAME = frozenset({"ob_l2"})
_IGNORED_LOG_EVERY = 1000
_COUNTS_LOG_SECS = 60.0
FRAME_LOG_BYTES = 2000


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. The exchange sends a heartbeat every 30 s and drops a connection after 60 s without activity."""

    connect_secs: float = 10.0
    answer_secs: float = 10.0  # to a login or a subscription
    heartbeat_secs: float = 35.0
    ping_secs: float = 30.0
    pong_secs: float = 5.0
    tick_secs: float = 1.0
    backoff_first_secs: float = 0.5
    backoff_longest_secs: float = 30.0
    stable_secs: float = 30.0


class StreamFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one stream since it was started."""

    connected: bool
    connects: int
    messages: int
    ignored: int
    unreadable: int
    last_message_age_secs: float | None


class Listed(NamedTuple):
    """Where a kind of message keeps its list."""

    field: str
    message: Any
    item: Any


class Ended(Exception):
    """The connection is over; the message says why."""


class LoginFailed(Ended):
    """The exchange did not take the login."""


class Stream:
    """What both streams share: the thread, the connection's life, subscriptions, watchdogs."""

    lists: Mapping[str, Listed] = {}  # the kinds of message that carry a list, whose items are read one by one

    def __init__(
        self,
        name: str,
        url: str,
        decoder: msgspec.json.Decoder[Any],
        *,
        timings: Timings,
        user_agent: str,
        proxy: str | None = None,
        odd: OddRows | None = None,
    ) -> None:
        """`odd` takes what was left out of messages because it made no sense."""
        self._odd = odd or OddRows()
        self._name = name
        self._url = url
        self._decoder = decoder
        self._timings = timings
        self._user_agent = user_agent
        self._proxy = proxy
        self._backoff = Backoff(
            time.monotonic,
            random.Random().uniform,  # its own: tests that draw watch the shared one
            first_secs=timings.backoff_first_secs,
            longest_secs=timings.backoff_longest_secs,
            stable_secs=timings.stable_secs,
            connects_max=CONNECTS_MAX,
        )
        self._lock = threading.Lock()  # guards the three below
        self._wanted: dict[str, set[str]] = {}
        self._unanswered: dict[str, float] = {}
        self._live: StreamSocket | None = None
        self._socket: StreamSocket | None = None
        self._stopping = threading.Event()
        self._thread: LastingThread | None = None
        self._connects = self._messages = self._ignored = self._unreadable = 0
        self._alive_at = self._pinged_at = self._counted_at = 0.0
        self._pong_due: float | None = None

    # ------------------------------------------------------------------------------------------ for any thread

    def start(self) -> None:
        """Connect and stay connected until `stop`."""
        if self._thread is not None:
            raise RuntimeError(f"{self._name} stream is started already")
        self._thread = LastingThread(f"delta-{self._name}", self._run, self._stopping)
        self._thread.start()

    def stop(self, timeout_secs: float = 5.0) -> None:
        """Disconnect for good."""
        self._stopping.set()
        socket = self._socket
        if socket is not None:
            socket.interrupt()
        if self._thread is not None:
            self._thread.join(timeout_secs)

    def subscribe(self, channel: str, symbols: Iterable[str] = ()) -> None:
        """Want a channel for these symbols, now and after every reconnect; without symbols for channels that have
        none. Adds to what was wanted before."""
        wanted = {_wire_symbol(channel, symbol) for symbol in symbols}
        with self._lock:
            known = self._wanted.get(channel)
            new = wanted - known if known is not None else wanted
            self._wanted.setdefault(channel, set()).update(wanted)
            if self._live is not None and (new or known is None):
                self._send_subscription(self._live, channel, new)

    def unsubscribe(self, channel: str, symbols: Iterable[str] | None = None) -> None:
        """Stop wanting a channel, or only these symbols of it."""
        with self._lock:
            known = self._wanted.get(channel)
            if known is None:
                return
            dropped = None if symbols is None else {_wire_symbol(channel, symbol) for symbol in symbols} & known
            known -= known if dropped is None else dropped
            if dropped is None or not known:
                del self._wanted[channel]
                self._unanswered.pop(channel, None)
            if self._live is not None and (dropped is None or dropped):
                self._send_quietly(self._live, _channels_frame("unsubscribe", channel, dropped or ()))

    @property
    def subscriptions(self) -> dict[str, frozenset[str]]:
        """What is wanted, by channel."""
        with self._lock:
            return {channel: frozenset(symbols) for channel, symbols in self._wanted.items()}

    @property
    def connected(self) -> bool:
        """True between `StreamUp` and `StreamDown`."""
        return self._live is not None

    @property
    def figures(self) -> StreamFigures:
        """Counters of this moment."""
        return StreamFigures(
            connected=self.connected,
            connects=self._connects,
            messages=self._messages,
            ignored=self._ignored,
            unreadable=self._unreadable,
            last_message_age_secs=time.monotonic() - self._alive_at if self._connects else None,
        )

    # ------------------------------------------------------------------------------------- in the stream thread

    def _report(self, event: StreamEvent) -> None:
        raise NotImplementedError

    def _log_in(self, socket: StreamSocket) -> None:
        """Before anything else on a new connection."""

    def _handle(self, message: Any) -> None:
        raise NotImplementedError

    def _trace(self, raw: bytes) -> None:
        """A frame for the detailed log. Market data is only counted."""

    def _run(self) -> None:
        while not self._stopping.wait(self._backoff.delay_secs()):
            self._backoff.connecting()
            started = time.monotonic()
            lasted = 0.0
            level = logging.WARNING
            socket = self._socket = StreamSocket()
            logger.debug("stream_connecting stream=%s url=%s", self._name, self._url)
            try:
                self._connect(socket)
                started = time.monotonic()
                self._receive(socket)
            except LoginFailed as error:
                reason, level = str(error), logging.ERROR
            except (Ended, OSError, websocket.WebSocketException) as error:
                reason = _words(error)
            except BaseException as error:
                # Whatever it was, the connection is ended in order and the next one begun.
                logger.exception("stream_failed stream=%s", self._name)
                reason = f"our own error: {type(error).__name__}"
            else:
                reason = "closed by the exchange"
            was_up = self._end(socket)
            if was_up:
                lasted = time.monotonic() - started
            self._backoff.ended(lasted)
            if not self._stopping.is_set():
                logger.log(level, "stream_down stream=%s reason=%s", self._name, reason)
                self._guarded_report(StreamDown(stream=self._name, reason=reason))

    def _connect(self, socket: StreamSocket) -> None:
        socket.open(self._url, timeout_secs=self._timings.connect_secs, user_agent=self._user_agent, proxy=self._proxy)
        socket.settimeout(self._timings.tick_secs)
        now = time.monotonic()
        self._alive_at = self._pinged_at = now
        self._pong_due = None
        self._connects += 1
        self._log_in(socket)
        socket.send('{"type":"enable_heartbeat"}')
        logger.debug("stream_up stream=%s connects=%d", self._name, self._connects)
        self._guarded_report(StreamUp(stream=self._name, connects=self._connects))
        with self._lock:
            self._live = socket
            self._unanswered.clear()
            for channel, symbols in self._wanted.items():
                self._send_subscription(socket, channel, symbols)

    def _end(self, socket: StreamSocket) -> bool:
        with self._lock:
            was_up, self._live = self._live is socket, None
        self._socket = None
        socket.shutdown()  # type: ignore[no-untyped-call]
        return was_up

    def _receive(self, socket: StreamSocket) -> None:
        decode, handle = self._decoder.decode, self._handle
        next_tick = time.monotonic() + self._timings.tick_secs
        while not self._stopping.is_set():
            try:
                raw = socket.receive()
            except websocket.WebSocketTimeoutException:
                self._tick(socket)
                continue
            if raw is None:
                return
            now = time.monotonic()
            if now >= next_tick:
                self._tick(socket)
                next_tick = now + self._timings.tick_secs
            self._messages += 1
            try:
                message = decode(raw)
            except UNREADABLE as error:
                message = self._undecodable(raw, error)
                if message is None:
                    continue
            if type(message) is wire.Pong:
                self._pong_due = None
                continue
            self._alive_at = now
            if type(message) is wire.Heartbeat:
                continue
            self._trace(raw)
            try:
                handle(message)
            except Ended:
                raise
            except Exception:
                # A fault in what we call must not cost the connection and every message behind this one.
                logger.exception("stream_handler_failed stream=%s", self._name)
                self._unreadable += 1
                self._guarded_report(UnreadableMessage(stream=self._name, detail="our handler failed"))

    def _tick(self, socket: StreamSocket) -> None:
        now = time.monotonic()
        if now - self._alive_at > self._timings.heartbeat_secs:
            raise Ended(f"silent for {now - self._alive_at:.0f} s")
        if self._pong_due is not None and now > self._pong_due and self._alive_at < self._pinged_at:
            raise Ended("no answer to a ping")
        if now - self._pinged_at >= self._timings.ping_secs:
            self._pinged_at = now
            self._pong_due = now + self._timings.pong_secs
            socket.send('{"type":"ping"}')
        if now - self._counted_at >= _COUNTS_LOG_SECS:
            self._counted_at = now
            logger.debug(
                "stream_counts stream=%s messages=%d ignored=%d unreadable=%d",
                self._name, self._messages, self._ignored, self._unreadable,
            )  # fmt: skip
        with self._lock:
            late = [channel for channel, due in self._unanswered.items() if now > due]
            for channel in late:
                del self._unanswered[channel]
        for channel in late:
            self._refused(channel, f"no answer within {self._timings.answer_secs:.0f} s")

    def _subscribed(self, message: wire.Subscriptions) -> None:
        with self._lock:
            for channel in message.channels:
                self._unanswered.pop(channel.name, None)
        for channel in message.channels:
            if channel.error:
                self._refused(channel.name, channel.error)

    def _refused(self, channel: str, reason: str) -> None:
        logger.error("subscription_refused stream=%s channel=%s reason=%s", self._name, channel, reason)
        self._guarded_report(SubscriptionRefused(stream=self._name, channel=channel, reason=reason))

    def _undecodable(self, raw: bytes, error: Exception) -> Any:
        """What can be saved of a message that does not decode: a list without its odd items, or None."""
        frame = read_loosely(raw)
        kind = str(frame.get("type", "")) if isinstance(frame, dict) else ""
        if kind and kind not in _KNOWN_TYPES:
            self._alive_at = time.monotonic()
            self._ignored += 1
            if self._ignored % _IGNORED_LOG_EVERY == 1:
                logger.info("stream_message_ignored stream=%s type=%.40r", self._name, kind)
            return None
        saved = self._saved(self.lists[kind], kind, frame) if kind in self.lists else None
        if saved is None:
            self._unreadable += 1
            self._cannot_read(odd_row(f"the {kind or self._name} messages", 0, frame, in_plain_words(error)))
        return saved

    def _saved(self, listed: Listed, kind: str, frame: dict[str, Any]) -> Any:
        """A message with the items of its list that make sense; None where it is no such message."""
        items = frame.get(listed.field)
        if not isinstance(items, list):
            return None
        what = f"the {kind} messages"
        good, odd = sift(what, convert_rows(items, listed.item, what), lambda item: item)
        try:
            message = convert({**frame, listed.field: []}, listed.message)
        except msgspec.ValidationError:
            return None
        setattr(message, listed.field, good)
        self._left_out(odd)
        return message

    def _left_out(self, odd: Sequence[OddRow]) -> None:
        """Items of a list made no sense; the others are passed on."""
        self._odd.note(odd)

    def _cannot_read(self, row: OddRow) -> None:
        """A whole message made no sense. Where it says which contract it is about, its loss costs that contract only."""
        self._odd.note([row])
        if not row.symbol:
            self._guarded_report(UnreadableMessage(stream=self._name, detail=row.reason))

    def _guarded_report(self, event: StreamEvent) -> None:
        try:
            self._report(event)
        except Exception:
            logger.exception("stream_report_failed stream=%s", self._name)

    def _send_subscription(self, socket: StreamSocket, channel: str, symbols: set[str]) -> None:
        self._unanswered[channel] = time.monotonic() + self._timings.answer_secs
        groups = [{symbol} for symbol in sorted(symbols)] if channel in _ONE_SYMBOL_PER_FRAME else [symbols]
        for group in groups:
            self._send_quietly(socket, _channels_frame("subscribe", channel, group))
        logger.debug("stream_subscribe stream=%s channel=%s symbols=%d", self._name, channel, len(symbols))

    def _send_quietly(self, socket: StreamSocket, frame: str) -> None:
        try:
            socket.send(frame)
        except (OSError, websocket.WebSocketException):
            # The connection is dying; its thread notices, reconnects and subscribes to all that is wanted.
            logger.info("stream_send_failed stream=%s", self._name)
            socket.interrupt()


def _words(error: Exception) -> str:
    """Why a connection ended, without the answer's headers, which the library puts into its message."""
    if isinstance(error, websocket.WebSocketBadStatusException):
        return f"the upgrade was answered with HTTP {error.status_code}"
    return str(error).partition(" -+-+- ")[0] or type(error).__name__


_KNOWN_TYPES = frozenset(
    "ticker ob_l1 mark_price spot_price product_updates system_status subscriptions heartbeat pong key-auth orders "
    "v2/user_trades positions margins ob_l2 ob_updates trades spot_30mtwap_price funding_rate portfolio_margins "
    "mmp_trigger user_trades".split()
) | {f"candlestick_{res}" for res in RESOLUTIONS}


def _wire_symbol(channel: str, symbol: str) -> str:
    """`mark_price` stays silent for a contract without its prefix; chains and categories take none."""
    if channel == "mark_price" and ("USD" in symbol or symbol[:2] in ("C-", "P-")) and not symbol.startswith("MARK:"):
        return f"MARK:{symbol}"
    return symbol


def _channels_frame(verb: str, channel: str, symbols: Iterable[str]) -> str:
    listed = sorted(symbols)
    entry: dict[str, Any] = {"name": channel, "symbols": listed} if listed else {"name": channel}
    return msgspec.json.encode({"type": verb, "payload": {"channels": [entry]}}).decode()
