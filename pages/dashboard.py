"""The dashboard: am I safe, how much am I up, what happens next, and one button that always works.

One beat a second draws what lives, from one picture; whatever one types into or presses stands outside of it. What happened
has its place below, which the same beat fills.
"""

import streamlit as st

from trader.desk import Status
from trader.engine.records import Phase
from trader.panel import alerts, cards, frame, launch, live, news, result, runs, service, waiting
from trader.panel.watch import running, stage

cards.style()
seen = service.status()
run_id = runs.pick(seen)
status = service.status(run_id)
run = None if isinstance(status, str) else status.run

page = st.container(key="dash_page")
board = st.container(key="dash", gap=None)
# Places first, the beat next, and then what takes its time: strip and bar are not empty meanwhile.
if run is None:
    first, below, told = st.container(), None, st.empty()
elif stage(run) == "open":
    below, told = None, st.empty()
else:  # what the run came to, or waits for, beside what happened: both on the first screen
    left, right = st.columns([1.15, 1], gap="small")
    with left:
        first, below = st.container(), st.empty()
    with right:
        told = st.empty()


def draw(now: Status | str) -> None:
    """Everything of one picture: the board, what a waiting run needs, and the news."""
    live.draw(now)
    if below is not None:
        with below.container():
            waiting.draw(now)
    news.draw(told, now)


with board:
    frame.beat(draw, run_id)
    live.still(status)
if run is None and not isinstance(status, str):
    with first:
        launch.draw(safe_env=status.env, teach=True)
elif run is not None and below is not None:
    with first:
        result.draw(run)
with right if below is not None else st.container():
    alerts.draw()
if run is not None and not isinstance(status, str):
    if run.phase is Phase.WAITING:
        waiting.around(run, status.env)
    if not running(status) or st.toggle("Start another run", key="dash_another"):
        launch.draw(safe_env=status.env, teach=False)
    else:
        launch.answer()
with page:
    live.made_for(status)
