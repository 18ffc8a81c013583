"""The runner's two streams as one thing: market data to take, account news posted as events."""

import logging
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.clock import Now
from trader.domain.fill import Fill
from trader.domain.instrument import index_symbol
from trader.domain.order import OrderSnapshot
from trader.domain.quote import Quote
from trader.engine import events as ev
from trader.engine.horizon import Horizon
from trader.exchange.common import events as xe
from trader.exchange.common.clock_offset import ClockOffset
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.odd_rows import OddRows
from trader.exchange.common.statistics import CallStatistics
from trader.exchange.delta.stream.conflate import Conflator
from trader.exchange.delta.stream.streams import PrivateStream, PublicStream
from trader.exchange.delta.wire.core import MarketMessage
from trader.runner.lookout import Lookout
from trader.runner.notes import Note

logger = logging.getLogger(__name__)

_SYMBOL_CHANNELS = ("ticker", "ob_l1")
_MARK_CHANNEL = "mark_price"
_SPOT_CHANNEL = "spot_price"

Post = Callable[[Callable[[Now], ev.AnyEvent]], None]


class Batch(msgspec.Struct, frozen=True):
    """What the market said since the last take. `newest` is exchange time, `heard` our wall clock at the last message."""

    quotes: tuple[Quote, ...]
    spots: tuple[tuple[str, Decimal], ...]
    newest: datetime
    heard: datetime


class Feed:
    """Owns the public and the private stream of one account."""

    def __init__(
        self,
        *,
        ws_public_url: str,
        ws_private_url: str,
        credentials: Credentials,
        clock: ClockOffset,
        counters: CallStatistics,
        product_id_of: Callable[[str], int | None],
        proxy: str | None = None,
        odd: OddRows | None = None,
    ) -> None:
        """`odd` takes what was left out of messages because it made no sense."""
        self._lookout = Lookout()
        self._conflator = Conflator(self._woken, matters=self._lookout.matters)
        self._wake: Callable[[], None] = lambda: None
        self._post: Post = lambda build: None
        self._note: Callable[[Note], None] = lambda note: None
        self._public = PublicStream(ws_public_url, self._on_market, self._on_public_event, proxy=proxy, odd=odd)
        self._private = PrivateStream(
            ws_private_url,
            credentials,
            self._on_private_message,
            clock=clock,
            product_id_of=product_id_of,
            proxy=proxy,
            odd=odd,
        )
        self._clock = clock
        self._counters = counters
        self._symbols: set[str] = set()
        self._underlyings: set[str] = set()
        self._heard: datetime | None = None
        self.states = {"public": "connecting", "private": "connecting"}

    def start(self, post: Post, wake: Callable[[], None], note: Callable[[Note], None] = lambda note: None) -> None:
        """Connect both. `post` takes functions that make an event of the present instant; `wake` interrupts a wait; `note`
        takes what went wrong in handling a message."""
        self._post, self._wake, self._note = post, wake, note
        self._public.start()
        self._private.start()

    def stop(self) -> None:
        self._public.stop()
        self._private.stop()

    def want(self, symbols: tuple[str, ...], underlyings: tuple[str, ...]) -> None:
        """Follow exactly these contracts and index prices."""
        wanted, indices = set(symbols), set(underlyings)
        gone = self._symbols - wanted
        if gone:
            for channel in _SYMBOL_CHANNELS:
                self._public.unsubscribe(channel, gone)
            self._public.unsubscribe(_MARK_CHANNEL, {f"MARK:{s}" for s in gone})
        if self._underlyings - indices:
            self._public.unsubscribe(_SPOT_CHANNEL, {index_symbol(u) for u in self._underlyings - indices})
        for channel in _SYMBOL_CHANNELS:
            if wanted - self._symbols:
                self._public.subscribe(channel, wanted - self._symbols)
        if wanted - self._symbols:
            self._public.subscribe(_MARK_CHANNEL, {f"MARK:{s}" for s in wanted - self._symbols})
        if indices - self._underlyings:
            self._public.subscribe(_SPOT_CHANNEL, {index_symbol(u) for u in indices - self._underlyings})
        self._symbols, self._underlyings = wanted, indices

    def take(self) -> Batch | None:
        """Quotes and index prices since the last call; None when nothing came."""
        heard = self._conflator.arrived_at
        if heard is None or heard == self._heard:
            return None
        quotes = self._conflator.take()
        newest = self._conflator.market_time
        if newest is None:
            return None
        self._heard = heard
        self._clock.learn_stamp(newest.timestamp(), heard.timestamp())
        return Batch(tuple(quotes), tuple(self._conflator.spots.items()), newest, heard)

    def look_beyond(self, horizon: Horizon | None) -> None:
        """Be woken by what leaves this horizon only; None = by every message."""
        if horizon != self._lookout.horizon:
            self._lookout.horizon = horizon
            self._conflator.judge_again()

    @property
    def heard(self) -> datetime | None:
        """Our wall clock at the last market message."""
        return self._conflator.arrived_at

    @property
    def messages(self) -> int:
        """Messages received on both streams so far."""
        return self._public.figures.messages + self._private.figures.messages

    def _woken(self) -> None:
        self._wake()

    # Exceptions in a stream's callback would be swallowed by it or end it: they are told here, and the stream lives on.
    # What the message said is then unknown, so it counts as lost and is read over REST.

    def _on_market(self, message: MarketMessage) -> None:
        try:
            self._conflator.offer(message)
        except Exception as error:  # noqa: BLE001 - see above: told, read over REST
            self._callback_failed("public", error)

    def _on_public_event(self, event: xe.StreamEvent) -> None:
        try:
            self._conflator.on_event(event)
            self._stream_event("public", event)
        except Exception as error:  # noqa: BLE001 - see above: told, read over REST
            self._callback_failed("public", error)

    def _on_private_message(self, message: xe.PrivateMessage) -> None:
        try:
            self._on_private(message)
        except Exception as error:  # noqa: BLE001 - see above: told, read over REST
            self._callback_failed("private", error)

    def _callback_failed(self, stream: str, error: Exception) -> None:
        logger.exception("stream_callback_failed stream=%s", stream)
        text = (
            f"A message of the {stream} stream could not be handled ({type(error).__name__}: {error}); read over REST."
        )
        self._note(Note("error", f"{stream}_callback_failed", text))
        self._post(lambda now: ev.StreamChanged(at=now, stream=stream, up=True, gap=True, detail=str(error)))

    def _on_private(self, message: xe.PrivateMessage) -> None:
        match message:
            case OrderSnapshot():
                self._post(lambda now: ev.OrderSeen(at=now, order=message))
            case Fill():
                self._post(lambda now: ev.FillSeen(at=now, fill=message))
            case xe.StreamUp() | xe.StreamDown() | xe.SequenceGap() | xe.LoginRefused() | xe.SubscriptionRefused():
                self._stream_event("private", message)
            case xe.UnreadableMessage():
                self._stream_event("private", message)
            case _:
                pass  # positions and margins are read over REST, where they carry their own completeness

    def _stream_event(self, stream: str, event: xe.StreamEvent) -> None:
        match event:
            case xe.StreamUp(connects=connects):
                if connects > 1:
                    self._counters.reconnected(stream)
                self._change(stream, "up", up=True)
            case xe.StreamDown(reason=reason):
                self._change(stream, "down", up=False, detail=reason)
            case xe.LoginRefused(reason=reason):
                self._change(stream, "refused", up=False, detail=f"login refused: {reason}")
            case xe.SubscriptionRefused(channel=channel, reason=reason):
                self._change(stream, "up", up=False, detail=f"channel {channel} refused: {reason}")
            case xe.SequenceGap(channel=channel, symbol=symbol):
                self._change(stream, "up", up=True, gap=True, detail=f"{channel} {symbol}")
            case xe.UnreadableMessage(detail=detail):
                self._change(stream, "up", up=True, gap=True, detail=f"unreadable message: {detail}")
            case _:
                logger.info("venue_news event=%s", event)

    def _change(self, stream: str, state: str, *, up: bool, gap: bool = False, detail: str = "") -> None:
        self.states[stream] = state
        self._post(lambda now: ev.StreamChanged(at=now, stream=stream, up=up, gap=gap, detail=detail))
