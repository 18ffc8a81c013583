from decimal import Decimal as D
from math import log
from random import Random
from statistics import fmean, median, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trader.venue.market.recording_file import Origin, SpotPoint
from trader.venue.market.spot_bridge import SETTLEMENT_WINDOW_MS, average, bridge, segments_of, settle_at

HOUR = 3_600_000


def point(ms: int, price: float, origin: Origin = Origin.RECORDED) -> SpotPoint:
    return SpotPoint(ts_ms=ms, price=D(str(price)), origin=origin)


def filled(points: list[SpotPoint], seed: int = 1, vol: float = 0.8) -> list[SpotPoint]:
    return bridge(points, gap_ms=90_000, step_ms=10_000, vol=lambda ms: vol, rng=Random(seed))


def test_recorded_points_are_kept_and_gaps_filled_on_the_grid() -> None:
    points = [point(3, 100), point(60_003, 101), point(HOUR, 99)]
    path = filled(points)
    assert [each for each in path if each.origin is Origin.RECORDED] == points
    added = [each.ts_ms for each in path if each.origin is Origin.INTERPOLATED]
    assert added == list(range(70_000, HOUR, 10_000))  # the first gap is short enough to stay


def test_a_bridge_moves_at_the_volatility_asked_for() -> None:
    path = filled([point(0, 70_000), point(48 * HOUR, 71_000)])
    moves = [log(b.price / a.price) for a, b in zip(path, path[1:], strict=False)]
    assert pstdev(moves) * (365 * 8640) ** 0.5 == pytest.approx(0.8, rel=0.05)


def test_minutes_of_a_bridge_had_no_tails() -> None:
    found = []
    for seed in range(6):
        points = [point(n * 6 * HOUR, 70_000 + 500 * (n % 3)) for n in range(40)]
        path = bridge(points, gap_ms=90_000, step_ms=60_000, vol=lambda ms: 0.5, rng=Random(seed))
        moves = [log(b.price / a.price) for a, b in zip(path, path[1:], strict=False)]
        found.append(fmean(each**4 for each in moves) / fmean(each**2 for each in moves) ** 2 - 3)
    assert 8 < median(found) < 20  # of recorded minutes of one market: 6 to 50, most of it within a day


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.97, 1.03), st.integers(0, 1_700_000))
def test_the_last_half_hour_averages_to_the_settlement(seed: int, target: float, recorded_at: int) -> None:
    expiry = 2 * HOUR
    points = [point(0, 30_000), point(HOUR, 30_200), point(expiry - SETTLEMENT_WINDOW_MS + 1 + recorded_at, 30_100)]
    points.append(point(expiry + HOUR, 30_050))
    path = filled(points, seed)
    bent = settle_at(path, expiry, D(str(round(30_100 * target, 2))))
    assert average(bent, expiry - SETTLEMENT_WINDOW_MS, expiry) == pytest.approx(30_100 * target, abs=0.02)
    outside = [i for i, each in enumerate(path) if not expiry - SETTLEMENT_WINDOW_MS < each.ts_ms < expiry]
    assert all(bent[i] == path[i] for i in outside)
    assert [each for each in bent if each.origin is Origin.RECORDED] == points


def test_a_fully_recorded_half_hour_is_left_alone() -> None:
    path = [point(ms, 100 + ms / HOUR) for ms in range(0, HOUR + 1, 1000)]
    assert settle_at(path, HOUR, D(150)) == path


def test_average_of_a_straight_line_is_its_middle() -> None:
    assert average([point(0, 100), point(1000, 200)], 0, 1000) == 150
    assert average([point(0, 100), point(1000, 200)], 500, 1000) == 175


def test_segments_join_stretches_of_one_origin() -> None:
    path = [point(0, 1), point(1, 1), point(2, 1, Origin.INTERPOLATED), point(3, 1), point(4, 1)]
    notes = {Origin.RECORDED: "seen", Origin.INTERPOLATED: "made"}
    assert [(s.from_ms, s.until_ms, s.note) for s in segments_of(path, notes)] == [
        (0, 1, "seen"),
        (1, 3, "made"),
        (3, 4, "seen"),
    ]
