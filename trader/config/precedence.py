"""Which value counts, and where it came from: command line > environment > snapshot (or legacy file) > preset > defaults.

A preset named on the command line is the base instead of the snapshot: naming one asks for that one.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import BaseModel, ValidationError

from trader.config.messages import InvalidConfig, sentences, shown, suggestion
from trader.config.preset import SECTIONS, Preset, TrailingTier
from trader.config.presets import PresetStore
from trader.config.snapshot import LEGACY_NAME, field_paths, load_legacy_overrides, load_snapshot
from trader.config.strategy import LegRow
from trader.domain.errors import ConfigError

if TYPE_CHECKING:
    from trader.config.settings import Settings

ENVIRONMENT_PREFIX = "TRADER__"
DEFAULT = "default"
_ROWS: dict[str, tuple[type[BaseModel], str]] = {
    "exits.trailing_tiers": (TrailingTier, "40:0,50:25 (peak:stop)"),
    "strategy.legs": (LegRow, "C:call:sell:1:delta:0.10-0.15,... (key:kind:side:ratio:by:value)"),
}


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """One field's value as it counts, and where it came from."""

    path: str
    value: Any
    origin: str


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration that counts, field by field."""

    preset: Preset
    fields: tuple[Origin, ...]


def resolve(settings: "Settings", *, preset: str | None = None, overrides: Sequence[str] = ()) -> Resolution:
    """Put a configuration together.

    Args:
        settings: Says where presets and snapshot are, and carries the environment's overrides.
        preset: Name given on the command line, if any.
        overrides: Command line ``section.field=value`` texts, later ones win.

    Raises:
        ConfigError: One sentence per override or field at fault; nothing falls back to another source.
    """
    base, origins = _base(settings, preset)
    body: dict[str, Any] = base.model_dump(mode="python")
    for name, text in settings.preset_overrides.items():
        path = environment_path(name)
        _put(body, path, _from_text(path, text))
        origins[path] = f"environment ({name})"
    for override in overrides:
        path, text = parse_override(override)
        _put(body, path, _from_text(path, text))
        origins[path] = "command line (--set)"
    chosen = _validated(body, origins)
    rows = [Origin(path=p, value=_get(chosen, p), origin=origins[p]) for p in field_paths()]
    return Resolution(preset=chosen, fields=tuple(rows))


def changed(preset: Preset, overrides: Sequence[str], *, name: str) -> Preset:
    """A preset with some fields changed, ``section.field=value`` each, under a name.

    Raises:
        ConfigError: One sentence per change or field at fault.
    """
    body: dict[str, Any] = preset.model_dump(mode="python") | {"name": name}
    for override in overrides:
        path, text = parse_override(override, "")
        _put(body, path, _from_text(path, text))
    return _validated(body, {})


def saved_configuration(settings: "Settings") -> Preset | None:
    """The configuration that counts when none is named, before overrides; None where none was ever saved.

    Raises:
        ConfigError: The snapshot or the legacy file cannot be used; names the file, the field and the limit.
    """
    if load_snapshot(settings.snapshot) is None and load_legacy_overrides(settings.snapshot) is None:
        return None
    return _base(settings, None)[0]


def parse_override(override: str, said: str = "--set ") -> tuple[str, str]:
    """Split ``section.field=value`` and check that the field exists; `said` stands before it in a message.

    Raises:
        ConfigError: Not of that form, or no such field.
    """
    path, equals, text = override.partition("=")
    path = path.strip()
    if not equals or not path:
        raise ConfigError(f"{said}{shown(override)} must have the form section.field=value, like strategy.quantity=2")
    known = field_paths()
    if path not in known:
        raise ConfigError(f"{said}{path}: there is no such setting{suggestion(path, known)}")
    return path, text.strip()


def environment_path(name: str) -> str:
    """``strategy.quantity`` for ``TRADER__STRATEGY__QUANTITY``.

    Raises:
        ConfigError: The variable names no field.
    """
    path = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
    if path not in field_paths():
        known = [f"{ENVIRONMENT_PREFIX}{p.upper().replace('.', '__')}" for p in field_paths()]
        raise ConfigError(f"The environment variable {name} names no setting{suggestion(name, known)}")
    return path


def _base(settings: "Settings", name: str | None) -> tuple[Preset, dict[str, str]]:
    """The configuration before overrides, and each field's origin."""
    store = PresetStore(settings.home)
    if name is not None:
        chosen = store.load(name)
        return chosen, _origins(chosen, f"preset {name} (--preset)")
    saved = load_snapshot(settings.snapshot)
    if saved is not None:
        return saved, dict.fromkeys(field_paths(), f"snapshot ({settings.snapshot})")
    chosen = store.load("default")
    origins = _origins(chosen, "preset default")
    legacy = load_legacy_overrides(settings.snapshot)
    if legacy is None:
        return chosen, origins
    place = settings.snapshot.with_name(LEGACY_NAME)
    body = chosen.model_dump(mode="python")
    for path, value in legacy.items():
        _put(body, path, value)
        origins[path] = f"legacy file ({place})"
    return _validated(body, origins), origins


def _origins(preset: Preset, named: str) -> dict[str, str]:
    """Fields a preset sets itself come from it, the others from the model's defaults."""
    found = dict.fromkeys(field_paths(), DEFAULT)
    for section in SECTIONS:
        part: BaseModel = getattr(preset, section)
        if section in preset.model_fields_set:
            found |= dict.fromkeys([f"{section}.{name}" for name in part.model_fields_set], named)
    return found


def _validated(body: Mapping[str, Any], origins: Mapping[str, str]) -> Preset:
    try:
        return Preset.model_validate(body)
    except ValidationError as error:
        problems = []
        for sentence, details in zip(sentences(error, Preset), error.errors(), strict=True):
            origin = origins.get(".".join(str(part) for part in details["loc"][:2]), "")
            problems.append(f"{sentence}, from {origin}" if origin else sentence)
        raise InvalidConfig(problems) from error


def _from_text(path: str, text: str) -> Any:
    """A field's value from one word of text: lists as ``mon,tue``, rows as ``40:0,50:25``, or either as JSON."""
    if text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{path}: {shown(text)} is not valid JSON: {error.msg}") from error
        except (ValueError, RecursionError):  # a number of thousands of digits, or lists in lists without end
            raise ConfigError(f"{path}: {shown(text)} is more than can be read") from None
    if path in _ROWS:
        row, like = _ROWS[path]
        rows = [[part.strip() for part in words.split(":")] for words in text.split(",") if words.strip()]
        if any(len(parts) != len(row.model_fields) for parts in rows):
            raise ConfigError(f"{path} must look like {like}, was {shown(text)}")
        return [dict(zip(row.model_fields, parts, strict=True)) for parts in rows]
    if path == "schedule.weekdays":
        return [day.strip() for day in text.split(",") if day.strip()]
    return text


def _put(body: dict[str, Any], path: str, value: Any) -> None:
    section, name = path.split(".")
    body[section] = {**body[section], name: value}


def _get(preset: Preset, path: str) -> Any:
    section, name = path.split(".")
    return getattr(getattr(preset, section), name)
