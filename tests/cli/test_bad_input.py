"""Bad input ends in one clear sentence on stderr, an exit code that is not 0, an empty stdout, and nothing changed."""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import annotated_types as at
import pytest

from trader.cli.app import main
from trader.config.connection import URL_VARIABLES
from trader.config.preset import SCHEMA_VERSION, SECTIONS, Preset
from trader.config.settings import KEY_VARIABLES, VARIABLES

EPSILON = Decimal("0.001")


def refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must be refused; returns its sentence."""
    code = main(argv)
    said = capsys.readouterr()
    assert code not in (0, None), said.out
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 1, said.err
    assert lines[0].startswith("Error: ")
    assert "Traceback" not in said.err
    return lines[0]


def past_each_bound() -> Iterator[tuple[str, str]]:
    """Every bounded field just past each of its bounds, and every field with something that is no value at all."""
    for section, model in SECTIONS.items():
        for name, field in model.model_fields.items():
            path = f"{section}.{name}"
            step = 1 if field.annotation is int else EPSILON
            for bound in field.metadata:
                match bound:
                    case at.Ge(ge=limit):
                        yield path, str(Decimal(str(limit)) - step)
                    case at.Gt(gt=limit):
                        yield path, str(limit)
                    case at.Le(le=limit):
                        yield path, str(Decimal(str(limit)) + step)
                    case at.Lt(lt=limit):
                        yield path, str(limit)
            yield path, "nonsense"
            if path not in ("exits.trailing_tiers", "strategy.legs", "schedule.exit_date"):  # where nothing is a value
                yield path, ""
            if field.annotation in (int, Decimal):
                yield path, "NaN"
                yield path, "1e400"


CASES = [
    *past_each_bound(),
    ("schedule.entry_time_ist", "25:00"),
    ("schedule.entry_time_ist", "3pm"),
    ("schedule.entry_time_ist", "16:30"),  # equal to the exit time
    ("schedule.weekdays", "mon,mon"),
    ("schedule.weekdays", "someday"),
    ("strategy.expiry", "2026-02-30"),
    ("strategy.expiry", "20270103"),
    ("strategy.expiry", "2027-W01-1"),
    ("strategy.delta_min", "0.20"),  # above delta_max
    ("strategy.quantity", "1.5"),
    ("strategy.quantity", "1_0"),
    ("exits.max_loss_pct", "1_00"),
    ("exits.max_loss_pct", "٥"),
    ("strategy.quantity", "1001"),  # above risk.max_order_quantity
    ("exits.trailing_tiers", "40:0,30:10"),
    ("exits.trailing_tiers", "40:10,50:5"),
    ("exits.trailing_tiers", "40:40"),
    ("exits.trailing_tiers", "40"),
    ("exits.trailing_tiers", "[{"),
    ("exits.trailing_step_stop_pct", "11"),
]


@pytest.mark.parametrize(("path", "value"), CASES, ids=[f"{path}={value}" for path, value in CASES])
def test_a_field_out_of_bounds_is_refused_and_named(path: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    sentence = refused(["config", "show", "--set", f"{path}={value}"], capsys)
    assert path.split(".")[1] in sentence


def test_every_field_is_tried() -> None:
    assert {path for path, _ in CASES} == {f"{s}.{n}" for s, model in SECTIONS.items() for n in model.model_fields}


@pytest.mark.parametrize("override", ["strategy.quantity", "=2", "quantity=2", "strategy.qty=2", "strategy=2", ""])
def test_an_override_that_names_no_field_is_refused(override: str, capsys: pytest.CaptureFixture[str]) -> None:
    refused(["config", "show", "--set", override], capsys)


def test_start_refuses_the_same_way_before_anything_is_recorded(
    capsys: pytest.CaptureFixture[str], clean_environment: Path
) -> None:
    sentence = refused(["start", "--preset", "default", "--set", "strategy.quantity=0"], capsys)
    assert "strategy.quantity must be at least 1" in sentence
    assert not clean_environment.exists()


def snapshot_body(**changes: Any) -> dict[str, Any]:
    preset = Preset().model_dump(mode="json")
    return {"schema_version": SCHEMA_VERSION, "saved_at": "2026-11-21T10:00:00+00:00", "preset": preset, **changes}


def preset_with(**changes: Any) -> dict[str, Any]:
    body = Preset().model_dump(mode="json")
    return snapshot_body(preset={**body, "strategy": {**body["strategy"], **changes}})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("{", "not valid JSON"),
        ('{"schema_version": 1, "schema_version": 1}', "twice"),
        ("[]", "JSON object"),
        ("null", "JSON object"),
        (json.dumps(snapshot_body(schema_version=SCHEMA_VERSION + 1)), "schema_version"),
        (json.dumps(snapshot_body(surprise=1)), "surprise"),
        (json.dumps(preset_with(lots=3)), "lots"),
        (json.dumps(preset_with(quantity=0)), "strategy.quantity"),
        (json.dumps(preset_with(quantity="NaN")), "strategy.quantity"),
        (json.dumps(snapshot_body(preset={"name": "default"})), "missing"),
    ],
)
@pytest.mark.parametrize("command", [["config", "show"], ["start"]])
def test_a_broken_snapshot_is_refused_and_left_as_it_is(
    command: list[str], text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = tmp_path / "ui_config_snapshot.json"
    snapshot.write_text(text)
    sentence = refused(command, capsys)
    assert words in sentence
    assert snapshot.name in sentence
    assert snapshot.read_text() == text


def test_a_broken_preset_file_is_named_and_no_default_stands_in(
    clean_environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = clean_environment / "presets"
    folder.mkdir(parents=True)
    (folder / "default.json").write_text("{")
    assert "not valid JSON" in refused(["config", "show", "--preset", "default"], capsys)
    assert main(["presets", "list"]) == 1
    assert "not valid JSON" in capsys.readouterr().out


def test_an_unknown_preset_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = refused(["start", "--preset", "defualt"], capsys)
    assert "did you mean default" in sentence


@pytest.mark.parametrize("name", ["../default", "a/b", "", "x" * 41, "Default"])
def test_a_preset_name_never_becomes_another_path(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "must match" in refused(["presets", "show", name], capsys)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TRADER_ENV": "live"}, "TRADER_ENV"),
        ({"PORT": "http"}, "PORT"),
        ({"PORT": "70000"}, "PORT"),
        ({"TRADER_VENUE_SPEED": "601"}, "TRADER_VENUE_SPEED"),
        ({"TRADER_VENUE_MARKET": "recording"}, "TRADER_VENUE_RECORDING"),
        ({"DELTA_REST_URL": "http://127.0.0.1:1"}, "DELTA_WS_PUBLIC_URL"),
        ({"TRADER_ENV": "testnet", "DELTA_TESTNET_API_KEY": "k3y"}, "DELTA_TESTNET_API_SECRET"),
        ({"TRADER_ENV": "testnet", "DELTA_TESTNET_API_KEY": "your-key", "DELTA_TESTNET_API_SECRET": "s"}, "real value"),
        ({"TRADER__STRATEGY__QTY": "2"}, "TRADER__STRATEGY__QTY"),
        ({"TRADER__STRATEGY__QUANTITY": "0"}, "strategy.quantity"),
    ],
)
def test_a_wrong_variable_is_refused_and_named(
    variables: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert words in refused(["config", "show"], capsys)


def test_a_refused_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TRADER_ENV", "testnet")
    monkeypatch.setenv("DELTA_TESTNET_API_KEY", "canary-key-7f3a")
    monkeypatch.setenv("DELTA_TESTNET_API_SECRET", " canary-secret-7f3a ")
    assert "canary" not in refused(["status"], capsys)


def test_env_on_the_command_line_outranks_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRADER_ENV", "production")
    assert "must be one of" in refused(["--env", "moon", "config", "show"], capsys)


# ------------------------------------------------------------------ options


SLIPS = ["", " 5 ", "٣", "²", "1e3", "1_0", "1,0", "0x10", "inf", "nan", "1e999", "9" * 30, "9" * 5000, "true", "-1"]
NUMBERS = [
    ["history", "--limit"],
    ["history", "--offset"],
    ["alerts", "--limit"],
    ["ack"],
    ["stop", "--wait"],
    ["kill", "--yes", "--wait"],
    ["flatten", "--yes", "--wait"],
    ["start", "--wait"],
    ["start", "--repeat"],
    ["up", "--port"],
    ["simulate", "--sessions"],
    ["simulate", "--seed"],
    ["simulate", "--jobs"],
    ["venue", "--speed"],
    ["venue", "--seed"],
    ["venue", "--port"],
    ["venue", "--balance"],
    ["venue", "--start"],
    ["record", "--secs"],
    ["record", "--rotate-mb"],
    ["record", "--books"],
    ["config", "show", "--set", "strategy.quantity="],
    ["config", "show", "--set", "exits.max_loss_pct="],
]


@pytest.mark.parametrize("option", NUMBERS, ids=" ".join)
def test_an_option_took_what_only_looks_like_a_number(
    option: list[str], capsys: pytest.CaptureFixture[str], clean_environment: Path
) -> None:
    for slip in SLIPS:
        if option[-1].endswith("="):
            if slip != " 5 ":  # blanks around a value of --set are the shell's
                refused([*option[:-1], option[-1] + slip], capsys)
        else:
            refused([*option, slip] if not slip.startswith("-") else [*option[:-1], f"{option[-1]}={slip}"], capsys)
    assert not clean_environment.exists()


@pytest.mark.parametrize("argument", ["\0", "a\0b", "\ud800"], ids=repr)
@pytest.mark.parametrize(
    "command", [["status", "--run"], ["journal", "backup"], ["presets", "show"], ["simulate", "--scenario"]]
)
def test_an_argument_that_is_no_text_ended_in_a_traceback(
    command: list[str], argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "must be UTF-8 text without NUL" in refused([*command, argument], capsys)


@pytest.fixture
def odd_paths(tmp_path: Path) -> dict[str, Path]:
    """Everything that is no plain file, none of which may be waited for or read for ever."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("x")
    return {
        "pipe": tmp_path / "pipe",
        "folder": tmp_path / "folder",
        "loop": tmp_path / "loop",
        "below a file": tmp_path / "file" / "x",
        "device": Path("/dev/zero"),
        "too long": tmp_path / ("x" * 300),
    }


INPUTS = [
    ["simulate", "--scenario"],
    ["venue", "--market", "recording"],
    ["import-recording", "SOURCE", "out.parquet", "--kind", "deribit-chain"],
    ["import-recording", "file", "out.parquet", "--kind", "deribit-chain", "--spot"],
    ["import-recording", "file", "out.parquet", "--kind", "deribit-chain", "--delivery"],
]


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "below a file", "device", "too long"])
def test_an_input_that_is_no_file_was_waited_for(
    kind: str, odd_paths: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(odd_paths[kind])
    for command in INPUTS:
        refused(
            [path if word == "SOURCE" else word for word in [*command, *([] if "SOURCE" in command else [path])]],
            capsys,
        )


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "below a file", "device", "too long"])
def test_a_file_of_settings_that_is_no_file_was_waited_for(
    kind: str, odd_paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, command in (
        ("TRADER_SNAPSHOT", ["config", "show"]),
        ("TRADER_HOME", ["status"]),
        ("DATABASE_URL", ["status"]),
    ):
        if (variable, kind) == ("TRADER_HOME", "folder"):
            continue  # that is what it should be
        with monkeypatch.context() as patch:
            path = odd_paths[kind]
            patch.setenv(variable, f"sqlite:///{path}" if variable == "DATABASE_URL" else str(path))
            refused(command, capsys)


@pytest.mark.parametrize(
    "value", ["   ", "a\nb", "~nobody-of-that-name/x", "x" * 5000, "\x7f", "\udcff", "http://[::1"], ids=repr
)
def test_a_setting_that_is_none_is_one_sentence_with_its_name(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in VARIABLES:
        free = variable in (
            "DATABASE_URL",
            "TRADER_HOME",
            "TRADER_SNAPSHOT",
            "TRADER_VENUE_RECORDING",
            "TRADER_NOTIFY_URLS",
        )
        owner = next((env for env, names in KEY_VARIABLES.items() if variable in names), None)
        if (value == "http://[::1" and (free or owner)) or (
            value[0] in "~x" and (variable == "DATABASE_URL" or (owner and value[0] == "~"))
        ):
            continue  # a value of that shape is possible there, or is judged when it is used
        with monkeypatch.context() as patch:
            if owner is not None:
                patch.setenv("TRADER_ENV", owner)
                for name in KEY_VARIABLES[owner]:
                    patch.setenv(name, "a-real-one")
            if variable.endswith("_URL") and variable.startswith("DELTA_"):
                for name in URL_VARIABLES:
                    patch.setenv(name, "http://127.0.0.1:1")
                if value[0] in "~x":
                    continue
            patch.setenv(variable, value)
            if variable == "DATABASE_URL" and value == "   ":
                assert "DATABASE_URL" in refused(["status"], capsys)
            else:
                assert variable in refused(["config", "show"], capsys), variable
