"""What everyone can see of the past: trades, candles and the figures of the last 24 hours.

Joins what the market source tells of its own participants with what users of this exchange traded. Pure but for its cache
of daily figures; computes only what was asked for.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from trader.domain.instrument import Instrument
from trader.venue.core.events import PublicTrade
from trader.venue.core.exchange import Exchange
from trader.venue.market.bars import bars_of_prints, bucket_of, merge_bars
from trader.venue.market.base import Bar, HistorySource, OptionStats, Print, Series
from trader.venue.market.instants import to_ms

KEPT_TRADES = 20_000  # of users, per contract
DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_SIX_HOURS_MS = 6 * _HOUR_MS
_LOOK_BACK_MS = (_HOUR_MS // 4, 2 * _HOUR_MS, DAY_MS, 7 * DAY_MS)  # how far back the newest trades are looked for
_MARK_STEPS = 96  # marks looked at for the day's highest and lowest
_REFRESH_MS, _REFRESH_WALL_SECS = 60_000, 20.0  # figures of the day are computed again when both have passed


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """The last 24 hours of one contract. Trade prices are None where nothing was traded, marks None where there was no
    mark yet; `contracts` is the volume."""

    open: float | None
    high: float | None
    low: float | None
    close: float | None
    contracts: float
    since_ms: int  # when these 24 hours began
    mark_then: float | None
    mark_high: float | None
    mark_low: float | None
    interest_change: float  # contracts of open interest, over six hours


NOTHING_YET = Day(
    open=None,
    high=None,
    low=None,
    close=None,
    contracts=0.0,
    since_ms=0,
    mark_then=None,
    mark_high=None,
    mark_low=None,
    interest_change=0.0,
)


class Tape:
    """The public past of one exchange."""

    def __init__(self, exchange: Exchange, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._exchange = exchange
        self._monotonic = monotonic
        market = exchange.market
        self._source = market if isinstance(market, HistorySource) else None
        self._own: dict[str, deque[Print]] = {}
        self._days: dict[str, tuple[Day, int, float]] = {}
        self._batch_until = float("inf")
        for trade in _trades_of_accounts(exchange):
            self.record(trade)

    def record(self, trade: PublicTrade) -> None:
        """A user's trade happened."""
        own = self._own.setdefault(trade.symbol, deque(maxlen=KEPT_TRADES))
        own.append(Print(ts_ms=to_ms(trade.ts), price=trade.price, size=trade.size, side=trade.side))
        known = self._days.get(trade.symbol)
        if known is not None:
            self._days[trade.symbol] = (known[0], 0, 0.0)  # old now, and better than nothing

    def source_prints(self, instrument: Instrument, after_ms: int, until_ms: int) -> Sequence[Print]:
        """Trades of the source's own participants in (after, until], oldest first."""
        return () if self._source is None else self._source.prints(instrument, after_ms, until_ms)

    def prints(self, instrument: Instrument, after_ms: int, until_ms: int) -> list[Print]:
        """All trades in (after, until], oldest first."""
        own = self._own.get(instrument.symbol, ())
        ours = [each for each in own if after_ms < each.ts_ms <= until_ms]
        found = [*self.source_prints(instrument, after_ms, until_ms), *ours]
        found.sort(key=lambda each: each.ts_ms)
        return found

    def newest(self, instrument: Instrument, count: int) -> list[Print]:
        """The last trades, newest first."""
        now_ms = to_ms(self._exchange.now)
        found: list[Print] = []
        for back_ms in _LOOK_BACK_MS:
            found = self.prints(instrument, now_ms - back_ms, now_ms)
            if len(found) >= count:
                break
        return found[: -count - 1 : -1]

    def bars(
        self, series: Series, instrument: Instrument, width_ms: int, offset_ms: int, from_ms: int, until_ms: int
    ) -> list[Bar]:
        """Bars of a series, oldest first, empty buckets left out; the index is asked for with the perpetual. Where the source
        knows of no trades its marks stand in for their prices, without volume."""
        if series is not Series.TRADES or self._source is None or self._source.tells_trades:
            return self._told_bars(series, instrument, width_ms, offset_ms, from_ms, until_ms)
        marks = self._told_bars(Series.MARK, instrument, width_ms, offset_ms, from_ms, until_ms)
        traded = self._told_bars(series, instrument, width_ms, offset_ms, from_ms, until_ms)
        return merge_bars(marks, traded)

    def _told_bars(
        self, series: Series, instrument: Instrument, width_ms: int, offset_ms: int, from_ms: int, until_ms: int
    ) -> list[Bar]:
        theirs: Sequence[Bar] = ()
        if self._source is not None and (self._source.tells_trades or series is not Series.TRADES):
            theirs = self._source.bars(series, instrument, width_ms, offset_ms, from_ms, until_ms)
        if series is not Series.TRADES or not self._own.get(instrument.symbol):
            return list(theirs)
        begin = bucket_of(from_ms, width_ms, offset_ms)
        ours = [each for each in self._own[instrument.symbol] if begin <= each.ts_ms <= until_ms]
        return merge_bars(theirs, bars_of_prints(ours, width_ms, offset_ms))

    def day(self, instrument: Instrument, *, fresh: bool = False) -> Day:
        """Figures of the last 24 hours, at most about a minute old; `fresh` computes them again."""
        now_ms, wall = to_ms(self._exchange.now), self._monotonic()
        known = None if fresh else self._days.get(instrument.symbol)
        if known is not None:
            day, at_ms, at_wall = known
            if now_ms - at_ms < _REFRESH_MS or wall - at_wall < _REFRESH_WALL_SECS or wall > self._batch_until:
                return day
        elif not fresh and wall > self._batch_until:
            return NOTHING_YET
        day = self._day_until(instrument, now_ms)
        self._days[instrument.symbol] = (day, now_ms, wall)
        return day

    def begin_batch(self, secs: float) -> None:
        """Until the next batch `day` spends no more than `secs` on contracts it was never asked of: a chain's first
        tickers must not hold everybody up. Those left over come with the next batches."""
        self._batch_until = self._monotonic() + secs

    def contracts_of_day(self, stats: OptionStats, instrument: Instrument, day: Day) -> float:
        """Contracts traded in 24 hours: from the trades where the source tells them, else its own figure."""
        if self._source is not None and self._source.tells_trades:
            return day.contracts
        return stats.volume / float(instrument.contract_value) + day.contracts

    def listed_since(self, instrument: Instrument) -> datetime:
        """When the contract was listed, as far as is known."""
        if self._source is not None:
            return self._source.listed_since(instrument)
        return self._exchange.products.listed_at.get(instrument.symbol, self._exchange.now)

    def _day_until(self, instrument: Instrument, now_ms: int) -> Day:
        since_ms = now_ms - DAY_MS
        # One bucket that ends with now: exactly the last 24 hours.
        found = self._told_bars(Series.TRADES, instrument, DAY_MS, since_ms + 1, since_ms + 1, now_ms)
        bar = found[-1] if found else None
        marks: list[float] = []
        then: float | None = None
        interest_change = 0.0
        if self._source is not None:
            instants = [since_ms + DAY_MS * i // _MARK_STEPS for i in range(_MARK_STEPS + 1)]
            told = self._source.marks(instrument, instants)
            then, marks = told[0], [mark for mark in told if mark is not None]
            interest_change = self._interest_change(instrument, now_ms)
        marks.append(float(self._exchange.stats(instrument.symbol).mark))
        return Day(
            open=bar.open if bar else None,
            high=bar.high if bar else None,
            low=bar.low if bar else None,
            close=bar.close if bar else None,
            contracts=bar.volume if bar else 0.0,
            since_ms=since_ms,
            mark_then=then,
            mark_high=max(marks),
            mark_low=min(marks),
            interest_change=interest_change,
        )

    def _interest_change(self, instrument: Instrument, now_ms: int) -> float:
        assert self._source is not None
        begin = now_ms - _SIX_HOURS_MS
        first = self._source.bars(
            Series.OPEN_INTEREST, instrument, _HOUR_MS // 2, begin, begin, begin + _HOUR_MS // 2 - 1
        )
        return float(self._exchange.stats(instrument.symbol).open_interest) - first[0].open if first else 0.0


def _trades_of_accounts(exchange: Exchange) -> list[PublicTrade]:
    """What users traded before a restart, as far as their fills tell: each trade has one taker."""
    fills = [f for account in exchange.accounts.values() for f in account.fills if f.role == "taker"]
    fills.sort(key=lambda fill: fill.created_at)
    return [
        PublicTrade(symbol=f.symbol, side=f.side, price=f.price, size=f.size, ts=f.created_at)
        for f in fills
        if f.kind.value == "normal"
    ]
