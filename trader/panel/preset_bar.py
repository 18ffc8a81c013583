"""Choosing, saving and exchanging presets: the row above the editor, and what is said of the edit below it."""

from collections.abc import Callable

import streamlit as st

from trader.config.preset import Preset
from trader.domain.errors import TraderError
from trader.panel import dialogs, draft, form, merge, refused, saving, service
from trader.panel.form import Checked
from trader.panel.format import ist_day_time, plain, red, safe

_PICKED = "cfg_preset"


def pick() -> bool:
    """The preset picker; on the first visit it goes on with a kept edit, else with the preset saved last. False when there is
    none to edit."""
    told = draft.take_up()
    presets = service.desk().presets()
    names = [info.name for info in presets]
    first = refused.saved_choice(presets)
    if draft.loaded() and draft.name() not in names:
        names.append(draft.name())
    if not names:
        st.error("There is no preset to edit; import one.", icon=":material/error:")
        return False
    if (wanted := saving.to_show()) is not None:
        st.session_state[_PICKED] = wanted
    elif _PICKED not in st.session_state:
        st.session_state[_PICKED] = draft.name() if draft.loaded() else first
    st.selectbox("Preset", names, key=_PICKED, placeholder="Choose one",
                 help="Another preset takes the place of the one below; what is not saved is asked about.")  # fmt: skip
    if not draft.loaded() and st.session_state[_PICKED] is not None:
        try:
            saving.load(st.session_state[_PICKED])
        except TraderError as error:
            st.markdown(red(plain(error)))
    if told is not None:
        saving.say(*told)
    return draft.loaded()


def actions(verdict: Checked) -> None:
    """The buttons; then what was pressed, or picked above, is done."""
    preset = verdict.preset
    why = "" if preset is not None else f"Correct {dialogs.fields(len(verdict.errors))} first. "
    with st.container(horizontal=True, gap="small", key="cfg_actions"):
        save = st.button("Save", key="cfg_save", type="primary", icon=":material/save:", disabled=preset is None,
                         help=safe(f"{why}Stores the preset and makes it the one the command line uses by default."))  # fmt: skip
        save_as = st.button("Save as", key="cfg_save_as", icon=":material/save_as:", disabled=preset is None,
                            help=safe(f"{why}Stores the edit under another name."))  # fmt: skip
        discard = st.button("Discard", key="cfg_reset", icon=":material/undo:", disabled=not draft.unsaved(),
                            help="Drops the changes: back to the preset as it is stored.")  # fmt: skip
        delete = st.button("Delete", key="cfg_delete", icon=":material/delete:", disabled=not _is_stored(),
                           help="Deletes the stored preset, after a question. A built-in one comes back.")  # fmt: skip
        st.download_button("Export", "" if preset is None else form.export(preset), f"{draft.name()}.json",
                           "application/json", key="cfg_export", icon=":material/download:", disabled=preset is None,
                           on_click="ignore", help=safe(f"{why}The preset as a file, as it is edited here."))  # fmt: skip
        import_ = st.button("Import", key="cfg_import_open", icon=":material/upload:",
                            help="A preset from a file, into the editor.")  # fmt: skip
    if save and preset is not None:
        _do(saving.save, preset, draft.base())
    elif discard:
        _do(saving.discard)
    elif save_as:
        saving.ask("save_as")
    elif delete:
        dialogs.open_delete()
    elif import_:
        dialogs.open_import()
    elif st.session_state[_PICKED] != draft.name() and saving.asked() is None:
        _other(st.session_state[_PICKED])


def _do(action: Callable[..., None], *args: object) -> None:
    saving.attempt(action, *args)
    if saving.asked() is None:
        st.rerun()


def _other(name: str) -> None:
    """Another preset was picked."""
    if draft.unsaved():
        saving.ask("pick", name=name)
    else:
        _do(saving.load, name)


def _is_stored() -> bool:
    return any(info.name == draft.name() and info.stored for info in service.desk().presets())


def state() -> None:
    """One line: saved or not, what was changed elsewhere, the answer to the last action. The edit is kept besides."""
    not_kept = draft.keep()
    stored, found = _elsewhere()
    if stored is not None and found and not draft.unsaved() and saving.asked() is None:
        draft.load(stored, base=stored)
        saving.say(True, f"Loaded again, it was changed elsewhere: {'; '.join(change.words for change in found)}.")
        st.rerun()
    with st.container(horizontal=True, gap="small", key="cfg_state", vertical_alignment="center"):
        count = len(draft.differences())
        if draft.base() is None:
            st.badge("not stored yet", color="orange", icon=":material/edit:")
        elif count:
            st.badge(
                safe(f"{count} change{'s' if count > 1 else ''} not saved"), color="orange", icon=":material/edit:"
            )
        else:
            st.badge("saved", color="green", icon=":material/check:")
        if found:
            st.markdown(safe(f"Changed elsewhere meanwhile: {'; '.join(c.words for c in found)}. Saving asks.", 1000))
        if not_kept:
            st.markdown(red(not_kept))
        good, sentence = saving.answer()
        if sentence:
            st.markdown(safe(sentence) if good else red(sentence))
        _left_behind()


def _left_behind() -> None:
    """An edit that is kept and not shown anywhere here, with what can be done about it."""
    try:
        kept = draft.left_behind()
    except TraderError:
        return
    if kept is None:
        return
    count = f", {kept.changes} change{'s' if kept.changes > 1 else ''}," if kept.changes else " that is not stored"
    name = str(kept.edited["name"])
    st.markdown(
        safe(f"In another tab, or before a reload: an edit of {name}{count} is kept from {ist_day_time(kept.at)}.")
    )
    st.button("Continue it here", key="cfg_resume", on_click=saving.resume, args=(kept,))
    st.button("Forget it", key="cfg_forget", on_click=draft.forget, args=(kept,))


def _elsewhere() -> tuple[Preset | None, list[merge.Change]]:
    """What is stored now where that is not what this tab loaded, and how it differs."""
    try:
        stored = saving.stored_now(draft.name())
    except TraderError:
        return None, []  # the picker says which file cannot be used
    return (None, []) if stored is None else (stored, saving.elsewhere(stored))
