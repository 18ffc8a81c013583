"""The dashboard: am I safe, how much am I up, what happens next, and one button that always works.

One beat a second draws what lives, from one picture; whatever one types into or presses stands outside of it. What happened
has its place below, which the same beat fills.
"""

import streamlit as st

from trader.desk import Status
from trader.engine.records import Phase
from trader.panel import alerts, cards, frame, launch, live, news, result, service, waiting
from trader.panel.watch import chosen_run, running

cards.style()
seen = service.status()
run_id = None if isinstance(seen, str) else chosen_run(seen.runs)
status = service.status(run_id)
run = None if isinstance(status, str) else status.run

page = st.container(key="dash_page")
board = st.container(key="dash", gap=None)
if run is not None:
    result.draw(run)
told = st.empty()


def draw(now: Status | str) -> None:
    """Everything of one picture: the board, what a waiting run needs, and the news."""
    live.draw(now)
    waiting.draw(now)
    with told.container():
        news.draw(now)


with board:
    frame.beat(draw, run_id)
    live.still(status)
alerts.draw()
if not isinstance(status, str):
    if run is not None and run.phase is Phase.WAITING:
        waiting.around(run, status.env)
    if not running(status) or st.toggle("Start another run", key="dash_another"):
        launch.draw(safe_env=status.env, teach=run is None)
    else:
        launch.answer()
with page:
    live.made_for(status)
