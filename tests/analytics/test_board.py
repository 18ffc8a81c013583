"""What the Analytics page draws: everything of the runs once, and the same sums as the figures."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.analytics.results import result
from trader.analytics.attribution import Attribution
from trader.analytics.board import PARTS, Board, build_board
from trader.analytics.distribution import histogram, mean_interval, quartiles
from trader.analytics.listing import HEAD, listed
from trader.analytics.result import RunResult, Slip
from trader.analytics.sample import CAPITAL, sample_runs
from trader.report.csv_text import table_csv

D = Decimal
AT = datetime(2026, 3, 3, 10, tzinfo=UTC)
NOTHING = sample_runs()[0][1]


def board(*results: RunResult) -> Board:
    return build_board([(one, replace(NOTHING, pnl=one.pnl)) for one in results])


moments = st.integers(0, 800).map(lambda hours: AT + timedelta(hours=hours))
drawn = st.lists(
    st.builds(
        lambda pnl, at, reason, hours, iv: result(
            int(at.timestamp()), pnl, at, exit_reason=reason, entered_at=at - timedelta(hours=hours), iv_at_entry=iv,
            level_pct=D(-80) if reason == "max_loss" else None,
        ),
        st.decimals("-40", "20", places=2), moments, st.sampled_from(["time", "max_loss", "max_profit", "later's"]),
        st.integers(0, 50), st.none() | st.floats(0.05, 2.5),
    ),
    max_size=40,
)  # fmt: skip


@given(drawn)
def test_every_part_is_of_all_runs_once(results: list[RunResult]) -> None:
    results.sort(key=lambda one: one.ended_at)
    found = board(*results)
    count, total = len(results), sum((one.pnl for one in results), D(0))
    assert found.figures.runs == count and found.figures.total == total
    for slices in (found.exits, found.expiries, found.volatilities, found.versions):
        assert sum(one.runs for one in slices) == count and sum(one.total for one in slices) == total
    assert sum(one.runs for one in found.hours) == count and sum(one.total for one in found.hours) == total
    assert sum(one.runs for one in found.cells) == count and sum(one.made for one in found.cells) == total
    assert sum(one.count for one in found.pnl) == sum(one.count for one in found.seller.kept) == count
    assert sum(one.pnl for one in found.spans) == total
    assert sum(one.made for one in found.days) == total
    assert len(found.seller.volatility) == sum(one.iv_at_entry is not None for one in results)


def test_of_no_run_every_part_is_empty_and_nothing_is_claimed() -> None:
    found = board()
    assert found.figures.runs == 0 and found.expectancy is None and found.seller.inside is None
    assert not any((found.days, found.cells, found.exits, found.hours, found.spans, found.pnl, found.seller.kept))


def test_a_long_range_is_parted_by_months() -> None:
    assert board(result(1, D(1), AT), result(2, D(1), AT + timedelta(days=60 * 7 - 1))).per == "week"
    found = board(result(1, D(1), AT), result(2, D(1), AT + timedelta(days=60 * 7 + 1)))
    assert (found.per, [one.label for one in found.spans]) == ("month", ["2026-03", "2027-04"])


def test_a_week_begins_on_monday_and_sums_its_parts() -> None:
    first = result(1, D(3), AT)
    found = build_board([(first, NOTHING), (result(2, D(4), AT + timedelta(days=3)), NOTHING)])
    (week,) = found.spans
    assert (week.first, week.label, week.pnl) == (date(2026, 3, 2), "2026-W10", D(7))
    assert set(week.parts) == set(PARTS) and week.parts["theta"] == pytest.approx(2 * NOTHING.theta)


def test_the_parts_named_are_all_that_the_pnl_consists_of() -> None:
    rest = {"pnl", "moved", "longest_gap", "unseen", "misfit", "most_left", "most_left_at"}
    assert set(PARTS) == {name for name in Attribution.__struct_fields__ if name not in rest}


def test_a_stop_is_passed_by_what_lies_between_its_level_and_the_result() -> None:
    stopped = result(1, D("-12.75"), AT, exit_reason="max_loss", level_pct=D(-100))
    other = result(2, D(5), AT, exit_reason="time", level_pct=None)
    unknown = result(3, D(-1), AT, exit_reason="trailing_stop", level_pct=None)
    assert stopped.past_stop_pct == 2 and other.past_stop_pct is None and unknown.past_stop_pct is None
    seller = board(stopped, other, unknown).seller
    assert (seller.stopped, seller.past_stop_median, seller.past_stop_worst) == (2, 2.0, 2.0)
    assert seller.levels == (("max_loss", -100.0),)


def test_a_run_without_a_credit_is_no_premium_kept() -> None:
    assert board(result(1, D(5), AT, basis_name="max loss")).seller.kept == ()
    assert board(result(1, D(5), AT, basis=D(0))).seller.kept == ()


def test_moves_are_told_in_percent_of_spot_over_the_time_held() -> None:
    one = result(
        1, D(1), AT, entered_at=AT - timedelta(days=365), iv_at_entry=0.5, spot_at_entry=D(100), spot_at_exit=D(80)
    )
    assert one.implied_move_pct == pytest.approx(50) and one.realised_move_pct == pytest.approx(20)
    assert board(one).seller.inside == 1.0
    assert result(1, D(1), AT, spot_at_exit=None).realised_move_pct is None
    assert result(1, D(1), AT, iv_at_entry=None).implied_move_pct is None


def test_slippage_of_a_leg_is_weighed_by_its_contracts() -> None:
    found = board(
        result(1, D(1), AT, slips=(Slip("C", "entry", 10, 1.0), Slip("C", "exit", 10, 4.0))),
        result(2, D(1), AT, slips=(Slip("C", "entry", 30, 2.0),)),
    ).execution.slips
    assert [(one.leg, one.way, one.contracts, one.ticks) for one in found] == [
        ("C", "entry", 40, 1.75),
        ("C", "exit", 10, 4.0),
    ]


def test_versions_of_a_preset_are_told_apart_and_only_the_newest_dozen() -> None:
    runs = [result(n, D(1), AT + timedelta(hours=n), config_hash=f"{n:06}abc") for n in range(15)]
    assert [one.label for one in board(*runs).versions] == [f"default {n:06}" for n in range(3, 15)]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_every_value_lies_in_the_bin_that_counts_it(values: list[float]) -> None:
    bins = histogram(values)
    assert len(bins) <= 32 and sum(one.count for one in bins) == len(values)
    width = bins[0].high - bins[0].low
    for one in bins:
        inside = sum(one.low - width * 1e-6 <= value < one.high + width * 1e-6 for value in values)
        assert one.count <= inside


def test_zero_is_an_edge_so_that_no_bin_mixes_wins_with_losses() -> None:
    assert any(one.low == 0 for one in histogram([-3.2, -0.1, 0.1, 7.9]))
    assert [(one.low, one.count) for one in histogram([5.0])] == [(5.0, 1)]
    assert histogram([]) == ()


def test_quartiles_and_interval_of_known_values() -> None:
    found = quartiles([4.0, 1.0, 3.0, 2.0])
    assert found is not None and (found.low, found.q1, found.median, found.q3, found.high) == (1, 1, 2, 3, 4)
    assert quartiles([]) is None and mean_interval([1.0]) is None
    low, high = mean_interval([1.0, 3.0]) or (0, 0)  # deviation √2, error 1
    assert (low, high) == pytest.approx((2 - 1.959963984540054, 2 + 1.959963984540054))


def test_the_sample_is_always_the_same_and_adds_up() -> None:
    assert sample_runs() == sample_runs()
    for one, parts in sample_runs():
        explained = sum(float(getattr(parts, name)) for name in PARTS)
        assert explained == pytest.approx(float(one.pnl)) and parts.pnl == one.pnl
    assert build_board(sample_runs(), capital=CAPITAL).figures.sharpe is not None


def test_a_listed_run_reads_back_to_the_same_numbers() -> None:
    one = result(1, D("-0.000012345"), AT, fees=D("1E-7"), iv_at_entry=None)
    (row,) = csv.DictReader(io.StringIO(table_csv(HEAD, listed([(one, NOTHING)]))))
    assert len(row) == len(HEAD) == len(set(HEAD))
    assert (D(row["pnl"]), D(row["fees"]), row["iv_at_entry"]) == (one.pnl, one.fees, "")
    assert datetime.fromisoformat(row["ended_at"]) == one.ended_at and float(row["part_theta"]) == NOTHING.theta
