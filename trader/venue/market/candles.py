"""Spot candles as the shape of an index path between recorded index points."""

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from math import exp, log
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trader.venue.market.recording_file import Origin, RecordingError, SpotPoint

_CENT = Decimal("0.01")
Candles = list[tuple[int, float]]
INTERVAL_MAX_MS = 5 * 60_000  # coarser candles say too little of the way between two index points


def read_candles(spot: Path, underlying: str, from_ms: int, until_ms: int) -> Candles:
    """(open time in ms, open price in USD) of the candles inside a stretch of the recorded clock, ascending.

    `spot` is a Parquet file with columns ts and open, or a folder of such files: there the files named after the
    underlying (``..._BTCUSD...``, ``btc_...``) are tried and the finest candles that reach into the stretch are taken.
    Empty where none do, or only candles of more than five minutes.

    Raises:
        RecordingError: `spot` is a file that cannot be read as candles.
    """
    if not spot.is_dir():
        return _fine_enough([_read_file(spot, underlying, from_ms, until_ms)])
    name = underlying.lower()
    files = [
        f for f in sorted(spot.glob("*.parquet")) if f"{name}usd" in f.name.lower() or f"{name}_" in f.name.lower()
    ]
    return _fine_enough([_read_file(file, underlying, from_ms, until_ms) for file in files])


def _fine_enough(found: list[Candles]) -> Candles:
    usable = [c for c in found if len(c) > 1 and candle_interval_ms(c) <= INTERVAL_MAX_MS]
    return min(usable, key=candle_interval_ms, default=[])


def candle_interval_ms(candles: Candles) -> float:
    """The usual distance between candles, ms."""
    return median(b[0] - a[0] for a, b in zip(candles, candles[1:], strict=False))


def _read_file(path: Path, underlying: str, from_ms: int, until_ms: int) -> Candles:
    try:
        file = pq.ParquetFile(path)
        with file:
            names = file.schema_arrow.names
            if not {"ts", "open"} <= set(names):
                raise RecordingError(f"{path} holds no candles: it lacks a column ts or open")
            table = file.read(columns=[name for name in ("ts", "open", "symbol") if name in names])
    except (OSError, ValueError, pa.ArrowException) as error:
        raise RecordingError(f"cannot read candles from {path}: {error}") from error
    ts = table["ts"].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64())
    keep = pc.and_(pc.greater_equal(ts, from_ms), pc.less_equal(ts, until_ms))
    if "symbol" in names:
        keep = pc.and_(keep, pc.equal(table["symbol"], f"{underlying}USD"))
    times, opens = ts.filter(keep).to_pylist(), table["open"].filter(keep).to_pylist()
    return sorted((int(t), float(p)) for t, p in zip(times, opens, strict=True) if p is not None and p > 0)


def anchor_candles(points: Sequence[SpotPoint], candles: Candles) -> list[SpotPoint]:
    """Index points joined by candles that were scaled to meet them.

    The candles come from another market than the index; at every index point that has candles around it the ratio between
    the two is taken, and the candles in between are scaled by the ratio interpolated in time. Both are recorded prices.
    """
    times = [ms for ms, _ in candles]
    ratios: Candles = []
    for point in points:
        after = bisect_left(times, point.ts_ms)
        if 0 < after < len(candles):
            (t0, p0), (t1, p1) = candles[after - 1], candles[after]
            there = p0 + (p1 - p0) * (point.ts_ms - t0) / (t1 - t0)
            ratios.append((point.ts_ms, log(float(point.price) / there)))
    merged = {
        ms: SpotPoint(
            ts_ms=ms, price=Decimal(p * exp(_interpolate(ratios, ms))).quantize(_CENT), origin=Origin.RECORDED
        )
        for ms, p in candles
    }
    merged |= {point.ts_ms: point for point in points}
    return [merged[ms] for ms in sorted(merged)]


def _interpolate(nodes: Candles, ms: int) -> float:
    if not nodes:
        return 0.0
    after = bisect_left(nodes, (ms, float("-inf")))
    if after == 0 or after == len(nodes):
        return nodes[max(0, after - 1)][1]
    (t0, y0), (t1, y1) = nodes[after - 1], nodes[after]
    return y0 + (y1 - y0) * (ms - t0) / (t1 - t0)
