"""The form knows every field of the preset, and says in one sentence what is wrong with a value."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from trader.config.document import encode_document
from trader.config.preset import SECTIONS, Preset
from trader.domain.errors import ConfigError
from trader.panel import form


def draft(**changes: Any) -> form.Draft:
    found = form.draft_of(Preset())
    for path, value in changes.items():
        section, name = path.split("__")
        found[section][name] = value
    return found


def test_every_field_of_the_model_is_in_the_form_with_title_and_help() -> None:
    specs = form.all_specs()
    assert set(specs) == {f"{name}.{field}" for name, model in SECTIONS.items() for field in model.model_fields}
    assert all(spec.title and spec.help for spec in specs.values())
    assert specs["strategy.delta_max"].bounds == "0.01 to 0.60"
    assert specs["exits.max_profit_pct"].bounds == "above 0 to 10,000"


def test_draft_of_a_preset_is_valid_and_the_same_preset() -> None:
    preset = Preset()
    checked = form.check(form.draft_of(preset))
    assert checked.errors == {} and checked.preset == preset
    assert form.differences(form.draft_of(preset), form.draft_of(preset)) == []


NUMBERS = [spec for spec in form.all_specs().values() if spec.kind in ("integer", "decimal")]


@pytest.mark.parametrize("spec", NUMBERS, ids=lambda spec: spec.path)
@pytest.mark.parametrize("value", [-100, 10**12])
def test_number_out_of_bounds_gives_one_sentence_at_its_field(spec: form.Spec, value: int) -> None:
    found = draft()
    found[spec.section][spec.name] = str(value)
    checked = form.check(found)
    assert checked.preset is None
    assert checked.errors[spec.path].startswith(f"{spec.title}: must be ")
    assert checked.errors[spec.path].endswith(".") and str(value) in checked.errors[spec.path]


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"strategy__quantity": None}, "strategy.quantity", "Quantity per leg"),
        ({"strategy__delta_min": "abc"}, "strategy.delta_min", "Delta from: must be a number, was 'abc'."),
        ({"strategy__delta_min": "0.2"}, "strategy", "Delta from (0.2) must be below Delta to (0.15)"),
        ({"strategy__expiry": "someday"}, "strategy.expiry", "Expiry: must be one of"),
        ({"schedule__entry_time_ist": "25:00"}, "schedule.entry_time_ist", "hours go to 23"),
        ({"schedule__entry_time_ist": "16:30"}, "schedule", "must differ"),
        ({"schedule__weekdays": []}, "schedule.weekdays", "at least one day"),
        ({"exits__trailing_tiers": [{"peak_pct": "0", "stop_pct": "0"}]}, "exits.trailing_tiers", "row 1, peak: must be above 0"),
        ({"exits__trailing_tiers": [{"peak_pct": "40", "stop_pct": None}]}, "exits.trailing_tiers", "row 1, stop"),
        ({"exits__trailing_tiers": [{"peak_pct": "40", "stop_pct": "50"}]}, "exits.trailing_tiers", "below its peak"),
    ],
)  # fmt: skip
def test_wrong_value_gives_one_sentence(changes: dict[str, Any], path: str, words: str) -> None:
    checked = form.check(draft(**changes))
    assert checked.preset is None and words in checked.errors[path]


def test_differences_compare_numbers_as_numbers() -> None:
    edited = draft(strategy__quantity=2, exits__max_loss_pct="60.00", exits__trailing_enabled=False)
    assert form.differences(draft(), edited) == [
        ("Strategy · Quantity per leg", "1", "2"),
        ("Exits · Trailing stop", "on", "off"),
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{nope", "not valid JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[1]", "must hold a JSON object"),
        (b'{"surprise": 1}', "surprise is not a setting"),
        (b"{}", "is missing"),
    ],
)
def test_upload_that_is_no_preset_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        form.read_upload(data)


def test_upload_takes_back_an_export_and_a_stored_file() -> None:
    preset = Preset(name="mine")
    assert form.read_upload(form.export(preset).encode()) == preset
    assert form.read_upload(encode_document(preset, datetime.now(UTC)).encode()) == preset


def test_typed_numbers_keep_their_digits() -> None:
    assert form.number_text(0.125) == "0.125"
    assert form.number_text(2.0) == "2"
    assert form.number_text(1e-7) == "0.0000001"  # never with an exponent, which the reader refuses


def test_draft_is_json() -> None:
    assert json.loads(json.dumps(form.draft_of(Preset()))) == form.draft_of(Preset())


@pytest.mark.parametrize("given", ["2.7", "1_0", " 2", "1e0", "٢", "2,0", True])
def test_the_form_reads_numbers_as_the_models_do(given: Any) -> None:
    assert "Retries: must be a whole number, was" in form.check(draft(orders__retries=given)).errors["orders.retries"]


def test_an_upload_with_a_byte_order_mark_was_refused() -> None:
    assert form.read_upload(b"\xef\xbb\xbf" + form.export(Preset(name="mine")).encode()) == Preset(name="mine")
