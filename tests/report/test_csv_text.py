"""CSV that reads back to what it was, and that no spreadsheet takes for formulas."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.report.stage import read_sections
from trader.report.csv_text import cell, sections_csv


@given(some.lists(some.decimals(allow_nan=False, allow_infinity=False, places=8), min_size=1))
def test_amounts_read_back_equal(amounts: list[Decimal]) -> None:
    text = sections_csv([("a", ("value",), [(one,) for one in amounts])])
    assert [Decimal(row["value"]) for row in read_sections(text)["a"]] == amounts


@given(some.text(some.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), min_size=1))
def test_text_reads_back_with_at_most_an_apostrophe_before_it(text: str) -> None:
    (row,) = read_sections(sections_csv([("a", ("value", "last"), [(text, "x")])]))["a"]
    assert row["value"] in (text, f"'{text}")


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", " =1", "\t=1", "\r=1", "＝1"])
def test_what_a_spreadsheet_would_run_is_led_in_by_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-1.50", "+3", "-0.0000012", "1e-7", "C-BTC-95000-221126", "text - more"])
def test_numbers_and_plain_text_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


def test_unknown_is_empty_and_a_section_without_rows_is_left_out() -> None:
    assert sections_csv([("a", ("x",), []), ("b", ("x",), [(None,), (Decimal("-1.50"),)])]) == (
        "section,x\nb,\nb,-1.50\n"
    )
