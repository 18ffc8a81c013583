"""Numbers, times and foreign text as the panel shows them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.panel import format as fmt


def test_what_is_unknown_is_a_dash() -> None:
    assert fmt.price(None) == fmt.ist_time(None) == fmt.DASH
    assert fmt.age(None) == fmt.utc_hint(None) == "unknown"
    assert fmt.age(0.0) == "0.0 s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "now"), (0, "now"), (42, "42 s"), (185, "3 m 05 s"), (8040, "2 h 14 m"), (86_400 * 2 + 3 * 3600, "2 d 3 h")],
)
def test_duration_in_its_two_largest_units(seconds: int, text: str) -> None:
    assert fmt.duration(timedelta(seconds=seconds)) == text


def test_times_are_indian_with_utc_to_hover() -> None:
    at = datetime(2026, 11, 21, 20, 0, 7, tzinfo=UTC)
    assert fmt.ist_time(at) == "01:30 IST"
    assert fmt.ist_full(at) == "2026-11-22 01:30:07 IST"
    assert fmt.utc_hint(at) == "2026-11-21 20:00:07 UTC"


def test_foreign_text_loses_direction_marks_newlines_and_excess() -> None:
    assert fmt.plain("a\nb\x1b[31m\u202ec") == "a b [31m c"
    assert len(fmt.plain("x" * 1_000_000)) == 400


@pytest.mark.parametrize(
    "text",
    [
        "![x](http://evil.example/x.png)",
        "[go](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        ":red[x] :material/error: :smile:",
        "$x$ `code` **b** _i_ # h",
        "https://evil.example www.evil.example a@b.example",
    ],
)
def test_escaped_text_has_no_live_markdown_left(text: str) -> None:
    shown = fmt.safe(text)
    bare = shown.replace("\\\\", "")
    for mark in "`*_[]<>$#!()":
        assert mark not in [c for i, c in enumerate(bare) if i == 0 or bare[i - 1] != "\\"]
    assert "://" not in shown and "www" not in shown and "@b" not in shown
    assert not any(shown[i + 1 : i + 2].isalpha() for i, c in enumerate(shown) if c == ":")
    assert fmt.safe("16:30:07") == "16:30:07" and ":100:" not in fmt.safe(":100:")


@given(st.text(max_size=60))
def test_escaping_keeps_every_visible_letter(text: str) -> None:
    kept = fmt.safe(text).replace("\u2060", "").replace("\\", "")
    assert kept == fmt.plain(text).replace("\u2060", "").replace("\\", "")
