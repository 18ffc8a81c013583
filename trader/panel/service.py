"""How the pages reach the desk: one per process, made on first use. Tests put another one in its place."""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress

import streamlit as st

from trader.config.settings import load_settings
from trader.desk import Desk, Marker, Status
from trader.domain.errors import TraderError
from trader.domain.foreign import Foreign
from trader.panel import charts

_SHARED_SECS = 0.5
_FOREIGN_SECS = 3.0
_foreign: dict[tuple[int, str], tuple[float, tuple[Foreign, ...]]] = {}
_shared: dict[tuple[int, str | None], tuple[float, Status | str]] = {}
_reading = threading.Lock()


@st.cache_resource(show_spinner=False)
def desk() -> Desk:
    """The desk of this process. It opens its journal lazily and may be used by all sessions at once.

    Raises:
        ConfigError: The settings cannot be used; the message names the variable.
    """
    return Desk(load_settings())


def status(run_id: str | None = None) -> Status | str:
    """What there is to see now, or one sentence why nothing can be seen.

    At most `_SHARED_SECS` old: the parts of a page, and all tabs, share one read. A second that is asked meanwhile waits
    for it instead of reading for itself.
    """
    asked = desk()
    key = (id(asked), run_id)
    with _reading:
        found = _shared.get(key)
        if found is not None and time.monotonic() - found[0] < _SHARED_SECS:
            return found[1]
        try:
            seen: Status | str = asked.status(run_id)
        except TraderError as error:
            seen = str(error)
        _shared[key] = (time.monotonic(), seen)
        return seen


def foreign(underlying: str, *, look: bool) -> tuple[Foreign, ...]:
    """What stands on the account that no run explains, as it was seen last; `look` asks the exchange again first, which a
    page does last of all: it may take its time. What cannot be read stays as it was; the prerequisites say why."""
    asked = desk()
    key = (id(asked), underlying)
    at, seen = _foreign.get(key, (float("-inf"), ()))
    if look and time.monotonic() - at >= _FOREIGN_SECS:
        with suppress(TraderError):
            seen = asked.foreign(underlying)
        _foreign[key] = (time.monotonic(), seen)
    return seen


def forget() -> None:
    """The next read is a fresh one: something was just asked for."""
    _shared.clear()
    _foreign.update({key: (float("-inf"), seen) for key, (_, seen) in _foreign.items()})


def chart_marks(markers: Iterable[Marker]) -> list[charts.Mark]:
    return [charts.Mark(mark.at, mark.kind, mark.text) for mark in markers]
