"""Logs: what the program has told, filtered, followed, and one line of it in full."""

import streamlit as st

from trader.panel import frame, logs_filters, logs_list, markup, sheet
from trader.panel.format import plain

frame.beat()
sheet.style()
markup.stylesheet(logs_list.CSS)
st.subheader("Logs", anchor=False)
query = logs_filters.fields()
if query is not None:
    try:
        logs_list.draw(query)
    except OSError as error:
        st.error("The logs cannot be read.", icon=":material/error:")
        st.text(plain(error.strerror))
