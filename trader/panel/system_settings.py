"""Settings on the System page: which keys are there, every setting with its value and source, and what wins over what."""

from collections.abc import Sequence

import streamlit as st

from trader.desk import KeyRow, SettingRow
from trader.panel import cards, markup, service, sheet
from trader.panel import format as fmt
from trader.panel.markup import Html, join, tag

_DEFAULT = "default"


def draw() -> None:
    """Read once a page view: settings are read when the program starts and do not change while it runs."""
    system = service.desk().system
    rows, configuration = system.settings(), system.configuration()
    st.markdown("**Keys and settings**")
    markup.draw(
        join(*(cards.row(key.present, key.name, _key(key)) for key in system.key_rows() if key.used or key.present))
    )
    st.markdown(
        "What wins over what: command line, environment of the process, the file `.env`, the configuration saved last, the preset, the "
        "default. Settings are read when the program starts. Secrets are never shown."
    )
    set_ones = [row for row in rows if row.source != _DEFAULT]
    with st.expander(fmt.safe(f"Settings that are set ({len(set_ones)})"), key="sys_set", expanded=True):
        if set_ones:
            markup.draw(_table(set_ones, "Settings that are set"))
        else:
            st.markdown("None: all of them are the defaults. `.env.example` lists and explains every one.")
    with st.expander(fmt.safe(f"Settings at their default ({len(rows) - len(set_ones)})"), key="sys_defaults"):
        markup.draw(_table([row for row in rows if row.source == _DEFAULT], "Settings at their default"))
    with st.expander("Configuration used when none is named", key="sys_configuration"):
        if isinstance(configuration, str):
            st.markdown(fmt.red(configuration))
        elif configuration:
            markup.draw(_table(configuration, "Fields that are not the default"))
        else:
            st.markdown("Every field has its default.")


def _key(row: KeyRow) -> str:
    if not row.used:
        return f"is there ({row.source}), not read: it is another environment's"
    return f"is there ({row.source}), never shown" if row.present else "is not set"


def _table(rows: Sequence[SettingRow], name: str) -> Html:
    return sheet.table(
        ("Setting", "Value", "Comes from", "What it is"),
        [(row.name, row.value, _source(row), row.about) for row in rows],
        name=name,
    )


def _source(row: SettingRow) -> Html:
    return tag("span", row.source, class_="ar-old" if row.source != _DEFAULT else None)
