"""Chain & payoff: what a position or a preset comes to, at every spot and hour, and the chain it stands in."""

import streamlit as st

from trader.desk import Status
from trader.panel import chain_board, chain_page, frame, service

chain_page.style()
status = service.status()
with st.container(key="chain_page"):
    choice = chain_page.choose(status)
    run_id = None if isinstance(choice, str) or isinstance(status, str) or len(status.runs) < 2 else choice.run_id

    def draw(now: Status | str) -> None:
        """What a run holds, of one picture."""
        if not isinstance(choice, str) and choice.run_id is not None:
            chain_page.board(choice, now)

    frame.beat(draw, run_id)
    if isinstance(choice, str):
        chain_board.empty(choice)
        st.stop()
    if choice.run_id is None:
        chain_page.preview_board(choice)
    left, right = st.columns([1.8, 1], gap="small")
    with left:
        chain_page.time_map(choice)
    with right:
        chain_page.shifts(choice, chain_page.look(choice, status))
    chain_page.chain(choice)
    left, right = st.columns([1.5, 1], gap="small")
    with left, st.container(border=True, key="margin_box", height="stretch"):
        chain_page.margin(choice)
    with right, st.container(border=True, key="sizer_box", height="stretch"):
        chain_page.sizer(choice)
