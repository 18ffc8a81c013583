"""The settlement price: the mean of the index over the last half hour, sampled every second.

Source: exchange user guide ("30-minute TWAP"); the sampling rate is not published.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from trader.domain.instrument import Instrument, Kind
from trader.venue.market.base import MarketSource


class IndexAverage:
    """Running mean of each underlying's index inside the window before the next expiry."""

    def __init__(self, market: MarketSource, *, window_secs: int, sample_secs: int) -> None:
        self._market = market
        self._window = timedelta(seconds=window_secs)
        self._step = timedelta(seconds=sample_secs)
        self._expiry: datetime | None = None
        self._next_sample: datetime | None = None
        self._sums: dict[str, Decimal] = {}
        self._count = 0

    def sample_until(self, now: datetime, expiry: datetime | None, since: datetime) -> None:
        """Take every sample due in the window before `expiry`, up to `now`, moving the market along.

        `since` is the market time already reached; samples before it are gone.
        """
        if expiry is None or now < expiry - self._window:
            return
        if self._expiry != expiry:
            self._expiry, self._count, self._sums = expiry, 0, {}
            first = expiry - self._window + self._step
            behind = max(0, -((first - since) // self._step))  # samples that lie before `since`
            self._next_sample = first + behind * self._step
        assert self._next_sample is not None
        until = min(now, expiry)
        while self._next_sample <= until:
            self._market.advance(self._next_sample)
            for underlying in self._market.underlyings:
                self._sums[underlying] = self._sums.get(underlying, Decimal(0)) + self._market.spot(underlying)
            self._count += 1
            self._next_sample += self._step

    def mean(self, underlying: str, expiry: datetime) -> Decimal | None:
        """The mean so far of the window before `expiry`; None before its first sample."""
        if self._expiry != expiry or self._count == 0:
            return None
        return (self._sums[underlying] / self._count).quantize(Decimal("0.00000001"))

    @property
    def window_of(self) -> datetime | None:
        """The expiry whose window is being averaged, None outside."""
        return self._expiry if self._count else None

    def state(self) -> dict[str, object]:
        """JSON-able state, so that a restart inside the window keeps its samples."""
        return {
            "expiry": self._expiry.isoformat() if self._expiry else None,
            "next_sample": self._next_sample.isoformat() if self._next_sample else None,
            "sums": {name: str(value) for name, value in self._sums.items()},
            "count": self._count,
        }

    def restore(self, state: dict[str, object]) -> None:
        """Continue from `state()`."""
        expiry, following, sums = state["expiry"], state["next_sample"], state["sums"]
        assert isinstance(sums, dict) and isinstance(state["count"], int)
        self._expiry = datetime.fromisoformat(str(expiry)) if expiry else None
        self._next_sample = datetime.fromisoformat(str(following)) if following else None
        self._sums = {name: Decimal(value) for name, value in sums.items()}
        self._count = state["count"]


def payout(instrument: Instrument, index_price: Decimal) -> Decimal:
    """What one unit of underlying of an option pays at settlement: the intrinsic value, never negative."""
    assert instrument.strike is not None, "only options settle"
    sign = 1 if instrument.kind is Kind.CALL else -1
    return max(sign * (index_price - instrument.strike), Decimal(0))
