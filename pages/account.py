"""Account: what all runs together hold and have made, the limits they have in common, and the lock of the daily loss, and how
the exchange margins the account."""

import streamlit as st

from trader.desk import Status
from trader.panel import account, cards, frame, margin, sheet

sheet.style()
cards.style()
account.style()
margin.style()
st.subheader("Account", anchor=False)
figures = st.empty()
account.lock()
margin.section()
slots = account.edit()


def draw(status: Status | str) -> None:
    """The figures, and what is used of each limit beside its field: of one picture."""
    account.fill(figures, slots, status)


frame.beat(draw)
