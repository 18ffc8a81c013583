"""What every page has: the navigation around it, the environment badge and the ops strip at its top."""

from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from trader.desk import Status
from trader.panel import service, words
from trader.panel.format import ist_full, safe, utc_hint

# A file of ours: a named icon would be fetched from the internet for the browser's tab.
_ICON = str(Path(__file__).parent / "icon.png")
PAGES = (
    ("pages/dashboard.py", "Dashboard", ":material/monitoring:", True),
    ("pages/configure.py", "Configure", ":material/tune:", False),
    ("pages/history.py", "History", ":material/history:", False),
)


def draw() -> None:
    """The navigation and, under it, the page that was asked for; each page begins with `ops_strip`."""
    st.set_page_config(page_title="Strangle Desk", page_icon=_ICON, layout="wide")
    page = st.navigation(
        [st.Page(path, title=title, icon=icon, default=default) for path, title, icon, default in PAGES], position="top"
    )
    page.run()


@st.fragment(run_every=1)
def ops_strip() -> None:
    """Environment and machinery in one row of badges, every second, on every page."""
    status = service.status()
    with st.container(horizontal=True, gap="xsmall", key="ops_strip"):
        if isinstance(status, str):
            st.badge("Desk unreachable", color="red", icon=":material/error:", help=safe(status))
            return
        env = words.environment(status.env)
        st.badge(env.label, color=env.color, icon=":material/shield:", help=env.help)
        for item in _machinery(status):
            st.badge(safe(item.label), color=item.color, help=safe(item.help))


def _machinery(status: Status) -> list[words.Item]:
    now = datetime.now(UTC)
    runner = status.runner
    items = [words.runner_item(runner.alive, runner.heartbeat_age_s, runner.host)]
    if status.trading[0] != "ACTIVE":
        items.append(words.level_item(*status.trading))
    if critical := sum(alert.level == "error" for alert in status.open_alerts):
        items.append(words.alerts_item(critical))
    market_at = status.run.market_at if status.run is not None else None
    if market_at is not None:
        note = f"Exchange time {ist_full(market_at)} ({utc_hint(market_at)})."
        items.append(words.Item(f"{ist_full(market_at)[11:]}", "gray", note))
    return items + words.ops_items(status.ops, status.run, now, alive=runner.alive, lag_s=runner.heartbeat_age_s)
