"""Where presets are kept: four built in, the user's own as files in ``TRADER_HOME/presets``.

A file with a built-in's name overrides it; deleting the file restores the built-in. Names are checked before they become
file names.
"""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from trader.config.builtin import BUILT_IN
from trader.config.document import decode_document, encode_document
from trader.config.files import private_folder, read_text, write_text
from trader.config.messages import shown, suggestion
from trader.config.preset import PRESET_NAME, Preset
from trader.domain.errors import ConfigError


class PresetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the preset picker. `problem` says why a stored preset cannot be used; `saved_at` is None for a built-in."""

    name: str
    built_in: bool
    stored: bool
    saved_at: datetime | None = None
    problem: str = ""


class PresetStore:
    """The presets of one installation."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "presets"

    def list(self) -> list[PresetInfo]:
        """Built-in presets first, then the user's by name. A broken file is listed with its problem, never hidden."""
        stored = {path.stem.encode(errors="replace").decode() for path in self._folder.glob("*.json")}
        names = [*BUILT_IN, *sorted(stored - BUILT_IN.keys())]
        return [self._info(name, stored=name in stored) for name in names]

    def _info(self, name: str, *, stored: bool) -> PresetInfo:
        if not stored:
            return PresetInfo(name=name, built_in=True, stored=False)
        try:
            text = read_text(self._path(name), "The preset file")
            if text is None:
                raise ConfigError(f"The preset file of {name} has just gone")
            saved_at = decode_document(text, f"The preset file {self._path(name)}").saved_at
        except ConfigError as error:
            return PresetInfo(name=name, built_in=name in BUILT_IN, stored=True, problem=str(error))
        return PresetInfo(name=name, built_in=name in BUILT_IN, stored=True, saved_at=saved_at)

    def load(self, name: str) -> Preset:
        """A preset by name.

        Raises:
            ConfigError: No such preset, or its file cannot be used; a built-in never stands in for a broken file.
        """
        path = self._path(name)
        text = read_text(path, "The preset file")
        if text is None:
            if name not in BUILT_IN:
                known = [info.name for info in self.list()]
                raise ConfigError(
                    f"There is no preset {name!r}{suggestion(name, known)} (there are: {', '.join(known)})"
                )
            return BUILT_IN[name]
        preset = decode_document(text, f"The preset file {path}").preset
        if preset.name != name:
            raise ConfigError(f"The preset file {path} holds a preset named {preset.name!r}; name and file must agree")
        return preset

    def save(self, preset: Preset, *, overwrite: bool = False) -> None:
        """Keep a preset under its own name.

        Raises:
            ConfigError: The name is taken and `overwrite` is off, or the file cannot be written.
        """
        path = self._path(preset.name)
        if not overwrite and (path.exists() or preset.name in BUILT_IN):
            raise ConfigError(f"There is already a preset {preset.name!r}; confirm to overwrite it")
        private_folder(self._folder, "The presets folder")
        write_text(path, encode_document(preset, datetime.now(UTC)), "The preset file")

    def delete(self, name: str) -> None:
        """Remove a stored preset; a built-in of that name is thereby restored.

        Raises:
            ConfigError: There is nothing stored under that name.
        """
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            why = "is built in and cannot be deleted" if name in BUILT_IN else "does not exist"
            raise ConfigError(f"The preset {name!r} {why}") from None
        except OSError as error:
            raise ConfigError(f"The preset {name!r} cannot be deleted ({error.strerror})") from error

    def _path(self, name: str) -> Path:
        # fullmatch: `$` alone would let a trailing newline through.
        if not PRESET_NAME.fullmatch(name):
            raise ConfigError(f"A preset's name must match {PRESET_NAME.pattern}, was {shown(name)}")
        return self._folder / f"{name}.json"
