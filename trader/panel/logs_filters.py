"""What the page Logs is asked for: fields whose values stand in the address, so that a view can be kept and sent."""

from datetime import datetime, timedelta
from typing import Final

import streamlit as st

from trader.desk import LogLine, RunSummary
from trader.desk.logs.lines import LEVELS
from trader.desk.logs.matching import LogQuery
from trader.desk.logs.when import read_when
from trader.domain.errors import ConfigError, TraderError
from trader.domain.expiry import IST
from trader.panel import format as fmt
from trader.panel import service

# Each key is also the name in the address, and each option the value there.
WHICH, LEVEL, RUN, PART = "log", "log_level", "log_run", "log_part"
TEXT, FROM, TO, FOLLOW = "log_text", "log_from", "log_to", "log_follow"
_PARTS = ("run", "runner", "exchange", "watch", "panel", "api", "libraries")
_BOUND: Final = "query-params"
_RUNS = 30
_AROUND = timedelta(seconds=30)


def fields() -> LogQuery | None:
    """Draw them; None where a time cannot be read, which is said."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="log_first"):
        st.segmented_control("Log", ["Detailed", "Summary"], default="Detailed", required=True,
                             key=WHICH, bind=_BOUND, help="Detailed: everything. Summary: milestones and errors.")  # fmt: skip
        st.segmented_control("This and worse", [level.capitalize() for level in LEVELS], default="Info", required=True, key=LEVEL,
                             bind=_BOUND)  # fmt: skip
        st.toggle("Follow", key=FOLLOW, bind=_BOUND, help="New lines come by themselves. Off, a line can be picked.")
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="log_second"):
        st.text_input("Text", key=TEXT, bind=_BOUND, max_chars=200, placeholder="any", width=220)
        st.multiselect("Run", [_run(run) for run in _runs()], key=RUN, bind=_BOUND,
                       accept_new_options=True, placeholder="all", width=260)  # fmt: skip
        st.multiselect("Part", _PARTS, key=PART, bind=_BOUND, accept_new_options=True, placeholder="all", width=220,
                       help="Which part of the program tells it; run is what runs do.")  # fmt: skip
        st.text_input("From (IST)", key=FROM, bind=_BOUND, placeholder="09:30", width=170)
        st.text_input("To (IST)", key=TO, bind=_BOUND, placeholder="2026-11-30 16:30", width=170)
    return _query()


def _query() -> LogQuery | None:
    state, times = st.session_state, {}
    today = datetime.now(IST).date()
    for name, key in (("From", FROM), ("To", TO)):
        try:
            times[key] = read_when(str(state[key]), today, is_end=key == TO)
        except ConfigError as error:
            st.markdown(fmt.red(f"{name} {error}"))
            return None
    return LogQuery(
        which=state[WHICH].lower(),
        level=state[LEVEL].lower(),
        runs=tuple(run.split(" ")[0] for run in state[RUN]),
        components=tuple(state[PART]),
        text=state[TEXT],
        since=times[FROM],
        until=times[TO],
    )


def around(line: LogLine) -> None:
    """Ask for everything half a minute before and after a line."""
    if line.at is None:
        return
    first, last = (line.since or line.at) - _AROUND, line.at + _AROUND
    for key, at in ((FROM, first), (TO, last)):
        st.session_state[key] = f"{at.astimezone(IST):%Y-%m-%d %H:%M:%S}"
    st.session_state[LEVEL] = "Debug"
    st.session_state[RUN], st.session_state[PART], st.session_state[TEXT] = [], [], ""
    st.session_state[FOLLOW] = False


def _runs() -> list[RunSummary]:
    try:
        return service.desk().run_list(limit=_RUNS)
    except TraderError:
        return []


def _run(run: RunSummary) -> str:
    """Its id, which an address may have alone, and what a person knows it by."""
    at = fmt.ist_day_time(run.created_at).removesuffix("\u00a0IST")
    return f"{run.run_id} {run.preset or 'order'} {at}"
