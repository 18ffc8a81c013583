"""Two who save one preset: nobody's field is lost unasked, however close together they save."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trader.config.builtin import BUILT_IN
from trader.config.preset import Exits, Preset, TrailingTier
from trader.config.presets import PresetChanged, PresetStore
from trader.config.strategy import Strategy
from trader.domain.errors import ConfigError


@pytest.fixture
def store(tmp_path: Path) -> PresetStore:
    return PresetStore(tmp_path / "home")


def mine(quantity: int = 2, loss: str = "100", **exits: Any) -> Preset:
    return Preset(name="mine", strategy=Strategy(quantity=quantity), exits=Exits(max_loss_pct=Decimal(loss), **exits))


def test_two_tabs_saving_one_preset_lost_a_field_silently(store: PresetStore) -> None:
    store.save(mine())
    seen = store.load("mine")
    store.save(mine(quantity=5), overwrite=True, expected=seen)
    with pytest.raises(PresetChanged) as refused:
        store.save(mine(loss="80"), overwrite=True, expected=seen)
    assert str(refused.value) == "Changed meanwhile: quantity 2 → 5"
    assert refused.value.stored == mine(quantity=5) == store.load("mine")
    store.save(mine(quantity=5, loss="80"), overwrite=True, expected=refused.value.stored)
    assert store.load("mine") == mine(quantity=5, loss="80")


def test_without_an_expectation_anything_is_overwritten_as_before(store: PresetStore) -> None:
    store.save(mine())
    store.save(mine(quantity=5), overwrite=True)
    assert store.load("mine") == mine(quantity=5)


def test_a_preset_deleted_meanwhile_is_not_brought_back_unasked(store: PresetStore) -> None:
    store.save(mine())
    store.delete("mine")
    with pytest.raises(PresetChanged, match="Deleted meanwhile") as refused:
        store.save(mine(quantity=5), overwrite=True, expected=mine())
    assert refused.value.stored is None
    store.save(mine(quantity=5), expected=None)
    assert store.load("mine") == mine(quantity=5)


def test_a_built_in_restored_meanwhile_counts_as_changed(store: PresetStore) -> None:
    own = BUILT_IN["conservative"].model_copy(update={"strategy": Strategy(quantity=7)})
    store.save(own, overwrite=True, expected=BUILT_IN["conservative"])
    store.delete("conservative", expected=own)
    with pytest.raises(PresetChanged, match="quantity 7 → 1") as refused:
        store.save(own, overwrite=True, expected=own)
    assert refused.value.stored == BUILT_IN["conservative"]


def test_a_name_taken_meanwhile_is_told(store: PresetStore) -> None:
    store.save(mine())
    with pytest.raises(PresetChanged, match="Stored meanwhile: there is a preset 'mine' now"):
        store.save(mine(quantity=5), overwrite=True, expected=None)


def test_what_was_changed_meanwhile_is_not_deleted_unasked(store: PresetStore) -> None:
    store.save(mine(quantity=5))
    with pytest.raises(PresetChanged, match="quantity 2 → 5"):
        store.delete("mine", expected=mine())
    assert store.load("mine") == mine(quantity=5)


def test_a_file_edited_by_hand_into_something_unusable_is_said_and_kept(store: PresetStore, tmp_path: Path) -> None:
    store.save(mine())
    path = tmp_path / "home" / "presets" / "mine.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid JSON"):
        store.save(mine(quantity=5), overwrite=True, expected=mine())
    assert path.read_text(encoding="utf-8") == "{"


def test_fields_are_named_with_both_values_and_never_all_of_them(store: PresetStore) -> None:
    tiers = (TrailingTier(peak_pct=Decimal("30.50"), stop_pct=Decimal(0)),)
    seen = mine()
    store.save(mine(5, "80", trailing_enabled=False, trailing_tiers=tiers, max_profit_pct=Decimal(70), confirmations=3))
    with pytest.raises(PresetChanged) as refused:
        store.save(seen, overwrite=True, expected=seen)
    assert str(refused.value) == (
        "Changed meanwhile: quantity 2 → 5, max_loss_pct 100 → 80, max_profit_pct 80 → 70, trailing_enabled on → off "
        "and 2 more"
    )


def test_the_same_numbers_written_otherwise_are_no_change(store: PresetStore) -> None:
    store.save(mine(loss="100"))
    store.save(mine(quantity=5), overwrite=True, expected=mine(loss="100.0"))


def test_of_many_who_save_at_once_what_they_saw_exactly_one_wins(store: PresetStore) -> None:
    store.save(mine())
    gate = threading.Barrier(6)

    def save(quantity: int) -> bool:
        gate.wait()
        try:
            store.save(mine(quantity=quantity), overwrite=True, expected=mine())
        except PresetChanged:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(save, range(10, 16)))
    assert won.count(True) == 1
    assert store.load("mine") == mine(quantity=10 + won.index(True))


def test_another_process_that_writes_is_waited_for(
    store: PresetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(mine())
    hold = (
        "import sys; from pathlib import Path; from trader.machine.locks import ProcessLock\n"
        f"lock = ProcessLock(Path({str(tmp_path / 'home' / 'presets.lock')!r})); assert lock.take()\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        monkeypatch.setattr("trader.config.presets._LOCK_SECS", 0.05)
        with pytest.raises(ConfigError, match="try again"):
            store.save(mine(quantity=5), overwrite=True, expected=mine())
        other.communicate()
    store.save(mine(quantity=5), overwrite=True, expected=mine())
