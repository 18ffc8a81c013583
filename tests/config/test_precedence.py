"""Command line > environment > snapshot (or legacy file) > preset > defaults, each value with its origin."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from trader.config.precedence import Resolution, resolve
from trader.config.preset import Preset
from trader.config.presets import PresetStore
from trader.config.settings import Settings
from trader.config.snapshot import save_snapshot
from trader.config.strategy import Strategy
from trader.domain.errors import ConfigError

SettingsWith = Callable[..., Settings]


def quantity_of(found: Resolution) -> tuple[int, str]:
    (row,) = [row for row in found.fields if row.path == "strategy.quantity"]
    assert row.value == found.preset.strategy.quantity
    return row.value, row.origin


# Which sources name strategy.quantity (command line, environment, snapshot, legacy, preset) → which one counts.
SOURCES = ("cli", "env", "snapshot", "legacy", "preset")
VALUES = {"cli": 5, "env": 4, "snapshot": 3, "legacy": 2, "preset": 7}
TABLE = [frozenset(c) for n in range(len(SOURCES) + 1) for c in itertools.combinations(SOURCES, n)]


@pytest.mark.parametrize("present", TABLE, ids=lambda present: "+".join(s for s in SOURCES if s in present) or "none")
def test_the_strongest_source_counts(settings_with: SettingsWith, here: Path, present: frozenset[str]) -> None:
    settings = settings_with(**({"TRADER__STRATEGY__QUANTITY": "4"} if "env" in present else {}))
    if "preset" in present:
        PresetStore(settings.home).save(Preset(strategy=Strategy(quantity=7)), overwrite=True)
    if "snapshot" in present:
        save_snapshot(here / "ui_config_snapshot.json", Preset(name="saved", strategy=Strategy(quantity=3)))
    if "legacy" in present:
        (here / "ui_overrides.json").write_text('{"strategy": {"quantity": 2}}')
    overrides = ["strategy.quantity=5"] if "cli" in present else []
    value, origin = quantity_of(resolve(settings, overrides=overrides))
    strongest = next((source for source in SOURCES if source in present), None)
    if strongest is None:
        assert (value, origin) == (1, "default")
        return
    assert value == VALUES[strongest]
    words = {
        "cli": "command line",
        "env": "environment",
        "snapshot": "snapshot",
        "legacy": "legacy",
        "preset": "preset",
    }
    assert origin.startswith(words[strongest])


def test_preset_named_on_the_command_line_replaces_the_snapshot(settings_with: SettingsWith, here: Path) -> None:
    save_snapshot(here / "ui_config_snapshot.json", Preset(name="saved", strategy=Strategy(quantity=3)))
    found = resolve(settings_with(), preset="aggressive")
    assert quantity_of(found) == (10, "preset aggressive (--preset)")
    assert found.preset.name == "aggressive"


def test_every_field_has_one_row(settings_with: SettingsWith) -> None:
    from trader.config.snapshot import field_paths

    found = resolve(settings_with())
    assert [row.path for row in found.fields] == field_paths()
    assert {row.origin for row in found.fields} == {"default"}


def test_broken_snapshot_is_never_passed_over(settings_with: SettingsWith, here: Path) -> None:
    (here / "ui_config_snapshot.json").write_text("{")
    with pytest.raises(ConfigError, match="not valid JSON"):
        resolve(settings_with())
    assert resolve(settings_with(), preset="default").preset == Preset()  # named: the snapshot is not asked


def test_snapshot_elsewhere_is_found_by_its_setting(settings_with: SettingsWith, tmp_path: Path) -> None:
    save_snapshot(tmp_path / "mine.json", Preset(strategy=Strategy(quantity=9)))
    found = resolve(settings_with(TRADER_SNAPSHOT=str(tmp_path / "mine.json")))
    assert quantity_of(found) == (9, f"snapshot ({tmp_path / 'mine.json'})")


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        (
            "strategy.quantity",
            "--set 'strategy.quantity' must have the form section.field=value, like strategy.quantity=2",
        ),
        ("=2", "--set '=2' must have the form"),
        ("quantity=2", "--set quantity: there is no such setting"),
        ("strategy.quantiy=2", "there is no such setting; did you mean strategy.quantity?"),
        ("strategy.quantity=0", "strategy.quantity must be at least 1 contracts, was '0', from command line (--set)"),
        ("strategy.quantity=", "strategy.quantity must be a whole number, was '', from command line (--set)"),
        ("strategy.delta_min=0.3", "strategy: delta_min (0.3) must be below delta_max (0.15)"),
        ("exits.trailing_tiers=40", "exits.trailing_tiers must look like 40:0,50:25 (peak:stop), was '40'"),
        ("exits.trailing_tiers=[1", "exits.trailing_tiers: '[1' is not valid JSON"),
        ("schedule.weekdays=mon,funday", "schedule.weekdays[1] must be one of mon, tue"),
        ("name=x", "--set name: there is no such setting"),
        ("__class__.x=1", "there is no such setting"),
    ],
)
def test_override_that_cannot_be_used_is_one_sentence(settings_with: SettingsWith, override: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(settings_with(), overrides=[override])
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_overrides_of_every_kind_are_understood(settings_with: SettingsWith) -> None:
    found = resolve(
        settings_with(),
        overrides=[
            "strategy.quantity=2",
            "strategy.quantity=3",
            "strategy.delta_max = 0.2",
            "schedule.weekdays=fri,mon",
            "exits.trailing_tiers=40:0,50:25,60:30",
            "exits.trailing_enabled=false",
            "strategy.underlying=ETH",
        ],
    ).preset
    assert found.strategy.quantity == 3
    assert found.schedule.weekdays == ("mon", "fri")
    assert [(int(t.peak_pct), int(t.stop_pct)) for t in found.exits.trailing_tiers] == [(40, 0), (50, 25), (60, 30)]
    assert (found.exits.trailing_enabled, found.strategy.underlying) == (False, "ETH")


def test_environment_name_that_is_no_field_is_refused(settings_with: SettingsWith) -> None:
    with pytest.raises(
        ConfigError, match="TRADER__STRATEGY__QANTITY names no setting; did you mean TRADER__STRATEGY__QUANTITY"
    ):
        resolve(settings_with(TRADER__STRATEGY__QANTITY="2"))


def test_environment_value_out_of_bounds_names_its_variable(settings_with: SettingsWith) -> None:
    with pytest.raises(ConfigError, match=r"was '1.5', from environment \(TRADER__STRATEGY__QUANTITY\)"):
        resolve(settings_with(TRADER__STRATEGY__QUANTITY="1.5"))
