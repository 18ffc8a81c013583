"""Trades and running candles of contracts, from users' fills and the source's own participants."""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from trader.domain.instrument import Instrument
from trader.venue.core.exchange import Exchange
from trader.venue.market.bars import bars_of_prints, bucket_of, merge
from trader.venue.market.base import Bar, Print, Series
from trader.venue.market.instants import to_ms, to_us
from trader.venue.tape import Tape
from trader.venue.wire.candles import Chart, Resolution, chart_of
from trader.venue.wire.feeds import Frame, Rhythm, Shared, Symbols, encode

SNAPSHOT_TRADES = 50
_BEHIND_MS_MAX = 60_000  # market time; a venue that stood still for longer does not pour everything out at once


class TradeFeed:
    """Trades of the source's participants on the channel's rhythm; users' trades go out as they happen, through `frames`.

    `build` makes a frame from (contract, trade, now in microseconds), `snapshot`, where the channel has one, from (contract,
    its newest trades, now).
    """

    def __init__(
        self,
        tape: Tape,
        symbols: Symbols,
        rhythm: Rhythm,
        build: Callable[[Instrument, Print, int], Frame],
        snapshot: Callable[[Instrument, list[Print], int], Frame] | None = None,
    ) -> None:
        self.rhythm = rhythm
        self._tape = tape
        self._symbols = symbols
        self._build = build
        self._snapshot = snapshot
        self._told_until: dict[str, int] = {}  # by contract

    def first(self, symbol: str, now: datetime) -> Iterable[str]:
        found = self._symbols.contracts(symbol)
        for instrument in found:
            self._told_until.setdefault(instrument.symbol, to_ms(now))
        if self._snapshot is None or self._symbols.is_group(symbol):
            return []
        ts = to_us(now)
        return [encode(self._snapshot(each, self._tape.newest(each, SNAPSHOT_TRADES), ts)) for each in found]

    def due(self, symbol: str, now: datetime, shared: Shared) -> Iterable[str]:
        until = to_ms(now)
        for instrument in self._symbols.contracts(symbol):
            known = shared.get(instrument.symbol)
            if known is None:
                since = max(self._told_until.get(instrument.symbol, until), until - _BEHIND_MS_MAX)
                self._told_until[instrument.symbol] = until
                prints = self._tape.source_prints(instrument, since, until)
                known = [encode(self._build(instrument, each, to_us(now))) for each in prints]
                shared[instrument.symbol] = known
            yield from known

    def forget(self, symbol: str) -> None:
        for instrument in self._symbols.contracts(symbol):
            self._told_until.pop(instrument.symbol, None)

    def frame(self, instrument: Instrument, trade: Print, now: datetime) -> str:
        """The frame of a user's trade."""
        return encode(self._build(instrument, trade, to_us(now)))


class _Running(msgspec.Struct):
    """The candle of the present bucket, and up to when it was observed."""

    chart: Chart
    bar: Bar | None
    until_ms: int
    sent: Bar | None = None


class CandleFeed:
    """The running candle of a resolution, sent when it changed. `build` makes a frame from (chart, bar, now)."""

    def __init__(
        self,
        exchange: Exchange,
        tape: Tape,
        symbols: Symbols,
        rhythm: Rhythm,
        shape: Resolution,
        build: Callable[[Chart, Resolution, Bar, int], Frame],
    ) -> None:
        self.rhythm = rhythm
        self._exchange = exchange
        self._tape = tape
        self._symbols = symbols
        self._shape = shape
        self._build = build
        self._running: dict[str, _Running] = {}

    def takes(self, symbol: str) -> bool:
        """A contract, its mark, an index, a category; not ``all``."""
        if symbol == "all":
            return False
        return self._symbols.is_group(symbol) or chart_of(self._exchange, symbol) is not None

    def first(self, symbol: str, now: datetime) -> Iterable[str]:
        if self._symbols.is_group(symbol):
            return []
        running = self._begin(symbol, now)
        if running is None or running.bar is None:
            return []
        return [encode(self._build(running.chart, self._shape, running.bar, to_us(now)))]

    def due(self, symbol: str, now: datetime, shared: Shared) -> Iterable[str]:
        names = [symbol]
        if self._symbols.is_group(symbol):
            names = [each.symbol for each in self._symbols.contracts(symbol)]
        for name in names:
            known = shared.get(name)
            if known is None:
                known = shared[name] = self._changed(name, now)
            yield from known

    def forget(self, symbol: str) -> None:
        # What is still followed under another name goes on; only candles of contracts that are gone are dropped.
        for name in [name for name, running in self._running.items() if not self._is_live(running.chart)]:
            del self._running[name]

    def _is_live(self, chart: Chart) -> bool:
        return self._symbols.is_contract(chart.instrument.symbol)

    def _begin(self, symbol: str, now: datetime) -> _Running | None:
        chart = chart_of(self._exchange, symbol)
        if chart is None:
            return None
        now_ms, shape = to_ms(now), self._shape
        start = bucket_of(now_ms, shape.width_ms, shape.offset_ms)
        found = self._tape.bars(chart.series, chart.instrument, shape.width_ms, shape.offset_ms, start, now_ms)
        bar = found[-1] if found else None
        self._running[symbol] = running = _Running(chart, bar, now_ms, bar)
        return running

    def _changed(self, symbol: str, now: datetime) -> list[str]:
        running = self._running.get(symbol)
        if running is None:
            # A contract of a category: what happened before anybody looked is not looked up.
            chart = chart_of(self._exchange, symbol)
            if chart is not None:
                self._running[symbol] = _Running(chart, None, to_ms(now))
            return []
        self._observe(running, to_ms(now))
        bar = running.bar
        if bar is None or bar == running.sent:
            return []
        running.sent = bar
        return [encode(self._build(running.chart, self._shape, bar, to_us(now)))]

    def _observe(self, running: _Running, now_ms: int) -> None:
        """Take in what was observed since the last time; of a bucket that ended meanwhile only the new one matters."""
        shape = self._shape
        start = bucket_of(now_ms, shape.width_ms, shape.offset_ms)
        if running.bar is not None and running.bar.start_ms < start:
            running.bar = None
        after = max(running.until_ms, start - 1)
        running.until_ms = now_ms
        if after >= now_ms:
            return
        chart = running.chart
        if chart.series is Series.TRADES:
            prints = self._tape.prints(chart.instrument, after, now_ms)
            found = bars_of_prints(prints, shape.width_ms, shape.offset_ms)
        else:
            width = now_ms - after
            found = self._tape.bars(chart.series, chart.instrument, width, after + 1, after + 1, now_ms)
        for bar in found:
            fresh = msgspec.structs.replace(bar, start_ms=start)
            running.bar = fresh if running.bar is None else merge(running.bar, fresh)
