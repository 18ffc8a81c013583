"""Expiry: at the settlement instant orders end, positions are paid, and the contract leaves the live list."""

from datetime import datetime
from decimal import Decimal

from trader.domain.instrument import Instrument
from trader.venue.core.floor import TradingFloor
from trader.venue.core.matching import Matching
from trader.venue.core.products import ExpiredProduct
from trader.venue.core.settlement import payout


class Expiry:
    """Settles the contracts of a floor."""

    def __init__(self, floor: TradingFloor, matching: Matching) -> None:
        self._floor = floor
        self._matching = matching

    def settle_due(self, expiry: datetime) -> None:
        """Settle every contract that expires at (or before) `expiry`."""
        floor = self._floor
        for instrument in floor.products.due(expiry):
            official = floor.market.settlement_price(instrument.underlying, expiry)
            index = official if official is not None else floor.average.mean(instrument.underlying, expiry)
            self.settle(instrument, index if index is not None else floor.market.spot(instrument.underlying))

    def settle(self, instrument: Instrument, index_price: Decimal) -> None:
        """Expire one option at an index price: cancel its orders, pay its positions, move it to the expired list."""
        floor = self._floor
        price = payout(instrument, index_price)
        with_fill = price > 0 or floor.settings.worthless_settlement_fill
        symbol, now = instrument.symbol, floor.now
        for account in floor.accounts.values():
            for order in [o for o in account.live_orders if o.symbol == symbol]:
                self._matching.withdraw(account, order, "product_expired", None, now)
            if symbol in account.holdings:
                floor.ledger.settle(account, instrument, price=price, spot=index_price, with_fill=with_fill, now=now)
        floor.books.pop(symbol, None)
        floor.active.discard(symbol)
        floor.trades.pop(symbol, None)
        floor.products.expire(ExpiredProduct(instrument=instrument, settlement_price=price, index_price=index_price))
