"""The bar at the bottom of every page: what the run does, and Stop & Exit: one press and one answer, in every state where
something might be open, as often as one likes, until FLAT is confirmed by the exchange.

The beat writes the bar's text. The button and its question are a fragment that runs only when one of them is pressed, so
that asking neither waits for the page nor moves it: the question stands above the bar, over the page.
"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from trader.desk import Status
from trader.domain.errors import TraderError
from trader.engine.records import Phase
from trader.panel import format as fmt
from trader.panel import markup, service, stop_words, watch, words
from trader.panel.markup import Html, join, tag

_ASKED = "stop_asked"
_ERROR = "stop_error"


def draw(status: Status | str, run_id: str | None) -> DeltaGenerator:
    """The bar of one run; returns the place of its text."""
    with st.bottom, st.container(key="bar"), st.container(horizontal=True, key="bar_row", gap="small"):
        told = st.empty()
        if stoppable(status):
            _stop(_target(status, run_id), run_id)
        else:
            _forget()  # a question left open would be asked again of the next run
    return told


def stoppable(status: Status | str) -> bool:
    """Might something be open? Unknown counts as yes."""
    return isinstance(status, str) or watch.running(status)


def layout_key(status: Status | str) -> object:
    """What the button depends on."""
    return stoppable(status), stop_words.label(status), not isinstance(status, str) and _target(status, None)


def _target(status: Status | str, run_id: str | None) -> str | None:
    """The run that Stop means: of several the one that is shown, None for whatever there is."""
    if run_id is not None or isinstance(status, str) or status.run is None:
        return run_id
    several = len([run for run in watch.seen(status) if watch.unresolved(run)]) > 1
    return status.run.run_id if several else None


def tell(told: DeltaGenerator, status: Status | str) -> None:
    """The bar's text of one picture, and above it what an exit has done so far."""
    with told:
        markup.draw(join(_steps(status), tag("div", *_said(status), class_="sd-bar")))


def _said(status: Status | str) -> list[Html]:
    if isinstance(status, str):
        return [tag("b", "The desk cannot be read; what is open is not known.")]
    env = words.environment(status.env)
    state, pieces = stop_words.bar_text(status)
    head = tag("span", tag("span", env.label, class_=f"sd-badge sd-{env.color}", title=env.help), " ", tag("b", state))
    rest = [
        tag("span", tag("span", piece.text, class_="sd-wide"), tag("span", piece.short, class_="sd-narrow"))
        for piece in pieces
    ]
    return [head, tag("span", *rest, class_="sd-rest")]


def _steps(status: Status | str) -> Html | None:
    run = None if isinstance(status, str) else status.run
    if run is None or isinstance(status, str) or not (stop_words.recorded(run) or run.phase is Phase.EXITING):
        return None
    steps = run.steps or ("Stop is recorded; waiting for the first answer",)
    if not status.runner.alive:
        steps = (*steps, stop_words.SILENT)
    return tag("ol", *(tag("li", step) for step in steps), class_="sd-steps")


@st.fragment
def _stop(target: str | None, run_id: str | None) -> None:
    """The button, and above the bar its question or its answer."""
    status = service.status(run_id)
    asked, failed = st.session_state.get(_ASKED), st.session_state.get(_ERROR)
    st.button(f":red[**{stop_words.label(status)}**]", key="stop", icon=":material/stop_circle:", shortcut="Ctrl+Shift+X",
              on_click=_ask, args=(True,))  # fmt: skip
    if asked or failed:
        with st.container(key="stop_box", gap="small"):
            if failed:
                st.error("Stop could not be recorded. Run this in a terminal, then look at the reason:",
                         icon=":material/error:")  # fmt: skip
                st.code("python -m trader stop --wait 60", language=None)
                st.text(failed)
            if asked:
                _question(status, target, run_id)


def _question(status: Status | str, target: str | None, run_id: str | None) -> None:
    _sentence(target, run_id)
    recorded = not isinstance(status, str) and stop_words.recorded(status.run)
    with st.container(horizontal=True, gap="small"):
        if not recorded:
            st.button(stop_words.answer(status), key="stop_yes", type="primary", icon=":material/stop_circle:",
                      on_click=_order, args=(target,))  # fmt: skip
        st.button(
            "Close" if recorded else stop_words.refusal(status),
            key="stop_no",
            shortcut="Escape",
            on_click=_ask,
            args=(False,),
        )


@st.fragment(run_every=1)
def _sentence(target: str | None, run_id: str | None) -> None:
    """What the answer would do at this second's prices."""
    status = service.status(run_id)
    env = words.environment("?" if isinstance(status, str) else status.env)
    markup.draw(
        tag("p", tag("span", env.label, class_=f"sd-badge sd-{env.color}"), " ", stop_words.question(status, target))
    )


def _forget() -> None:
    for key in (_ASKED, _ERROR):
        st.session_state.pop(key, None)


def _ask(asked: bool) -> None:
    st.session_state[_ASKED] = asked


def _order(target: str | None) -> None:
    st.session_state[_ASKED] = False
    st.session_state[_ERROR] = ""
    try:
        service.desk().stop(target, issued_by="panel")
    except TraderError as error:
        st.session_state[_ERROR] = fmt.plain(error)
    service.forget()
