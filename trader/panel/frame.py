"""What stands around every page: navigation, the strip at its top, the bar at its bottom, and the beat that draws both.

A page says once where its live part stands: `frame.beat(draw)`. See there.
"""

from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from trader.desk import Status
from trader.panel import bar, runs, service, strip, toasts, watch, watchdog

Draw = Callable[[Status | str], None]

# A file of ours: a named icon would be fetched from the internet for the browser's tab.
_ICON = str(Path(__file__).parent / "icon.png")
PAGES = (
    ("pages/dashboard.py", "Dashboard", ":material/monitoring:", True),
    ("pages/chain.py", "Chain & payoff", ":material/show_chart:", False),
    ("pages/orders.py", "Orders & positions", ":material/receipt_long:", False),
    ("pages/history.py", "History", ":material/history:", False),
    ("pages/analytics.py", "Analytics", ":material/query_stats:", False),
    ("pages/configure.py", "Configure", ":material/tune:", False),
    ("pages/account.py", "Account", ":material/account_balance:", False),
    ("pages/logs.py", "Logs", ":material/article:", False),
    ("pages/system.py", "System", ":material/dns:", False),
)
_LAYOUT = "frame_layout"
_top: ContextVar[DeltaGenerator | None] = ContextVar("top", default=None)


def draw() -> None:
    """The navigation and, under it, the strip's place and the page that was asked for."""
    st.set_page_config(page_title="Strangle Desk", page_icon=_ICON, layout="wide")
    page = st.navigation(
        [st.Page(path, title=title, icon=icon, default=default) for path, title, icon, default in PAGES], position="top"
    )
    watchdog.draw()
    _top.set(strip.place())
    page.run()


def beat(draw: Draw | None = None, run_id: str | None = None) -> None:
    """The one thing on a page that refreshes: once a second, one picture is read and everything live is drawn from it.

    Call it exactly once, where the live part of the page stands; a page without one calls `beat()` at its top.

    Args:
        draw: The live part: a plain function of the picture (a sentence where the desk cannot be read). It may draw
            anything but widgets: buttons and fields stand outside of it, or a click between two beats is lost. It draws the
            same elements in the same order each second where it can, so that the browser changes them in place. It is called
            within the page's own run too, so the first view is complete.
        run_id: The run to show, None for the one that this tab looks at, else the one the desk names. The strip, the bar and
            the title are of the same run.

    The page is run again as a whole when a run begins, begins to sell, or ends (`watch.layout_key`): what stands outside
    may depend on `service.status(run_id)`, which within half a second answers with the same picture.
    """
    run_id = run_id or runs.watched(service.status())
    told = bar.draw(service.status(run_id), run_id)
    _beat(_top.get() or strip.place(), told, draw, run_id)  # a page that is run by itself has no frame around it


@st.fragment(run_every=1)
def _beat(top: DeltaGenerator, told: DeltaGenerator, draw: Draw | None, run_id: str | None) -> None:
    status = service.status(run_id)
    toasts.hear(status)
    _relayout(status)
    strip.fill(top, status)
    bar.tell(told, status)
    toasts.tell()
    if draw is not None:
        draw(status)


def _relayout(status: Status | str) -> None:
    """One full run of the page when what it consists of has changed; typed text survives it."""
    key = (None if isinstance(status, str) else watch.layout_key(status), bar.layout_key(status))
    before = st.session_state.get(_LAYOUT, key)
    st.session_state[_LAYOUT] = key
    if before != key:
        service.forget()  # a picture of before the change would have the page laid out, for good, for what is over
        st.rerun(scope="app")
