"""Presets on the command line: what they trade, changing one, looking at one before it is used."""

import json
from pathlib import Path

import pytest

from trader.cli.app import main
from trader.config.preset import Preset
from trader.config.presets import PresetStore
from trader.config.settings import load_settings


def said_by(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    assert main(argv) == code
    said = capsys.readouterr()
    if code:
        assert said.err.startswith("Error: ") and said.err.count("\n") == 1 and said.out == ""
    return said.err if code else said.out


def stored(name: str) -> Preset:
    return PresetStore(load_settings().home).load(name)


CUSTOM = "strategy.legs=C:call:sell:1:delta:0.10-0.20,LC:call:buy:2:width:500 from C"


def test_the_list_says_what_each_trades(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said_by(capsys, "presets", "list").splitlines()
    assert [line.split("  ")[0] for line in lines[1:]] == ["default", "conservative", "aggressive", "development", "straddle", "iron_condor", "iron_fly", "ratio"]  # fmt: skip
    assert "iron condor" in next(line for line in lines if line.startswith("iron_condor"))
    rows = json.loads(said_by(capsys, "presets", "list", "--json"))["presets"]
    assert {row["name"]: row["structure"] for row in rows}["ratio"] == "ratio_strangle"


def test_showing_one_leaves_out_what_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    said = said_by(capsys, "presets", "show", "iron_condor")
    assert "Sells 1 call and 1 put at |delta| 0.12-0.18, buys 1 call and 1 put 2,500 USD further out" in said
    assert "strategy.wing_width_usd" in said and "strategy.call_strike" not in said and "--json shows them" in said
    whole = json.loads(said_by(capsys, "presets", "show", "iron_condor", "--json"))
    assert whole["strategy"]["call_strike"] == "0"
    assert "strategy.steps" in said_by(capsys, "config", "show", "--set", "strategy.strikes_by=steps")


def test_a_preset_is_changed_or_stored_under_another_name(capsys: pytest.CaptureFixture[str]) -> None:
    said = said_by(capsys, "presets", "set", "iron_fly", "strategy.wing_width_usd=1500", "strategy.quantity=3")
    assert "Stored: preset iron_fly" in said and "buys 3 calls and 3 puts 1,500 USD further out" in said
    assert stored("iron_fly").strategy.wing_width_usd == 1500
    said_by(capsys, "presets", "set", "default", "strategy.structure=custom", CUSTOM, "--as", "own")
    assert [leg.key for leg in stored("own").structure.legs] == ["C", "LC"] and stored("own").name == "own"
    shown = said_by(capsys, "presets", "show", "own")
    assert f"strategy.legs{' ' * 20}C:call" not in shown and CUSTOM.partition("=")[2] in shown, "as --set takes it"
    assert "already a preset 'own'" in said_by(capsys, "presets", "set", "default", "strategy.quantity=2", "--as", "own", code=1)  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("set", "nope", "strategy.quantity=1"), "There is no preset 'nope'"),
        (("set", "default", "strategy.quantity"), "'strategy.quantity' must have the form section.field=value"),
        (("set", "default", "strategy.quantiy=1"), "did you mean strategy.quantity?"),
        (("set", "ratio", "strategy.call_ratio=0"), "strategy.call_ratio must be at least 1 × quantity, was '0'"),
        (("set", "default", "strategy.structure=custom"), "legs must name 1 to 8 legs"),
        (("set", "default", "strategy.legs=C:call"), "strategy.legs must look like C:call:sell:1:delta:0.10-0.15"),
        (("set", "default", "strategy.legs=C:call:sell:1:width:0 from P"), "strategy.legs[0].value must be at least 0.01 USD"),
        (("set", "default", "strategy.quantity=2", "--as", "../x"), "name"),
        (("validate", "nope"), "There is no preset 'nope'"),
        (("validate", "nope.json"), "The file nope.json does not exist"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence_and_nothing_is_stored(
    argv: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in said_by(capsys, "presets", *argv, code=1)
    assert not list((load_settings().home / "presets").glob("*.json"))


def test_a_file_is_looked_at_before_it_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said_by(capsys, "presets", "set", "straddle", "strategy.quantity=2", "--as", "two")
    path = load_settings().home / "presets" / "two.json"
    assert "Valid: preset two" in said_by(capsys, "presets", "validate", str(path))
    body = json.loads(path.read_text())
    body["preset"]["strategy"]["call_ratio"] = 0
    (tmp_path / "bad.json").write_text(json.dumps(body))
    said = said_by(capsys, "presets", "validate", str(tmp_path / "bad.json"), code=1)
    assert "preset.strategy.call_ratio must be at least 1" in said
    (tmp_path / "later.json").write_text(json.dumps(body | {"schema_version": 6}))
    said = said_by(capsys, "presets", "validate", str(tmp_path / "later.json"), code=1)
    assert "schema_version must be 1 to 5, was 6" in said


def test_a_live_start_says_what_it_trades_before_it_asks_for_the_phrase(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from types import SimpleNamespace
    from typing import Any, cast

    from trader.cli.runs import _typed_phrase
    from trader.config.builtin import BUILT_IN

    desk: Any = SimpleNamespace(
        settings=SimpleNamespace(env="production"), arming_phrase=lambda preset: "TRADE LIVE acc 1"
    )
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda question: question)
    assert _typed_phrase(cast(Any, desk), BUILT_IN["ratio"], None) == "Type TRADE LIVE acc 1 to go on: "
    assert "With real money, on BTC: sells 2 calls and 1 put at |delta| 0.06-0.10." in capsys.readouterr().err


def test_a_preview_prints_each_leg_and_its_side(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from contextlib import nullcontext

    from tests.panel.fake_desk import FakeDesk
    from trader.cli import options

    monkeypatch.setattr(options, "open_desk", lambda settings: nullcontext(FakeDesk("empty")))
    said = said_by(capsys, "preview", "--preset", "default")
    assert "default: Sells 1 call and 1 put at |delta| 0.10-0.15." in said
    assert "C-BTC-95000-221126  sell  1          +0.124  431.5" in said and "premium +0.8420 USD" in said
    document = json.loads(said_by(capsys, "preview", "--preset", "default", "--json"))
    assert [leg["key"] for leg in document["legs"]] == ["C", "P"] and document["premium"] == "0.8420"
    assert main(["preview", "--set", "strategy.delta_min=0.45", "--set", "strategy.delta_max=0.5"]) == 1
    assert "nothing qualifies: no call with |delta| 0.45 to 0.50 has a bid" in capsys.readouterr().out
