"""Built-in presets and the user's own: saving, overriding, restoring, and files that cannot be used."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from trader.config.builtin import BUILT_IN
from trader.config.preset import Preset
from trader.config.presets import PresetStore
from trader.config.strategy import Strategy
from trader.domain.errors import ConfigError


@pytest.fixture
def store(tmp_path: Path) -> PresetStore:
    return PresetStore(tmp_path / "home")


def file_of(tmp_path: Path, name: str) -> Path:
    return tmp_path / "home" / "presets" / f"{name}.json"


def mine(quantity: int = 3, name: str = "mine") -> Preset:
    return Preset(name=name, strategy=Strategy(quantity=quantity))


def test_built_in_presets_are_there_and_differ(store: PresetStore) -> None:
    assert [info.name for info in store.list()] == list(BUILT_IN)
    assert {"default", "conservative", "aggressive", "development"} < BUILT_IN.keys()
    assert {"straddle", "iron_condor", "iron_fly", "ratio"} < BUILT_IN.keys()
    assert all(store.load(name).name == name for name in BUILT_IN)
    assert len({preset.config_hash for preset in BUILT_IN.values()}) == len(BUILT_IN)


def test_saved_preset_comes_back_equal_and_private(store: PresetStore, tmp_path: Path) -> None:
    store.save(mine())
    assert store.load("mine") == mine()
    path = file_of(tmp_path, "mine")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    (info,) = [info for info in store.list() if info.name == "mine"]
    assert (info.built_in, info.stored, info.problem) == (False, True, "")
    assert info.saved_at is not None
    assert [p.name for p in path.parent.iterdir()] == ["mine.json"]


def test_existing_name_is_only_overwritten_when_asked(store: PresetStore) -> None:
    store.save(mine(3))
    with pytest.raises(ConfigError, match="already a preset 'mine'"):
        store.save(mine(4))
    assert store.load("mine").strategy.quantity == 3
    store.save(mine(4), overwrite=True)
    assert store.load("mine").strategy.quantity == 4


def test_built_in_is_overridden_and_restored_by_deleting(store: PresetStore) -> None:
    with pytest.raises(ConfigError, match="already a preset"):
        store.save(mine(7, "conservative"))
    store.save(mine(7, "conservative"), overwrite=True)
    assert store.load("conservative").strategy.quantity == 7
    store.delete("conservative")
    assert store.load("conservative") == BUILT_IN["conservative"]
    with pytest.raises(ConfigError, match="built in and cannot be deleted"):
        store.delete("conservative")


def test_absent_preset_is_an_error_with_a_hint(store: PresetStore) -> None:
    with pytest.raises(ConfigError, match="There is no preset 'agressive'; did you mean aggressive"):
        store.load("agressive")
    with pytest.raises(ConfigError, match="does not exist"):
        store.delete("agressive")


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", "A", "-a", "a" * 41, "a\n", "a.json", "a b", "ä", "a\x00", "/etc/passwd"]
)
def test_name_that_is_no_preset_name_never_reaches_the_disk(store: PresetStore, tmp_path: Path, name: str) -> None:
    for action in (store.load, store.delete):
        with pytest.raises(ConfigError, match="name must match"):
            action(name)
    assert list(tmp_path.rglob("*.json")) == []


def broken(change: Callable[[dict[str, object]], object]) -> str:
    from datetime import UTC, datetime

    from trader.config.document import encode_document

    body = json.loads(encode_document(mine(), datetime(2026, 1, 1, tzinfo=UTC)))
    change(body)
    return json.dumps(body)


def test_broken_file_is_listed_with_its_problem_and_hides_nothing(store: PresetStore, tmp_path: Path) -> None:
    store.save(mine())
    store.save(mine(2, "conservative"), overwrite=True)
    file_of(tmp_path, "conservative").write_text("{")
    infos = {info.name: info for info in store.list()}
    assert "not valid JSON" in infos["conservative"].problem
    assert infos["mine"].problem == ""
    with pytest.raises(ConfigError, match="not valid JSON"):
        store.load("conservative")  # the built-in never stands in for it


def test_file_whose_name_and_content_disagree_is_refused(store: PresetStore, tmp_path: Path) -> None:
    store.save(mine())
    file_of(tmp_path, "mine").rename(file_of(tmp_path, "yours"))
    with pytest.raises(ConfigError, match="name and file must agree"):
        store.load("yours")


def test_unwritable_folder_is_one_sentence(store: PresetStore, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be made"):
        store.save(mine())


def test_a_preset_file_with_an_impossible_name_was_passed_over_in_silence(tmp_path: Path) -> None:
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "My Preset.json").write_text("{}")
    listed = {info.name: info.problem for info in PresetStore(tmp_path).list()}
    assert "A preset's name must match" in listed["My Preset"]
