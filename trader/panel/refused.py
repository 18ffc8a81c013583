"""Saved configuration that cannot be used, told where presets are picked: which file, which field, which limit."""

import streamlit as st

from trader.config.presets import PresetInfo
from trader.domain.errors import TraderError
from trader.panel import service
from trader.panel.format import plain


def saved_choice(presets: list[PresetInfo]) -> str | None:
    """The preset to begin with: the one saved last, which the command line uses by default too; else the first. None
    where the saved one cannot be used: then nothing stands in for it, and a person picks.

    Draws what is refused, the files of single presets included.
    """
    problems = [info.problem for info in presets if info.problem]
    first: str | None = presets[0].name if presets else None
    try:
        last = service.desk().load_snapshot()
    except TraderError as error:
        problems.insert(0, str(error))
        first = None
    else:
        if last is not None and last.name in {info.name for info in presets}:
            first = last.name
    if problems:
        st.error("Saved configuration that cannot be used; correct the file, or save over it.", icon=":material/error:")
        for problem in problems:
            st.text(plain(problem, 600))
    return first
