"""A run that waits for its entry: what must be true before it sells, what it would sell, and selling now instead."""

import streamlit as st

from trader.config.preset import Preset
from trader.desk import Status
from trader.domain.errors import TraderError
from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.panel import beside, cards, markup, preflight, sell_now, service, words
from trader.panel import format as fmt
from trader.panel.markup import Html
from trader.panel.pressed import note

_SAID = "dash_instead_said"
_ANSWER_SECS = 2.0
_TIME = "waiting for the entry time"  # the engine's words for what the first row shows as a time
_HEIGHT = 118


def draw(status: Status | str) -> None:
    """The live board, once a second: the entry time, and what the engine itself finds in the way. No widgets."""
    if isinstance(status, str) or status.run is None or status.run.phase is not Phase.WAITING:
        return
    run = status.run
    with st.container(border=True, key="waiting_box", gap="small"):
        st.markdown(
            "**Before it sells**", help="The first row is the clock; the others are what the engine itself asks for."
        )
        with st.container(height=_HEIGHT, border=False, key="waiting_rows"):
            barred = [cards.row(False, "", reason) for reason in run.why_not if reason != _TIME]
            markup.draw(markup.join(_window(run), *(barred or [_rest(run)])))


def _is_open(run: RunView) -> bool:
    return run.entry_at is not None and run.market_at is not None and run.market_at >= run.entry_at


def _window(run: RunView) -> Html:
    if run.entry_at is None or run.market_at is None:
        return cards.row(None, "entry time", "not known yet: no market data has arrived")
    at = fmt.ist_time(run.entry_at)
    if _is_open(run):
        return cards.row(True, "entry time", f"{at} has come")
    return cards.row(False, "entry time", f"{at}, {words.countdown(run.entry_at, run.market_at)}")


def _rest(run: RunView) -> Html:
    if _is_open(run):
        return cards.row(True, "", "nothing else stands in the way")
    return cards.row(
        None, "", "strikes, prices and margin are asked again when the time has come; how they stand now is below"
    )


def around(run: RunView, env: str) -> None:
    """What stands beside the live board: the preview, every prerequisite, and the buttons. Outside the page's beat."""
    preset = service.desk().preset_of(run.run_id)
    if preset is None:
        return
    left, right = st.columns([1, 2], gap="small")
    with left:
        with st.container(border=True, key="instead_box", gap="small"):
            _instead(run, preset, env)
        beside.draw(run)
        with st.container(border=True, key="preflight_box", gap="small"):
            preflight.draw(preset)
    with right, st.container(border=True, key="preview_box", height="stretch", gap="small"):
        sell_now.draw(preset)


def _instead(run: RunView, preset: Preset, env: str) -> None:
    confirm = None
    if env == "production":
        st.text(f"Real money. To arm selling now, type: {service.desk().arming_phrase(preset)}")
        confirm = st.text_input("Phrase", key="dash_instead_confirm", autocomplete="off")
    st.button(
        "Sell now instead", key="dash_instead", icon=":material/fast_forward:", width="stretch", on_click=_sell,
        args=(run.run_id,), disabled=env == "production" and not confirm,
        help="Ends this wait and, once that is confirmed, starts the same configuration at once. It counts as one more run.",
    )  # fmt: skip
    if said := note(_SAID).said:
        st.text(said)


def _sell(run_id: str) -> None:
    desk, answered, confirm = service.desk(), note(_SAID), st.session_state.get("dash_instead_confirm")
    # From here on nothing of the session's state is touched: see `pressed`.
    try:
        receipt = desk.sell_now_instead(run_id, issued_by="panel", confirm=confirm)
        answer = desk.await_command(receipt.command_id, _ANSWER_SECS)
    except TraderError as error:
        answered.said = fmt.plain(error, 600)
    else:
        answered.said = {
            "refused": f"The wait is over, and nothing was started: {fmt.plain(answer.detail)}",
            "new": "The wait is over; the runner has not answered the start yet.",
        }.get(answer.status, "")
    service.forget()
