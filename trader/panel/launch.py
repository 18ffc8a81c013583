"""Starting a run: the preset, what Start will do, Start; beside it what the preset would sell and what must be true."""

from datetime import datetime

import streamlit as st

from trader.config.preset import Preset, Schedule
from trader.config.relevance import in_use
from trader.desk import Preview, Status
from trader.domain.errors import TraderError
from trader.domain.expiry import ist_date
from trader.domain.structure_words import title, verb
from trader.panel import beside, lots, parts, preflight, refused, runs, sell_now, service, shown, watch
from trader.panel import format as fmt
from trader.panel.pressed import note

_RESULT = "dash_start_result"
_ANSWER_SECS = 2.0  # a runner looks for commands four times a second


def draw(*, safe_env: str, teach: bool = False) -> None:
    """The start box with its pre-flight board, beside the preview. Holds widgets, so it stands outside the page's beat.

    Args:
        safe_env: The environment, which decides whether a phrase is asked for.
        teach: Tell the steps to a first paper trade: nothing has been run yet.
    """
    presets = service.desk().presets()
    names = [info.name for info in presets]
    first = refused.saved_choice(presets)
    shown.begin_with("dash_preset", first, names)
    if teach and safe_env == "paper":
        st.info(
            "**First paper trade**, without an account: leave *default*, choose **Now**, press **Start**. Both legs are sold on this "
            "machine's own exchange. Then **Stop & Exit**, until it says FLAT; the run is in History.",
            icon=":material/school:",
        )
    left, right = st.columns([1, 2], gap="small")
    with left, st.container(border=True, key="start_box", gap="small"):
        preset = _picker(names)
        if preset is not None:
            preset = _start(preset, safe_env)
    if preset is None:
        return
    with left, st.container(border=True, key="preflight_box", gap="small"):
        preflight.draw(preset)
    with right, st.container(border=True, key="preview_box", height="stretch", gap="small"):
        sell_now.draw(preset)


def _picker(names: list[str]) -> Preset | None:
    if not names:
        st.markdown("There is no preset; make one on the Configure page.")
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
    return preset


def _start(stored: Preset, env: str) -> Preset:
    """When, how large, what that means, and the button. Returns the preset with the size chosen for this run."""
    names = {"scheduled": f"At {stored.schedule.entry_time_ist} IST", "now": "Now"}
    shown.begin_with("dash_when", "scheduled")
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.segmented_control(
            "When",
            list(names),
            format_func=names.__getitem__,
            key="dash_when",
            required=True,
            label_visibility="collapsed",
            width="content",
        )
        with st.popover("Size", key="lot_sizer", icon=":material/straighten:"):
            preset = lots.choose(stored)
    _promise(preset)
    _others(preset)
    lots.answer(stored, preset)
    confirm = None
    if env == "production":
        st.text(f"Real money. To arm this one run, type: {service.desk().arming_phrase(preset)}")
        confirm = st.text_input("Phrase", key="dash_confirm", autocomplete="off")
    beside.field(service.foreign(preset.strategy.underlying, look=False))
    st.button("Start", key="dash_start", type="primary", icon=":material/play_arrow:", width="stretch",
              on_click=_send, args=(preset, lots.target()), disabled=lots.unmet() or (env == "production" and not confirm))  # fmt: skip
    answer()
    return preset


@st.fragment(run_every=3)
def _promise(preset: Preset) -> None:
    """What Start will do, and how large it is: in the words of the same preview that stands beside it."""
    st.markdown(fmt.strong(promise(preset, now=st.session_state.get("dash_when") == "now")))
    seen = sell_now.look(preset)
    known = not isinstance(seen, str)
    strategy = preset.strategy
    size = parts.size(
        strategy.quantity,
        seen.contract_value if known else None,  # type: ignore[union-attr]
        strategy.underlying,
        seen.notional if known else None,  # type: ignore[union-attr]
    )
    what = title(preset.structure).capitalize()
    if "delta_min" in in_use(type(strategy), dict(strategy)):
        what += f", delta {strategy.delta_min:f}–{strategy.delta_max:f}"
    what += f" · {strategy.expiry.replace('_', ' ')}"
    st.markdown(fmt.safe(f"{size}. {what} · {preset.schedule.out_words}"))


@st.fragment(run_every=3)
def _others(preset: Preset) -> None:
    status = service.status()
    if not isinstance(status, str) and (said := others(status, preset)):
        st.markdown(fmt.safe(said, 600))


def others(status: Status, preset: Preset) -> str:
    """That other runs are on, which the new one would begin beside; empty while there are none."""
    on = [run for run in watch.seen(status) if watch.unresolved(run)]
    if not on:
        return ""
    called = runs.names(on)
    listed = "; ".join(f"{called[run.run_id]}, {run.phase.value}" for run in on)
    underlying = preset.strategy.underlying
    here, most = (
        sum(run.underlying == underlying for run in on),
        None if status.totals is None else status.totals.limits,
    )
    counted = "" if most is None else (
        f" It would be run {here + 1} of {most['open_runs_per_underlying']} on {underlying}, "
        f"{len(on) + 1} of {most['open_runs']} in all."
    )  # fmt: skip
    return (
        f"Another run is on and goes on: {listed}.{counted}"
        if len(on) == 1
        else f"Other runs are on and go on: {listed}.{counted}"
    )


def promise(preset: Preset, *, now: bool) -> str:
    """``Sell now: 1 C 80,000 + 1 P 74,000 for ≈ $0.35``, or the same at the preset's time."""
    seen = sell_now.look(preset)
    entry, market = (None, None) if isinstance(seen, str) else (seen.entry_at, seen.market)
    word = {"trade": "Enter"}.get(verb(preset.structure), verb(preset.structure).capitalize())
    when, at_once = planned(preset.schedule, entry, market, now=now, word=word)
    if isinstance(seen, str):
        return f"{when}: what would qualify is not known, the exchange cannot be asked"
    if not seen.legs:
        return f"{when}: nothing qualifies at this moment; the run would wait and say why"
    legs = legs_words(seen)
    return f"{when}: {legs}" if at_once else f"{when}: {word.lower()} what qualifies then; now {legs}"


def legs_words(seen: Preview) -> str:
    """``1 C 80,000 + 1 P 74,000 for ≈ $0.35``; where some are bought and some sold, which."""
    said = {
        side: " + ".join(f"{leg.quantity:,}\u00a0{sell_now.leg_name(leg)}" for leg in seen.legs if leg.side == side)
        for side in ("sell", "buy")
    }
    both = all(said.values())
    legs = ", ".join(f"{side} {names}" if both else names for side, names in said.items() if names)
    pays = seen.premium is not None and seen.premium < 0
    money = parts.dollars(None if seen.premium is None else abs(seen.premium), parts.places(seen.premium))
    return f"{legs} {'paying' if pays else 'for'} ≈ {money}"


def planned(
    schedule: Schedule, entry: datetime | None, market: datetime | None, *, now: bool, word: str = "Sell"
) -> tuple[str, bool]:
    """When a start would enter, and whether that is at once: a time that has gone by means another day, and one whose entry
    window is open means now."""
    if now:
        return f"{word} now", True
    at = f"{schedule.entry_time_ist} IST"
    if market is None or entry is None:
        return f"At {at}", False
    if entry <= market:
        return f"{word} at once, the entry window of {at} is open", True
    other_day = ist_date(entry) != ist_date(market)
    return f"On {ist_date(entry):%a %d %b} at {at}" if other_day else f"At {at}", False


def answer() -> None:
    """What the last press of Start was answered, where there is something to say."""
    if said := note(_RESULT).said:
        st.text(said)


def _send(preset: Preset, size: object) -> None:
    """Send what the person sees. The arguments of a callback are those of the last drawing, which a quick hand outruns:
    the inputs are read as they stand now, and a preset or a size that is not the drawn one is not started unseen."""
    desk, answered = service.desk(), note(_RESULT)
    changed = (
        "preset" if st.session_state.get("dash_preset") != preset.name else "size" if lots.target() != size else ""
    )
    if changed:
        answered.said = f"Not started: the {changed} was just changed; look at it and press Start again."
        return
    now = st.session_state.get("dash_when") == "now"
    confirm, phrase = st.session_state.get("dash_confirm"), beside.typed()
    # From here on nothing of the session's state is touched: see `pressed`.
    try:
        receipt = desk.start(preset, now=now, issued_by="panel", confirm=confirm, beside=phrase)
        answer = desk.await_command(receipt.command_id, _ANSWER_SECS)
    except TraderError as error:
        answered.said = f"Not started: {fmt.plain(error, 600)}"
    else:
        answered.said = {
            "refused": f"Not started: {fmt.plain(answer.detail)}",
            "new": "Recorded; the runner has not answered yet.",
        }.get(answer.status, "")
    service.forget()
