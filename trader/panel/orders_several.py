"""Orders prepared one after another and sent in one call: what each costs and what stands against it, and all of them together.
One that the check refuses stays in the list and keeps none of the others back, unless the two are linked."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

import streamlit as st

from trader.config.ticket import MOST_TICKETS, TicketList, TicketRequest
from trader.desk import OrderCheck, TicketCheck
from trader.domain.errors import TraderError
from trader.domain.wording import counted
from trader.panel import format as fmt
from trader.panel import markup, orders_send, parts, service, sheet, shown
from trader.panel import orders_request as ask
from trader.panel import orders_words as say
from trader.panel.markup import Html, join, tag

_LIST, _LINK, _PHRASE = "or_list", "or_list_link", "or_list_phrase"
_LINKS = {"none": "Each for itself", "oco": "One cancels the other (OCO)"}
_HEAD = ("Order", "Type, price", "Protection", "Premium", "Fees", "Margin", "Check")
_NUMBERS = ("Premium", "Fees", "Margin")


class _Listed(orders_send.Sent):
    """What is prepared. `unanswered`: went out, and no one knows yet what became of it; until then nothing is taken out, or it
    might be sent a second time."""

    def __init__(self) -> None:
        super().__init__()
        self.tickets: tuple[TicketRequest, ...] = ()
        self.unanswered: _Chosen | None = None


class _Chosen(NamedTuple):
    """Which of the list are sent, by their places in it."""

    places: tuple[int, ...]
    wanted: TicketList


def _listed() -> _Listed:
    if _LIST not in st.session_state:
        st.session_state[_LIST] = _Listed()
    found: _Listed = st.session_state[_LIST]
    return found


# ------------------------------------------------------------------------------------------------- what is in it


def add_button(wanted: TicketList | None, symbol: str) -> None:
    """Puts the order that the form holds into the list instead of sending it."""
    listed = _listed()
    full = len(listed.tickets) >= MOST_TICKETS
    st.button("Add to the list", key="or_list_add", icon=":material/playlist_add:", width="stretch", disabled=wanted is None or full,
              help=fmt.safe(f"A list is full with {MOST_TICKETS}.") if full else "Several orders are prepared in a list and sent together.",
              on_click=_add, args=(symbol, len(listed.tickets)))  # fmt: skip


def _add(symbol: str, among: int) -> None:
    """As the fields hold it now; a second press of the same button adds nothing."""
    listed = _listed()
    wanted, _ = ask.request(symbol)
    if wanted is not None and len(listed.tickets) == among < MOST_TICKETS:
        listed.tickets = (*listed.tickets, *wanted.tickets)
        listed.lines = []


def _take_out(place: int, among: int) -> None:
    """Out of the list and back into the form, so that nothing typed is lost."""
    listed = _listed()
    if len(listed.tickets) != among or listed.unanswered is not None:
        return
    try:
        ask.fill(listed.tickets[place])
        said = []
    except TraderError as error:
        said = [f"Taken out, but the form cannot show it: {fmt.plain(error, 300)}"]
    # From here on nothing of the session's state is touched: see `pressed`.
    listed.tickets = (*listed.tickets[:place], *listed.tickets[place + 1 :])
    listed.lines = said


def _empty() -> None:
    listed = _listed()
    listed.tickets, listed.lines, listed.unanswered = (), [], None


def _link(tickets: Sequence[TicketRequest]) -> Literal["none", "oco"]:
    return "oco" if len(tickets) == 2 and st.session_state.get(_LINK) == "oco" else "none"


def _whole(tickets: Sequence[TicketRequest]) -> TicketList | str:
    """The list as it would be sent, or why it cannot be."""
    link = _link(tickets)
    if link == "oco" and any(one.reduce_only for one in tickets):
        return "One cancels the other is for two orders that open; reduce-only orders never close more than is held."
    return TicketList(tickets=tuple(tickets), link=link)


# ------------------------------------------------------------------------------------------------- the list on the page


def draw(env: str) -> None:
    """The list, once something is in it, and the answer to what was sent of it."""
    listed = _listed()
    if not listed.tickets:
        _answer(listed)
        return
    with st.container(key="or_several", gap="small"):
        together = ", sent together" if listed.tickets[1:] else ""
        st.markdown(fmt.strong(f"List: {counted(len(listed.tickets), 'order')}{together}"))
        _linking(listed)
        whole = _whole(listed.tickets)
        chosen = whole if isinstance(whole, str) else _chosen(whole, orders_send.checked(service.desk(), whole))
        _live(_places(chosen))
        phrase = ""
        if env == "production" and not isinstance(chosen, str):
            phrase = service.desk().order_phrase(chosen.wanted)
        if phrase:
            st.text(f"Real money. To send these orders, type: {phrase}")
            st.text_input("Phrase for the list", key=_PHRASE, autocomplete="off")
        unready = isinstance(chosen, str) or bool(phrase and not st.session_state.get(_PHRASE))
        with st.container(horizontal=True, gap="small", key="or_list_buttons"):
            st.button(_label(listed, chosen), key=f"or_list_send_{listed.token}", type="primary", icon=":material/send:", disabled=unready,
                      on_click=_send, args=(listed.token, len(listed.tickets), _places(chosen)))  # fmt: skip
            for place, one in enumerate(listed.tickets):
                st.button(fmt.safe(f"Take out {place + 1}"), key=f"or_list_take_{place}", icon=":material/undo:",
                          help=fmt.safe(f"{_what(one)}: back into the form."), disabled=listed.unanswered is not None,
                          on_click=_take_out, args=(place, len(listed.tickets)))  # fmt: skip
            st.button("Empty the list", key="or_list_clear", icon=":material/delete:", on_click=_empty)
        _answer(listed)


def _answer(listed: _Listed) -> None:
    for sentence in listed.lines:
        st.text(sentence)


def _linking(listed: _Listed) -> None:
    if len(listed.tickets) == 1:
        st.caption("With a second order the two can be linked: the first that fills cancels the other (OCO).")
    if len(listed.tickets) == 2:
        shown.begin_with(_LINK, "none", _LINKS)
        st.segmented_control("The two of them", list(_LINKS), key=_LINK, format_func=_LINKS.__getitem__, required=True,
                             disabled=listed.unanswered is not None,
                             help="One cancels the other: the first that fills cancels the order of the other.")  # fmt: skip


def _label(listed: _Listed, chosen: _Chosen | str) -> str:
    if listed.unanswered is not None:
        return f"Ask again after {counted(len(listed.unanswered.places), 'order')}"
    if isinstance(chosen, str):
        return "Send the list"
    passed, among = len(chosen.places), len(listed.tickets)
    return f"Send {counted(passed, 'order')}" if passed == among else f"Send the {passed} of {among} that pass"


def _what(one: TicketRequest) -> str:
    return f"{one.side.value.capitalize()} {one.quantity:,} {say.contract(one.symbol)}"


@st.fragment(run_every=3)
def _live(drawn: tuple[int, ...]) -> None:
    """What each order and all of them would cost, and what stands against them, by the prices of these seconds. `drawn`: which ones
    the button sends; where others pass by now, the page is drawn again."""
    tickets = _listed().tickets
    whole = _whole(tickets)
    if isinstance(whole, str):
        markup.draw(join(_table(tickets, None, linked=True), tag("p", whole, class_="ar-down")))
        return
    check = orders_send.checked(service.desk(), whole)
    if _places(_chosen(whole, check)) != drawn:
        st.rerun()
    against = ["The list cannot be checked now; what is sent is the runner's to judge."]
    if check is not None:
        against = [ask.problem(one.field, one.sentence) for one in check.problems]
    said = (tag("p", sentence, class_="ar-down") for sentence in against)
    markup.draw(join(_table(tickets, check, linked=whole.link == "oco"), *said))


def _table(tickets: Sequence[TicketRequest], check: OrderCheck | None, *, linked: bool) -> Html:
    told = [None] * len(tickets) if check is None else list(check.tickets)
    rows = [_row(place + 1, one, of) for place, (one, of) in enumerate(zip(tickets, told, strict=True))]
    return join(sheet.table(_HEAD, rows, name="Order list", right=_NUMBERS), _sum(told, check, linked=linked))


def _row(number: int, one: TicketRequest, of: TicketCheck | None) -> tuple[Html | str, ...]:
    cost = None if of is None or of.problems else of.cost  # what is refused costs nothing
    return (
        tag("span", f"{number}. {_what(one)}", title=one.symbol),
        _price(one),
        ask.guards_words(one) or "none",
        parts.DASH if cost is None or not cost.premium else parts.dollars(cost.premium, 4, signed=True),
        parts.DASH if cost is None else parts.dollars(cost.fee, 4),
        parts.DASH if cost is None else parts.dollars(cost.margin, 2),
        _verdict(one, of),
    )


def _price(one: TicketRequest) -> str:
    """``stop limit 90,000.00, limit 90,100.00``: the kind of order with its prices."""
    kind = ask.KINDS[one.order_type].lower()
    if one.work != "once":
        return f"{ask.WORKS[one.work]}"
    said = [say.price(value) for value in (one.stop_price, one.limit_price) if value is not None]
    if one.trail_usd is not None:
        said.append(f"by {say.price(one.trail_usd)}")
    return f"{kind} {' / '.join(said)}".rstrip() + (", reduce only" if one.reduce_only else "")


def _verdict(one: TicketRequest, of: TicketCheck | None) -> Html | str:
    if of is None:
        return "not known"
    if not of.problems:
        late = ask.late_stop(one, None if of.cost is None else of.cost.liquidation_price)
        warned = tag("span", f" ⚠ {late}", class_="ar-old or-says") if late else None
        return join(tag("span", "✓ passes", class_="ar-up"), warned)
    said = " ".join(ask.problem(one.field, one.sentence) for one in of.problems)
    return tag("span", f"✗ {said}", class_="ar-down or-says")


def _sum(told: Sequence[TicketCheck | None], check: OrderCheck | None, *, linked: bool) -> Html:
    """What those that pass cost together."""
    costs = [of.cost for of in told if of is not None and of.cost is not None and not of.problems]
    if check is None or not costs:
        return tag("p", "Together: not known while none passes the check.", class_="or-mute")
    premium, fees, margin = (
        sum((getattr(cost, name) for cost in costs), Decimal(0)) for name in ("premium", "fee", "margin")
    )
    kept = (
        ""
        if check.free_after is None
        else f", free {parts.dollars(check.free, 2)} → {parts.dollars(check.free_after, 2)}"
    )
    money = "" if not premium else f"premium {parts.dollars(premium, 4, signed=True)}, "
    which = "If both filled" if linked else f"Together ({counted(len(costs), 'order')})"
    return tag("p", f"{which}: {money}fees {parts.dollars(fees, 4)}, margin {parts.dollars(margin, 2)}{kept}.")


# ------------------------------------------------------------------------------------------------- sending


def _chosen(whole: TicketList, check: OrderCheck | None) -> _Chosen | str:
    """Those of the list that the check lets pass, all where it cannot be made; why none can be sent. Two that are linked go together."""
    if check is None:
        return _Chosen(tuple(range(len(whole.tickets))), whole)
    if check.problems:
        return ask.problem(check.problems[0].field, check.problems[0].sentence)
    places = tuple(place for place, one in enumerate(check.tickets) if not one.problems)
    if not places:
        return "None of them passes the check."
    if whole.link == "oco" and len(places) < len(whole.tickets):
        return "Of two orders that cancel each other both have to pass the check."
    return _of(whole, places)


def _of(whole: TicketList, places: tuple[int, ...]) -> _Chosen:
    link = whole.link if len(places) == len(whole.tickets) else "none"
    return _Chosen(places, TicketList(tickets=tuple(whole.tickets[place] for place in places), link=link))


def _places(chosen: _Chosen | str) -> tuple[int, ...]:
    return () if isinstance(chosen, str) else chosen.places


def _now(whole: TicketList | str, drawn: tuple[int, ...]) -> _Chosen | str:
    """Of those that the button was drawn for, the ones that still pass."""
    if isinstance(whole, str):
        return whole
    chosen = _chosen(whole, orders_send.checked(service.desk(), whole))
    if isinstance(chosen, str):
        return chosen
    left = tuple(place for place in chosen.places if place in drawn)
    return _of(whole, left) if left else "None of them passes the check any more."


def _send(token: str, among: int, drawn: tuple[int, ...]) -> None:
    """Send what passes, once: a second press of the same button finds its token used up, and what stayed unanswered goes again
    under its own key."""
    desk, listed = service.desk(), _listed()
    if listed.token != token or len(listed.tickets) != among:
        return
    whole, confirm = _whole(listed.tickets), st.session_state.get(_PHRASE)
    # From here on nothing of the session's state is touched: see `pressed`.
    chosen = listed.unanswered or _now(whole, drawn)
    if isinstance(chosen, str):
        listed.lines = [f"Not sent: {chosen}"]
        return
    answer = orders_send.send(desk, listed, chosen.wanted, confirm, token)
    listed.unanswered = chosen if answer is None else None
    if answer is not None:
        gone = {place for place, one in zip(chosen.places, answer.tickets, strict=True) if one.status == "accepted"}
        listed.tickets = tuple(one for place, one in enumerate(listed.tickets) if place not in gone)
