"""The bar at the bottom of every page: what the run does, and Stop & Exit: one press and one answer, in every state where
something might be open, as often as one likes, until FLAT is confirmed by the exchange. Of single orders alone it is Close all.

The beat writes the bar's text. The button and its question are a fragment that runs only when one of them is pressed, so
that asking neither waits for the page nor moves it: the question stands above the bar, over the page.
"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from trader.desk import Status
from trader.domain.errors import TraderError
from trader.engine.records import Phase
from trader.panel import format as fmt
from trader.panel import markup, runs, service, stop_words, watch, words
from trader.panel.markup import Html, join, tag

_ASKED = "stop_asked"
_ASKED_OF = "stop_asked_of"
_ERROR = "stop_error"
_ONE, _ALL = "one", "all"


def draw(status: Status | str, run_id: str | None) -> DeltaGenerator:
    """The bar of one run; returns the place of its text."""
    with st.bottom, st.container(key="bar"), st.container(horizontal=True, key="bar_row", gap="small"):
        told = st.empty()
        target = _target(status, run_id)
        if st.session_state.get(_ASKED_OF, target) != target:
            _forget()  # it was asked of another run, which has ended meanwhile
        if stoppable(status):
            _stop(target, run_id)
        else:
            _forget()  # a question left open would be asked again of the next run
    return told


def stoppable(status: Status | str) -> bool:
    """Might something be open, of a run or a single order? Unknown counts as yes."""
    return isinstance(status, str) or watch.running(status) or bool(watch.tickets(status))


def layout_key(status: Status | str) -> object:
    """What the button and its question depend on."""
    return (
        stoppable(status),
        stop_words.label(status),
        stop_words.everything(status),
        not isinstance(status, str) and _target(status, None),
    )


def _target(status: Status | str, run_id: str | None) -> str | None:
    """The run that Stop means: the one that is shown, also when another begins meanwhile; None, whatever there is, where
    nothing can be read or only single orders are open."""
    if isinstance(status, str):
        return run_id
    return None if status.run is None or stop_words.only_tickets(status) else status.run.run_id


def tell(told: DeltaGenerator, status: Status | str) -> None:
    """The bar's text of one picture, and above it what an exit has done so far."""
    with told:
        markup.draw(join(_steps(status), tag("div", *_said(status), class_="sd-bar")))


def _said(status: Status | str) -> list[Html]:
    if isinstance(status, str):
        return [tag("b", "The desk cannot be read; what is open is not known.")]
    env = words.environment(status.env)
    state, pieces = stop_words.bar_text(status)
    called = "" if status.run is None else runs.called(status, status.run)
    name = tag("b", f"{called}: ", class_="sd-wide") if called else None
    badge = tag("span", env.label, class_=f"sd-badge sd-{env.color}", title=env.help)
    head = tag("span", badge, " ", name, tag("b", state))
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
              on_click=_ask, args=(_ONE, target))  # fmt: skip
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
    all_of_it = st.session_state.get(_ASKED) == _ALL
    _sentence(run_id, everything=all_of_it)
    more = stop_words.everything(status)
    recorded = not all_of_it and not isinstance(status, str) and stop_words.recorded(status.run)
    with st.container(horizontal=True, gap="small"):
        if all_of_it:
            st.button(stop_words.answer_of_all(status), key="stop_all_yes", type="primary",
                      icon=":material/stop_circle:", on_click=_order, args=(None,))  # fmt: skip
        elif not recorded:
            st.button(stop_words.answer(status), key="stop_yes", type="primary", icon=":material/stop_circle:",
                      on_click=_order, args=(target,))  # fmt: skip
        if more and not all_of_it:
            st.button(f"{more} …", key="stop_all", on_click=_ask, args=(_ALL, target))
        st.button(
            "Close" if recorded else stop_words.refusal(status),
            key="stop_no",
            shortcut="Escape",
            on_click=_ask,
            args=(None, target),
        )


@st.fragment(run_every=1)
def _sentence(run_id: str | None, *, everything: bool) -> None:
    """What the answer would do at this second's prices."""
    status = service.status(run_id)
    env = words.environment("?" if isinstance(status, str) else status.env)
    badge = tag("span", env.label, class_=f"sd-badge sd-{env.color}")
    if not isinstance(status, str) and (everything or stop_words.only_tickets(status)):
        said, sum_ = stop_words.question_of_all(status)
        markup.draw(join(tag("p", badge, " ", sum_), tag("ul", *(tag("li", line) for line in said))))
    else:
        markup.draw(tag("p", badge, " ", stop_words.question(status)))


def _forget() -> None:
    for key in (_ASKED, _ASKED_OF, _ERROR):
        st.session_state.pop(key, None)


def _ask(asked: str | None, target: str | None) -> None:
    if asked is None and st.session_state.get("stop"):
        return  # both were pressed before the page could answer either: Stop is not lost
    st.session_state[_ASKED], st.session_state[_ASKED_OF] = asked, target


def _order(target: str | None) -> None:
    st.session_state[_ASKED] = None
    st.session_state[_ERROR] = ""
    try:
        service.desk().stop(target, issued_by="panel")
    except TraderError as error:
        st.session_state[_ERROR] = fmt.plain(error)
    service.forget()
