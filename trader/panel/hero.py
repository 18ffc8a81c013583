"""The answer in two seconds: the run's state in words, P&L now, what happens next."""

import streamlit as st

from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.panel import format as fmt
from trader.panel import service, watch, words

_METRIC_WIDTH = 148  # two side by side on a phone


@st.fragment(run_every=1)
def draw(run_id: str | None) -> None:
    """State, money and countdown of one run, every second."""
    status = service.status(run_id)
    with st.container(border=True, key="hero", gap="small"):
        if isinstance(status, str):
            st.subheader("Unknown — the desk cannot be read", anchor=False)
            return
        _relayout(watch.layout_key(status))
        run = status.run
        st.subheader(fmt.safe(words.headline(run, alive=status.runner.alive)), anchor=False)
        if not status.runner.alive:
            _silent(status.runner.heartbeat_age_s)
        if run is None:
            st.caption("Choose a preset below, look at what it would sell now, and press Start.")
            return
        _identity(run)
        _figures(run)


def _relayout(key: object) -> None:
    """One full rerun when a run began or ended, so that the rest of the page fits; typed text survives it."""
    before = st.session_state.get("dash_layout", key)
    st.session_state["dash_layout"] = key
    if before != key:
        st.rerun(scope="app")


def _silent(heartbeat_age_s: float | None) -> None:
    st.error(
        "The runner is silent: nothing is being watched, and the figures below are old. "
        "Stop & Exit is recorded and carried out as soon as a runner is up.",
        icon=":material/heart_broken:",
    )
    st.text(f"Last heard: {fmt.age(heartbeat_age_s)} ago" if heartbeat_age_s is not None else "Never heard.")


def _identity(run: RunView) -> None:
    """One line under the headline: which run this is and how it stands with the exchange."""
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        phase, color = words.PHASES[run.phase]
        flat = words.flat_line(run)
        st.badge(phase, color=color)
        if run.phase in (Phase.EXITING, Phase.DONE):
            st.badge(fmt.safe(flat.label.split(":")[0]), color=flat.color, help=fmt.safe(f"{flat.label}. {flat.help}"))
        facts = [f"{run.underlying} short strangle", f"preset {run.preset}", f"run {run.run_id}"]
        st.caption(fmt.safe(" · ".join(facts)), help=fmt.safe(_pinned(run)))


def _pinned(run: RunView) -> str:
    return (
        f"Configuration {run.config_hash}; started {fmt.ist_full(run.created_at)} ({fmt.utc_hint(run.created_at)}); "
        f"exit {fmt.ist_full(run.exit_at)} ({fmt.utc_hint(run.exit_at)})"
    )


def _figures(run: RunView) -> None:
    with st.container(horizontal=True, gap="small", key="hero_figures"):
        if run.phase is Phase.DONE:
            _metric(
                "Realised P&L", fmt.usd(run.realized_pnl, signed=True), help="Cash flows of all fills, fees included."
            )
            _metric("Fees", fmt.usd(run.fees))
            _metric("Premium", fmt.usd(run.premium))
            _metric("Peak", fmt.usd(run.peak_pnl, signed=True))
            _metric("Ended by", words.exit_reason(run.exit_reason))
            return
        if run.phase is Phase.WAITING:
            _metric("Sells at", fmt.ist_time(run.entry_at), help=fmt.utc_hint(run.entry_at))
            _metric("Exits at", fmt.ist_time(run.exit_at), help=fmt.utc_hint(run.exit_at))
            _metric("Spot", fmt.price(run.spot), help="Index of the underlying.")
            return
        delta = None if run.pnl_pct is None else f"{fmt.pct(run.pnl_pct, signed=True)} of premium".replace("−", "-")
        _metric(
            "P&L now",
            fmt.usd(run.pnl, signed=True),
            delta,
            help="What closing now would leave: ask side, fees and tax.",
        )
        _metric("Premium", fmt.usd(run.premium), help="Received for both legs.")
        _metric("Peak", fmt.usd(run.peak_pnl, signed=True), help="Best P&L of this run.")
        _trailing(run)
        _metric(
            "Spot",
            fmt.price(run.spot),
            _moved(run),
            delta_color="off",
            help="Index of the underlying; change since the entry.",
        )


def _trailing(run: RunView) -> None:
    """The level is % of premium; what that is in money is the armed rung's."""
    level = "not armed" if run.trailing_level is None else fmt.pct(run.trailing_level, signed=True)
    rung = next((item for item in run.ladder if item.armed and item.at_pct == run.trailing_level), None)
    money = None if rung is None or rung.at_pnl is None else fmt.usd(rung.at_pnl, signed=True)
    _metric(
        "Trailing level",
        level,
        money,
        delta_color="off",
        help="Exit if P&L falls back to this, % of premium; it never loosens.",
    )


def _moved(run: RunView) -> str | None:
    if run.spot is None or run.spot_at_entry is None:
        return None
    return f"{run.spot - run.spot_at_entry:+,.0f} since entry"


def _metric(
    label: str, value: str, delta: str | None = None, *, delta_color: str = "normal", help: str | None = None
) -> None:
    st.metric(label, fmt.plain(value), delta, delta_color=delta_color, help=help, width=_METRIC_WIDTH)  # type: ignore[arg-type]
