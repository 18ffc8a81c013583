"""The draft under edit in one tab: plain JSON values, nothing of the engine.

It outlives the widgets (Streamlit drops those of a page one leaves), and, kept by the desk under a token in the page's
address, a reload of the tab and a restart of the server too. A tab that finds a token in its address goes on with a copy
under a token of its own: the other may still be open somewhere, and two tabs never write one draft.
"""

import copy
import json
import re
import secrets
from datetime import datetime
from typing import Any, NamedTuple, cast

import streamlit as st
from pydantic import ValidationError

from trader.config.preset import Preset
from trader.domain.errors import TraderError
from trader.panel import form, service
from trader.panel.form import Draft, draft_of

PARAM = "draft"
_DRAFT = "cfg_draft"
_BASE = "cfg_base"
_GENERATION = "cfg_generation"
_TOKEN = "cfg_token"  # noqa: S105  (the name of a place, no secret)
_KEPT = "cfg_kept"
_TAKEN = "cfg_taken_up"
_TOKENS = re.compile(r"[0-9a-f]{16}")


def load(preset: Preset, *, base: Preset | None) -> None:
    """Edit this preset from here on. `base` is what is stored under its name, as this tab has seen it: what the edit is
    compared with, and what saving expects to find. None: nothing is stored under it."""
    _begin(draft_of(preset), base)


def rebase(base: Preset | None) -> None:
    """What is stored has become this; the edit stays as it is."""
    st.session_state[_BASE] = base


def replace(edited: Draft, *, base: Preset | None) -> None:
    """Go on with another state of the edit."""
    _begin(edited, base)


def _begin(edited: Draft, base: Preset | None) -> None:
    st.session_state[_DRAFT] = edited
    st.session_state[_BASE] = base
    # Part of every widget's key, so that a load shows new values; never twice the same, because a browser that finds the
    # server restarted sends the values of its widgets along.
    st.session_state[_GENERATION] = secrets.token_hex(4)


def loaded() -> bool:
    return _DRAFT in st.session_state


def current() -> Draft:
    return cast(Draft, st.session_state[_DRAFT])


def name() -> str:
    return str(current()["name"])


def base() -> Preset | None:
    """What was stored under the name when this tab last looked."""
    return cast("Preset | None", st.session_state[_BASE])


def stored() -> Draft:
    """The same as a draft to compare with; of what is not stored yet, the edit itself."""
    known = base()
    return copy.deepcopy(current()) if known is None else draft_of(known)


def put(section: str, name: str, value: Any) -> None:
    current()[section][name] = value


def differences() -> list[tuple[str, str, str]]:
    """Field, stored value, edited value."""
    return form.differences(stored(), current())


def unsaved() -> bool:
    return base() is None or bool(differences())


def generation() -> str:
    return str(st.session_state[_GENERATION])


# ---------------------------------------------------------------- kept by the desk


def take_up() -> tuple[bool, str] | None:
    """Go on with the draft the page's address names, once, in a tab that has none yet. Returns whether that went well and
    what is to be said of it."""
    token = st.query_params.get(PARAM)
    if loaded() or token is None:
        return None
    del st.query_params[PARAM]
    try:
        found = service.desk().load_draft(token) if _TOKENS.fullmatch(token) else None
    except TraderError as error:
        return False, f"The edit that was kept cannot be read: {error}"
    if found is None:
        return None
    edited = form.fitted(found.get("draft"))
    if edited is None:
        return False, "The edit that was kept is of another version of this program and cannot be shown."
    replace(edited, base=_preset(found.get("base")))
    _taken().add(token)
    return True, "Your edit is back as it was before the page was loaded again."


def keep() -> str:
    """Give an edit that is not saved to the desk, and forget it there once it is. Returns why it could not be kept."""
    try:
        if not unsaved():
            _drop()
            return ""
        known = base()
        body = {"draft": current(), "base": None if known is None else json.loads(known.canonical_json())}
        if st.session_state.get(_KEPT) != body or service.desk().load_draft(_token()) is None:
            service.desk().save_draft(_token(), body)
            st.session_state[_KEPT] = copy.deepcopy(body)
    except TraderError as error:
        return f"This edit would not survive a reload of the page: {error}"
    if st.query_params.get(PARAM) != _token():
        st.query_params[PARAM] = _token()
    return ""


class Kept(NamedTuple):
    """An edit that another tab, or this one before it was loaded again, has left with the desk."""

    token: str
    at: datetime
    edited: Draft
    base: Preset | None

    @property
    def changes(self) -> int:
        """How many fields it changes; 0 for a preset that is not stored."""
        return 0 if self.base is None else len(form.differences(draft_of(self.base), self.edited))


def left_behind() -> Kept | None:
    """The newest edit that somebody may look for here: none while this tab has one of its own."""
    if unsaved():
        return None
    for token, at, body in service.desk().drafts():
        edited = form.fitted(body.get("draft"))
        if edited is not None:
            return Kept(token, at, edited, _preset(body.get("base")))
    return None


def resume(kept: Kept) -> None:
    """Go on with an edit that was left behind."""
    replace(kept.edited, base=kept.base)
    _taken().add(kept.token)


def forget(kept: Kept) -> None:
    """Nobody wants it any more."""
    service.desk().drop_draft(kept.token)


def _taken() -> set[str]:
    """The tokens whose edits this tab goes on with: settled together with its own."""
    found: set[str] = st.session_state.setdefault(_TAKEN, set())
    return found


def _drop() -> None:
    if st.session_state.pop(_KEPT, None) is not None:
        service.desk().drop_draft(_token())
    for token in st.session_state.pop(_TAKEN, ()):
        service.desk().drop_draft(token)
    if PARAM in st.query_params:
        del st.query_params[PARAM]


def _token() -> str:
    if _TOKEN not in st.session_state:
        st.session_state[_TOKEN] = secrets.token_hex(8)
    return str(st.session_state[_TOKEN])


def _preset(body: Any) -> Preset | None:
    if body is None:
        return None
    try:
        return Preset.model_validate(body)
    except ValidationError:
        return None
