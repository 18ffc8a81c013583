"""Hours in which only what is critical is told."""

from datetime import UTC, datetime

import pytest

from trader.config.quiet_hours import read_quiet
from trader.domain.expiry import IST


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-02T{text}").replace(tzinfo=IST).astimezone(UTC)


@pytest.mark.parametrize(
    ("span", "made", "goes"),
    [
        ("23:00-07:00", "22:59", "2026-03-02T22:59"),
        ("23:00-07:00", "23:00", "2026-03-03T07:00"),
        ("23:00-07:00", "06:59", "2026-03-02T07:00"),
        ("23:00-07:00", "07:00", "2026-03-02T07:00"),
        ("13:00-14:00", "13:30", "2026-03-02T14:00"),
        ("13:00-14:00", "14:00", "2026-03-02T14:00"),
    ],
)
def test_what_is_made_in_quiet_hours_waits_for_their_end(span: str, made: str, goes: str) -> None:
    quiet = read_quiet(span)
    for severity in ("info", "notice", "warning"):
        assert quiet.until(severity, at(made)) == datetime.fromisoformat(goes).replace(tzinfo=IST)
    assert quiet.until("critical", at(made)) == at(made)


def test_nothing_set_is_no_quiet() -> None:
    assert read_quiet(" ").until("info", at("03:00")) == at("03:00")


def test_each_severity_may_have_hours_of_its_own_the_critical_ones_only_where_they_are_named() -> None:
    quiet = read_quiet("info,notice|20:00-09:00 critical|02:00 - 03:00")
    assert quiet.until("notice", at("21:00")) == datetime.fromisoformat("2026-03-03T09:00").replace(tzinfo=IST)
    assert quiet.until("warning", at("21:00")) == at("21:00")
    assert quiet.until("critical", at("02:30")) == at("03:00") and quiet.until("critical", at("21:00")) == at("21:00")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("info|20:00-09:00 23:00-07:00", "names info twice; each severity has one span"),
        ("info|20:00-09:00 loud|23:00-07:00", "entry 2 names the severity 'loud'"),
        ("info|", "must be like 23:00-07:00"),
    ],
)
def test_what_cannot_be_the_hours_of_a_severity_is_told(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_quiet(text)


@pytest.mark.parametrize("text", ["23:00", "7-8", "25:00-07:00", "07:00-07:00", "23:00-07:00-08:00"])
def test_what_is_no_span_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be .*like 23:00-07:00"):
        read_quiet(text)
