"""The questions of the Configure page, each a dialog: over everything else, answered inside, gone only when it is done.

Buttons act in callbacks, which run before anything is drawn: a dialog whose question is settled closes itself by running the
page again, and so does one whose question has become another.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from trader.config.preset import Preset
from trader.domain.errors import TraderError
from trader.panel import draft, form, merge, saving, service
from trader.panel.form import Checked, draft_of
from trader.panel.format import plain, red, safe

FILE = "cfg_import"
_CLASH = "cfg_clash"
_MINE, _THEIRS = "Yours", "Stored"


def draw(verdict: Checked) -> None:
    """The dialog that is open, if one is."""
    asked = saving.asked()
    if asked is None:
        return
    kinds: dict[str, Callable[[Any, Checked], None]] = {
        "pick": _pick,
        "save_as": _save_as,
        "import": _import,
        "delete": _delete,
        "conflict": _conflict,
        "lost": _lost,
    }
    kinds[asked["kind"]](asked, verdict)


def _button(
    label: str, key: str, action: Callable[..., None], *args: Any, main: bool = False, off: bool = False
) -> None:
    st.button(label, key=key, type="primary" if main else "secondary", disabled=off,
              on_click=saving.attempt, args=(action, *args))  # fmt: skip


def _stay(key: str) -> None:
    st.button("Stay", key=key, on_click=saving.close)


def _begin(asked: dict[str, Any]) -> None:
    if saving.asked() is not asked:
        st.rerun()


def _error(asked: dict[str, Any]) -> None:
    if asked.get("error"):
        st.markdown(red(asked["error"]))


def _unsaved(verdict: Checked) -> None:
    """What would be lost, and why it cannot be saved if it cannot."""
    rows = draft.differences()
    if rows:
        st.table(changes_table(rows), border="horizontal", hide_index=True, alt="Changes that are not saved")
    if verdict.preset is None:
        st.markdown(red(f"It cannot be saved as it is: {next(iter(verdict.errors.values()))}"))


def changes_table(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    """Field, stored, edited, for a table that reads Markdown."""
    return pd.DataFrame([[safe(cell) for cell in row] for row in rows], columns=["Field", "Stored", "Edited"])


@st.dialog("Save the changes first?", on_dismiss=saving.close, icon=":material/edit_note:")
def _pick(asked: dict[str, Any], verdict: Checked) -> None:
    _begin(asked)
    wanted = asked["name"]
    st.text(f"{draft.name()} has changes that are not saved; {plain(wanted, 40)} would take their place.")
    _unsaved(verdict)
    _error(asked)
    with st.container(horizontal=True, gap="small"):
        _button(f"Save {draft.name()}", "cfg_pick_save", saving.save_and_load, verdict.preset, wanted,
                main=True, off=verdict.preset is None)  # fmt: skip
        _button("Discard", "cfg_pick_discard", saving.load, wanted)
        _stay("cfg_pick_stay")


@st.dialog("Save under another name", on_dismiss=saving.close, icon=":material/save_as:")
def _save_as(asked: dict[str, Any], verdict: Checked) -> None:
    _begin(asked)
    st.text_input("New name", key=saving.NEW_NAME, max_chars=40, placeholder="for example my-weekly")
    _error(asked)
    st.text("Lower-case letters, digits, - and _. It becomes what the command line uses by default.")
    with st.container(horizontal=True, gap="small"):
        _button("Save under this name", "cfg_save_as_yes", saving.save_as, verdict.preset,
                main=True, off=verdict.preset is None)  # fmt: skip
        _stay("cfg_save_as_stay")


@st.dialog("Delete what is stored?", on_dismiss=saving.close, icon=":material/delete:")
def _delete(asked: dict[str, Any], verdict: Checked) -> None:
    _begin(asked)
    name, unsaved = draft.name(), draft.unsaved()
    if asked["built_in"]:
        st.text(f"The stored changes to {name} go; the built-in preset comes back.")
    else:
        st.text(f"The stored preset {name} goes for good.")
    seen = asked.get("stored", draft.base())
    if "stored" in asked:
        st.markdown(
            red(f"It was stored elsewhere since you loaded it: {_words(saving.elsewhere(seen))}. Delete that too?")
        )
    if unsaved:
        st.text("Your edit of it is not saved either:")
        _unsaved(verdict)
    _error(asked)
    with st.container(horizontal=True, gap="small"):
        if unsaved:
            _button("Delete, keep my edit here", "cfg_delete_keep", saving.delete, seen, True, main=True)
        _button("Delete, discard my edit" if unsaved else "Delete it", "cfg_delete_yes", saving.delete, seen, False,
                main=not unsaved)  # fmt: skip
        _stay("cfg_delete_stay")


@st.dialog("Import a preset", on_dismiss=saving.close, icon=":material/upload:")
def _import(asked: dict[str, Any], verdict: Checked) -> None:
    _begin(asked)
    file = st.file_uploader("Preset file (JSON)", type="json", key=FILE)
    preset = None if file is None else _read(file.getvalue())
    _error(asked)
    if preset is not None:
        st.text(_compared(preset))
    unsaved = draft.unsaved()
    if unsaved:
        st.text(f"{draft.name()} has changes that are not saved; the file would take their place.")
        _unsaved(verdict)
    with st.container(horizontal=True, gap="small"):
        if unsaved:
            _button(f"Save {draft.name()}, then import", "cfg_import_save", saving.take_import, preset, verdict.preset,
                    main=True, off=preset is None or verdict.preset is None)  # fmt: skip
        _button("Import, discard my edit" if unsaved else "Import into the editor", "cfg_import_yes", saving.take_import,
                preset, main=not unsaved, off=preset is None)  # fmt: skip
        _stay("cfg_import_stay")


def _read(data: bytes) -> Preset | None:
    try:
        return form.read_upload(data)
    except TraderError as error:
        st.markdown(red(f"Not a preset: {plain(error, 600)}"))
        return None


def _compared(preset: Preset) -> str:
    try:
        known = saving.stored_now(preset.name)
    except TraderError as error:
        return f"The file holds {preset.name}. What is stored under that name cannot be used: {plain(error)}"
    if known is None:
        return f"The file holds {preset.name}, a name that is not stored yet."
    count = len(form.differences(draft_of(known), draft_of(preset)))
    return f"The file holds {preset.name}; it differs from the stored one in {fields(count)}."


def fields(count: int) -> str:
    return "no field" if count == 0 else "1 field" if count == 1 else f"{count} fields"


@st.dialog("Changed meanwhile", on_dismiss=saving.close, width="medium", icon=":material/merge:")
def _conflict(asked: dict[str, Any], verdict: Checked) -> None:
    """Somebody else has stored something under the name since this tab loaded it; nothing is saved before this is answered."""
    _begin(asked)
    stored: Preset | None = asked["stored"]
    if stored is None:
        st.text(f"{draft.name()} was deleted meanwhile, in another tab or on the command line. Nothing was saved.")
        found: list[merge.Change] = []
    else:
        found = saving.elsewhere(stored)
        st.text(f"{draft.name()} was stored meanwhile, in another tab or on the command line. Nothing was saved.")
        if found:
            st.markdown(safe(f"Changed meanwhile: {_words(found)}.", 2000))
            st.table(_versions(found), border="horizontal", hide_index=True,
                     alt="What was loaded, what is stored now, and your edit")  # fmt: skip
    _error(asked)
    keep = _clashes(found)
    usable = verdict.preset is not None
    if not usable:
        st.markdown(red(f"Your edit cannot be saved as it is: {next(iter(verdict.errors.values()))}"))
    with st.container(horizontal=True, gap="small"):
        loaded = draft.base()
        if stored is not None and loaded is not None:
            _button(
                "Keep both and save", "cfg_conflict_merge", saving.keep_both, stored, keep, main=True, off=keep is None
            )
        _button("Overwrite with mine" if stored is not None else "Store it again", "cfg_conflict_overwrite",
                saving.save, verdict.preset, stored, off=not usable)  # fmt: skip
        _button("Drop my edit", "cfg_conflict_reload", saving.take_stored, stored)
        _stay("cfg_conflict_stay")


@st.dialog("Replace what is kept nowhere else?", on_dismiss=saving.close, icon=":material/warning:")
def _lost(asked: dict[str, Any], _verdict: Checked) -> None:
    _begin(asked)
    for sentence in asked["lost"]:
        st.text(plain(sentence, 1000))
    _error(asked)
    with st.container(horizontal=True, gap="small"):
        _button("Save all the same", "cfg_lost_save", saving.save_anyway, asked["preset"], asked["expected"], main=True)
        _stay("cfg_lost_stay")


def _words(found: list[merge.Change]) -> str:
    return "; ".join(change.words for change in found) or "nothing the form shows"


def _versions(found: list[merge.Change]) -> pd.DataFrame:
    rows = [
        [
            safe(change.title + (" (both changed)" if change.clash else "")),
            *(safe(form.shown(value)) for value in (change.loaded, change.stored, change.mine)),
        ]
        for change in found
    ]
    return pd.DataFrame(rows, columns=["Field", "You loaded", "Stored now", "Yours"])


def _clashes(found: list[merge.Change]) -> set[str] | None:
    """For each field that both have changed, whose value stays; None until that is said of every one."""
    keep: set[str] = set()
    open_question = False
    for change in (change for change in found if change.clash):
        choice = st.segmented_control(
            f"{change.title}: both changed it. Which one stays?",
            [_MINE, _THEIRS],
            format_func={
                _MINE: f"Yours: {form.shown(change.mine)}",
                _THEIRS: f"Stored: {form.shown(change.stored)}",
            }.__getitem__,
            key=f"{_CLASH}.{change.path}",
        )
        open_question |= choice is None
        if choice == _MINE:
            keep.add(change.path)
    return None if open_question else keep


def open_import() -> None:
    saving.ask("import")


def open_delete() -> None:
    """Asks with what is stored now before the eyes."""
    info = next((info for info in service.desk().presets() if info.name == draft.name()), None)
    saving.ask("delete", built_in=info is not None and info.built_in)
