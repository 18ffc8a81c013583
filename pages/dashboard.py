"""The dashboard: am I safe, how much am I up, what happens next, and one button that always works.

Everything that refreshes by itself is a fragment; whatever one types into stands outside of them.
"""

import streamlit as st

from trader.panel import frame, live, service
from trader.panel.watch import chosen_run, running

status = service.status()
run_id = None if isinstance(status, str) else chosen_run(status.runs)
busy = not isinstance(status, str) and running(status)


@st.fragment(run_every=1)
def beat() -> None:
    live.draw(service.status(run_id))


frame.ops_strip()
with st.container(key="dash", gap=None):
    beat()
    live.still(None if isinstance(status, str) else status.run)
