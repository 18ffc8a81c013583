"""The lines of the page Logs, one of them in full, and what stands behind an empty list."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import pandas as pd
import streamlit as st

from trader.desk import LogLine
from trader.desk.logs.files import Place
from trader.desk.logs.lines import detail, joined, words_of
from trader.desk.logs.looking import LogPage
from trader.desk.logs.matching import LogQuery
from trader.panel import format as fmt
from trader.panel import logs_filters, markup, service, words
from trader.panel.markup import Html, join, tag

_SEEN, _READS, _OPEN = "log_seen", "log_reads", "log_open"
_FOLLOW_SECS = 2
_MOST_ROWS = 2000
_ON_A_PHONE = 60
_LEVELS = {"error": "✖ error", "warning": "▲ warning"}
_HIDDEN = {
    "level": "below the level",
    "component": "of other parts",
    "run": "of other runs",
    "text": "without the text",
    "earlier": "before the time",
    "later": "after the time",
}
CSS = """
.lg{font-variant-numeric:tabular-nums}
.lg p{margin:0 0 .55rem;overflow-wrap:anywhere}
.lg small{display:block;color:light-dark(#4b5663,#a9b3c0)}
.lg .lg-error{color:light-dark(#b3272d,#ff8a8a)}
.lg .lg-warning{color:light-dark(#8a4b00,#f0ad4e)}
@media (max-width:760px){
:is(.st-key-log_first,.st-key-log_second){display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:.6rem;align-items:end;grid-auto-flow:dense}
:is(.st-key-log_first,.st-key-log_second)>div{width:100%!important}
:is(.st-key-log_level,.st-key-log_text){grid-column:1/-1}
}
.lg-said{margin:.2rem 0 .4rem;color:light-dark(#4b5663,#a9b3c0)}
"""


class _Seen(msgspec.Struct, kw_only=True):
    """What a tab has read: kept, so that a row that is picked is the one that was shown."""

    query: LogQuery
    rows: tuple[LogLine, ...] = ()
    newest: Place | None = None
    older: Place | None = None
    looked_at: int = 0
    hidden: Counter[str] = msgspec.field(default_factory=Counter)
    page: LogPage | None = None


def draw(query: LogQuery) -> None:
    """The list, following where that is wanted."""
    follows = bool(st.session_state.get(logs_filters.FOLLOW))
    st.fragment(_list, run_every=_FOLLOW_SECS if follows else None)(query, follows)


def _list(query: LogQuery, follows: bool) -> None:
    seen = _seen(query)
    if follows:
        _take(seen, service.desk().logs.look(query, after=seen.newest), newer=True)
    markup.draw(tag("p", _said(seen), class_="lg-said"))
    _buttons(seen, follows=follows)
    if not seen.rows:
        return
    picked = None
    if not follows:
        with st.container(key="narrow_pick"):
            picked = _select(seen.rows[:_ON_A_PHONE])
    with st.container(key="wide_log"):
        picked = _table(seen.rows, follows=follows) or picked
    if picked is not None:
        _one(picked)
    with st.container(key="narrow_log"):
        markup.draw(_cards(seen.rows[:_ON_A_PHONE]))


def _buttons(seen: _Seen, *, follows: bool) -> None:
    query = seen.query
    with st.container(horizontal=True, gap="small", key="log_buttons"):
        if not follows:
            st.button("Read again", key="log_again", icon=":material/refresh:", on_click=_forget)
        if seen.older is not None and len(seen.rows) < _MOST_ROWS:
            st.button("Further back", key="log_older", icon=":material/history:", on_click=_further, args=(seen,))
        if seen.rows:
            st.download_button("Download", data=lambda: service.desk().logs.file(query), file_name=f"{query.which}.log",
                               mime="text/plain", key="log_file", icon=":material/download:", on_click="ignore",
                               help="All lines of this filter as they stand in the log, at most 20 MB.")  # fmt: skip


def _seen(query: LogQuery) -> _Seen:
    seen = st.session_state.get(_SEEN)
    if not isinstance(seen, _Seen) or seen.query != query:
        seen = _Seen(query=query)
        _take(seen, service.desk().logs.look(query), newer=False)
        st.session_state[_SEEN] = seen
        st.session_state[_READS] = st.session_state.get(_READS, 0) + 1
    return seen


def _take(seen: _Seen, page: LogPage, *, newer: bool) -> None:
    rows = joined(page.lines, seen.rows) if newer else joined(seen.rows, page.lines)
    seen.rows = rows[:_MOST_ROWS]
    seen.looked_at += page.looked_at
    seen.hidden.update(page.hidden)
    if newer or seen.newest is None:
        seen.newest = page.newest
    if not newer:
        seen.older, seen.page = page.older, page


def _forget() -> None:
    st.session_state.pop(_SEEN, None)


def _further(seen: _Seen) -> None:
    _take(seen, service.desk().logs.look(seen.query, before=seen.older), newer=False)
    st.session_state[_READS] = st.session_state.get(_READS, 0) + 1


def _clock() -> str:
    """Where the strip shows the exchange's time, it is said that the log does not."""
    status = service.status()
    own = isinstance(status, str) or words.pace(status.ops) == 1
    return "" if own else " Times are this machine's, not market time."


def _said(seen: _Seen) -> str:
    """How many there are of how many, how far back that is, and what is not shown."""
    if not seen.looked_at:
        return "Nothing has been logged yet. A runner writes here: start the panel or python -m trader run."
    back = "" if seen.page is None or seen.page.back_to is None else f" back to {fmt.ist_full(seen.page.back_to)}"
    told = f"{sum(row.count for row in seen.rows):,}" if seen.rows else "None"
    more = "" if seen.older is None else "; what is further back was not looked at"
    hidden = ", ".join(f"{seen.hidden[why]:,} {meaning}" for why, meaning in _HIDDEN.items() if seen.hidden[why])
    return f"{told} of {seen.looked_at:,} lines{back}{more}.{f' Hidden: {hidden}.' if hidden else ''}{_clock()}"


def _table(rows: Sequence[LogLine], *, follows: bool) -> LogLine | None:
    frame = pd.DataFrame([_row(row) for row in rows])
    shown = {
        "Time (IST)": st.column_config.TextColumn("Time (IST)", width=140, help="By this machine's clock."),
        "Level": st.column_config.TextColumn("Level", width=85),
        "Run": st.column_config.TextColumn("Run", width=140),
        "Part": st.column_config.TextColumn("Part", width=75),
        "×": st.column_config.TextColumn("×", width=40, help="How often it was told in a row; the newest is shown."),
        "Text": st.column_config.TextColumn("Text", width=780),
    }
    if follows:
        st.dataframe(
            frame, hide_index=True, key="log_following", height=560, column_config=shown, alt="The newest lines"
        )
        return None
    key = f"log_rows_{st.session_state.get(_READS, 0)}"
    event = st.dataframe(frame, hide_index=True, key=key, height=560, on_select="rerun", selection_mode="single-row",
                         column_config=shown, alt="Lines of the log, newest first")  # fmt: skip
    picked = event["selection"]["rows"]
    return rows[picked[0]] if picked and picked[0] < len(rows) else None


def _row(row: LogLine) -> Mapping[str, str]:
    return {
        "Time (IST)": _time(row),
        "Level": _LEVELS.get(row.level, row.level),
        "Run": run_of(row),
        "Part": fmt.plain(row.component, 40),
        "×": f"{row.count:,}" if row.count > 1 else "",
        "Text": fmt.plain(words_of(row), 600),
    }


def _time(row: LogLine) -> str:
    return fmt.DASH if row.at is None else f"{fmt.ist_day_time(row.at)[:6]} {fmt.ist_clock(row.at)}"


def run_of(row: LogLine) -> str:
    """``default abcde``; empty for what is of no run."""
    return fmt.plain(f"{row.preset} {row.run_id[:5]}".strip(), 40)


def _cards(rows: Sequence[LogLine]) -> Html:
    return tag("div", *(_card(row) for row in rows), class_="lg")


def _card(row: LogLine) -> Html:
    often = f" × {row.count:,}" if row.count > 1 else ""
    level = tag("span", _LEVELS.get(row.level, row.level), class_=f"lg-{row.level}")
    said = " · ".join(part for part in (run_of(row), fmt.plain(row.component, 40)) if part)
    return tag("p", tag("small", f"{_time(row)} ", level, f" {said}{often}"), fmt.plain(words_of(row), 300))


def _select(rows: Sequence[LogLine]) -> LogLine | None:
    """The same choice where there is no room for a table."""
    names = [f"{_time(row)} {fmt.plain(words_of(row), 50)}" for row in rows]
    at = st.selectbox("Open a line", range(len(rows)), index=None, format_func=lambda one: names[one],
                      key=f"{_OPEN}_{st.session_state.get(_READS, 0)}", placeholder="Pick one: all that stands in it")  # fmt: skip
    return None if at is None else rows[at]


def _one(row: LogLine) -> None:
    """All that stands in a line, and where to go from it."""
    with st.container(border=True, key="log_one", gap="small"):
        markup.draw(join(tag("b", _time(row)), f" {_LEVELS.get(row.level, row.level)} {run_of(row)}"))
        st.text(fmt.plain(words_of(row), 2000))
        with st.container(horizontal=True, gap="small", key="log_go"):
            if row.at is not None:
                st.button("Around this line, ± 30 s", key="log_around", icon=":material/unfold_more:", on_click=logs_filters.around,
                          args=(row,))  # fmt: skip
            for order in row.orders:
                st.page_link(
                    "pages/orders.py",
                    label=fmt.safe(order),
                    icon=":material/receipt_long:",
                    query_params={"order": order},
                )
        st.code(detail(row), language="json", wrap_lines=True, height=300)
