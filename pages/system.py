"""System: how each part of the machinery is, whether the exchange answers, who is told what, and every setting with its source."""

import streamlit as st

from trader.desk import Status
from trader.panel import frame, sheet, system_board, system_messages, system_settings

sheet.style()
system_board.style()
st.subheader("System", anchor=False)
board = st.empty()
connection, journal = st.columns(2, gap="medium")
with connection, st.container(border=True, key="sys_connection", gap="small"):
    system_board.connection()
with journal, st.container(border=True, key="sys_journal", gap="small"):
    system_board.journal()
with st.container(key="sys_messages", gap="small"):
    system_messages.draw()
with st.container(key="sys_settings", gap="small"):
    system_settings.draw()


def draw(status: Status | str) -> None:
    """The board, of one picture."""
    with board:
        system_board.health(status)


frame.beat(draw)
