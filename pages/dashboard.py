"""The dashboard: am I safe, how much am I up, what happens next, and one button that always works.

Everything that refreshes by itself is a fragment; whatever one types into stands outside of them.
"""

import streamlit as st

from trader.engine.records import Phase
from trader.panel import beside, frame, happened, launch, live, service
from trader.panel.watch import chosen_run, running

seen = service.status()
run_id = None if isinstance(seen, str) else chosen_run(seen.runs)
status = service.status(run_id)

with st.container(key="dash", gap=None):
    frame.beat(live.draw, run_id)
    live.still(status)

if not isinstance(status, str):
    happened.draw(run_id)
    if status.run is not None and status.run.phase is Phase.WAITING:
        beside.draw(status.run)
    if not running(status) or st.toggle("Start another run", key="dash_another"):
        launch.draw(safe_env=status.env)
    else:
        launch.answer()
