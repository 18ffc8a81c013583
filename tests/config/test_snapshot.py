"""The snapshot: saved whole, read strictly, never replaced by defaults."""

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.config.builtin import BUILT_IN
from trader.config.document import ADDED_FIELDS, decode_document, decode_preset, encode_document
from trader.config.messages import InvalidConfig
from trader.config.preset import SCHEMA_VERSION, Preset
from trader.config.snapshot import load_legacy_overrides, load_snapshot, save_snapshot
from trader.config.strategy import Strategy
from trader.domain.errors import ConfigError

AT = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ui_config_snapshot.json"


def document(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode_document(Preset(), AT))
    return body | changes


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_saved_configuration_comes_back_equal(path: Path, name: str) -> None:
    save_snapshot(path, BUILT_IN[name])
    assert load_snapshot(path) == BUILT_IN[name]
    assert [p.name for p in path.parent.iterdir() if p.is_file()] == [path.name]


def test_absent_snapshot_is_none(path: Path) -> None:
    assert load_snapshot(path) is None


def test_the_committed_snapshot_is_the_default_preset() -> None:
    root = Path(__file__).parents[2]
    assert load_snapshot(root / "ui_config_snapshot.json") == Preset()


def without(body: dict[str, Any], *keys: str) -> dict[str, Any]:
    inner = body
    for key in keys[:-1]:
        inner = inner[key]
    del inner[keys[-1]]
    return body


def changed(value: Any, *keys: str) -> dict[str, Any]:
    body = document()
    inner = body
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return body


def older(version: int = 1) -> dict[str, Any]:
    """What an earlier version wrote: none of the fields that later ones brought."""
    body = document(schema_version=version)
    for since in range(version + 1, SCHEMA_VERSION + 1):
        for section, name in ADDED_FIELDS[since]:
            without(body, "preset", section, name)
    return body


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_document_of_an_earlier_version_gets_the_fields_it_could_not_have(version: int) -> None:
    body = older(version)
    body["preset"]["strategy"]["quantity"] = 3
    read = decode_document(json.dumps(body), "the file")
    assert (read.preset.strategy.quantity, read.preset.risk.naked_leg_secs) == (3, 30)
    assert (read.preset.risk.exit_limit_pct, read.preset.exits.settle_within_mins) == (100, 360)
    assert read.schema_version == SCHEMA_VERSION
    assert (read.preset.structure.name, read.preset) == ("short_strangle", Preset(strategy=Strategy(quantity=3)))


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_older_snapshot_is_read_and_left_as_it_is(tmp_path: Path, version: int) -> None:
    place = tmp_path / "snapshot.json"
    place.write_text(json.dumps(older(version)))
    before = place.read_bytes()
    assert load_snapshot(place) == Preset()
    assert place.read_bytes() == before


def test_a_snapshot_carries_a_structure_of_ones_own(tmp_path: Path) -> None:
    own = Preset.model_validate({"strategy": {"structure": "custom", "legs": [
        {"key": "C", "kind": "call", "side": "sell", "ratio": 2, "by": "premium", "value": ">=80"}]}})  # fmt: skip
    save_snapshot(tmp_path / "snapshot.json", own)
    assert load_snapshot(tmp_path / "snapshot.json") == own
    assert decode_preset(own.canonical_json(), "the export") == own


def test_an_older_document_may_lack_nothing_else() -> None:
    body = without(older(), "preset", "risk", "max_runs_per_day")
    with pytest.raises(InvalidConfig, match=r"preset\.risk.max_runs_per_day is missing"):
        decode_document(json.dumps(body), "the file")


def test_a_document_of_this_version_may_lack_nothing() -> None:
    body = without(document(), "preset", "risk", "naked_leg_secs")
    with pytest.raises(InvalidConfig, match=r"preset\.risk.naked_leg_secs is missing"):
        decode_document(json.dumps(body), "the file")


def test_an_exported_preset_of_the_first_version_can_be_imported() -> None:
    assert decode_preset(json.dumps(older()["preset"]), "the file") == Preset()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (changed(0, "preset", "strategy", "quantity"), "preset.strategy.quantity must be at least 1 contracts, was 0"),
        (changed("2", "preset", "strategy", "quantity"), "preset.strategy.quantity must be a whole number, was '2'"),
        (changed(True, "preset", "strategy", "quantity"), "preset.strategy.quantity must be a whole number, was True"),
        (
            changed(None, "preset", "strategy", "quantity"),
            "preset.strategy.quantity must be a whole number, was nothing",
        ),
        (
            changed("yes", "preset", "orders", "market_fallback"),
            "preset.orders.market_fallback must be true or false, was 'yes'",
        ),
        (changed([], "preset", "strategy"), "preset.strategy must be an object with fields, was []"),
        (
            changed(1, "preset", "strategy", "quantiy"),
            "preset.strategy.quantiy is not a setting; did you mean preset.strategy.quantity?",
        ),
        (changed(1, "hello"), "hello is not a setting"),
        (changed(5, "schema_version"), "schema_version must be 1 to 4, was 5"),
        (changed(0, "schema_version"), "schema_version must be 1 to 4, was 0"),
        (changed("1", "schema_version"), "schema_version must be a whole number, was '1'"),
        (changed("yesterday", "saved_at"), "saved_at must be an instant"),
        (changed("2026-06-01T09:30:00", "saved_at"), "saved_at must be an instant with a time zone"),
        (changed("../x", "preset", "name"), "preset.name must match"),
        (without(document(), "preset"), "preset is missing"),
        (without(document(), "schema_version"), "schema_version is missing"),
        (without(document(), "preset", "exits"), "preset.exits is missing"),
        (without(document(), "preset", "exits", "max_loss_pct"), "preset.exits.max_loss_pct is missing"),
        (without(document(), "preset", "name"), "preset.name is missing"),
    ],
)
def test_snapshot_that_is_wrong_is_refused_by_file_and_field(path: Path, body: dict[str, Any], problem: str) -> None:
    path.write_text(json.dumps(body))
    with pytest.raises(InvalidConfig) as caught:
        load_snapshot(path)
    assert str(caught.value).startswith(f"The snapshot {path}: ")
    assert problem in caught.value.problems[0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"{", "not valid JSON: Expecting property name enclosed in double quotes in line 1, column 2"),
        (encode_document(Preset(), AT).encode()[:400], "not valid JSON"),
        (b"[]", "must hold a JSON object, was []"),
        (b"null", "must hold a JSON object, was None"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": 1, "a": 2}', "'a' stands there twice"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 100_000, "not valid JSON"),
        (b" " * 1_000_001, "has 1000001 bytes; at most 1000000"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_snapshot_that_is_no_document_is_refused(path: Path, content: bytes, problem: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_snapshot(path)
    assert str(path) in str(caught.value)
    assert problem in str(caught.value)
    assert path.read_bytes() == content


def test_symbolic_link_is_refused_for_reading_and_writing(path: Path) -> None:
    real = path.with_name("real.json")
    save_snapshot(real, Preset())
    before = real.read_bytes()
    path.symlink_to(real)
    for action in (lambda: load_snapshot(path), lambda: save_snapshot(path, BUILT_IN["aggressive"])):
        with pytest.raises(ConfigError, match="symbolic link"):
            action()
    assert real.read_bytes() == before


def test_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(ConfigError, match="is not a file"):
        load_snapshot(path)


def test_snapshot_that_cannot_be_written_leaves_the_old_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_snapshot(path, Preset())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="cannot be written"):
        save_snapshot(path, BUILT_IN["aggressive"])
    monkeypatch.undo()
    assert load_snapshot(path) == Preset()
    assert [p.name for p in path.parent.iterdir() if p.is_file()] == [path.name]


@given(cut=st.integers(1, len(encode_document(Preset(), AT)) - 2))
def test_half_written_document_is_always_refused(cut: int) -> None:
    with pytest.raises(ConfigError):
        decode_document(encode_document(Preset(), AT)[:cut], "the text")


def test_bare_preset_as_strict_as_the_document() -> None:
    text = Preset().model_dump_json()
    assert decode_preset(text, "body") == Preset()
    with pytest.raises(InvalidConfig, match="body: risk is missing"):
        decode_preset(json.dumps(without(json.loads(text), "risk")), "body")


@pytest.mark.parametrize("text", ['{"strategy": {"quantity": 2}}', '{"strategy.quantity": 2}'])
def test_legacy_file_gives_single_fields(path: Path, text: str) -> None:
    path.with_name("ui_overrides.json").write_text(text)
    assert load_legacy_overrides(path) == {"strategy.quantity": 2}


def test_legacy_file_with_unknown_fields_is_refused(path: Path) -> None:
    path.with_name("ui_overrides.json").write_text('{"strategy": {"quantiy": 2}, "debug": true}')
    with pytest.raises(InvalidConfig) as caught:
        load_legacy_overrides(path)
    assert caught.value.problems == (
        "strategy.quantiy is not a setting; did you mean strategy.quantity?",
        "debug is not a setting",
    )


# ------------------------------------------------------------------ files as people save them


@pytest.mark.parametrize(
    "save",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n",
    ],
    ids=["byte order mark", "CRLF", "both"],
)
def test_a_snapshot_as_other_editors_save_it_was_refused(path: Path, save: Callable[[str], bytes]) -> None:
    path.write_bytes(save(encode_document(Preset(name="mine"), AT)))
    assert load_snapshot(path) == Preset(name="mine")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_another_encoding_is_said_in_words_of_people_and_not_of_a_codec(path: Path, encoding: str) -> None:
    path.write_bytes(encode_document(Preset(), AT).replace("default", "défaut").encode(encoding))
    with pytest.raises(ConfigError, match=r"not UTF-8.*save it again as UTF-8") as caught:
        load_snapshot(path)
    assert "codec" not in str(caught.value) and "BOM" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"a": 1,}', "the closing } in line 1"),
        ('{\n "a": [1, 2,\n ]\n}', "the closing ] in line 2"),
        ('{\n "a": 1,\r\n}', "the closing } in line 2"),
    ],
)
def test_a_comma_before_the_closing_bracket_is_named(path: Path, text: str, where: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"a comma stands before {re.escape(where)}; remove it"):
        load_snapshot(path)


@pytest.mark.parametrize("text", ['{"a": ' + "9" * 5000 + "}", '{"a": 1e999}', "[" * 100_000])
def test_numbers_and_nesting_beyond_reading_are_one_sentence(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_snapshot(path)
    assert len(str(caught.value)) < 500 and "set_int_max_str_digits" not in str(caught.value)


def test_a_pipe_in_its_place_was_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="is not a file"):
        load_snapshot(path)


def test_a_desk_passed_over_a_legacy_file_that_cannot_be_used(path: Path) -> None:
    """The command line refuses it; the panel begins with what the desk says."""
    from trader.config.precedence import saved_configuration
    from trader.config.settings import load_settings

    settings = load_settings(environ={"TRADER_SNAPSHOT": str(path), "TRADER_HOME": str(path.parent / "home")})
    assert saved_configuration(settings) is None
    legacy = path.with_name("ui_overrides.json")
    legacy.write_text('{"orders.retries": 2.7}')
    with pytest.raises(InvalidConfig, match=r"orders.retries must be a whole number, was 2.7, from legacy file"):
        saved_configuration(settings)
    legacy.write_text('{"orders.retries": 3}')
    saved = saved_configuration(settings)
    assert saved is not None and saved.orders.retries == 3
