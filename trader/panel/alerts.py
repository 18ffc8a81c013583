"""Alerts nobody has acknowledged: how many of each level, and the opened list, where each is acknowledged by itself."""

import streamlit as st

from trader.desk import AlertRow, Status
from trader.domain.errors import TraderError
from trader.panel import cards, runs, service
from trader.panel import format as fmt
from trader.panel.words import Color

_ERROR = "dash_ack_error"
_HEIGHT = 320
_LEVELS: dict[str, tuple[str, Color]] = {"error": ("critical", "red"), "warning": ("warning", "orange")}


def draw() -> None:
    """Counts and the list, which opens over the page: nothing moves. Holds buttons, so it stands outside the beat."""
    cards.style()
    _draw()


@st.fragment(run_every=3)
def _draw() -> None:
    status = service.status()
    if isinstance(status, str):
        return
    alerts = status.open_alerts
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="alerts_bar"):
        st.markdown("**Alerts**", help="Critical ones are repeated until somebody acknowledges them.", width="content")
        for level, (word, color) in _LEVELS.items():
            if count := sum(alert.level == level for alert in alerts):
                st.badge(fmt.safe(f"{count} {word}{'s' if word == 'warning' and count > 1 else ''}"), color=color)
        if not alerts:
            st.markdown("none to acknowledge", width="content")
            return
        with st.popover("Look and acknowledge", key="alerts_list", icon=":material/notifications:"):
            _list(status, alerts)


def _list(status: Status, alerts: tuple[AlertRow, ...]) -> None:
    with st.container(height=_HEIGHT if len(alerts) > 3 else "content", border=False, key="alerts_rows", gap="small"):
        for alert in alerts:
            word, color = _LEVELS.get(alert.level, (alert.level, "gray"))
            whose = runs.of_record(status, alert.run_id)
            text = f"{fmt.ist_day_time(alert.wall)}  {f'{whose}: ' if whose else ''}{fmt.plain(alert.text)}"
            st.markdown(fmt.tagged(color, word, text))
            st.button("Acknowledge", key=f"dash_ack_{alert.seq}", icon=":material/done:", on_click=_acknowledge,
                      args=((alert.seq,),), help="Recorded with the time; the others stay as they are.")  # fmt: skip
    if len(alerts) > 1:
        # Exactly those of the list above: one that came since is not acknowledged unseen.
        st.button(f"Acknowledge all {len(alerts)}", key="dash_ack_all", icon=":material/done_all:",
                  on_click=_acknowledge, args=(tuple(alert.seq for alert in alerts),))  # fmt: skip
    if st.session_state.get(_ERROR):
        st.text(st.session_state[_ERROR])


def _acknowledge(which: tuple[int, ...]) -> None:
    st.session_state[_ERROR] = ""
    try:
        service.desk().acknowledge(which, issued_by="panel")
    except TraderError as error:
        st.session_state[_ERROR] = fmt.plain(error)
    service.forget()
