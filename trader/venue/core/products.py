"""Which contracts are listed, which have expired, and which come next."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument
from trader.venue.core.refusal import Refused
from trader.venue.market.base import MarketSource


class ExpiredProduct(msgspec.Struct, frozen=True, kw_only=True):
    """A settled contract. `settlement_price` is the payout per unit of underlying, `index_price` the index."""

    instrument: Instrument
    settlement_price: Decimal
    index_price: Decimal


def in_auction(instrument: Instrument) -> bool:
    """True while post-only orders are collected and nothing is matched."""
    return instrument.state == "live" and instrument.trading_status == "disrupted_post_only"


class Products:
    """The live contracts of a market source, kept by symbol and id, and the expired ones."""

    def __init__(self, market: MarketSource, *, kept_expired: int) -> None:
        self._market = market
        self._kept_expired = kept_expired
        self._source_list: Sequence[Instrument] = ()
        self.live: dict[str, Instrument] = {}
        self.by_id: dict[int, Instrument] = {}
        self.expired: dict[str, ExpiredProduct] = {}
        self.listed_at: dict[str, datetime] = {}
        self.traded: set[int] = set()  # ids some account has an order in: their terms are never forgotten
        self._next_expiry: datetime | None = None  # None = to be looked for again

    def refresh(self, now: datetime) -> None:
        """Take over the source's list as of `now`. Contracts the source lists past their expiry are left out."""
        listed = self._market.instruments()
        if listed is self._source_list:
            return
        before, self._source_list = self._source_list, listed
        fresh = {i.symbol: i for i in listed if i.expiry is None or i.expiry > now}
        if fresh.keys() == self.live.keys():
            self._take_changes(before, fresh)
            return
        for symbol in fresh.keys() - self.live.keys():
            self.listed_at[symbol] = now
        self.live = fresh
        self.by_id.update((i.product_id, i) for i in fresh.values())
        self._next_expiry = None

    def _take_changes(self, before: Sequence[Instrument], fresh: dict[str, Instrument]) -> None:
        """New terms or another trading status of contracts listed as before; what only this exchange changed stays."""
        told = {i.symbol: i for i in before}
        for symbol, instrument in fresh.items():
            if instrument is not told.get(symbol) and instrument != told.get(symbol):
                self.live[symbol] = self.by_id[instrument.product_id] = instrument

    def expire(self, product: ExpiredProduct) -> None:
        """Move a contract from the live list to the expired one."""
        symbol = product.instrument.symbol
        self.live.pop(symbol, None)
        self.expired[symbol] = product
        while len(self.expired) > self._kept_expired:
            oldest = next(iter(self.expired))
            product_id = self.expired.pop(oldest).instrument.product_id
            if product_id not in self.traded:
                self.by_id.pop(product_id, None)
            self.listed_at.pop(oldest, None)
        self._next_expiry = None

    def due(self, instant: datetime) -> list[Instrument]:
        """Live contracts whose expiry is not after `instant`."""
        return [i for i in self.live.values() if i.expiry is not None and i.expiry <= instant]

    def tradable(self, symbol: str, *, post_only: bool = False) -> Instrument:
        """The contract of that symbol, if it takes such an order now; otherwise ``invalid_contract``.

        In an auction (``disrupted_post_only``) only post-only orders are taken.
        """
        instrument = self.live.get(symbol)
        if instrument is not None and instrument.tradable:
            return instrument
        if instrument is None or not (post_only and in_auction(instrument)):
            raise Refused("invalid_contract")
        return instrument

    def find(self, symbol: str) -> Instrument | None:
        """A contract by symbol, live or expired."""
        live = self.live.get(symbol)
        if live is not None:
            return live
        gone = self.expired.get(symbol)
        return gone.instrument if gone else None

    @property
    def next_expiry(self) -> datetime | None:
        """The earliest expiry among the live contracts."""
        if self._next_expiry is None:
            self._next_expiry = min((i.expiry for i in self.live.values() if i.expiry is not None), default=None)
        return self._next_expiry
