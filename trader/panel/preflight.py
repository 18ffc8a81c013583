"""The pre-flight board: every prerequisite of an entry, met or not or not known, each with its reason. None is hidden."""

from collections.abc import Sequence

import streamlit as st

from trader.config.preset import Preset
from trader.desk import CheckResult
from trader.panel import cards, markup, service
from trader.panel import format as fmt

_HEIGHT = 182
_ORDER = {False: 0, None: 1, True: 2}


@st.fragment(run_every=10)
def draw(preset: Preset) -> None:
    """The board, every 10 s: what is not met comes first. The page has the looks of `cards`."""
    underlying = preset.strategy.underlying
    drawn = service.foreign(underlying, look=False)
    board(service.desk().prerequisites(preset))
    if service.foreign(underlying, look=True) != drawn:
        st.rerun(scope="app")  # the start box gets its field for the phrase, or loses it


def board(rows: Sequence[CheckResult]) -> None:
    """Rows of fixed height with a scroll of their own, under a count of each kind."""
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.markdown("**Pre-flight**", help="What must be true for an entry; asked again every 10 s.", width="content")
        for ok, color, word in ((False, "red", "not met"), (None, "orange", "not known"), (True, "green", "met")):
            if count := sum(row.ok is ok for row in rows):
                st.badge(fmt.safe(f"{count} {word}"), color=color)  # type: ignore[arg-type]
    in_order = sorted(rows, key=lambda row: _ORDER[row.ok])
    with st.container(height=_HEIGHT, border=False, key="preflight_rows"):
        markup.draw(markup.join(*(cards.row(row.ok, row.name, row.words) for row in in_order)))
