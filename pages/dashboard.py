"""The dashboard: am I safe, how much am I up, what happens next, and one button that always works.

Everything that refreshes by itself is a fragment; whatever one types into stands outside of them.
"""

import streamlit as st

from trader.engine.records import Phase
from trader.panel import alerts, frame, hero, launch, level, live, news, result, service, stop, waiting
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


@st.fragment(run_every=1)
def around() -> None:
    now = service.status(run_id)
    waiting.draw(now)
    news.draw(now)


if isinstance(status, str):
    st.error("The desk cannot be read. Stop & Exit still tries; see the sentence below.", icon=":material/error:")
    st.text(status)
elif busy:
    around()
    alerts.draw()
    if status.run is not None and status.run.phase is Phase.WAITING:
        waiting.around(status.run, status.env)
    else:
        live.draw(run_id)
    # A closed expander would still ask the exchange for the whole chain every few seconds.
    if st.toggle("Start another run", key="dash_another"):
        launch.draw(safe_env=status.env)
    else:
        launch.answer()
else:
    if status.run is not None:
        result.draw(status.run)
    around()
    alerts.draw()
    launch.draw(safe_env=status.env, teach=status.run is None)
    if status.run is not None:
        live.draw(run_id)
with st.popover("Trading level", key="level_box"):
    level.draw(status)
