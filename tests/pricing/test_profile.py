"""Where a figure passes a level, whatever its shape."""

from math import sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.pricing.profile import Profile

SPOT = 80_000.0


@given(
    st.floats(45_000, 115_000, allow_nan=False),
    st.floats(-2, 2, allow_nan=False).filter(lambda slope: abs(slope) > 0.01),
)
def test_a_straight_line_passes_its_level_once(at: float, slope: float) -> None:
    found = Profile(lambda spot: slope * (spot - at), SPOT).crossings(0.0)
    assert found == (pytest.approx(at, abs=0.01),)


def test_one_peak_between_two_crossings_and_two_peaks_between_four() -> None:
    tent = Profile(lambda spot: 5_000 - abs(spot - 80_000), SPOT, [80_000.0])
    assert tent.crossings(1_000) == (pytest.approx(76_000, abs=0.01), pytest.approx(84_000, abs=0.01))
    waves = Profile(lambda spot: sin(spot / 6_000), SPOT)
    assert len(waves.crossings(0.0)) == 4


def test_what_never_gets_there_has_no_crossing_and_a_kink_at_a_mark_is_seen() -> None:
    assert Profile(lambda spot: -abs(spot - SPOT), SPOT).crossings(1.0) == ()
    needle = Profile(lambda spot: max(0.0, 20 - abs(spot - 81_111)), SPOT, [81_111.0])
    assert needle.crossings(10.0) == (pytest.approx(81_101, abs=0.01), pytest.approx(81_121, abs=0.01))
