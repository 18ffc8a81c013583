"""How a run ended: the result first, then how it comes about, and where to go from here."""

from decimal import Decimal

import plotly.graph_objects as go
import streamlit as st

from trader.desk import Outcome
from trader.domain.basis import basis_short
from trader.domain.errors import TraderError
from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.panel import format as fmt
from trader.panel import parts, service, words
from trader.panel.charts import waterfall_figure

_HEIGHT = 168
_SAID = "dash_again_said"


def draw(run: RunView) -> None:
    """The card of a run that is done; it does not change any more. Holds buttons, so it stands outside the page's beat."""
    if run.phase is not Phase.DONE:
        return
    try:
        outcome = service.desk().outcome(run.run_id)
    except TraderError as error:
        st.error("The result cannot be read.", icon=":material/error:")
        st.text(fmt.plain(error))
        return
    with st.container(border=True, key="result_box", gap="small"):
        left, right = st.columns([1.25, 1], gap="medium")
        with left:
            st.subheader(fmt.safe(verdict(run, outcome)), anchor=False)
            _flat(run)
            st.markdown(fmt.safe(" · ".join(_facts(run, outcome)), 600), help=fmt.safe(run.run_id))
            _onward(run)
        with right, st.container(key="result_chart"):
            if outcome is not None:
                st.plotly_chart(
                    waterfall(outcome),
                    key=f"result_{run.run_id}",
                    config={"displayModeBar": False},
                    alt=in_words(outcome),
                )


def verdict(run: RunView, outcome: Outcome | None) -> str:
    """``Kept +$0.1152 = 41 % of net credit in 9 h 17 m · exit time``."""
    reason = words.exit_reason(run.exit_reason)
    if outcome is None:
        return f"Ended without a trade · {reason}"
    verb = "Kept" if outcome.result > 0 else "Lost" if outcome.result < 0 else "Even:"
    money = parts.dollars(outcome.result, parts.places(outcome.premium), signed=True)
    pct = outcome.result_pct
    share = "" if pct is None else f" = {parts.percent(pct, signed=pct < 0)} of {basis_short(outcome.basis_name)}"
    span = "" if outcome.held is None else " in " + fmt.duration(outcome.held).replace(" ", "\u00a0")
    return f"{verb} {money}{share}{span} · {reason}"


def _flat(run: RunView) -> None:
    flat = words.flat_line(run)
    if run.flat == "true":
        st.markdown(":green-badge[FLAT] confirmed by the exchange.")
        return
    st.error(fmt.safe(flat.label), icon=":material/error:")
    st.text(fmt.plain(flat.help))


def _facts(run: RunView, outcome: Outcome | None) -> list[str]:
    """How it comes about, in one line; which run it was stands in the headline above."""
    if outcome is None:
        return [f"Nothing was sold on {run.underlying}"]
    strikes = " / ".join(f"{leg.strike.normalize():,f}" for leg in run.legs)
    facts = [
        in_words(outcome),
        f"{run.underlying} {strikes}",
        f"{fmt.ist_clock(outcome.started_at)} to {fmt.ist_clock(outcome.ended_at)} IST",
    ]
    if run.peak_pct is not None:
        facts.append(f"peak {parts.money(run.peak_pnl, run.peak_pct, parts.places(outcome.premium))}")
    return facts


def _onward(run: RunView) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.page_link(
            "pages/history.py", label="Open report", icon=":material/description:", query_params={"run": run.run_id}
        )
        st.button(
            "Run again", key="dash_again", icon=":material/replay:", on_click=_again, args=(run.run_id,),
            help="Puts this run's preset and Now into the start box below; nothing is sold before you press Start.",
        )  # fmt: skip
    if st.session_state.get(_SAID):
        st.markdown(fmt.safe(st.session_state[_SAID]))


def _again(run_id: str) -> None:
    """The start box as it was for that run; a preset that has changed since is said to have."""
    desk = service.desk()
    try:
        pinned = desk.preset_of(run_id)
        stored = None if pinned is None else desk.load_preset(pinned.name)
    except TraderError as error:
        st.session_state[_SAID] = f"Not prepared: {fmt.plain(error)}"
        return
    if pinned is None or stored is None:
        return
    st.session_state["dash_preset"], st.session_state["dash_when"] = pinned.name, "now"
    same = pinned.config_hash == stored.config_hash
    st.session_state[_SAID] = (
        f"Preset {pinned.name} and Now are chosen in the start box; look at what it would sell, then press Start."
        + ("" if same else " The preset has been changed since this run.")
    )


def waterfall(outcome: Outcome) -> go.Figure:
    """From the premium to the result, in the exact numbers of the fills."""
    steps = _steps(outcome)
    decimals = _decimals(outcome)
    labels = [f"{name} {parts.dollars(value, decimals, signed=True)}" for name, value in steps]
    return waterfall_figure([float(value) for _, value in steps], labels, height=_HEIGHT)


def _decimals(outcome: Outcome) -> int:
    """Cents where the amounts as shown add up to the result as shown; else as many as it takes."""
    usual = parts.places(outcome.premium)
    for decimals in sorted({usual, 2, 4}):
        shown = [round(value, decimals) for _, value in _steps(outcome)]
        if sum(shown[:-1]) == shown[-1]:
            return decimals
    return 4


def _steps(outcome: Outcome) -> list[tuple[str, Decimal]]:
    closed = "Bought back, settled" if outcome.settled else "Bought back"
    return [
        ("Premium", outcome.premium),
        (closed, -outcome.closed_for),
        ("Fees", -outcome.fees),
        ("Result", outcome.result),
    ]


def in_words(outcome: Outcome) -> str:
    """``premium +$84.20, bought back −$50.02, fees −$2.31: result +$31.87``."""
    decimals = _decimals(outcome)
    shown = [f"{name.lower()} {parts.dollars(value, decimals, signed=True)}" for name, value in _steps(outcome)]
    return f"{', '.join(shown[:-1])}: {shown[-1]}"
