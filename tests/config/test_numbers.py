"""Text becomes a number in one strict reader, in the models themselves: nothing is cut, rounded or guessed at."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from trader.config.orders import Orders
from trader.config.preset import Exits, Preset, Schedule
from trader.config.strategy import Strategy
from trader.domain.numbers import read_number, read_whole

SLIPS = [
    "",
    " 5 ",
    "5 ",
    "1_000",
    "1,000",
    "1e3",
    "0x10",
    "+5",
    "٣",
    "５",
    "²",
    "inf",
    "nan",
    "1e999",
    "--5",
    "5.",
    ".5",
    "9" * 21,
]


@pytest.mark.parametrize("text", SLIPS)
def test_a_slip_of_the_pen_became_a_number(text: str) -> None:
    for read in (read_whole, read_number):
        with pytest.raises(ValueError, match="number, was"):
            read(text)


@pytest.mark.parametrize(("given", "number"), [("5", 5), ("-5", -5), ("007", 7), (5, 5), ("9" * 20, int("9" * 20))])
def test_plain_digits_are_whole_numbers(given: Any, number: int) -> None:
    assert read_whole(given) == number


@pytest.mark.parametrize(
    "given", ["2.7", "2.0", 2.7, 2.0, True, None, Decimal(2), [2], 10**20, pytest.param(10**5000, id="long")]
)
def test_what_is_no_whole_number_was_cut_to_one(given: Any) -> None:
    with pytest.raises(ValueError, match="must be a whole number, was"):
        read_whole(given)


@pytest.mark.parametrize(
    ("given", "number"), [("2.50", "2.50"), (2.5, "2.5"), (Decimal("0.1"), "0.1"), (3, "3"), ("-0.01", "-0.01")]
)
def test_numbers_keep_every_digit(given: Any, number: str) -> None:
    assert str(read_number(given)) == number


@pytest.mark.parametrize(
    "given", [True, None, float("inf"), float("nan"), Decimal("NaN"), {}, pytest.param(10**5000, id="long")]
)
def test_what_is_no_number_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="must be a number, was"):
        read_number(given)


@pytest.mark.parametrize("given", ["2.7", 2.7, "2.0", 2.0, True, " 2", "2_0", "٢"])
def test_retries_of_2_7_became_2_in_the_model(given: Any) -> None:
    with pytest.raises(ValidationError, match="must be a whole number, was"):
        Orders(retries=given)


def test_every_number_of_a_preset_goes_through_the_reader() -> None:
    """A field added with a plain int or Decimal would read 1_0 as ten again."""
    loose = []
    for section in (Preset, *(field.annotation for field in Preset.model_fields.values())):
        for name, field in getattr(section, "model_fields", {}).items():
            readers = [rule for rule in field.metadata if type(rule).__name__ == "BeforeValidator"]
            if field.annotation in (int, float, Decimal, bool) and not readers:
                loose.append(f"{section}.{name}")
    assert loose == []


def test_every_number_of_the_settings_goes_through_the_reader() -> None:
    from trader.config.settings import Settings

    numbers = {"port": "1_0", "alert_repeat_secs": "1e1", "venue_speed": " 2 ", "venue_seed": "٣"}
    for name, text in numbers.items():
        variable = str(Settings.model_fields[name].validation_alias)
        with pytest.raises(ValidationError, match=f"{variable}.*\n.*number, was"):
            Settings(**{variable: text})


@pytest.mark.parametrize("given", ["yes", "on", "1", 1, 0, "True", "t", None])
def test_a_switch_is_true_or_false_and_nothing_like_it(given: Any) -> None:
    with pytest.raises(ValidationError, match="must be true or false, was"):
        Exits(trailing_enabled=given)


def test_a_time_of_day_in_other_digits_and_a_name_with_a_line_break_were_taken() -> None:
    with pytest.raises(ValidationError, match="is not a time of day"):
        Schedule(entry_time_ist="٠٩:٣٠")
    with pytest.raises(ValidationError, match="must match"):
        Preset(name="default\n")
    assert Strategy(delta_min="0.05").delta_min == Decimal("0.05")  # type: ignore[arg-type]
