"""Every setting with its value and where it comes from, and which keys are there. No secret is in any of it."""

from typing import Any

import msgspec
from pydantic import SecretStr

from trader.config.connection import resolve_connection
from trader.config.precedence import DEFAULT, resolve
from trader.config.settings import KEY_VARIABLES, VARIABLES, Settings
from trader.domain.errors import TraderError
from trader.journal.database import where

_HIDDEN = "set, not shown"
_ANNOUNCED = "announced by the local exchange"


class SettingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A setting as it counts. `source` is ``default`` where nobody has set it."""

    name: str
    value: str
    source: str
    about: str = ""


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """An API key's variable: whether it is there, where it stands, and whether this environment reads it."""

    name: str
    present: bool
    used: bool
    source: str


def settings_shown(settings: Settings) -> tuple[SettingRow, ...]:
    """Every variable, those that are set first."""
    keys = {name for pair in KEY_VARIABLES.values() for name in pair}
    found = [
        SettingRow(
            name=variable,
            value=_shown(variable, getattr(settings, field), settings),
            source=settings.sources.get(variable, DEFAULT),
            about=Settings.model_fields[field].description or "",
        )
        for variable, field in VARIABLES.items()
        if variable not in keys
    ]
    return tuple(sorted(found, key=lambda row: row.source == DEFAULT))


def configuration_shown(settings: Settings) -> tuple[SettingRow, ...] | str:
    """The fields of the configuration that counts when none is named, as far as they are not the defaults; a sentence where it cannot
    be used."""
    try:
        found = resolve(settings)
    except TraderError as error:
        return str(error)
    return tuple(
        SettingRow(name=one.path, value=str(one.value), source=one.origin)
        for one in found.fields
        if one.origin != DEFAULT
    )


def keys_shown(settings: Settings) -> tuple[KeyRow, ...]:
    """The variables of all environments' keys. Those of another one are not even read, only that they are there."""
    return tuple(_key(settings, env, name) for env, pair in KEY_VARIABLES.items() for name in pair)


def _key(settings: Settings, env: str, name: str) -> KeyRow:
    source, used = settings.sources.get(name, ""), env == settings.env
    if used and not source and _is_announced(settings):
        source = _ANNOUNCED
    return KeyRow(name=name, present=bool(source), used=used, source=source)


def _is_announced(settings: Settings) -> bool:
    try:
        return resolve_connection(settings, need_keys=False).credentials is not None
    except TraderError:
        return False


def _shown(variable: str, value: Any, settings: Settings) -> str:
    if variable == "DATABASE_URL" and value is not None:
        return where(settings.journal_url)
    if isinstance(value, SecretStr):
        return _HIDDEN
    if value is None or value == "":
        return "not set"
    return str(value).lower() if isinstance(value, bool) else str(value)
