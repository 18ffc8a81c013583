"""A preset as a JSON document: ``{"schema_version": 4, "saved_at": "...", "preset": {...}}``.

Reading is strict: unknown keys, missing keys, wrong types, broken JSON and other versions are errors that name the file
and the field; nothing is filled in from defaults. The one exception is declared here: a document of an older version gets
the fields that its version did not have, with their defaults, and is written in the present version when it is next saved.
"""

import json
from datetime import UTC, datetime
from typing import Any, NoReturn

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from trader.config.messages import InvalidConfig, path_of, sentences, shown
from trader.config.preset import SCHEMA_VERSION, SECTIONS, Preset
from trader.config.section import since
from trader.domain.errors import ConfigError

# Fields a version brought, as (section, field). An older document cannot have them.
ADDED_FIELDS: dict[int, tuple[tuple[str, str], ...]] = {
    version: tuple(
        (section, name)
        for section, model in SECTIONS.items()
        for name, field in model.model_fields.items()
        if since(field) == version
    )
    for version in range(2, SCHEMA_VERSION + 1)
}


class PresetDocument(BaseModel):
    """What one file holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int
    saved_at: AwareDatetime
    preset: Preset


def encode_document(preset: Preset, saved_at: datetime) -> str:
    """The document's text, for people to read and compare: indented, fields in the form's order."""
    body = {
        "schema_version": SCHEMA_VERSION,
        "saved_at": saved_at.astimezone(UTC).isoformat(timespec="seconds"),
        "preset": preset.model_dump(mode="json"),
    }
    return json.dumps(body, indent=2) + "\n"


def decode_document(text: str, where: str) -> PresetDocument:
    """Read a document.

    Raises:
        ConfigError: With `where` and each field at fault.
    """
    raw = parse_json_object(text, where)
    version = raw.get("schema_version")
    if type(version) is int and version != SCHEMA_VERSION:
        if not 1 <= version < SCHEMA_VERSION:
            raise InvalidConfig([f"schema_version must be 1 to {SCHEMA_VERSION}, was {version}"], where)
        add_later_fields(raw.get("preset"), version)
        text = json.dumps({**raw, "schema_version": SCHEMA_VERSION})
    try:
        document = PresetDocument.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InvalidConfig(sentences(error, PresetDocument), where) from error
    missing = missing_fields(Preset, raw["preset"], ("preset",))
    if missing:
        raise InvalidConfig([f"{path} is missing" for path in missing], where)
    return document


def read_preset(text: str, where: str) -> Preset:
    """A preset file someone hands in: an export, or a stored preset's file.

    Raises:
        ConfigError: With `where` and each field at fault.
    """
    stored = "schema_version" in parse_json_object(text, where)
    return decode_document(text, where).preset if stored else decode_preset(text, where)


def decode_preset(text: str, where: str) -> Preset:
    """Read a bare preset, as it travels in command bodies and exports; as strict as `decode_document`.

    It names no version, so a field that a later version brought may be absent.

    Raises:
        ConfigError: With `where` and each field at fault.
    """
    raw = parse_json_object(text, where)
    if add_later_fields(raw, 1):
        text = json.dumps(raw)
    try:
        preset = Preset.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InvalidConfig(sentences(error, Preset), where) from error
    missing = missing_fields(Preset, raw)
    if missing:
        raise InvalidConfig([f"{path} is missing" for path in missing], where)
    return preset


def add_later_fields(preset: object, version: int) -> bool:
    """Give a preset of an older version the fields it could not have; whether any was added."""
    added = False
    for later in range(version + 1, SCHEMA_VERSION + 1):
        for section, name in ADDED_FIELDS[later]:
            body = preset.get(section) if isinstance(preset, dict) else None
            if isinstance(body, dict) and name not in body:
                body[name] = SECTIONS[section]().model_dump(mode="json")[name]
                added = True
    return added


def parse_json_object(text: str, where: str) -> dict[str, Any]:
    """Strict JSON: one object, no key twice, no NaN.

    Raises:
        ConfigError: With the line and column of broken JSON.
    """
    try:
        value = json.loads(text, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where} is not valid JSON: {_what_is_wrong(error)}") from error
    except RecursionError:
        raise ConfigError(f"{where} is not valid JSON: its lists or objects are nested too deep") from None
    except ValueError as error:  # of our own hooks, or Python's about a number of more than 4,300 digits
        said = "a number has too many digits" if "digits" in str(error) else error
        raise ConfigError(f"{where} is not valid JSON: {said}") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{where} must hold a JSON object, was {shown(value)}")
    return value


def _what_is_wrong(error: json.JSONDecodeError) -> str:
    """What the reader tripped over and where. A comma before a closing bracket, as other formats allow it, is named."""
    before, at = error.doc[: error.pos].rstrip(), error.doc[error.pos : error.pos + 1]
    if before.endswith(",") and at in ("}", "]"):
        line = before.count("\n") + 1
        return f"a comma stands before the closing {at} in line {line}; remove it"
    return f"{error.msg} in line {error.lineno}, column {error.colno}"


def missing_fields(model: type[BaseModel], raw: dict[str, Any], at: tuple[str, ...] = ()) -> list[str]:
    """Paths of fields of `model` that `raw` does not name."""
    missing: list[str] = []
    for name, field in model.model_fields.items():
        if name not in raw:
            missing.append(path_of((*at, name)))
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            missing += missing_fields(field.annotation, raw[name], (*at, name))
    return missing


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands there twice")
        found[key] = value
    return found


def _no_constant(token: str) -> NoReturn:
    raise ValueError(f"{token} is not a JSON number")
