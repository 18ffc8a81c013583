"""Configure: edit a preset in sections, see at once what is wrong, what changed and what it would sell now."""

from datetime import datetime

import pandas as pd
import streamlit as st

from trader.config.preset import Preset
from trader.desk.market import exit_figures
from trader.domain.errors import TraderError
from trader.panel import draft, editor, form, frame, preset_bar, sell_now, service
from trader.panel.format import plain, red

frame.beat()
st.subheader("Configure", anchor=False)


def listed_expiries() -> list[datetime]:
    """What the exchange lists for the draft's underlying; nothing when it cannot be asked."""
    try:
        return [choice.expiry for choice in service.desk().expiries(draft.current()["strategy"]["underlying"])]
    except TraderError as error:
        st.caption(red(f"Listed expiries are not known: {plain(error)}"))
        return []


def figures(preset: Preset) -> dict[str, str]:
    """What the draft accepts to pay at most, in money; nothing when the exchange cannot be asked or no strike qualifies."""
    try:
        words = exit_figures(service.desk().preview(preset))
    except TraderError:
        return {}
    return {"risk.exit_limit_pct": words} if words else {}


picker, bar = st.columns([1, 2.6], gap="small", vertical_alignment="bottom")
with picker:
    ready = preset_bar.pick()
if not ready:
    st.stop()
with bar:
    actions = st.container()
with st.container(border=True, key="cfg_editor"):
    verdict = editor.draw(listed_expiries(), figures)
with actions:
    preset_bar.actions(verdict)

left, right = st.columns([1.6, 1], gap="small")
with left, st.container(border=True, key="cfg_preview", height="stretch"):
    if verdict.preset is None:
        st.markdown("**What it would sell now**")
        st.caption("Correct these first:")
        for sentence in verdict.errors.values():
            st.text(f"• {plain(sentence)}")
    else:
        sell_now.draw(verdict.preset)
with right, st.container(border=True, key="cfg_changes", height="stretch"):
    st.markdown("**Changes against the stored preset**")
    rows = form.differences(draft.saved(), draft.current())
    if rows:
        st.dataframe(pd.DataFrame(rows, columns=["Field", "Stored", "Edited"]), hide_index=True, key="cfg_diff")
    else:
        st.caption("None.")
