"""Every bound of every preset field, from the model itself: just outside is refused in words, just inside is taken."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import annotated_types
import pytest
from pydantic import BaseModel, ValidationError

from trader.config.messages import sentences, unit_of
from trader.config.preset import SECTIONS, Preset, TrailingTier


def body_with(path: str, value: Any) -> dict[str, Any]:
    body = Preset().model_dump(mode="python")
    section, name = path.split(".")
    body[section][name] = value
    return body


def numeric_bounds() -> Iterator[tuple[str, str, Any, Any, str]]:
    """path, rule, value just outside, value at the edge (or just inside), unit."""
    for section, model in SECTIONS.items():
        for name, field in model.model_fields.items():
            whole = field.annotation is int
            step: Any = 1 if whole else Decimal("0.0001")
            for rule in field.metadata:
                match rule:
                    case annotated_types.Ge(ge=limit):
                        yield f"{section}.{name}", "at least", limit - step, limit, unit_of(field)
                    case annotated_types.Gt(gt=limit):
                        yield f"{section}.{name}", "above", limit, limit + step, unit_of(field)
                    case annotated_types.Le(le=limit):
                        yield f"{section}.{name}", "at most", limit + step, limit, unit_of(field)
                    case annotated_types.Lt(lt=limit):
                        yield f"{section}.{name}", "below", limit, limit - step, unit_of(field)


BOUNDS = list(numeric_bounds())


def problems_of(body: dict[str, Any]) -> list[str]:
    try:
        Preset.model_validate(body)
    except ValidationError as error:
        return sentences(error, Preset)
    return []


def test_every_number_has_a_lower_and_an_upper_bound() -> None:
    bounded: dict[str, set[str]] = {}
    for path, rule, *_ in BOUNDS:
        bounded.setdefault(path, set()).add("low" if rule in ("at least", "above") else "high")
    numbers = {
        f"{section}.{name}"
        for section, model in SECTIONS.items()
        for name, field in model.model_fields.items()
        if field.annotation in (int, Decimal)
    }
    assert set(bounded) == numbers
    assert all(sides == {"low", "high"} for sides in bounded.values()), bounded


@pytest.mark.parametrize(("path", "rule", "outside", "edge", "unit"), BOUNDS, ids=[f"{b[0]} {b[1]}" for b in BOUNDS])
def test_value_just_outside_is_refused_with_limit_unit_and_value(
    path: str, rule: str, outside: Any, edge: Any, unit: str
) -> None:
    (problem,) = problems_of(body_with(path, outside))
    assert problem.startswith(f"{path} must be {rule} "), problem
    assert problem.endswith(f", was {outside}"), problem
    assert unit in problem
    # The edge itself is taken, unless another field must follow it.
    assert not [p for p in problems_of(body_with(path, edge)) if p.startswith(f"{path} must be ")]


@pytest.mark.parametrize("path", sorted({b[0] for b in BOUNDS}))
@pytest.mark.parametrize("bad", ["three", "NaN", None, [], True])
def test_number_of_the_wrong_type_is_refused_by_name(path: str, bad: Any) -> None:
    import json

    from trader.config.document import decode_preset
    from trader.config.messages import InvalidConfig

    section, name = path.split(".")
    body = Preset().model_dump(mode="json")
    body[section][name] = bad
    with pytest.raises(InvalidConfig) as caught:
        decode_preset(json.dumps(body), "the text")
    assert caught.value.problems[0].startswith(f"{path} must be a ")


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("strategy.underlying", "DOGE", "strategy.underlying must be one of BTC or ETH, was 'DOGE'"),
        ("strategy.quantity", 1.5, "strategy.quantity must be a whole number, was 1.5"),
        (
            "strategy.expiry",
            "tomorrow",
            "strategy.expiry must be one of today, next_day, nearest, weekly, monthly or a date YYYY-MM-DD, was 'tomorrow'",
        ),
        ("strategy.delta_min", Decimal("0.15"), "strategy: delta_min (0.15) must be below delta_max (0.15)"),
        (
            "schedule.entry_time_ist",
            "3pm",
            "schedule.entry_time_ist: '3pm' is not a time of day like 09:30 (24-hour HH:MM)",
        ),
        (
            "schedule.exit_time_ist",
            "25:00",
            "schedule.exit_time_ist: '25:00' is not a time of day: hours go to 23, minutes to 59",
        ),
        ("schedule.exit_time_ist", "09:30", "schedule: exit_time_ist must differ from entry_time_ist (09:30)"),
        ("schedule.weekdays", (), "schedule.weekdays must name at least one day"),
        ("schedule.weekdays", ("mon", "mon"), "schedule.weekdays: names a day twice"),
        (
            "exits.trailing_tiers",
            ({"peak_pct": 40, "stop_pct": 40},),
            "exits.trailing_tiers: a tier's stop (40) must lie below its peak (40)",
        ),
        (
            "exits.trailing_tiers",
            ({"peak_pct": 10001, "stop_pct": -1},),
            "exits.trailing_tiers[0].peak_pct must be at most 10000, was 10001",
        ),
        ("orders.market_fallback", "perhaps", "orders.market_fallback must be true or false, was 'perhaps'"),
        (
            "strategy.quantity",
            2000,
            "strategy.quantity (2000) exceeds risk.max_order_quantity (1000)",
        ),
    ],
)
def test_other_rules_are_told_in_one_sentence(path: str, value: Any, problem: str) -> None:
    assert problems_of(body_with(path, value))[0] == problem


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"exit_rule": "weekly"},
            "schedule.exit_rule must be one of daily, days, before_expiry or date, was 'weekly'",
        ),
        ({"exit_rule": "days", "exit_after_days": 0}, "schedule.exit_after_days must be at least 1 days, was 0"),
        ({"exit_rule": "date"}, "schedule: exit_date must name a day where exit_rule is date, was empty"),
        (
            {"exit_rule": "date", "exit_date": "20261204"},
            "schedule.exit_date must be a date YYYY-MM-DD, was '20261204'",
        ),
        (
            {"exit_rule": "before_expiry", "exit_hours_before_expiry": Decimal("0.5")},
            "schedule: exit_hours_before_expiry (0.5) is nearer to the expiry than exit_before_expiry_mins (45 min) allows",
        ),
    ],
)
def test_an_exit_over_days_that_says_nothing_is_told_in_one_sentence(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Preset.model_validate({"schedule": changes})
    assert sentences(caught.value, Preset) == [words]


def test_unknown_field_is_named_with_its_likely_meaning() -> None:
    body = Preset().model_dump(mode="python")
    body["strategy"]["quantiy"] = 2
    body["stratgy"] = {}
    assert problems_of(body) == [
        "strategy.quantiy is not a setting; did you mean strategy.quantity?",
        "stratgy is not a setting; did you mean strategy?",
    ]


def test_every_field_describes_itself() -> None:
    models: list[type[BaseModel]] = [*SECTIONS.values(), TrailingTier]
    assert all(field.description for model in models for field in model.model_fields.values())
