"""Where presets are kept: those built in, and the user's own as files in ``TRADER_HOME/presets``.

A file with a built-in's name overrides it; deleting the file restores the built-in. Names are checked before they become
file names. What is written or deleted can be bound to what was seen before: another tab, the command line or an editor may
have changed it meanwhile, and the second to write would undo that without knowing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from trader.config.builtin import BUILT_IN
from trader.config.differing import changed_fields
from trader.config.document import decode_document, encode_document
from trader.config.files import private_folder, read_text, write_text
from trader.config.messages import shown, suggestion
from trader.config.preset import PRESET_NAME, Preset
from trader.domain.errors import ConfigError
from trader.machine.locks import ProcessLock

_LOCK_SECS = 5.0
_NAMED = 4


class PresetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the preset picker. `problem` says why a stored preset cannot be used; `saved_at` is None for a built-in.
    `structure`: what it trades, empty where that is not known."""

    name: str
    built_in: bool
    stored: bool
    saved_at: datetime | None = None
    problem: str = ""
    structure: str = ""


class PresetChanged(ConfigError):
    """What is stored is not what was seen; nothing was changed. `stored` is what stands there now, None = nothing."""

    def __init__(self, words: str, *, stored: Preset | None) -> None:
        super().__init__(words)
        self.stored = stored


class PresetStore:
    """The presets of one installation."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "presets"
        self._lock = home / "presets.lock"

    def list(self) -> list[PresetInfo]:
        """Built-in presets first, then the user's by name. A broken file is listed with its problem, never hidden."""
        stored = {path.stem.encode(errors="replace").decode() for path in self._folder.glob("*.json")}
        names = [*BUILT_IN, *sorted(stored - BUILT_IN.keys())]
        return [self._info(name, stored=name in stored) for name in names]

    def _info(self, name: str, *, stored: bool) -> PresetInfo:
        if not stored:
            return PresetInfo(name=name, built_in=True, stored=False, structure=BUILT_IN[name].strategy.structure)
        try:
            text = read_text(self._path(name), "The preset file")
            if text is None:
                raise ConfigError(f"The preset file of {name} has just gone")
            document = decode_document(text, f"The preset file {self._path(name)}")
        except ConfigError as error:
            return PresetInfo(name=name, built_in=name in BUILT_IN, stored=True, problem=str(error))
        return PresetInfo(
            name=name,
            built_in=name in BUILT_IN,
            stored=True,
            saved_at=document.saved_at,
            structure=document.preset.strategy.structure,
        )

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

    def save(
        self, preset: Preset, *, overwrite: bool = False, expected: Preset | msgspec.UnsetType | None = msgspec.UNSET
    ) -> None:
        """Keep a preset under its own name.

        Args:
            overwrite: What is there under that name may be replaced.
            expected: What was seen there, None for nothing; it is written only where that still stands. By default it is
                written over anything.

        Raises:
            PresetChanged: Something else stands there.
            ConfigError: The name is taken and `overwrite` is off, or the file cannot be written.
        """
        path = self._path(preset.name)
        with self._alone():
            self._check(preset.name, expected)
            if not overwrite and (path.exists() or preset.name in BUILT_IN):
                raise ConfigError(f"There is already a preset {preset.name!r}; confirm to overwrite it")
            write_text(path, encode_document(preset, datetime.now(UTC)), "The preset file")

    def delete(self, name: str, *, expected: Preset | msgspec.UnsetType | None = msgspec.UNSET) -> None:
        """Remove a stored preset; a built-in of that name is thereby restored.

        Args:
            expected: What was seen there; it is deleted only where that still stands. By default anything is deleted.

        Raises:
            PresetChanged: Something else stands there.
            ConfigError: There is nothing stored under that name.
        """
        path = self._path(name)
        with self._alone():
            self._check(name, expected)
            try:
                path.unlink()
            except FileNotFoundError:
                why = "is built in and cannot be deleted" if name in BUILT_IN else "does not exist"
                raise ConfigError(f"The preset {name!r} {why}") from None
            except OSError as error:
                raise ConfigError(f"The preset {name!r} cannot be deleted ({error.strerror})") from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While no other process and no other thread writes presets here."""
        private_folder(self._folder, "The presets folder")
        lock = ProcessLock(self._lock)
        if not lock.take(_LOCK_SECS):
            raise ConfigError(f"Another process has been writing presets for {_LOCK_SECS:.0f} s; try again")
        try:
            yield
        finally:
            lock.release()

    def _check(self, name: str, expected: Preset | msgspec.UnsetType | None) -> None:
        if expected is msgspec.UNSET:
            return
        there = self._path(name).exists() or name in BUILT_IN
        stored = self.load(name) if there else None
        if stored != expected:
            raise PresetChanged(_changed_words(expected, stored), stored=stored)

    def _path(self, name: str) -> Path:
        # fullmatch: `$` alone would let a trailing newline through.
        if not PRESET_NAME.fullmatch(name):
            raise ConfigError(f"A preset's name must match {PRESET_NAME.pattern}, was {shown(name)}")
        return self._folder / f"{name}.json"


def _changed_words(seen: Preset | None, stored: Preset | None) -> str:
    """What became of a preset since it was seen, in one sentence."""
    if stored is None:
        return "Deleted meanwhile: nothing is stored under this name any more"
    if seen is None:
        return f"Stored meanwhile: there is a preset {stored.name!r} now"
    fields = [f"{one.field.partition('.')[2]} {one.before} → {one.after}" for one in changed_fields(seen, stored)]
    more = f" and {len(fields) - _NAMED} more" if len(fields) > _NAMED else ""
    return f"Changed meanwhile: {', '.join(fields[:_NAMED])}{more}"
