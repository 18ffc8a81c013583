"""Candles as asked for on the wire: which symbols and resolutions there are, and rows without holes."""

from collections.abc import Mapping

import msgspec

from trader.domain.instrument import Instrument, Kind, index_symbol
from trader.venue.core.exchange import Exchange
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.market.bars import bucket_of, observed
from trader.venue.market.base import Bar, Series
from trader.venue.market.instants import to_ms
from trader.venue.tape import Tape
from trader.venue.wire.fields import needed_integer

ROWS_MAX = 2000
SPARKLINE_SYMBOLS_MAX = 100
_SPARKLINE_WIDTH_MS, _SPARKLINE_POINTS = 3_600_000, 24
_MONDAY_MS = 4 * 86_400_000  # weeks begin on Monday; 1970 began on a Thursday
_LOOK_BACK_MS = 8 * 86_400_000  # how far before the range the price of an empty first bucket is looked for
_SECS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
REST_RESOLUTIONS = "5s 1m 3m 5m 15m 30m 1h 2h 4h 6h 1d 1w".split()  # 5s is taken, though no list names it
SOCKET_RESOLUTIONS = "1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d 1w".split()
_PREFIXES = {"MARK:": Series.MARK, "OI:": Series.OPEN_INTEREST, "FUNDING:": Series.FUNDING}
_SECOND_MIN, _SECOND_MAX = 0, 32_503_680_000  # the year 3000


class Resolution(msgspec.Struct, frozen=True):
    """A candle's width and where its buckets begin."""

    name: str
    width_ms: int
    offset_ms: int


class Chart(msgspec.Struct, frozen=True):
    """What a candle symbol stands for. The index is charted with its underlying's perpetual."""

    symbol: str
    series: Series
    instrument: Instrument


def resolution(name: str) -> Resolution:
    """A resolution by its name, e.g. ``15m``."""
    if name == "5s":
        return Resolution(name, 5000, 0)
    width_ms = int(name[:-1]) * _SECS[name[-1]] * 1000
    return Resolution(name, width_ms, _MONDAY_MS if name == "1w" else 0)


def chart_of(exchange: Exchange, symbol: str) -> Chart | None:
    """What a symbol's candles are made of: ``BTCUSD``, ``MARK:…``, ``OI:…``, ``FUNDING:<perpetual>`` or an index; None
    for anything this exchange does not know."""
    for underlying in exchange.market.underlyings:
        if symbol == index_symbol(underlying):
            perpetual = exchange.products.find(f"{underlying}USD")
            return Chart(symbol, Series.INDEX, perpetual) if perpetual else None
    series, name = Series.TRADES, symbol
    for prefix, of_prefix in _PREFIXES.items():
        if symbol.startswith(prefix):
            series, name = of_prefix, symbol.removeprefix(prefix)
    instrument = exchange.products.find(name)
    if instrument is None or (series is Series.FUNDING and instrument.kind is not Kind.PERPETUAL):
        return None
    return Chart(symbol, series, instrument)


def candle_rows(exchange: Exchange, tape: Tape, query: Mapping[str, str]) -> list[dict[str, object]]:
    """The rows of GET /v2/history/candles, newest first.

    Raises:
        Refused: A parameter is missing or cannot be used, or the symbol is unknown.
    """
    for name in ("symbol", "resolution"):
        if name not in query:
            raise bad_schema(name, "is required")
    if query["resolution"] not in REST_RESOLUTIONS:
        raise bad_schema("resolution", f"must be one of: {', '.join(REST_RESOLUTIONS)}")
    start, end = _second(query, "start"), _second(query, "end")
    if start > end:
        raise bad_schema("start", "must not be after end")
    chart = chart_of(exchange, query["symbol"])
    if chart is None:
        raise Refused("product_not_found", status=404)
    rows = _filled(exchange, tape, chart, resolution(query["resolution"]), start * 1000, end * 1000)
    return [_row(bar, chart.series) for bar in reversed(rows)]


def sparkline(exchange: Exchange, tape: Tape, symbol: str) -> list[list[float]] | None:
    """[second, close] of the last 24 hours, oldest first; None for an unknown symbol."""
    chart = chart_of(exchange, symbol)
    if chart is None:
        return None
    now_ms = to_ms(exchange.now)
    start = now_ms - (_SPARKLINE_POINTS - 1) * _SPARKLINE_WIDTH_MS
    rows = _filled(exchange, tape, chart, resolution("1h"), bucket_of(start, _SPARKLINE_WIDTH_MS, 0), now_ms)
    return [[bar.start_ms // 1000, bar.close] for bar in rows]


def _second(query: Mapping[str, str], name: str) -> int:
    value = needed_integer(query, name)
    if not _SECOND_MIN <= value <= _SECOND_MAX:
        raise bad_schema(name, "must be seconds since 1970")
    return value


def _filled(exchange: Exchange, tape: Tape, chart: Chart, shape: Resolution, start_ms: int, end_ms: int) -> list[Bar]:
    """Bars of the buckets that begin in [start, end], the newest `ROWS_MAX` of them. A bucket in which nothing happened
    repeats the last close with no volume, after expiry and into the future too; before the first observation is nothing."""
    width, offset = shape.width_ms, shape.offset_ms
    last = bucket_of(end_ms, width, offset)
    first = max(bucket_of(start_ms + width - 1, width, offset), last - (ROWS_MAX - 1) * width)
    if first > last:
        return []
    found = tape.bars(chart.series, chart.instrument, width, offset, first, last + width - 1)
    if not found or found[0].start_ms > first:
        before = _last_before(tape, chart, min(first, to_ms(exchange.now) + 1))
        if before is not None:
            found.insert(0, _repeat(before, first))
    rows: list[Bar] = []
    for bar in found:
        while rows and rows[-1].start_ms + width < bar.start_ms:
            rows.append(_repeat(rows[-1], rows[-1].start_ms + width))
        rows.append(bar)
    while rows and rows[-1].start_ms < last:
        rows.append(_repeat(rows[-1], rows[-1].start_ms + width))
    return rows


def _last_before(tape: Tape, chart: Chart, first: int) -> Bar | None:
    """What happened last before an instant (or before the contract's end), if that was not long ago."""
    if chart.instrument.expiry is not None:
        first = min(first, to_ms(chart.instrument.expiry))
    begin = first - _LOOK_BACK_MS
    found = tape.bars(chart.series, chart.instrument, _LOOK_BACK_MS, begin, begin, first - 1)
    return found[-1] if found else None


def _repeat(bar: Bar, start_ms: int) -> Bar:
    return observed(start_ms, bar.close, start_ms=start_ms)


def _row(bar: Bar, series: Series) -> dict[str, object]:
    return {
        "time": bar.start_ms // 1000,
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume if series is Series.TRADES else None,
    }
