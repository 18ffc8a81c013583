"""Fills the index path between recorded points with a seeded bridge, and bends it to official settlements.

The bridge moves as spot does, in quiet quarters of an hour and in busy ones: minutes of an even one would have none of the
market's tails. Recorded points are never moved. What is filled in is marked as interpolated.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from decimal import Decimal
from math import exp, log, sqrt
from random import Random

from trader.pricing.black76 import SECS_PER_YEAR
from trader.venue.market.recording_file import Origin, Segment, SpotPoint

SETTLEMENT_WINDOW_MS = 30 * 60_000  # the exchange settles at the mean of the index over the last half hour
_CENT = Decimal("0.01")
_REFINEMENTS = 4
_UNEVEN = 1.7  # deviation of the log of variance: minutes of a day then have an excess kurtosis of some 13
_UNEVEN_MS = 15 * 60_000  # how long a stretch is remembered (e-folding)


def bridge(
    points: Sequence[SpotPoint], *, gap_ms: int, step_ms: int, vol: Callable[[int], float], rng: Random
) -> list[SpotPoint]:
    """The path with every gap longer than `gap_ms` filled on a grid of `step_ms`.

    `vol` gives the volatility (fraction per year) at an instant in ms; points must be ascending.
    """
    path: list[SpotPoint] = []
    for left, right in zip(points, points[1:], strict=False):
        path.append(left)
        if right.ts_ms - left.ts_ms <= gap_ms:
            continue
        x, goal = log(float(left.price)), log(float(right.price))
        instants = range((left.ts_ms // step_ms + 1) * step_ms, right.ts_ms, step_ms)
        busy = _busy_times([left.ts_ms, *instants, right.ts_ms], rng)
        remaining = sum(busy)
        for ms, elapsed in zip(instants, busy, strict=False):
            x += (goal - x) * elapsed / remaining
            x += vol(ms) * sqrt(elapsed * (remaining - elapsed) / remaining) * rng.gauss(0, 1)
            remaining -= elapsed
            path.append(SpotPoint(ts_ms=ms, price=Decimal(exp(x)).quantize(_CENT), origin=Origin.INTERPOLATED))
    path.extend(points[-1:])
    return path


def _busy_times(instants: Sequence[int], rng: Random) -> list[float]:
    """Years between neighbouring instants as the market feels them: more where it is busy, in sum as many as there are."""
    busy, mood = [], rng.gauss(0, 1)
    for left, right in zip(instants, instants[1:], strict=False):
        kept = exp((left - right) / _UNEVEN_MS)
        mood = kept * mood + sqrt(1 - kept * kept) * rng.gauss(0, 1)
        busy.append((right - left) * exp(_UNEVEN * mood))
    scale = (instants[-1] - instants[0]) / 1000 / SECS_PER_YEAR / sum(busy)
    return [each * scale for each in busy]


def average(path: Sequence[SpotPoint], from_ms: int, until_ms: int) -> float:
    """Time-weighted mean of the path (straight between its points) over a window it covers."""
    times = [point.ts_ms for point in path]
    inside = path[bisect_right(times, from_ms) : bisect_left(times, until_ms)]
    nodes = [(from_ms, _at(path, times, from_ms))]
    nodes += [(point.ts_ms, float(point.price)) for point in inside]
    nodes.append((until_ms, _at(path, times, until_ms)))
    area = sum((t1 - t0) * (p0 + p1) / 2 for (t0, p0), (t1, p1) in zip(nodes, nodes[1:], strict=False))
    return area / (until_ms - from_ms)


def settle_at(path: Sequence[SpotPoint], expiry_ms: int, price: Decimal) -> list[SpotPoint]:
    """Bend the interpolated points of the last half hour before `expiry_ms` so that its mean is `price`.

    Each gap between recorded points gets a bump that is zero at its ends, so the path stays in one piece. Nothing changes
    where the window has no interpolated point.
    """
    start = expiry_ms - SETTLEMENT_WINDOW_MS
    bumps = _bumps(path, start, expiry_ms)
    if not bumps:
        return list(path)
    bent = list(path)
    for _ in range(_REFINEMENTS):  # rounding to cents leaves a little each time
        shift = float(price) - average(bent, start, expiry_ms)
        flat = [SpotPoint(ts_ms=p.ts_ms, price=Decimal(bumps.get(i, 0.0)), origin=p.origin) for i, p in enumerate(path)]
        reach = average(flat, start, expiry_ms)
        for i, bump in bumps.items():
            moved = (bent[i].price + Decimal(shift / reach * bump)).quantize(_CENT)
            bent[i] = SpotPoint(ts_ms=bent[i].ts_ms, price=moved, origin=Origin.INTERPOLATED)
    return bent


def _bumps(path: Sequence[SpotPoint], start: int, end: int) -> dict[int, float]:
    """Height of the bump at each interpolated point of the window: a parabola over each gap."""
    bumps: dict[int, float] = {}
    for i, point in enumerate(path):
        if point.origin is not Origin.INTERPOLATED or not start < point.ts_ms < end:
            continue
        left, right = i, i
        while left > 0 and path[left].origin is Origin.INTERPOLATED and path[left].ts_ms > start:
            left -= 1
        while right < len(path) - 1 and path[right].origin is Origin.INTERPOLATED and path[right].ts_ms < end:
            right += 1
        low, high = path[left].ts_ms, path[right].ts_ms
        share = (point.ts_ms - low) / (high - low)
        if 0 < share < 1:
            bumps[i] = share * (1 - share) * (high - low) / SETTLEMENT_WINDOW_MS  # short gaps bend little
    return bumps


def _at(path: Sequence[SpotPoint], times: Sequence[int], ms: int) -> float:
    after = bisect_right(times, ms)
    if after == 0 or after == len(path):
        return float(path[max(0, after - 1)].price)
    left, right = path[after - 1], path[after]
    share = (ms - left.ts_ms) / (right.ts_ms - left.ts_ms)
    return float(left.price) + (float(right.price) - float(left.price)) * share


def segments_of(path: Sequence[SpotPoint], notes: dict[Origin, str]) -> list[Segment]:
    """Stretches of the path by origin: a stretch with an interpolated end is interpolated."""
    segments: list[Segment] = []
    for left, right in zip(path, path[1:], strict=False):
        origin = Origin.RECORDED if left.origin is right.origin is Origin.RECORDED else Origin.INTERPOLATED
        if segments and segments[-1].origin is origin:
            segments[-1] = Segment(
                from_ms=segments[-1].from_ms, until_ms=right.ts_ms, origin=origin, note=notes[origin]
            )
        else:
            segments.append(Segment(from_ms=left.ts_ms, until_ms=right.ts_ms, origin=origin, note=notes[origin]))
    return segments
