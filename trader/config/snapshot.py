"""The last configuration saved in the panel, and the read-only legacy file beside it.

``ui_config_snapshot.json`` stands in the current directory by its owner's wish (every other runtime file lives under
``TRADER_HOME``); ``TRADER_SNAPSHOT`` puts it elsewhere. ``ui_overrides.json``, next to it, is what earlier tools wrote:
some fields only, as ``{"strategy": {"quantity": 2}}`` or ``{"strategy.quantity": 2}``. It is read when there is no
snapshot and never written.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trader.config.document import decode_document, encode_document, parse_json_object
from trader.config.files import read_text, write_text
from trader.config.messages import InvalidConfig, suggestion
from trader.config.preset import SECTIONS, Preset

LEGACY_NAME = "ui_overrides.json"


def load_snapshot(path: Path) -> Preset | None:
    """The saved configuration, None when none was ever saved.

    Raises:
        ConfigError: The file is there and cannot be used; names the file, the field and the limit.
    """
    text = read_text(path, "The snapshot")
    return None if text is None else decode_document(text, f"The snapshot {path}").preset


def save_snapshot(path: Path, preset: Preset) -> None:
    """Replace the snapshot in one step.

    Raises:
        ConfigError: The file cannot be written; the old one stays.
    """
    write_text(path, encode_document(preset, datetime.now(UTC)), "The snapshot", mode=0o644)


def load_legacy_overrides(snapshot_path: Path) -> dict[str, Any] | None:
    """Fields of the legacy file as ``section.field`` → JSON value, None when there is no such file.

    Raises:
        ConfigError: The file is broken or names a field there is not.
    """
    path = snapshot_path.with_name(LEGACY_NAME)
    text = read_text(path, "The legacy file")
    if text is None:
        return None
    where = f"The legacy file {path}"
    flat: dict[str, Any] = {}
    for key, value in parse_json_object(text, where).items():
        if key in SECTIONS and isinstance(value, dict):
            flat |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            flat[key] = value
    known = field_paths()
    unknown = [name for name in flat if name not in known]
    if unknown:
        raise InvalidConfig([f"{name} is not a setting{suggestion(name, known)}" for name in unknown], where)
    return flat


def field_paths() -> list[str]:
    """Every ``section.field`` of a preset, in the form's order."""
    return [f"{section}.{name}" for section, model in SECTIONS.items() for name in model.model_fields]
