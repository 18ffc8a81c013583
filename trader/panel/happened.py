"""What is so now and what happened before: the desk's own sentences, newest first, with alerts to acknowledge."""

import streamlit as st

from trader.desk import Happening, Status
from trader.domain.errors import TraderError
from trader.panel import format as fmt
from trader.panel import service
from trader.panel.words import Color

_SHOWN = 3
_ERROR = "dash_ack_error"
_COLORS: dict[str, Color] = {"error": "red", "warning": "orange"}


@st.fragment(run_every=1)
def draw(run_id: str | None) -> None:
    """The strip; nothing at all while there is nothing to tell."""
    status = service.status(run_id)
    if isinstance(status, str) or not (status.happened or _urgent(status)):
        return
    with st.container(border=True, key="happened_box", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("**What happened**", help="From the journal, newest first; times are IST.", width="content")
            if status.open_alerts:
                count = len(status.open_alerts)
                st.button(
                    f"Acknowledge {count} alert{'s' if count > 1 else ''}",
                    key="dash_ack",
                    icon=":material/done_all:",
                    help="Recorded with the time. Critical ones are repeated until then.",
                    on_click=_acknowledge,
                    args=(tuple(alert.seq for alert in status.open_alerts),),
                )
        if st.session_state.get(_ERROR):
            st.text(st.session_state[_ERROR])
        for line in _urgent(status):
            st.markdown(fmt.tagged("red", "now", line))
        for one in status.happened[:_SHOWN]:
            _line(one)
        if status.happened[_SHOWN:]:
            with st.expander("Earlier", key="happened_earlier"):
                for one in status.happened[_SHOWN:]:
                    _line(one)


def _urgent(status: Status) -> list[str]:
    """What is so now beside what the headline says already."""
    run = status.run
    return [line for line in status.situation if run is None or not run.words or run.words not in line]


def _line(one: Happening) -> None:
    often = f" ({one.times} times)" if one.times > 1 else ""
    seen = f" — acknowledged {fmt.ist_clock(one.acked_at)} by {one.acked_by}" if one.acked_at is not None else ""
    color = "gray" if seen else _COLORS.get(one.level, "gray")
    st.markdown(fmt.tagged(color, one.level, f"{fmt.ist_clock(one.at)}  {fmt.plain(one.text)}{often}{seen}"))


def _acknowledge(which: tuple[int, ...]) -> None:
    """Exactly what was on the screen: an alert that came since is not acknowledged unseen."""
    st.session_state[_ERROR] = ""
    try:
        service.desk().acknowledge(which, issued_by="panel")
    except TraderError as error:
        st.session_state[_ERROR] = fmt.plain(error)
    service.forget()
