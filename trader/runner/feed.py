"""The runner's two streams as one thing: market data to take, account news posted as events."""

import logging
from collections.abc import Callable
from datetime import datetime

from trader.domain.clock import Now
from trader.domain.fill import Fill, Position
from trader.domain.horizon import Horizon
from trader.domain.order import OrderSnapshot
from trader.engine import events as ev
from trader.exchange.common import events as xe
from trader.exchange.common.statistics import CallStatistics
from trader.exchange.ports import AccountFeed, Batch, MarketFeed
from trader.runner.notices import Note

logger = logging.getLogger(__name__)

Post = Callable[[Callable[[Now], ev.AnyEvent]], None]


class Feed:
    """Owns the two streams of one account; both feeds' news become events of the runner's queue."""

    def __init__(self, market: MarketFeed, account: AccountFeed, counters: CallStatistics) -> None:
        """`counters` counts the reconnections."""
        self._market = market
        self._account = account
        self._counters = counters
        self._post: Post = lambda build: None
        self._note: Callable[[Note], None] = lambda note: None
        self.states = {"public": "connecting", "private": "connecting"}

    def start(self, post: Post, wake: Callable[[], None], note: Callable[[Note], None] = lambda note: None) -> None:
        """Connect both. `post` takes functions that make an event of the present instant; `wake` interrupts a wait; `note`
        takes what went wrong in handling a message."""
        self._post, self._note = post, note
        self._market.start(wake, self._on_public_event, lambda error: self._callback_failed("public", error))
        self._account.start(self._on_private_message)

    def stop(self) -> None:
        self._market.stop()
        self._account.stop()

    def want(self, symbols: tuple[str, ...], underlyings: tuple[str, ...]) -> None:
        """Follow exactly these contracts and index prices."""
        self._market.want(symbols, underlyings)

    def take(self) -> Batch | None:
        """Quotes and index prices since the last call; None when nothing came."""
        return self._market.take()

    def look_beyond(self, horizon: Horizon | None) -> None:
        """Be woken by what leaves this horizon only; None = by every message."""
        self._market.look_beyond(horizon)

    @property
    def heard(self) -> datetime | None:
        """Our wall clock at the last market message."""
        return self._market.heard

    @property
    def messages(self) -> int:
        """Messages received on both streams so far."""
        return self._market.messages + self._account.messages

    # Exceptions in a stream's callback would be swallowed by it or end it: they are told here, and the stream lives on.
    # What the message said is then unknown, so it counts as lost and is read over REST.

    def _on_public_event(self, event: xe.StreamEvent) -> None:
        try:
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
            case Position():
                self._post(lambda now: ev.PositionSeen(at=now, position=message))
            case xe.StreamUp() | xe.StreamDown() | xe.SequenceGap() | xe.LoginRefused() | xe.SubscriptionRefused():
                self._stream_event("private", message)
            case xe.UnreadableMessage():
                self._stream_event("private", message)
            case _:
                pass  # margins are read over REST, where they carry their own completeness

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
