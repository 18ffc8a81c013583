"""The health board of the System page, and its two boxes: does the exchange answer, and is the journal whole."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from trader.desk import Call, Health, Status
from trader.domain.errors import TraderError
from trader.panel import cards, markup, pressed, service, sheet
from trader.panel import format as fmt
from trader.panel.markup import Html, join, tag

_CONNECTION, _JOURNAL = "sys_connection_said", "sys_journal_said"
_CSS = """
.sy-board td:nth-of-type(2),.sy-board td:nth-of-type(3){white-space:nowrap;color:light-dark(#4b5663,#a9b3c0)}
.sy-board td:nth-of-type(3){white-space:normal;min-width:16rem}
.sy-board .sy-mark{display:inline-block;width:1.3em;font-weight:700}
.sy-board tbody th{width:9.5rem}
:is(.st-key-sys_connection,.st-key-sys_journal) [data-testid="stMarkdownContainer"]{margin-bottom:0}
:is(.st-key-sys_connection,.st-key-sys_journal) [data-testid="stMarkdownContainer"] p{margin-bottom:.25rem}
@media (max-width:760px){
.sy-board tbody th{display:block;width:auto;text-align:left}
.sy-board td:nth-of-type(1){display:block;text-align:left}
.sy-board td:nth-of-type(1)::before{content:none}
.sy-board td:has(.sy-none){display:none}
.sy-board td:nth-of-type(2){font-size:.85em}
.sy-board td:nth-of-type(3){min-width:0}
}
"""
_MARKS = {True: ("✓", "ar-up", "well"), False: ("✗", "ar-down", "not well"), None: ("?", "ar-old", "not known")}


def style() -> None:
    """The looks of this page; once."""
    cards.style()
    markup.stylesheet(_CSS)


# ------------------------------------------------------------------------------------------------- how it is


def health(status: Status | str) -> None:
    """Every part with its state, since when, and its last fault."""
    markup.draw(board(service.desk().system.health(status)))


def board(rows: Sequence[Health]) -> Html:
    """The parts as a table; on a phone a card each."""
    bad = [row.name for row in rows if row.ok is False]
    said = f"Not well: {', '.join(bad)}." if bad else "Every part that is needed now is well."
    table = sheet.table(
        ("Part", "Now", "Since", "Last fault"),
        [(_name(row), row.words, _since(row), _fault(row)) for row in rows],
        name="Parts of the machinery",
    )
    return join(
        tag("p", said, class_="ar-down" if bad else "ar-up", role="status"), tag("div", table, class_="sy-board")
    )


def _name(row: Health) -> Html:
    mark, color, said = _MARKS[row.ok]
    return join(tag("span", mark, class_=f"sy-mark {color}", title=said), row.name)


def _since(row: Health) -> Html:
    return _instant(row.since)


def _fault(row: Health) -> Html:
    return (
        join(tag("span", row.fault), " ", _instant(row.fault_at))
        if row.fault
        else tag("span", "none seen", class_="sy-none")
    )


def _instant(at: datetime | None) -> Html:
    return tag("span", fmt.ist_day_time(at), title=fmt.utc_hint(at) if at is not None else None)


# ------------------------------------------------------------------------------------------------- the exchange


class _Asked(pressed.Note):
    """What the exchange has answered last."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: tuple[Call, ...] = ()


@st.fragment
def connection() -> None:
    """Asked when a person presses: it takes as long as the exchange does."""
    if _CONNECTION not in st.session_state:
        st.session_state[_CONNECTION] = _Asked()
    note: _Asked = st.session_state[_CONNECTION]
    st.markdown("**Connection to the exchange**")
    if st.button("Test the connection", key="sys_test", icon=":material/network_check:"):
        with st.spinner("Asking the exchange …"):
            note.calls = service.desk().system.connection()
    if not note.calls:
        st.markdown("One public and one signed question, and whether the key may trade. Nothing is changed.")
    markup.draw(join(*(cards.row(call.ok, call.name, _answer(call)) for call in note.calls)))


def _answer(call: Call) -> str:
    return call.words if call.ms is None else f"{call.words}; {call.ms:.0f} ms there and back"


# ------------------------------------------------------------------------------------------------- the journal


@st.fragment
def journal() -> None:
    """Verify and back up, as `python -m trader journal` does."""
    note = pressed.note(_JOURNAL)
    st.markdown("**Journal**")
    with st.container(horizontal=True, gap="small"):
        if st.button("Verify", key="sys_verify", icon=":material/fact_check:"):
            with st.spinner("Reading every record …"):
                note.said = _verified()
        if st.button("Back up", key="sys_backup", icon=":material/save:"):
            with st.spinner("Copying …"):
                note.said = _backed_up()
    st.text(note.said or "Every record is read and every run folded again; a backup is a copy in TRADER_HOME/backups.")


def _verified() -> str:
    try:
        found = service.desk().system.verify()
    except TraderError as error:
        return fmt.plain(error)
    if found.ok:
        return f"Whole: {found.records:,} records of {found.runs:,} runs."
    return fmt.plain(
        "NOT WHOLE: " + "; ".join(f"{one.check}: {one.words}" for one in found.findings if not one.ok), 600
    )


def _backed_up() -> str:
    try:
        path, size = service.desk().system.backup()
    except TraderError as error:
        return fmt.plain(error)
    return f"Saved {path} ({size / 1e6:.1f} MB)."
