"""The Chain & payoff page: what is looked at, the payoff with everything that ends it, map, what if, chain, smile, margin.

What a run holds is drawn by the page's beat, from the same picture as strip and bar. What a preset would trade has no second of
its own: a fragment asks the exchange every 5 s, as the chain's does, and every tab gets the same answer.
"""

import time
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, get_args

import streamlit as st

from trader.config.preset import Preset
from trader.desk import (
    Chain,
    Position,
    SizeBy,
    Status,
    Volatility,
    fires,
    margin_shock,
    outcomes,
    payoff,
    spot_map,
    what_if,
)
from trader.desk.payoff import deviation
from trader.domain.errors import TraderError
from trader.domain.structure_words import title
from trader.engine.view import RunView
from trader.panel import (
    cards,
    chain_board,
    chain_charts,
    chain_table,
    echarts,
    keep_zoom,
    markup,
    payoff_chart,
    runs,
    sell_now,
    service,
    shown,
    watch,
)
from trader.panel import format as fmt

_WHAT, _EXPIRY = "chain_what", "chain_expiry"
_HOURS, _IV, _MOVE = "chain_hours", "chain_iv", "chain_move"
_BY, _AMOUNT = "chain_size_by", "chain_size_amount"
_CSS = chain_board.CSS + chain_table.STYLE
_HELD = "held: "
_SHARED_SECS = 3.0
_SHARE = "share"
_SIZES = {
    _SHARE: "Margin, % of what is free",
    "margin": "Margin $",
    "max_loss": "Max loss $",
    "premium": "Premium $",
}
_chains: dict[tuple[object, ...], tuple[float, Chain | str]] = {}


class Choice(NamedTuple):
    """What is looked at: a run that holds something, else a preset; of what hours and shifts."""

    run_id: str | None
    preset: Preset
    expiry: datetime | None
    hours: float
    iv_points: float
    move_pct: float


# ------------------------------------------------------------------------------------------------- what is looked at


def choose(status: Status | str) -> Choice | str:
    """The controls at the top of the page; a sentence where there is nothing to look at."""
    held = [] if isinstance(status, str) else [run for run in watch.seen(status) if watch.stage(run) == "open"]
    names = {f"{_HELD}{run.run_id}": run for run in reversed(held)}
    try:
        presets = [info.name for info in service.desk().presets() if not info.problem]
        used = service.desk().load_snapshot()
    except TraderError as error:
        return fmt.plain(error)
    options = [*names, *presets]
    watched, called = f"{_HELD}{runs.watched(status)}", runs.names(held)
    first = (watched if watched in names else next(iter(names), None)) or (
        used.name if used is not None and used.name in presets else presets[0]
    )
    shown.begin_with(_WHAT, first, options)
    with st.container(horizontal=True, vertical_alignment="bottom", key="chain_controls"):
        what = st.selectbox(
            "Position or preset", options, key=_WHAT, format_func=lambda key: _name(key, names, called), width=330
        )
        run = names.get(what)
        preset = service.desk().preset_of(run.run_id) if run is not None else None
        try:
            preset = preset or service.desk().load_preset(what)
        except TraderError as error:
            return fmt.plain(error)
        expiry = _expiry(preset)
    return Choice(
        run_id=None if run is None else run.run_id, preset=preset, expiry=expiry,
        hours=float(st.session_state.get(_HOURS, 0.0)), iv_points=float(st.session_state.get(_IV, 0)),
        move_pct=float(st.session_state.get(_MOVE, 0.0)),
    )  # fmt: skip


def _name(key: str, names: dict[str, RunView], called: dict[str, str]) -> str:
    run = names.get(key)
    if run is None:
        return f"Preset {fmt.plain(key, 40)}"
    return f"Open: {called.get(run.run_id, '')} · run {run.run_id}"


def _expiry(preset: Preset) -> datetime | None:
    """Which chain is shown; the preset's own by default."""
    try:
        found = service.desk().expiries(preset.strategy.underlying)
    except TraderError:
        return None
    listed = {fmt.ist_day_time(choice.expiry): choice.expiry for choice in found[:8]}
    own = "Its own expiry"
    shown.begin_with(_EXPIRY, own, [own, *listed])
    picked = st.selectbox("Chain of", [own, *listed], key=_EXPIRY, width=190)
    return listed.get(picked or own)


def look(choice: Choice, status: Status | str) -> Position | str:
    """What is looked at as it stands now, or one sentence why it cannot be drawn."""
    if choice.run_id is not None:
        if isinstance(status, str):
            return status
        run = next((one for one in watch.seen(status) if one.run_id == choice.run_id), None)
        if run is None:
            return "This run has ended."
        try:
            return service.desk().position(run)
        except TraderError as error:
            return fmt.plain(error)
    seen = sell_now.look(choice.preset)
    if isinstance(seen, str):
        return f"The exchange cannot be asked; it is tried again every 5 s. {seen}"
    if seen.reasons:
        return "Nothing would be traded now: " + "; ".join(seen.reasons)
    return seen.position or "A leg has no implied volatility now, so there is no payoff to draw."


# ------------------------------------------------------------------------------------------------- the payoff


def style() -> None:
    """The looks of everything here; once a page."""
    cards.style()
    markup.stylesheet(_CSS)
    markup.script(keep_zoom.SCRIPT)
    markup.script(chain_table.SCRIPT)


def board(choice: Choice, status: Status | str) -> None:
    """Legs, figures, payoff and what ends it: everything of one picture."""
    position = look(choice, status)
    with st.container(key="chain_board"):
        if isinstance(position, str):
            chain_board.empty(position)
            return
        marks, sigma = fires(position), deviation(position)
        later = None if not choice.hours else position.market + timedelta(hours=choice.hours)
        curves = payoff(position, marks, later=later, iv_points=choice.iv_points)
        with st.container(key="chain_head"):
            markup.draw(chain_board.head(_title(choice.preset), position, what_if(position), outcomes(position), sigma))
        left, right = st.columns([1.8, 1], gap="small")
        with left, st.container(key="payoff_box", border=True):
            spec = _inked(payoff_chart.spec(position, curves, marks, sigma))
            st.echarts_chart(spec, key="payoff", height=400, alt=payoff_chart.in_words(position, marks))
        with right, st.container(key="fires_box", border=True, height="stretch"):
            markup.draw(chain_board.fires_table(position, marks))


@st.fragment(run_every=5)
def preview_board(choice: Choice) -> None:
    """The same of what a preset would trade now."""
    board(choice, "")


def _title(preset: Preset) -> str:
    name = title(preset.structure)
    return name[0].upper() + name[1:]


def _inked(spec: dict[str, object]) -> dict[str, object]:
    return echarts.readable(spec, st.context.theme.type)


# ------------------------------------------------------------------------------------------------- map, what if, margin


def shifts(choice: Choice, position: Position | str) -> None:
    """The three sliders, in one box with what they come to."""
    with st.container(border=True, key="what_if_box", height="stretch"):
        st.markdown("**What if**")
        most = 24.0
        if not isinstance(position, str):
            most = max(round((position.ends - position.market).total_seconds() / 3600, 1), 0.1)
        hours = min(float(st.session_state.get(_HOURS, 0.0)), most)
        st.session_state[_HOURS] = hours
        shown.begin_with(_MOVE, 0.0)
        shown.begin_with(_IV, 0)
        coin = choice.preset.strategy.underlying
        st.slider(f"{coin} moves", -20.0, 20.0, step=0.25, key=_MOVE, format="%.2f %%")
        st.slider("Implied volatility, points", -20, 20, step=1, key=_IV)
        st.slider("Hours from now, up to the exit", 0.0, most, step=0.1, key=_HOURS, format="%.1f h")
        _what_if(choice)


@st.fragment(run_every=5)
def _what_if(choice: Choice) -> None:
    position = look(choice, service.status())
    if isinstance(position, str):
        chain_board.empty(position)
        return
    spot = float(position.spot) * (1 + choice.move_pct / 100)
    then = what_if(position, spot=spot, iv_points=choice.iv_points, hours=choice.hours)
    markup.draw(chain_board.what_if_table(position, then, what_if(position)))


@st.fragment(run_every=60)
def time_map(choice: Choice) -> None:
    """P&L over time and spot."""
    with st.container(border=True, key="map_box", height="stretch"):
        st.markdown("**P&L by time and spot**")
        position = look(choice, service.status())
        if isinstance(position, str):
            chain_board.empty(position)
            return
        seen = spot_map(position)
        with st.container(key="map_place"):
            st.echarts_chart(
                _inked(chain_charts.map_spec(position, seen)), key="spot_map", height=360,
                alt=chain_charts.map_words(position, seen),
            )  # fmt: skip
        markup.draw(chain_board.map_note(position))


@st.fragment(run_every=30)
def margin(choice: Choice) -> None:
    """Margin with spot elsewhere."""
    st.markdown("**Margin if spot moves**")
    position = look(choice, service.status())
    if isinstance(position, str):
        chain_board.empty(position)
        return
    markup.draw(chain_board.shock_table(position, margin_shock(position), _available()))


def _available() -> Decimal | None:
    try:
        return service.desk().available()
    except TraderError:
        return None


def sizer(choice: Choice) -> None:
    """How many contracts meet a target."""
    st.markdown("**Size by**")
    shown.begin_with(_BY, _SHARE, list(_SIZES))
    by = st.selectbox("Target", list(_SIZES), key=_BY, format_func=_SIZES.__getitem__, label_visibility="collapsed")
    amount = st.number_input("At most", min_value=0.0, value=None, key=_AMOUNT, placeholder="Type a number")
    if amount is None or by is None:
        chain_board.empty(
            "The most contracts of each leg that stay within it. Nothing is changed or ordered from here."
        )
        return
    target = Decimal(str(amount))
    if by == _SHARE:
        free = _available()
        if free is None:
            chain_board.empty("What is free on the account is not known now.")
            return
        target, by = free * target / 100, "margin"
    assert by in get_args(SizeBy)
    try:
        size = service.desk().size_for(choice.preset, by, target)  # type: ignore[arg-type]
    except TraderError as error:
        chain_board.empty(fmt.plain(error))
        return
    said = f"At most {size.contracts:,} contracts of each leg." if size.contracts else ""
    chain_board.empty(f"{said} {size.words}".strip())


# ------------------------------------------------------------------------------------------------- the chain


@st.fragment(run_every=5)
def chain(choice: Choice) -> None:
    """The table of one expiry, its smile, and volatility."""
    seen = _chain(choice)
    with st.container(border=True, key="chain_box"):
        if isinstance(seen, str):
            st.markdown("**Option chain**")
            chain_board.empty(f"The exchange cannot be asked; it is tried again every 5 s. {seen}")
            return
        st.markdown("**Option chain**")
        if seen.fault:
            st.markdown(fmt.tagged("orange", f"{seen.age_secs:.0f} s old", seen.fault))
        markup.draw(markup.join(chain_board.chain_line(seen), chain_table.table(seen)))
    left, right = st.columns([1.5, 1], gap="small")
    with left, st.container(border=True, key="smile_box", height="stretch"):
        st.markdown("**Implied volatility by strike**")
        with st.container(key="smile_place"):
            st.echarts_chart(
                _inked(chain_charts.smile_spec(seen)), key="smile", height=300, alt=chain_charts.smile_words(seen)
            )
    with right, st.container(border=True, key="volatility_box", height="stretch"):
        st.markdown("**Realised against implied**")
        markup.draw(chain_board.volatility_table(seen, _moved(seen)))


def _chain(choice: Choice) -> Chain | str:
    """The same answer for every tab that asks within a few seconds."""
    desk = service.desk()
    key = (id(desk), choice.run_id, choice.preset.config_hash, choice.expiry)
    found = _chains.get(key)
    if found is not None and time.monotonic() - found[0] < _SHARED_SECS:
        return found[1]
    try:
        run = _run(choice)
        seen: Chain | str = desk.chain(choice.preset if run is None else run, choice.expiry)
    except TraderError as error:
        seen = fmt.plain(error)
    if len(_chains) > 50:
        _chains.clear()
    _chains[key] = (time.monotonic(), seen)
    return seen


def _run(choice: Choice) -> RunView | None:
    status = service.status()
    if choice.run_id is None or isinstance(status, str):
        return None
    return next((one for one in watch.seen(status) if one.run_id == choice.run_id), None)


def _moved(seen: Chain) -> Volatility | str:
    if seen.market is None:
        return "the exchange's time is not known."
    try:
        return service.desk().volatility(seen.underlying, seen.market)
    except TraderError as error:
        return fmt.plain(error)
