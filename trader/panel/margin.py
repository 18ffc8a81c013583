"""The Account page's margin: in which mode the exchange margins the account, what that means, and setting it there."""

import streamlit as st

from trader.desk import MarginChange
from trader.domain.errors import TraderError
from trader.domain.margin import ISOLATED, MODES, PORTFOLIO, MarginTerms, mode_words, topup_words
from trader.panel import format as fmt
from trader.panel import markup, parts, service
from trader.panel.markup import Html, tag
from trader.panel.pressed import note

_SAID, _ASKED = "margin_said", "margin_asked"
_CSS = """
.mg-table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
.mg-table :is(th,td){border:0;border-bottom:1px solid light-dark(#d8dee6,#2c3541);padding:3px 0 3px 16px;text-align:right}
.mg-table :is(th,td):first-child{text-align:left;padding-left:0}
@media (max-width:640px){
.mg-table :is(th,td){padding-left:8px}
.mg-table tbody th{min-width:6.2rem}
}
"""
_OTHER = {ISOLATED: PORTFOLIO, PORTFOLIO: ISOLATED}


def style() -> None:
    markup.stylesheet(_CSS)


@st.fragment(run_every=15)
def section() -> None:
    """What the exchange tells, and the buttons that set it; each is asked once more before anything is sent."""
    with st.container(border=True, key="margin_box", gap="small"):
        st.markdown("**Margin** is the exchange's own setting, of the whole account.")
        try:
            terms = service.desk().margin()
        except TraderError as error:
            st.text(f"How the account is margined cannot be read: {fmt.plain(error, 600)}")
            return
        markup.draw(_told(terms))
        with st.container(horizontal=True, gap="small"):
            for mode in MODES if terms.mode not in MODES else (_OTHER[terms.mode],):
                _button(f"mode {mode}", f"Set {mode} margin")
            if terms.mode != PORTFOLIO:
                _topups("", terms.default_auto_topup, "Auto top-up")
                for row in terms.positions:
                    _topups(row.symbol, row.auto_topup, f"Top-up of {row.symbol}")
        _confirm(terms)
        if note(_SAID).said:
            st.text(note(_SAID).said)


def _told(terms: MarginTerms) -> Html:
    lines = [
        tag("p", tag("b", "Margin mode "), f"{mode_words(terms.mode)}."),
        tag("p", tag("b", "Auto top-up of new positions "), f"{topup_words(terms.default_auto_topup, terms.mode)}."),
    ]
    if not terms.positions:
        return markup.join(*lines)
    head = ("Position", "Contracts", "Margin", "Liquidated at a mark of", "Auto top-up")
    rows = [
        tag(
            "tr",
            tag("th", row.symbol, scope="row"),
            tag("td", parts.number(row.quantity, 0)),
            tag("td", parts.dollars(row.margin, 2)),
            tag("td", "not told" if row.liquidation_price is None else parts.dollars(row.liquidation_price, 2)),
            tag("td", "on" if row.auto_topup else "off"),
        )
        for row in terms.positions
    ]
    body = tag("tbody", *rows)
    table = tag("table", tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))), body,
                class_="mg-table", aria_label="Margin of each position")  # fmt: skip
    return markup.join(*lines, table)


def _topups(symbol: str, is_on: bool | None, label: str) -> None:
    """A button for each setting that is not in force, of one position or of those yet to be opened."""
    for on, word in ((True, "on"), (False, "off")):
        if is_on is not on:
            _button(f"topup {word} {symbol}".strip(), f"{label} {word}")


def _button(what: str, label: str) -> None:
    st.button(fmt.safe(label), key=f"margin_{what.replace(' ', '_')}", on_click=_ask, args=(what,))


def _confirm(terms: MarginTerms) -> None:
    """What would change, in words, and Yes or No."""
    asked = st.session_state.get(_ASKED, "")
    if not asked:
        return
    kind, wanted, symbol = _parts(asked)
    means = mode_words(wanted) if kind == "mode" else topup_words(wanted == "on", terms.mode)
    if symbol:
        means = f"{symbol}: auto top-up {wanted}"
    open_ = (
        f" {len(terms.positions)} open positions are margined so as well." if kind == "mode" and terms.positions else ""
    )
    st.text(f"Set this on the exchange? {means[:1].upper()}{means[1:]}.{open_}")
    with st.container(horizontal=True, gap="small"):
        st.button("Yes, set it", key="margin_yes", type="primary", on_click=_set, args=(asked,))
        st.button("No", key="margin_no", on_click=_ask, args=("",))


def _ask(what: str) -> None:
    st.session_state[_ASKED] = what
    note(_SAID).said = ""


def _parts(asked: str) -> tuple[str, str, str]:
    """Mode or top-up, the value wanted, and the position it is of."""
    kind, wanted, symbol = [*asked.split(" ", 2), ""][:3]
    return kind, wanted, symbol


def _set(asked: str) -> None:
    kind, wanted, symbol = _parts(asked)
    st.session_state[_ASKED] = ""
    desk, answer = service.desk(), note(_SAID)
    # From here on nothing of the session's state is touched: see `pressed`.
    try:
        found: MarginChange = (
            desk.set_margin_mode(wanted) if kind == "mode" else desk.set_auto_topup(wanted == "on", symbol or None)
        )
        answer.said = fmt.plain(found.words, 600)
    except TraderError as error:
        answer.said = f"Not set: {fmt.plain(error, 600)}"
