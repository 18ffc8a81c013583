"""The strip at the top of every page, one line: environment, whether all is well, the clock, the size of the run.

What the watchdog in the page needs stands in its first element: a mark that changes with every beat, the tab's title, and
what to say when no more beats come.
"""

import time
from datetime import datetime, timedelta

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from trader.desk import Status
from trader.engine.records import Phase
from trader.panel import level, markup, parts, runs, watch, words
from trader.panel.format import ist_clock, ist_full, safe, utc_hint
from trader.panel.markup import Html, join, tag

_OWN_TIME = timedelta(minutes=1)


def place() -> DeltaGenerator:
    """Where the beat writes the strip; the trading level stands at its right end."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="strip"):
        top = st.empty()
        with st.popover("Trading level", icon=":material/tune:", key="level"):
            level.draw()
    return top


def fill(top: DeltaGenerator, status: Status | str) -> None:
    """The strip of one picture."""
    with top.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="strip_now"):
        if isinstance(status, str):
            markup.draw(_mark(status, words.Item("DESK?", "red", "The environment is not known.")))
            with st.popover(":red[Desk unreachable]", key="well"):
                st.text(status)
            return
        env = words.environment(status.env)
        items = words.health(status)
        bad = words.wrong(items, running=watch.running(status))
        markup.draw(_mark(status, env))
        with st.popover(_well(bad), key="well"):
            markup.draw(_board(items))
        markup.draw(join(_clock(status), _size(status), *(_badge(item) for item in bad[1:])))


def _mark(status: Status | str, env: words.Item) -> Html:
    hint = f"{env.help}" if isinstance(status, str) else f"{env.help} Account {status.account}."
    return tag(
        "span", env.label, class_=f"sd-badge sd-{env.color} sd-env", title=hint,
        data_beat=str(time.time_ns()), data_title=words.tab_title(status), data_lost=words.lost(status),
    )  # fmt: skip


def _well(bad: list[words.Item]) -> str:
    """The popover's label: all well, or the worst and how many more."""
    if not bad:
        return ":green[:material/check: All well]"
    more = f" +{len(bad) - 1}" if bad[1:] else ""
    return f":{bad[0].color}[{safe(bad[0].label + more)}]"


def _badge(item: words.Item) -> Html:
    return tag("span", item.label, class_=f"sd-badge sd-{item.color} sd-wide", title=item.help)


def _board(items: list[words.Item]) -> Html:
    """Every item with what it means, for the popover."""
    rows = (
        tag("tr", tag("td", tag("span", item.label, class_=f"sd-badge sd-{item.color}")), tag("td", item.help))
        for item in items
    )
    return tag("table", *rows, class_="sd-board")


def clock(status: Status) -> tuple[datetime, str]:
    """The instant a page is of, and whose time that is where it is not this machine's: the exchange's, when it runs at
    another rate (an accelerated paper market) or on another day (a replay)."""
    pace = words.pace(status.ops)
    market = status.market or (status.run.market_at if status.run is not None else None)
    wall = status.pictured_at or status.wall
    if market is None or (pace == 1 and not (status.runner.alive and abs(market - wall) > _OWN_TIME)):
        return wall, ""
    return market, "market time" if pace == 1 else f"market time, {pace}×"


def _clock(status: Status) -> Html:
    at, whose = clock(status)
    hint = utc_hint(at)
    if whose:
        hint = (
            f"The exchange's time ({utc_hint(at)}). This machine's: {ist_full(status.wall)} ({utc_hint(status.wall)})"
        )
    return tag(
        "span", ist_clock(at), " IST",
        tag("span", f" · {whose}", class_="sd-wide") if whose else None,
        tag("span", f" {whose.rpartition(', ')[2]}", class_="sd-narrow") if whose else None,
        class_="sd-clock", title=hint, data_at=at.isoformat(),
    )  # fmt: skip


def _size(status: Status) -> Html | None:
    run = status.run
    if run is None or run.phase is Phase.DONE or run.quantity is None:
        return None
    called = runs.called(status, run)
    text = parts.size(run.quantity, run.contract_value, run.underlying, run.notional)
    return tag("span", f"{called}: {text}" if called else text, class_="sd-wide sd-size")
