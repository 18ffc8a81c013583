"""What the present runner has heard of prices and of the exchange's time, kept by the oracle's own hand."""

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite

from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.simulation.agenda import Agenda
from trader.simulation.venue import SimVenue

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_MARKS_SECS = 20


class Heard:
    """Quotes as they were told. `newest` is by symbol, `at` when it was heard, `marks` the last ones told."""

    def __init__(self, agenda: Agenda, venue: SimVenue) -> None:
        self._agenda = agenda
        self._venue = venue
        self.newest: dict[str, Quote] = {}
        self.at: dict[str, float] = {}
        self.marks: dict[str, deque[tuple[float, Decimal]]] = {}
        self.spot = Decimal(0)
        self._spots: deque[tuple[float, Decimal]] = deque(maxlen=16)
        self._stamps: dict[str, tuple[datetime, datetime]] = {}  # the newest heard, mark and quote
        self._time_heard: float | None = None

    def booted(self) -> None:
        """A new runner has heard nothing."""
        self._time_heard = None
        self.newest.clear()
        self._stamps.clear()
        self.at.clear()

    def priced(self, quotes: tuple[Quote, ...], spot: Decimal) -> set[str]:
        """Prices of the stream. The symbols whose mark and quote are both newer than any before: with an older one an
        evaluation is no fresh one."""
        secs = self._agenda.secs
        self._time_heard = secs if self._time_heard is None else self._time_heard
        self.spot = spot if spot > 0 else self.spot
        self._spots.append((secs, self.spot))
        younger = self._younger(quotes)
        for quote in quotes:
            self.newest[quote.symbol] = quote
            self.at[quote.symbol] = secs
            self._note_mark(quote)
        return younger

    def chain(self, quotes: tuple[Quote, ...], spot: Decimal | None) -> None:
        """Prices of a chain; one of them counts only where it is newer than what the stream told, the index where that has told none."""
        secs = self._agenda.secs
        self.spot = self.spot or max(spot or Decimal(0), Decimal(0))
        self._younger(quotes)
        if quotes and self._time_heard is None:
            self._time_heard = secs
        for quote in quotes:
            old = self.newest.get(quote.symbol)
            if old is None or old.ts_mark is None or (quote.ts_mark is not None and quote.ts_mark > old.ts_mark):
                self.newest[quote.symbol], self.at[quote.symbol] = quote, secs
            self._note_mark(quote)

    def _note_mark(self, quote: Quote) -> None:
        if quote.mark is None:
            return
        told = self.marks.setdefault(quote.symbol, deque(maxlen=16))
        if told and told[-1][1] == quote.mark:
            told.pop()  # told again: it must not crowd out the ones before
        told.append((self._agenda.secs, quote.mark))

    def _younger(self, quotes: Iterable[Quote]) -> set[str]:
        younger = set()
        for quote in quotes:
            if quote.ts_mark is None or quote.ts_quote is None:
                continue
            mark, quoted = self._stamps.get(quote.symbol, (_LONG_AGO, _LONG_AGO))
            if quote.ts_mark > mark and quote.ts_quote > quoted:
                younger.add(quote.symbol)
            self._stamps[quote.symbol] = max(mark, quote.ts_mark), max(quoted, quote.ts_quote)
        return younger

    def usable(self, symbol: str, *, entry: Side | None = None) -> bool:
        """Fresh and sane enough to decide on; stricter where risk is added, on that side."""
        quote = self.newest.get(symbol)
        if quote is None or quote.mark is None or quote.mark <= 0 or quote.ts_mark is None or quote.ts_quote is None:
            return False
        now = self._agenda.now
        age = (now - quote.ts_mark).total_seconds()
        if age > 7.8 or self._agenda.secs - self.at[symbol] > 7.5:  # 5 s, as of a message up to 2 s ago, and the way
            return False
        if entry is None:
            return True
        if quote.greeks is None or not isfinite(quote.greeks.delta):
            return False
        if entry is Side.BUY:
            return quote.ask is not None and quote.ask > 0 and (quote.bid or 0) <= quote.ask
        return quote.bid is not None and quote.ask is not None and 0 < quote.bid <= quote.ask

    def spots(self) -> list[Decimal]:
        """Index prices told within the last seconds, and the newest of all."""
        recent = [spot for at, spot in self._spots if self._agenda.secs - at <= _MARKS_SECS]
        return [*recent, *([self.spot] if self.spot > 0 else [])]

    def recent_marks(self, symbol: str) -> list[Decimal]:
        """Marks told or true within the last seconds."""
        secs = self._agenda.secs
        found = [m for at, m in self.marks.get(symbol, ()) if secs - at <= _MARKS_SECS and m > 0]
        market = self._venue.market
        if symbol in self._venue.core.products.live:
            found.append(market.option_stats(symbol).mark)
        return found

    def knows_time(self, secs: float) -> bool:
        """Whether the runner had heard the exchange's time by then; before, it cannot know of an expiry."""
        return self._time_heard is not None and self._time_heard < secs
