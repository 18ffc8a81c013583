"""History: finished runs, one of them in full, or two compared."""

import streamlit as st

from trader.desk import NotPossible
from trader.domain.errors import TraderError
from trader.panel import compare, frame, past, run_report, service, sheet
from trader.panel.format import plain, safe

frame.beat()
sheet.style()
st.subheader("History", anchor=False)
try:
    picked = past.runs_table()
    past.days_table()
    if picked.run is not None and picked.beside is not None:
        compare.draw(picked.run, picked.beside)
    elif picked.run is not None:
        run_report.draw(service.desk().report(picked.run))
except NotPossible as error:
    st.warning(safe(error), icon=":material/search_off:")
except TraderError as error:
    st.error("The history cannot be read.", icon=":material/error:")
    st.text(plain(error))
