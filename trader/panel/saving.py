"""What is done with the edited preset: saved, saved under another name, deleted, loaded. Each answers in one sentence that
stays until the next action; where another tab has changed the preset meanwhile, a question takes its place."""

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

import streamlit as st

from trader.config.preset import PRESET_NAME, Preset
from trader.desk import PresetChanged
from trader.domain.errors import ConfigError, TraderError
from trader.panel import draft, merge, service
from trader.panel.form import draft_of
from trader.panel.format import plain

NEW_NAME = "cfg_new_name"
_NOTE = "cfg_note"
_ASKED = "cfg_asked"
_SHOW = "cfg_show"
_NAME_RULE = "The name may hold lower-case letters, digits, - and _, at most 40, and begins with a letter or digit."


# ---------------------------------------------------------------- what was answered, what is asked


def say(ok: bool, sentence: str) -> None:
    """The answer to the last action. It is shown until the next one, or until the edit goes on."""
    st.session_state[_NOTE] = (ok, sentence, _state())


def answer() -> tuple[bool, str]:
    """Whether the last action went well, and its answer; empty once it is past."""
    ok, sentence, then = st.session_state.get(_NOTE, (True, "", ""))
    return (ok, sentence) if then == _state() else (True, "")


def _state() -> str:
    return json.dumps(draft.current(), sort_keys=True) if draft.loaded() else ""


def ask(kind: str, **facts: Any) -> None:
    """Open a dialog; it stays open, whatever refreshes, until it is answered."""
    st.session_state[_ASKED] = {"kind": kind, **facts}


def asked() -> dict[str, Any] | None:
    """The dialog that is open, with what it is about and the error of the last try in it."""
    found: dict[str, Any] | None = st.session_state.get(_ASKED)
    return found


def close() -> None:
    """No dialog; the picker shows the preset under edit again, from the next run on."""
    st.session_state.pop(_ASKED, None)
    st.session_state[_SHOW] = draft.name()


def attempt(action: Callable[..., None], *args: Any) -> None:
    """What a button does. An error is said where the button is: in the dialog, which then stays, or beside the answers. A
    preset that was changed meanwhile opens the dialog that asks what to do about it."""
    dialog = asked()
    try:
        action(*args)
    except PresetChanged as changed:
        if dialog is not None and dialog["kind"] == "delete":
            dialog["stored"] = changed.stored
        else:
            ask("conflict", stored=changed.stored)
    except TraderError as error:
        if dialog is None:
            say(False, f"Not done: {plain(error)}")
            close()
        else:
            dialog["error"] = plain(error)
    else:
        if asked() is dialog:
            close()


def to_show() -> str | None:
    """The name the picker is to show, once."""
    name: str | None = st.session_state.pop(_SHOW, None)
    return name


# ---------------------------------------------------------------- what is done


def resume(kept: draft.Kept) -> None:
    """Go on with an edit that was left behind."""
    draft.resume(kept)
    close()


def stored_now(name: str) -> Preset | None:
    """What is stored under a name now, None for nothing.

    Raises:
        ConfigError: It cannot be read.
    """
    if name not in {info.name for info in service.desk().presets()}:
        return None
    return service.desk().load_preset(name)


def load(name: str) -> None:
    """Edit another preset.

    Raises:
        ConfigError: It cannot be used.
    """
    preset = service.desk().load_preset(name)
    draft.load(preset, base=preset)


def save(preset: Preset, expected: Preset | None, *, anyway: bool = False) -> None:
    """Store it under its own name, if there is still what was expected, and make it what the command line uses.

    Args:
        anyway: What would be lost besides was asked about: a file that cannot be read, a snapshot that is stored nowhere else.

    Raises:
        PresetChanged: Somebody else has stored something else under the name.
        ConfigError: It cannot be stored.
    """
    lost = [] if anyway else _lost_besides(preset, expected)
    if lost:
        ask("lost", preset=preset, expected=expected, lost=lost)
        return
    if _problem(preset.name):
        service.desk().save_preset(preset, overwrite=True)
    else:
        service.desk().save_preset(preset, overwrite=True, expected=expected)
    _is_stored(preset, "Saved")


def _lost_besides(preset: Preset, expected: Preset | None) -> list[str]:
    """What saving would replace that is kept nowhere else, each in a sentence."""
    lost = []
    if problem := _problem(preset.name):
        lost.append(f"What is stored as {preset.name} cannot be used, and would be replaced: {problem}")
    try:
        held = service.desk().load_snapshot()
        known = None if held is None else stored_now(held.name)
    except TraderError:
        return lost  # the picker says what cannot be used; saving over it is what it advises
    if held is not None and held not in (known, preset, expected):
        other = (
            "is stored as no preset"
            if known is None
            else f"is not what is stored as {held.name}: {_differing(known, held)}"
        )
        lost.append(f"The configuration the command line uses ({held.name}) {other}. It would be replaced.")
    return lost


def _problem(name: str) -> str:
    return next((info.problem for info in service.desk().presets() if info.name == name), "")


def _differing(stored: Preset, held: Preset) -> str:
    return "; ".join(change.words for change in merge.changes(draft_of(stored), draft_of(held), draft_of(stored)))


def _is_stored(preset: Preset, done: str) -> None:
    """Makes a preset that was just stored the one the command line uses, and says so."""
    draft.rebase(preset)
    try:
        service.desk().save_snapshot(preset)
    except TraderError as error:
        say(False, f"{done}, but it is not what the command line uses by default: {plain(error)}")
    else:
        say(True, f"{done}, also as the configuration the command line uses by default.")


def discard() -> None:
    """Back to the preset as it is stored.

    Raises:
        ConfigError: It cannot be used.
    """
    take_stored(stored_now(draft.name()))


def save_and_load(preset: Preset, name: str) -> None:
    """Save the edit, then edit another preset."""
    save(preset, draft.base())
    if not draft.unsaved():
        load(name)
        say(True, f"{preset.name} is saved; this is {name}.")


def save_as(preset: Preset) -> None:
    """Store it under the name typed in the dialog, where there is none yet."""
    name = str(st.session_state.get(NEW_NAME) or "").strip()
    if not PRESET_NAME.fullmatch(name):
        raise ConfigError(_NAME_RULE)
    renamed = preset.model_copy(update={"name": name})
    service.desk().save_preset(renamed, overwrite=False)
    draft.current()["name"] = name
    _is_stored(renamed, f"Saved as {name}")


def save_anyway(preset: Preset, expected: Preset | None) -> None:
    """Save, after the question what would be lost besides."""
    save(preset, expected, anyway=True)


def take_stored(stored: Preset | None) -> None:
    """Drop this edit for what is stored now."""
    name = draft.name()
    if stored is None:
        load(service.desk().presets()[0].name)
        say(True, f"{name} is not stored any more; your edit of it was dropped.")
    else:
        draft.load(stored, base=stored)
        say(True, "Loaded as it is stored now; your edit was dropped.")


def keep_both(stored: Preset, keep: Collection[str]) -> None:
    """Put the edit on top of what is stored now (`keep`: which clashes stay as edited here), and save it where it can be
    used as it then is."""
    loaded = draft.base() or stored
    merged = merge.merged(draft_of(loaded), draft_of(stored), draft.current(), keep)
    try:
        preset = Preset.model_validate(merged)
    except ValueError:
        draft.replace(merged, base=stored)
        say(False, "Merged, but not saved: together the values cannot be used. Correct them, then save.")
        return
    service.desk().save_preset(preset, overwrite=True, expected=stored)
    draft.replace(draft_of(preset), base=stored)
    _is_stored(preset, "Merged and saved")


def delete(expected: Preset | None, keep_edit: bool) -> None:
    """Delete what is stored under the name, if it is still what was seen. A built-in preset comes back thereby.

    Args:
        keep_edit: The edit stays in the editor, not saved; else what is there now is loaded.

    Raises:
        PresetChanged: Somebody else has changed it meanwhile.
        ConfigError: It cannot be deleted.
    """
    name = draft.name()
    service.desk().delete_preset(name, expected=expected)
    left, used = stored_now(name), _is_used(name)
    if keep_edit:
        draft.rebase(left)
        say(True, f"Deleted what was stored as {name}; your edit is still here, not saved.{used}")
    elif left is not None:
        draft.load(left, base=left)
        say(True, f"Deleted; {name} is as it is built in.{used}")
    else:
        load(service.desk().presets()[0].name)
        say(True, f"{name} is deleted.{used}")


def _is_used(name: str) -> str:
    """That the command line goes on using what was deleted, if it does."""
    with suppress(TraderError):
        held = service.desk().load_snapshot()
        if held is not None and held.name == name:
            return " The command line still uses it by default, until you save another."
    return ""


def take_import(preset: Preset, first_save: Preset | None = None) -> None:
    """Edit a preset from a file. `first_save`: the edit that is stored before it is replaced."""
    if first_save is not None:
        save(first_save, draft.base())
        if draft.unsaved():
            return  # something else is asked first
    known = None if _problem(preset.name) else stored_now(preset.name)
    draft.load(preset, base=known)
    say(True, f"{preset.name} is imported into the editor; nothing is stored before you save.")


def elsewhere(stored: Preset | None) -> list[merge.Change]:
    """What was changed in another place since this tab loaded the preset."""
    base = draft.base()
    return [] if base is None or stored is None else merge.changes(draft_of(base), draft_of(stored), draft.current())
