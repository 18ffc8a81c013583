"""The private stream: news of orders and fills, late, doubled, reordered or lost; a gap is noticed by sequence numbers."""

from collections.abc import Callable
from random import Random

from trader.domain.clock import Now
from trader.engine import events as ev
from trader.simulation.agenda import Agenda
from trader.simulation.faults import Faults
from trader.simulation.venue import SimVenue, fill_of, snapshot_of
from trader.venue.core.events import OrderEvent, TradeEvent

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
        if isinstance(event, OrderEvent):
            key, snapshot = ("orders", event.order.symbol), snapshot_of(event.order)
            self._notice_gap(key, event.seq_no)
            self._post(lambda now: ev.OrderSeen(at=now, order=snapshot))
        else:
            key, fill = ("trades", event.fill.symbol), fill_of(event.fill, over_rest=False)
            self._notice_gap(key, event.seq_no)
            self._post(lambda now: ev.FillSeen(at=now, fill=fill))

    def _notice_gap(self, key: tuple[str, str], number: int) -> None:
        last = self._heard.get(key)
        if last is None or number > last:
            self._heard[key] = number
        if last is not None and number > last + 1:
            self._post(lambda now: ev.StreamChanged(at=now, stream="private", up=True, gap=True, detail=str(key)))

    def drop(self, secs: float) -> None:
        """N13: down, and up again after a while."""
        if not self.up:
            return
        self.up = False
        self._post(lambda now: ev.StreamChanged(at=now, stream="private", up=False, detail="reset"))
        self._agenda.after(secs, self._up)

    def _up(self) -> None:
        self.up = True
        self._heard.clear()
        self._post(lambda now: ev.StreamChanged(at=now, stream="private", up=True))

    def hush(self, secs: float) -> None:
        """N10: nothing comes although the connection stands."""
        self.silent = True
        self._agenda.after(secs, self._speak)

    def _speak(self) -> None:
        self.silent = False
