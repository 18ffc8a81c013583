"""The private stream: news of orders and fills, late, doubled, reordered or lost; a gap is noticed by sequence numbers."""

from collections.abc import Callable
from random import Random

from trader.domain.clock import Now
from trader.engine import events as ev
from trader.simulation.agenda import Agenda
from trader.simulation.faults import Faults
from trader.simulation.venue import SimVenue
from trader.venue.core.events import OrderEvent, TradeEvent

NO_ANSWER_SECS = 10.0

Build = Callable[[Now], ev.AnyEvent]
Post = Callable[[Build], None]


class PrivateStream:
    """Between the exchange's event queue and whoever runs at present."""

    def __init__(self, venue: SimVenue, agenda: Agenda, faults: Faults, latency: float, post: Post) -> None:
        self._venue = venue
        self._agenda = agenda
        self._faults = faults
        self._latency = latency
        self._post = post
        self.up = True
        self.silent = False
        self._why = ""
        self.down_since: float | None = None  # since when runners know that nothing is told
        self._heard: dict[tuple[str, str], int] = {}

    def carry(self) -> None:
        """Send on what the exchange has to say."""
        for event in self._venue.drain():
            if not self.up or self.silent:
                continue
            if self._faults.hit("N9"):
                self._garble(event, self._faults.details("N9"))
                continue
            delay = self._latency
            if self._faults.hit("N14"):
                delay += self._faults.details("N14").uniform(0.1, 3.0)
            self._agenda.after(delay, self._deliver, event)

    def _garble(self, event: OrderEvent | TradeEvent, draw: Random) -> None:
        match draw.randrange(3):
            case 0:
                pass  # dropped: the next number tells
            case 1:
                self._agenda.after(self._latency, self._deliver, event)
                self._agenda.after(self._latency + draw.uniform(0, 1), self._deliver, event)
            case _:
                self._agenda.after(self._latency + draw.uniform(0.2, 1.5), self._deliver, event)

    def _deliver(self, event: OrderEvent | TradeEvent) -> None:
        if not self.up or self.silent:
            return
        if self._faults.hit("W1", 0.4):
            self._note_number(event)  # a callback raised: gone, and no gap will tell
            return
        if isinstance(event, OrderEvent):
            snapshot = self._venue.told_order(event.order)
            self._notice_gap(event)
            self._post(lambda now: ev.OrderSeen(at=now, order=snapshot))
        else:
            fill = self._venue.told(event.fill, over_rest=False)
            self._notice_gap(event)
            self._post(lambda now: ev.FillSeen(at=now, fill=fill))

    def _note_number(self, event: OrderEvent | TradeEvent) -> tuple[tuple[str, str], int | None]:
        key = ("orders", event.order.symbol) if isinstance(event, OrderEvent) else ("trades", event.fill.symbol)
        last = self._heard.get(key)
        if last is None or event.seq_no > last:
            self._heard[key] = event.seq_no
        return key, last

    def _notice_gap(self, event: OrderEvent | TradeEvent) -> None:
        key, last = self._note_number(event)
        if last is not None and event.seq_no > last + 1:
            self._post(lambda now: ev.StreamChanged(at=now, stream="private", up=True, gap=True, detail=str(key)))

    def connect(self, post: Post) -> None:
        """A runner comes up and logs in; it hears that it is in, or why not, or after a while that nobody answers."""
        if not self.up:
            self._agenda.after(2 * self._latency, post, _down(self._why))
        elif self.silent:
            self._agenda.after(NO_ANSWER_SECS, self._tell_silence, post)
        else:
            self._agenda.after(2 * self._latency, post, _up)

    def _tell_silence(self, post: Post) -> None:
        if self.silent:
            self.down_since = self._agenda.secs
            post(_down("no answer within 10 s"))

    def refuse(self, draw: Random) -> None:
        """N11: login or subscription refused, or the channel is not where it was and nothing ever comes."""
        secs = draw.uniform(3, 60)
        if draw.random() < 0.35:
            self.hush(secs)
            self._agenda.after(NO_ANSWER_SECS, self._tell_silence, self._post)
            return
        why = draw.choice(("login refused: invalid_signature", "channel orders refused: forbidden"))
        if self.up:
            self.drop(secs, why)

    def mend(self) -> None:
        """Faults are over: a stream that was away is back."""
        self._speak()
        self._up()

    def drop(self, secs: float, why: str = "reset") -> None:
        """N13: down, and up again after a while."""
        if not self.up:
            return
        self.up, self._why = False, why
        self.down_since = self._agenda.secs
        self._post(_down(why))
        self._agenda.after(secs, self._up)

    def _up(self) -> None:
        if self.up:
            return
        self.up, self.down_since = True, None
        self._heard.clear()
        self._post(_up)

    def hush(self, secs: float) -> None:
        """N10: nothing comes although the connection stands."""
        self.silent = True
        self._agenda.after(secs, self._speak)

    def _speak(self) -> None:
        if self.silent:
            self.silent, self.down_since = False, None
            self._post(_up)


def _up(now: Now) -> ev.AnyEvent:
    return ev.StreamChanged(at=now, stream="private", up=True)


def _down(why: str) -> Build:
    return lambda now: ev.StreamChanged(at=now, stream="private", up=False, detail=why)
