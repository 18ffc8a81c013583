"""In which order products are listed: what is traded most comes first.

Clients exist that ask once and take the first page for everything: it has the perpetuals and the options of the nearest
expiry, those near the money first; the others follow by expiry, settled ones last, the newest of them first.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from trader.domain.instrument import Instrument
from trader.venue.core.exchange import Exchange
from trader.venue.wire.fields import decimal

_LIVE, _GONE = 1, 2
_SECS_BITS, _DISTANCE_BITS, _ID_BITS = 36, 32, 40
_SECS_MAX, _DISTANCE_MAX = (1 << _SECS_BITS) - 1, (1 << _DISTANCE_BITS) - 1
_PARTS_PER_UNIT = 1_000_000


class ProductOrder:
    """An order of products around the index prices of one instant. Its `key` falls from the first to the last."""

    def __init__(self, exchange: Exchange, note: str) -> None:
        """`note` is the one of the page before, which this page continues; empty for the first page.

        Raises:
            Refused: ``bad_schema``: the note has no numbers.
        """
        self._gone = exchange.products.expired
        market = exchange.market
        self._spots = _read(note, market.underlyings) if note else {u: market.spot(u) for u in market.underlyings}

    @property
    def note(self) -> str:
        """What a cursor has to carry for the next page to continue this order."""
        return ",".join(f"{underlying}={spot}" for underlying, spot in self._spots.items())

    def sorted(self, instruments: Iterable[Instrument]) -> list[Instrument]:
        return sorted(instruments, key=self.key, reverse=True)

    def key(self, instrument: Instrument) -> int:
        """A number for the contract's place; lower comes later."""
        group, secs, distance = 0, 0, 0
        if instrument.symbol in self._gone:
            group, secs = _GONE, _SECS_MAX - _secs(instrument.expiry)
        elif instrument.expiry is not None:
            group, secs, distance = _LIVE, _secs(instrument.expiry), self._distance(instrument)
        place = (group << _SECS_BITS | secs) << _DISTANCE_BITS | distance
        return -(place << _ID_BITS | instrument.product_id)

    def _distance(self, instrument: Instrument) -> int:
        """How far the strike is from the index, in millionths of the index."""
        spot = self._spots.get(instrument.underlying)
        if not spot or instrument.strike is None:  # an index without a price: by expiry alone
            return _DISTANCE_MAX
        return min(int(abs(instrument.strike - spot) * _PARTS_PER_UNIT / spot), _DISTANCE_MAX)


def _secs(instant: datetime | None) -> int:
    return int(instant.timestamp()) if instant is not None else 0


def _read(note: str, underlyings: Iterable[str]) -> Mapping[str, Decimal]:
    pairs = dict(pair.partition("=")[::2] for pair in note.split(","))
    found = {underlying: decimal(pairs, underlying) for underlying in underlyings}
    return {underlying: spot for underlying, spot in found.items() if spot is not None}
