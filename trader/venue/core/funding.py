"""Funding of perpetuals: longs pay shorts (or the other way round) at fixed hours.

Rate per interval in percent: ``premium + clamp(interest - premium, ±clamp)`` with the premium of mark over index at that
instant. The exchange averages the premium over the interval and does not publish how; here it is the instant's, so that
the rate does not depend on how often anybody asked.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument, Kind
from trader.venue.core.floor import TradingFloor

_HUNDRED = Decimal(100)
_RATE_PLACES = Decimal("0.000001")
_MONEY_PLACES = Decimal("0.00000001")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FundingRate(msgspec.Struct, frozen=True, kw_only=True):
    """`rate_pct` is percent of notional per interval, positive = longs pay; `due` the next time it is exchanged."""

    rate_pct: Decimal
    premium_pct: Decimal
    interval_secs: int
    due: datetime


class Funding:
    """Funding of a floor's perpetuals."""

    def __init__(self, floor: TradingFloor) -> None:
        self._floor = floor
        self._interval = timedelta(seconds=floor.settings.funding_interval_secs)
        self.due = self._after(floor.now)

    def rate(self, instrument: Instrument) -> FundingRate:
        """The rate as it would be exchanged now."""
        settings = self._floor.settings
        spot = self._floor.market.spot(instrument.underlying)
        premium = (self._floor.stats(instrument.symbol).mark - spot) / spot * _HUNDRED
        clamp = settings.funding_clamp_pct
        pull = min(max(settings.funding_interest_pct - premium, -clamp), clamp)
        return FundingRate(
            rate_pct=(premium + pull).quantize(_RATE_PLACES),
            premium_pct=premium.quantize(_RATE_PLACES),
            interval_secs=settings.funding_interval_secs,
            due=self.due,
        )

    def exchange_due(self) -> None:
        """Exchange what is due at the floor's present instant, and set the next one."""
        floor = self._floor
        for account in floor.accounts.values():
            for holding in list(account.holdings.values()):
                instrument = floor.products.live.get(holding.symbol)
                if instrument is None or instrument.kind is not Kind.PERPETUAL:
                    continue
                notional = floor.stats(holding.symbol).mark * holding.size * instrument.contract_value
                amount = -(notional * self.rate(instrument).rate_pct / _HUNDRED).quantize(_MONEY_PLACES)
                floor.ledger.fund(account, instrument, amount, floor.now)
        self.due = self._after(floor.now)

    def _after(self, now: datetime) -> datetime:
        return _EPOCH + ((now - _EPOCH) // self._interval + 1) * self._interval
