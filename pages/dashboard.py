"""The dashboard: am I safe, how much am I up, what happens next, and one button that always works.

Everything that refreshes by itself is a fragment; whatever one types into stands outside of them.
"""

import streamlit as st

from trader.panel import beside, frame, happened, hero, launch, level, live, service, stop
from trader.panel.format import safe
from trader.panel.watch import chosen_run, running

frame.beat()
status = service.status()
run_id = None if isinstance(status, str) else chosen_run(status.runs)
busy = not isinstance(status, str) and running(status)

left, right = st.columns([4, 1.15], gap="small")
with left:
    hero.draw(run_id)
with right:
    stop.draw(run_id)
happened.draw(run_id)

if isinstance(status, str):
    st.error("The desk cannot be read. Stop & Exit still tries; see the sentence below.", icon=":material/error:")
    st.text(status)
elif busy:
    if status.run is not None:
        beside.draw(status.run)
    live.draw(run_id)
    # A closed expander would still ask the exchange for the whole chain every few seconds.
    if st.toggle("Start another run", key="dash_another"):
        launch.draw(safe_env=status.env)
    else:
        launch.answer()
else:
    launch.draw(safe_env=status.env)
    if status.run is not None:
        st.subheader("Last run", anchor=False, help=safe(status.run.run_id))
        live.draw(run_id)
level.draw()
