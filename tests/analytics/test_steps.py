"""What one step between two samples is explained by: the greeks of the samples, or the model along the way."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.analytics.steps import APART, Greeks, Option, Seen, explain
from trader.domain.instrument import Kind
from trader.pricing.black76 import price_and_greeks, year_fraction

T0 = datetime(2026, 3, 2, 4, tzinfo=UTC)
CALL = Option(Kind.CALL, 92_000.0, T0 + timedelta(hours=30))


def seen(at: datetime, spot: float, vol: float, option: Option = CALL, **changes: object) -> Seen:
    mark, greeks = price_and_greeks(spot, option.strike, vol, year_fraction(at, option.expiry), option.kind)
    told = {"iv": vol, "greeks": Greeks(greeks.delta, greeks.theta, greeks.vega), "mark": mark} | changes
    return Seen(at=at, spot=spot, **told)  # type: ignore[arg-type]


@given(
    st.sampled_from([Kind.CALL, Kind.PUT]),
    st.floats(0.9, 1.1),
    st.floats(-0.05, 0.05),
    st.floats(0.2, 1.2),
    st.floats(-0.1, 0.1),
    st.floats(0.05, 12),
    st.floats(1, 60),
)
def test_far_apart_the_parts_make_what_the_model_says_of_the_ends(
    kind: Kind, moneyness: float, move: float, vol: float, change: float, hours: float, left: float
) -> None:
    """However far spot, volatility and time go: short of the last hour before the expiry, where theta has no bound."""
    after = T0 + timedelta(hours=hours)
    option = Option(kind, 90_000 * moneyness, after + timedelta(hours=left))
    first, last = seen(T0, 90_000, vol, option), seen(after, 90_000 * (1 + move), vol + change, option)
    parts = explain(first, last, option)
    assert parts is not None and parts.priced
    assert sum(parts[:4]) == pytest.approx(last.mark - first.mark, abs=1 + 0.005 * max(first.mark, last.mark))
    assert parts.theta <= 0


def test_at_the_sides_of_one_step_the_simple_rule_is_far_off_and_the_model_is_not() -> None:
    first, last = seen(T0, 90_000, 0.5), seen(T0 + timedelta(hours=6), 92_500, 0.55)
    by_greeks, along = explain(first, last, None), explain(first, last, CALL)
    assert by_greeks is not None and along is not None
    assert sum(along[:4]) == pytest.approx(last.mark - first.mark, rel=1e-3)
    assert abs(sum(by_greeks[:4]) - (last.mark - first.mark)) > 20 * abs(sum(along[:4]) - (last.mark - first.mark))


def test_close_together_the_greeks_that_were_told_count_whatever_the_model_says() -> None:
    told = Greeks(0.5, -10.0, 3.0)
    first = seen(T0, 90_000, 0.5, greeks=told)
    for after, priced in ((T0 + APART, False), (T0 + APART + timedelta(seconds=1), True)):
        parts = explain(first, seen(after, 90_010, 0.5, greeks=told), CALL)
        assert parts is not None and parts.priced is priced
        assert (parts.delta == 5.0) is not priced


@pytest.mark.parametrize("missing", [{"greeks": None}, {"iv": None}, {"iv": 0.0, "greeks": None}])
@pytest.mark.parametrize("at_the_end", [False, True])
def test_what_a_sample_lacks_is_taken_from_its_mark(missing: dict[str, object], at_the_end: bool) -> None:
    later = T0 + timedelta(seconds=30)
    first = seen(T0, 90_000, 0.5, **({} if at_the_end else missing))
    last = seen(later, 90_100, 0.51, **(missing if at_the_end else {}))
    parts = explain(first, last, CALL)
    assert parts is not None and parts.priced
    assert sum(parts[:4]) == pytest.approx(last.mark - first.mark, rel=1e-4)
    assert parts.vega == pytest.approx(seen(T0, 90_050, 0.505).greeks.vega, rel=1e-2)  # type: ignore[union-attr]


def test_at_the_settlement_there_is_no_volatility_any_more_and_that_of_the_step_before_holds() -> None:
    first = seen(CALL.expiry - timedelta(minutes=30), 91_900, 0.5)
    last = seen(CALL.expiry, 92_400, 0.5, iv=None, greeks=None)
    parts = explain(first, last, CALL)
    assert last.mark == 400 and parts is not None and parts.vega == 0
    assert sum(parts[:4]) == pytest.approx(400 - first.mark, rel=0.02)


def test_a_perpetual_moves_with_its_spot() -> None:
    one = Greeks(1.0, 0.0, 0.0)
    first = Seen(at=T0, spot=90_000, mark=90_010, iv=None, greeks=one)
    last = Seen(at=T0 + timedelta(hours=1), spot=91_000, mark=91_010, iv=None, greeks=one)
    assert explain(first, last, None) == (1000.0, 0.0, 0.0, 0.0, False)


def test_without_greeks_volatility_or_a_mark_that_gives_one_nothing_is_explained() -> None:
    worthless = {"iv": None, "greeks": None, "mark": 0.0}
    assert explain(seen(T0, 90_000, 0.5, **worthless), seen(T0, 90_000, 0.5, **worthless), CALL) is None
    assert explain(seen(T0, 90_000, 0.5, greeks=None), seen(T0, 90_100, 0.5, greeks=None), None) is None
