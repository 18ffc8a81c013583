"""Analytics: what finished runs have made, at what risk, and why; of any range, account, preset or underlying."""

import streamlit as st

from trader.domain.errors import TraderError
from trader.panel import analytics_page, cards, frame, run_filter, service, sheet, to_come
from trader.panel.format import plain

frame.beat()
sheet.style()
cards.style()
st.subheader("Analytics", anchor=False)
try:
    asked = run_filter.ask(capital=True)
    shown = service.desk().analytics.board(asked.wanted, capital=asked.capital, account=asked.account)
    to_come.draw(shown.missing, asked.account)
    analytics_page.draw(shown, asked)
except TraderError as error:
    st.error("The figures cannot be read.", icon=":material/error:")
    st.text(plain(error))
