"""The strip at the top of every page: environment, machinery and the clock, drawn by the frame's beat."""

from datetime import UTC, datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from trader.desk import Status
from trader.panel import words
from trader.panel.format import ist_full, safe, utc_hint


def place() -> DeltaGenerator:
    """Where the beat writes the strip."""
    with st.container(key="strip"):
        return st.empty()


def fill(top: DeltaGenerator, status: Status | str) -> None:
    """Environment and machinery in one row of badges."""
    with top.container(horizontal=True, gap="xsmall", key="ops_strip"):
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
