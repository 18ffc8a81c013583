"""The product list, cached: it is long, changes a few times a day, and is asked for all the time."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from trader.domain.errors import WireError
from trader.domain.instrument import Instrument
from trader.exchange.common.statistics import CacheFigures

TTL_SECS = 300.0
REMEMBERED_MOST = 4_000  # contracts no longer listed; about a fortnight of dailies
DOUBT_SECS = 1.5  # a row the list never takes up must not make every question load


class InstrumentCache:
    """Live contracts by underlying, loaded as one list. Safe to use from any thread; one thread loads at a time."""

    def __init__(
        self, load: Callable[[], list[Instrument]], monotonic: Callable[[], float], *, ttl_secs: float = TTL_SECS
    ) -> None:
        """`load` fetches all live contracts; it may raise, and then nothing is cached."""
        self._load = load
        self._monotonic = monotonic
        self._ttl_secs = ttl_secs
        self._lock = threading.Lock()
        self._by_underlying: dict[str, list[Instrument]] = {}
        self._listed: dict[int, Instrument] = {}
        self._ids: dict[str, int] = {}
        self._former: OrderedDict[int, Instrument] = OrderedDict()  # least recently asked for first
        self._loaded_at: float | None = None
        self._hits = 0
        self._misses = 0

    def of(self, underlying: str) -> list[Instrument]:
        """Contracts of one underlying, at most `ttl_secs` old; empty when the exchange lists none."""
        with self._lock:
            if self._loaded_at is None or self._monotonic() - self._loaded_at >= self._ttl_secs:
                self._misses += 1
                self._store(self._load())
            else:
                self._hits += 1
            return list(self._by_underlying.get(underlying, ()))

    def any(self) -> Instrument | None:
        """A contract that is listed, whichever; None when none is. Loads as `of` does."""
        self.of("")
        with self._lock:
            return next(iter(self._listed.values()), None)

    def one(self) -> Instrument:
        """As `any`.

        Raises:
            WireError: None is listed.
        """
        if (listed := self.any()) is None:
            raise WireError("the exchange lists no contract")
        return listed

    def by_id(self, product_id: int) -> Instrument | None:
        """A contract seen before, listed still or among the last asked for of those that are not; never loads."""
        with self._lock:
            listed = self._listed.get(product_id)
            if listed is not None:
                return listed
            former = self._former.get(product_id)
            if former is not None:
                self._former.move_to_end(product_id)
            return former

    def id_of(self, symbol: str) -> int | None:
        """The product id of a symbol seen before; never loads."""
        with self._lock:
            return self._ids.get(symbol)

    def doubt(self) -> None:
        """Something was seen that the list does not hold: load anew at the next question, unless it is only just read."""
        with self._lock:
            if self._loaded_at is not None and self._monotonic() - self._loaded_at >= DOUBT_SECS:
                self._loaded_at = None

    @property
    def figures(self) -> CacheFigures:
        """Contracts held, and how often a question was answered without loading."""
        with self._lock:
            return CacheFigures(size=len(self._listed) + len(self._former), hits=self._hits, misses=self._misses)

    def _store(self, instruments: list[Instrument]) -> None:
        grouped: dict[str, list[Instrument]] = {}
        for instrument in instruments:
            grouped.setdefault(instrument.underlying, []).append(instrument)
        self._by_underlying = grouped
        listed = {instrument.product_id: instrument for instrument in instruments}
        # Kept beside the new list: positions and fills of contracts that have just expired still name them.
        for product_id, gone in self._listed.items():
            if product_id not in listed:
                self._former[product_id] = gone
        for product_id in listed:
            self._former.pop(product_id, None)
        while len(self._former) > REMEMBERED_MOST:
            _, forgotten = self._former.popitem(last=False)
            self._ids.pop(forgotten.symbol, None)
        self._listed = listed
        self._ids |= {instrument.symbol: instrument.product_id for instrument in instruments}
        self._loaded_at = self._monotonic()
