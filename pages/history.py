"""History: finished runs, and one of them in full."""

import streamlit as st

from trader.domain.errors import TraderError
from trader.panel import frame, past, service
from trader.panel.format import plain

frame.beat()
st.subheader("History", anchor=False)
try:
    picked = past.runs_table()
    if picked is not None:
        past.one_run(service.desk().report(picked))
except TraderError as error:
    st.error("The history cannot be read.", icon=":material/error:")
    st.text(plain(error))
