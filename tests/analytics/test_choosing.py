"""Which runs figures are of, and by what they are parted."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.analytics.results import result
from trader.analytics.choosing import GROUPS, RunFilter, grouped

D = Decimal
AT = datetime(2026, 3, 3, 10, tzinfo=UTC)  # a Tuesday, 15:30 IST


@pytest.mark.parametrize(
    ("wanted", "is_in"),
    [
        ({}, True),
        ({"since": date(2026, 3, 3), "until": date(2026, 3, 3)}, True),
        ({"since": date(2026, 3, 4)}, False),
        ({"until": date(2026, 3, 2)}, False),
        ({"presets": ("other", "default")}, True),
        ({"presets": ("other",)}, False),
        ({"underlyings": ("ETH",)}, False),
        ({"structures": ("strangle",)}, True),
        ({"reasons": ("time",)}, False),
        ({"configurations": ("c0ffee",)}, True),
        ({"outcome": "won"}, True),
        ({"outcome": "lost"}, False),
        ({"kinds": "orders"}, False),
        ({"kinds": "all"}, True),
    ],
)
def test_a_run_is_one_of_those_wanted(wanted: dict[str, Any], is_in: bool) -> None:
    assert RunFilter(**wanted).matches(result(1, D(5), AT)) is is_in


def test_a_run_that_made_nothing_has_neither_won_nor_lost() -> None:
    even = result(1, D(0), AT)
    assert not RunFilter(outcome="won").matches(even) and not RunFilter(outcome="lost").matches(even)


@pytest.mark.parametrize(
    ("by", "label"),
    [
        ("preset", "default"), ("configuration", "c0ffee"), ("structure", "strangle"), ("underlying", "BTC"),
        ("exit", "max_profit"), ("weekday", "Tue"), ("hour", "13"), ("days_to_expiry", "< 1"), ("volatility", "40-50 %"),
        ("day", "2026-03-03"), ("week", "2026-W10"), ("month", "2026-03"),
    ],
)  # fmt: skip
def test_runs_are_parted_by(by: str, label: str) -> None:
    one = result(1, D(5), AT)
    assert grouped([one], by) == {label: [one]}


def test_every_way_to_part_runs_parts_all_of_them_once() -> None:
    several = [
        result(
            n,
            D(n - 3),
            AT + timedelta(hours=7 * n),
            iv_at_entry=None if n % 3 else n / 10,
            expiry=AT + timedelta(days=2 * n),
        )
        for n in range(1, 20)
    ]
    for by in GROUPS:
        found = grouped(several, by)
        assert sorted(one.run_id for row in found.values() for one in row) == [one.run_id for one in several], by


def test_weekdays_and_times_to_expiry_come_in_their_own_order() -> None:
    several = [result(n, D(1), AT + timedelta(days=n), expiry=AT + timedelta(days=n + 2 * (6 - n))) for n in range(6)]
    assert list(grouped(several, "weekday")) == ["Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert list(grouped(several, "days_to_expiry"))[-1] == "8 or more"


def test_a_way_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"by: must be one of preset, .*month, was 'colour'"):
        grouped([], "colour")
