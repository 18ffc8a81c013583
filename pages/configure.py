"""Configure: edit a preset in sections, see at once what is wrong, what changed and what it would trade now."""

from datetime import datetime

import streamlit as st

from trader.domain.errors import TraderError
from trader.panel import dialogs, draft, editor, figures, frame, preset_bar, sell_now, service, sheet
from trader.panel.format import plain, red

frame.beat()
sheet.style()
st.subheader("Configure", anchor=False)


def listed_expiries() -> list[datetime]:
    """What the exchange lists for the draft's underlying; nothing when it cannot be asked."""
    try:
        return [choice.expiry for choice in service.desk().expiries(draft.current()["strategy"]["underlying"])]
    except TraderError as error:
        st.markdown(red(f"Listed expiries are not known: {plain(error)}"))
        return []


picker, bar = st.columns([1, 2.6], gap="small", vertical_alignment="bottom")
with picker:
    ready = preset_bar.pick()
if not ready:
    st.stop()
with bar:
    actions = st.container()
state = st.container()
with st.container(border=True, key="cfg_editor"):
    verdict = editor.draw(listed_expiries(), figures.beside)
with actions:
    preset_bar.actions(verdict)
with state:
    preset_bar.state()

left, right = st.columns([1.6, 1], gap="small")
with left, st.container(border=True, key="cfg_preview", height="stretch"):
    if verdict.preset is None:
        st.markdown("**What it would trade now**")
        st.markdown("Correct these first:")
        for sentence in verdict.errors.values():
            st.text(f"• {plain(sentence)}")
    else:
        sell_now.draw(verdict.preset)
with right, st.container(border=True, key="cfg_changes", height="stretch"):
    st.markdown("**Changes against the stored preset**")
    rows = draft.differences()
    if rows:
        st.table(dialogs.changes_table(rows), border="horizontal", hide_index=True, alt="Changes that are not saved")
    else:
        st.markdown("None." if draft.base() is not None else "All of it: nothing is stored under this name yet.")
dialogs.draw(verdict)
