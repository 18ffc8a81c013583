"""Short notices of what has just happened: all legs filled, a trailing stop armed or raised, an exit decided, FLAT, a critical
alert. Said once, by comparison with what this tab saw a second ago; a tab just opened says nothing of what was before."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import streamlit as st

from trader.desk import AlertRow, Status
from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.panel import parts, runs, service, watch, words
from trader.panel.format import plain, safe

_SEEN, _HEARD = "toasts_seen", "toasts_heard"
_SOLD = (Phase.HOLDING, Phase.EXITING)


class Seen(NamedTuple):
    """What was known a second ago: each run's phase, trailing level and whether it was flat, and the newest alert."""

    runs: Mapping[str, tuple[Phase, Decimal | None, str]]
    alert: int


class Notice(NamedTuple):
    text: str
    icon: str


def hear(status: Status | str) -> None:
    """Keep what is new in this picture until `tell`: in between the page may be run again as a whole. A run that has left the
    picture, since it has ended and another goes on, is looked at once more."""
    if isinstance(status, str):
        return
    before: Seen | None = st.session_state.get(_SEEN)
    pictures = [status, *(service.status(run_id) for run_id in _gone(before, status))]
    for seen in pictures:
        if not isinstance(seen, str):
            told = [*st.session_state.get(_HEARD, ()), *news(before, seen)]
            before = look(seen, before)
            st.session_state[_SEEN], st.session_state[_HEARD] = before, told


def tell() -> None:
    """Say what was heard, once."""
    for notice in st.session_state.pop(_HEARD, ()):
        st.toast(safe(notice.text), icon=notice.icon)


def _gone(before: Seen | None, status: Status) -> list[str]:
    """Runs that were not over and are not in the picture any more."""
    known = {run.run_id for run in watch.seen(status)}
    open_ones = () if before is None else (name for name, (phase, *_) in before.runs.items() if phase is not Phase.DONE)
    return [name for name in open_ones if name not in known]


def look(status: Status, before: Seen | None) -> Seen:
    """What to compare the next picture with. A run that has left the picture is remembered: it may be chosen again."""
    runs = dict(before.runs) if before is not None else {}
    runs |= {run.run_id: (run.phase, run.trailing_level, run.flat) for run in watch.seen(status)}
    alert = max((alert.seq for alert in status.open_alerts), default=0)
    return Seen(runs, max(alert, before.alert if before is not None else 0))


def news(before: Seen | None, status: Status) -> list[Notice]:
    """What happened between two pictures, in words."""
    if before is None:
        return []
    called = runs.names(watch.seen(status))
    told = [notice for run in watch.seen(status) for notice in _of_run(before, run, called[run.run_id])]
    fresh = [alert for alert in status.open_alerts if alert.seq > before.alert and alert.level == "error"]
    return told + [Notice(_alert(status, alert), ":material/error:") for alert in fresh]


def _alert(status: Status, alert: AlertRow) -> str:
    whose = runs.of_record(status, alert.run_id)
    return f"{f'{whose}: ' if whose else ''}{plain(alert.text, 200)}"


def _of_run(before: Seen, run: RunView, name: str) -> list[Notice]:
    was = before.runs.get(run.run_id)
    if was is None and run.phase is Phase.DONE:
        return []  # an old one, looked at now
    phase, level, flat = was if was is not None else (Phase.WAITING, None, "unknown")
    told = []
    if run.phase in _SOLD and phase in (Phase.WAITING, Phase.ENTERING):
        premium = "" if run.premium is None else f" for {parts.dollars(run.premium, parts.places(run.premium))}"
        told.append(Notice(f"{name}: all legs filled{premium}", ":material/sell:"))
    if run.trailing_level is not None and run.phase is Phase.HOLDING and (level is None or run.trailing_level > level):
        verb = "armed" if level is None else "raised"
        told.append(
            Notice(f"{name}: trailing stop {verb} at {parts.percent(run.trailing_level)}", ":material/trending_up:")
        )
    if run.phase is Phase.EXITING and phase is not Phase.EXITING:
        told.append(Notice(f"{name}: exiting, {words.exit_reason(run.exit_reason)}", ":material/logout:"))
    if run.phase is Phase.DONE and run.flat == "true" and (phase, flat) != (Phase.DONE, "true"):
        result = parts.dollars(run.realized_pnl, parts.places(run.premium), signed=True)
        told.append(Notice(f"{name}: FLAT, confirmed by the exchange, {result}", ":material/check_circle:"))
    return told
