"""Choosing, saving and exchanging presets: the row above the editor."""

import streamlit as st

from trader.config.preset import PRESET_NAME, Preset
from trader.domain.errors import TraderError
from trader.panel import draft, form, refused, service
from trader.panel.format import plain, red, safe

_NOTE = "cfg_note"
_PICKED = "cfg_preset"
_FILE = "cfg_import"


def pick() -> bool:
    """The preset picker; loads the preset saved last on the first visit. False when there is none to edit."""
    presets = service.desk().presets()
    names = [info.name for info in presets]
    if not names:
        st.error("There is no preset to edit; import one.", icon=":material/error:")
        return False
    first = refused.saved_choice(presets)
    if _PICKED not in st.session_state:
        st.session_state[_PICKED] = (
            draft.current()["name"] if draft.loaded() and draft.current()["name"] in names else first
        )
    st.selectbox("Preset", names, key=_PICKED, on_change=_load_picked, placeholder="Choose one",
                 help="Another preset replaces the edit below.")  # fmt: skip
    if not draft.loaded() and st.session_state[_PICKED] is not None:
        _load_picked()
    if not draft.loaded() and _NOTE in st.session_state:  # nothing below is drawn that would say it
        st.caption(red(st.session_state.pop(_NOTE)[1]))
    return draft.loaded()


def actions(verdict: form.Checked) -> None:
    """Save, save as, reset, delete, export, import; what cannot be done now is greyed out."""
    preset, changed = verdict.preset, bool(form.differences(draft.saved(), draft.current()))
    with st.container(horizontal=True, gap="small", key="cfg_actions"):
        st.button("Save", key="cfg_save", type="primary", icon=":material/save:", on_click=_save, args=(preset, True),
                  disabled=preset is None, help="Stores the preset and makes it the one the command line uses by default.")  # fmt: skip
        with st.popover("Save as", disabled=preset is None, key="cfg_save_as_box"):
            name = st.text_input(
                "New name", key="cfg_new_name", max_chars=40, help="Lower-case letters, digits, - and _."
            )
            st.button("Save under this name", key="cfg_save_as", on_click=_save_as, args=(preset, name))
        st.button("Reset", key="cfg_reset", icon=":material/undo:", on_click=_load_picked, disabled=not changed,
                  help="Back to the preset as it is stored.")  # fmt: skip
        _delete_box()
        body = "" if preset is None else form.export(preset)
        st.download_button("Export", body, f"{draft.current()['name']}.json", "application/json", key="cfg_export",
                           icon=":material/download:", disabled=preset is None, on_click="ignore")  # fmt: skip
        with st.popover("Import", key="cfg_import_box"):
            st.file_uploader("Preset file (JSON)", type="json", key=_FILE, on_change=_import)
    note = st.session_state.pop(_NOTE, None)
    if note:
        ok, sentence = note
        st.caption(safe(sentence) if ok else red(sentence))


def _delete_box() -> None:
    """Deleting a stored preset; of a built-in only the stored changes can go, and then the built-in is back."""
    info = next((info for info in service.desk().presets() if info.name == st.session_state[_PICKED]), None)
    name = plain(st.session_state[_PICKED], 40)
    with st.popover("Delete", key="cfg_delete_box", disabled=info is None or not info.stored):
        if info is not None and info.built_in:
            st.text(f"Drop the stored changes to {name}? The built-in preset comes back.")
        else:
            st.text(f"Delete the stored preset {name}?")
        st.button("Delete it", key="cfg_delete", on_click=_delete)


def _load_picked() -> None:
    try:
        draft.load(service.desk().load_preset(st.session_state[_PICKED]))
    except TraderError as error:
        _say(False, plain(error))


def _save(preset: Preset, overwrite: bool) -> None:
    try:
        service.desk().save_preset(preset, overwrite)
        service.desk().save_snapshot(preset)
    except TraderError as error:
        _say(False, f"Not saved: {plain(error)}")
        return
    draft.load(preset)
    st.session_state[_PICKED] = preset.name
    _say(True, "Saved, also as the configuration the command line uses by default.")


def _save_as(preset: Preset, name: str) -> None:
    if not PRESET_NAME.fullmatch(name):
        _say(
            False,
            "The name may hold lower-case letters, digits, - and _, at most 40, and begins with a letter or digit.",
        )
        return
    _save(preset.model_copy(update={"name": name}), False)


def _delete() -> None:
    try:
        service.desk().delete_preset(st.session_state[_PICKED])
    except TraderError as error:
        _say(False, f"Not deleted: {plain(error)}")
        return
    names = [info.name for info in service.desk().presets()]
    if st.session_state[_PICKED] not in names:
        st.session_state[_PICKED] = names[0]
    _load_picked()
    _say(True, "Deleted.")


def _import() -> None:
    file = st.session_state.get(_FILE)
    if file is None:
        return
    try:
        preset = form.read_upload(file.getvalue())
        stored = {info.name for info in service.desk().presets()}
        known = service.desk().load_preset(preset.name) if preset.name in stored else None
    except TraderError as error:
        _say(False, f"Not imported: {plain(error)}")
        return
    draft.load(preset, saved=known)
    if known is not None:
        st.session_state[_PICKED] = preset.name
    _say(True, "Imported into the editor; nothing is stored before you save.")


def _say(ok: bool, sentence: str) -> None:
    st.session_state[_NOTE] = (ok, sentence)
