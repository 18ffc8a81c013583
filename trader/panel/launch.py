"""Starting a run: preset, what it would sell now, Start."""

import pandas as pd
import streamlit as st

from trader.config.preset import Preset
from trader.desk import Preview
from trader.desk.market import exit_figures
from trader.domain.errors import TraderError
from trader.panel import beside, refused, service
from trader.panel import format as fmt

_RESULT = "dash_start_result"
_SHOWN_ELSEWHERE = frozenset({"legs"})  # in the preview
_ANSWER_SECS = 2.0  # a runner looks for commands four times a second


def draw(*, safe_env: str) -> None:
    """The start box beside its preview."""
    presets = service.desk().presets()
    names = [info.name for info in presets]
    first = refused.saved_choice(presets)
    st.session_state.setdefault("dash_preset", first)
    left, right = st.columns([1, 2], gap="small")
    with left, st.container(border=True, key="start_box", gap="small"):
        preset = _picker(names)
        if preset is not None:
            _start(preset, safe_env)
    with right, st.container(border=True, key="preview_box", height="stretch", gap="small"):
        if preset is not None:
            preview(preset)
            ready(preset)


def _picker(names: list[str]) -> Preset | None:
    if not names:
        st.caption("There is no preset; make one on the Configure page.")
        return None
    name: str | None = st.selectbox(
        "Preset", names, key="dash_preset", placeholder="Choose one", help="Edit presets on the Configure page."
    )
    if name is None:
        return None
    try:
        preset: Preset = service.desk().load_preset(name)
    except TraderError as error:
        st.error("This preset cannot be used.", icon=":material/error:")
        st.text(fmt.plain(error))
        return None
    chosen = preset.strategy
    with st.container(horizontal=True, gap="medium"):
        st.metric(
            "Quantity per leg", f"{chosen.quantity:,}", help="Contracts of the call and of the put.", width="content"
        )
        st.metric("Delta", f"{chosen.delta_min:f}–{chosen.delta_max:f}", width="content")
    st.caption(
        fmt.safe(
            f"{chosen.underlying}, expiry {chosen.expiry.replace('_', ' ')}; "
            f"sells at {preset.schedule.entry_time_ist}, out at {preset.schedule.exit_time_ist} IST"
        )
    )
    return preset


def _start(preset: Preset, env: str) -> None:
    names = {"scheduled": f"At {preset.schedule.entry_time_ist} IST", "now": "Now"}
    st.segmented_control(
        "When",
        list(names),
        format_func=names.__getitem__,
        default="scheduled",
        key="dash_when",
        required=True,
        width="stretch",
    )
    confirm = None
    if env == "production":
        st.text(f"Real money. To arm this one run, type: {service.desk().arming_phrase(preset)}")
        confirm = st.text_input("Phrase", key="dash_confirm", autocomplete="off")
    beside.field(service.foreign(preset.strategy.underlying, look=False))
    st.button("Start", key="dash_start", type="primary", icon=":material/play_arrow:", width="stretch",
              on_click=_send, args=(preset,), disabled=env == "production" and not confirm)  # fmt: skip
    answer()


def answer() -> None:
    """What the last press of Start was answered, where there is something to say."""
    result = st.session_state.get(_RESULT)
    if result:
        st.text(result)


def _send(preset: Preset) -> None:
    """Send what the person sees. The arguments of a callback are those of the last drawing, which a quick hand outruns:
    the inputs are read as they stand now, and a preset that is not the drawn one is not started unseen."""
    if st.session_state.get("dash_preset") != preset.name:
        st.session_state[_RESULT] = "Not started: the preset was just changed; look at it and press Start again."
        return
    now = st.session_state.get("dash_when") == "now"
    confirm = st.session_state.get("dash_confirm")
    try:
        receipt = service.desk().start(preset, now=now, issued_by="panel", confirm=confirm, beside=beside.typed())
        answer = service.desk().await_command(receipt.command_id, _ANSWER_SECS)
    except TraderError as error:
        service.forget()
        st.session_state[_RESULT] = f"Not started: {fmt.plain(error, 600)}"
        return
    service.forget()
    st.session_state[_RESULT] = {
        "refused": f"Not started: {fmt.plain(answer.detail)}",
        "new": "Recorded; the runner has not answered yet.",
    }.get(answer.status, "")


@st.fragment(run_every=3)
def preview(preset: Preset) -> None:
    """The strikes this preset would sell now, with premium, margin and breakevens, or why none qualifies."""
    st.markdown("**What it would sell now**")
    try:
        seen = service.desk().preview(preset)
    except TraderError as error:
        st.caption("The exchange could not be asked.")
        st.text(fmt.plain(error))
        return
    if seen.reasons:
        for reason in seen.reasons:
            st.text(f"• {fmt.plain(reason, 200)}")
    if figures := exit_figures(seen):
        st.text(fmt.plain(figures, 300))
    if seen.legs:
        st.table(_legs(seen), border="horizontal", hide_index=True)
        with st.container(horizontal=True, gap="medium"):
            st.metric("Premium", fmt.usd(seen.premium), width="content")
            st.metric("Fees", fmt.usd(seen.fees), width="content")
            st.metric("Margin, estimated", fmt.usd(seen.margin), width="content")
            st.metric(
                "Breakevens", " – ".join(fmt.price(value) for value in seen.breakevens) or fmt.DASH, width="content"
            )
    st.caption(
        fmt.safe(f"Spot {fmt.price(seen.spot)}, expiry {fmt.ist_day_time(seen.expiry)}"), help=fmt.utc_hint(seen.expiry)
    )


@st.fragment(run_every=10)
def ready(preset: Preset) -> None:
    """What stands in the way of an entry now: the prerequisites that are not met, or not known."""
    drawn = service.foreign(preset.strategy.underlying, look=False)
    rows = service.desk().prerequisites(preset)
    open_rows = [row for row in rows if not row.ok and row.name not in _SHOWN_ELSEWHERE]
    st.markdown("**Prerequisites**", help=fmt.safe("; ".join(f"{row.name}: {row.words}" for row in rows), 2000))
    if open_rows:
        st.text(
            "\n".join(f"{'?' if row.ok is None else '✗'} {row.name}: {fmt.plain(row.words, 400)}" for row in open_rows)
        )
    else:
        st.caption("All met." if all(row.ok for row in rows) else "All met but what is shown above.")
    if service.foreign(preset.strategy.underlying, look=True) != drawn:
        st.rerun(scope="app")  # the start box gets its field for the phrase, or loses it


def _legs(seen: Preview) -> pd.DataFrame:
    rows = [
        {
            "Sell": fmt.safe(leg.symbol, 40),
            "Strike": fmt.price(leg.strike),
            "Delta": fmt.number(leg.delta, 3),
            "IV": fmt.pct(None if leg.iv is None else leg.iv * 100),
            "Bid": fmt.price(leg.bid),
            "Ask": fmt.price(leg.ask),
            "Mark": fmt.price(leg.mark),
            "Open interest": fmt.number(leg.open_interest, 0),
        }
        for leg in seen.legs
    ]
    return pd.DataFrame(rows)
