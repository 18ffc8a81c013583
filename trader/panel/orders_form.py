"""The ticket form: one order by hand. Each field stands where it counts, says at once what is at fault with it, and beside it what the
order would cost; nothing that the check refuses is sent.
"""

import secrets
from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from trader.config.ticket import TicketList
from trader.desk import OrderCheck
from trader.domain.errors import TraderError
from trader.domain.instrument import Instrument
from trader.panel import form, markup, orders_contract, orders_cost, orders_send, orders_several, parts, service, shown
from trader.panel import format as fmt
from trader.panel import orders_request as ask
from trader.panel import orders_words as say
from trader.panel.markup import tag

_SENT, _PHRASE = "or_sent", "or_phrase"
_Slots = dict[str, DeltaGenerator]


def _sent() -> orders_send.Sent:
    return orders_send.sent(_SENT)


@st.fragment
def draw(env: str) -> None:
    """The form. A part of its own: typing into it runs nothing else of the page."""
    with st.container(border=True, key="or_form", gap="small"):
        st.markdown("**Order ticket**")
        picked = orders_contract.pick()
        if isinstance(picked, str):
            st.text(picked)
            _answer()
            return
        ask.forget_prices(picked.contract.symbol)
        left, right = st.columns([1.7, 1], gap="medium")
        with left:
            slots = _fields(picked.contract)
        wanted, faults, _, _ = _judged(picked.contract.symbol)
        if _sent().against not in (None, wanted):
            _sent().lines, _sent().against = [], None
        _by_field(slots, faults)
        with right:
            _live(picked.contract.symbol, tuple(name for name in faults if name in slots))
            phrase = service.desk().order_phrase(wanted) if env == "production" and wanted is not None else ""
            if phrase:
                st.text(f"Real money. To send this order, type: {phrase}")
                st.text_input("Phrase", key=_PHRASE, autocomplete="off")
            unready = wanted is None or bool(phrase and not st.session_state.get(_PHRASE))
            token = _sent().token
            st.button(_label(wanted), key=f"or_send_{token}", type="primary", icon=":material/send:", width="stretch", disabled=unready,
                      on_click=_send, args=(picked.contract.symbol, token))  # fmt: skip
            orders_several.add_button(wanted, picked.contract.symbol)
            _answer()
        orders_several.draw(env)


def _label(wanted: TicketList | None) -> str:
    if wanted is None:
        return "Send the order"
    one = wanted.tickets[0]
    return fmt.safe(f"{one.side.value.capitalize()} {one.quantity:,} {say.contract(one.symbol)}")


def _answer() -> None:
    for sentence in _sent().lines:
        st.text(sentence)


# ------------------------------------------------------------------------------------------------- fields


def _fields(contract: Instrument) -> _Slots:
    """All that count for this kind of order; returns the place below each for its sentence."""
    slots: _Slots = {}
    first = st.columns(3, gap="small")
    shown.begin_with(ask.key("side"), "buy", ("buy", "sell"))
    shown.begin_with(ask.key("order_type"), "limit", ask.KINDS)
    with first[0]:
        st.segmented_control("Side", ("buy", "sell"), key=ask.key("side"), format_func=str.capitalize, required=True)
        slots["side"] = st.empty()
    with first[1]:
        st.session_state.setdefault(ask.key("quantity"), 1)
        st.number_input("Quantity (contracts)", key=ask.key("quantity"), min_value=1, step=1,
                        help=fmt.safe(f"Whole contracts of {parts.amount(contract.contract_value)} {contract.underlying} each."))  # fmt: skip
        slots["quantity"] = st.empty()
    with first[2]:
        kind = str(
            st.selectbox("Order type", list(ask.KINDS), key=ask.key("order_type"), format_func=ask.KINDS.__getitem__)
        )
        slots["order_type"] = st.empty()
    _row(ask.price_fields(kind), contract, slots)
    reduce_only = _terms(kind, slots)
    work = "once" if kind != "market" or reduce_only else str(ask.typed("work", "once"))
    _row(ask.work_terms(work), contract, slots)
    if not reduce_only:
        with st.expander("Protection: stop loss and take profit", key="or_protection"):
            for guard in ask.GUARDS:
                _row((f"{guard}.price", f"{guard}.limit_price"), contract, slots)
    with st.expander("Leverage, reason", key="or_more"):
        _row(("leverage",), contract, slots)
        st.text_input(
            "Reason", key=ask.key("reason"), max_chars=200, placeholder="why, in your own words; kept with the ticket"
        )
        slots["reason"] = st.empty()
    return slots


def _terms(kind: str, slots: _Slots) -> bool:
    """How it is sent: time in force, post-only, reduce-only, trigger, work, as far as they count. Returns reduce-only."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        reduce_only = bool(st.session_state.get(ask.key("reduce_only")))
        if kind == "market" and not reduce_only:
            _choice("work", ask.WORKS, slots)
        if kind in ("limit", "market") and (kind == "limit" or ask.typed("work", "once") == "once" or reduce_only):
            _choice("time_in_force", {"gtc": "GTC", "ioc": "IOC"}, slots)
        if ask.waits(kind):
            _choice("trigger_by", {"mark": "Mark", "last": "Last", "index": "Index"}, slots)
        if kind == "limit" and ask.typed("time_in_force", "gtc") == "gtc":
            st.toggle("Post only", key=ask.key("post_only"), help=fmt.safe(str(ask.described("post_only").description)))
        st.toggle(
            "Reduce only", key=ask.key("reduce_only"), help=fmt.safe(str(ask.described("reduce_only").description))
        )
    for name in ("post_only", "reduce_only"):
        slots[name] = st.empty()
    return reduce_only


def _choice(name: str, options: dict[str, str], slots: _Slots) -> None:
    shown.begin_with(ask.key(name), next(iter(options)), options)
    with st.container(width="content", gap="xsmall"):
        st.segmented_control(str(ask.described(name).title), list(options), key=ask.key(name), format_func=options.__getitem__, required=True,
                             help=fmt.safe(str(ask.described(name).description)))  # fmt: skip
        slots[name] = st.empty()


def _row(names: Sequence[str], contract: Instrument, slots: _Slots) -> None:
    """Number fields side by side."""
    if not names:
        return
    for column, name in zip(st.columns(max(len(names), 2), gap="small"), names, strict=False):
        with column:
            _number(name, contract)
            slots[name] = st.empty()
            if name == "limit_price":
                with st.container(horizontal=True, gap="small", key="or_at"):
                    for side in ("bid", "ask"):
                        st.button(
                            f"At the {side}",
                            key=f"or_at_{side}",
                            type="tertiary",
                            on_click=_at,
                            args=(contract.symbol, side),
                        )


def _at(symbol: str, side: str) -> None:
    """The limit at what the book shows this moment; it does not follow the book."""
    found = _picked(symbol)
    price = None if isinstance(found, str) else getattr(found.quote, side, None)
    if price is not None:
        st.session_state[ask.key("limit_price")] = float(price)


def _number(name: str, contract: Instrument) -> None:
    field, guard = ask.described(name), name.partition(".")[0]
    unit = str((field.json_schema_extra or {}).get("unit", ""))  # type: ignore[union-attr]
    title = str(field.title)
    if guard in ask.GUARDS:
        title = f"{ask.described(guard).title}: {title.lower()}"
    is_price = unit == "USD"
    step = float(contract.tick_size) if is_price else 1.0
    if name.startswith("orders."):
        st.session_state.setdefault(ask.key(name), float(field.default))
    st.number_input(fmt.plain(f"{title} ({unit})"), key=ask.key(name), value=None, min_value=0.0, step=step,
                    format=f"%.{form.decimals(step)}f", help=fmt.safe(str(field.description)),
                    placeholder="none" if guard in (*ask.GUARDS, "leverage") else "price")  # fmt: skip


# ------------------------------------------------------------------------------------------------- the check


def _judged(symbol: str) -> tuple[TicketList | None, dict[str, str], OrderCheck | None, str]:
    """The order as it is typed now, what is at fault with it by field, the desk's check, and why there is none."""
    wanted, faults = ask.request(symbol)
    if wanted is None:
        return None, faults, None, ""
    try:
        check = service.desk().check_order(wanted)
    except TraderError as error:
        return wanted, {}, None, f"The order cannot be checked now: {fmt.plain(error, 400)}"
    told = reversed([*check.problems, *check.tickets[0].problems])  # the first of a field is the one that is shown
    return wanted, {one.field: ask.problem(one.field, one.sentence) for one in told}, check, ""


def _by_field(slots: _Slots, faults: dict[str, str]) -> None:
    """Below each field what is at fault with it."""
    for name, slot in slots.items():
        if name in faults:
            # What is only not typed yet is no fault.
            tone = "or-mute" if " is missing" in faults[name] else "ar-down"
            with slot:
                markup.draw(tag("div", faults[name], class_=tone))


@st.fragment(run_every=3)
def _live(symbol: str, told: Sequence[str]) -> None:
    """What the order would cost, and what has come to stand against it since it was typed: by the prices of these seconds."""
    wanted, faults, check, said = _judged(symbol)
    others = [sentence for name, sentence in faults.items() if name not in told]
    cost = None if check is None else check.tickets[0].cost
    late = "" if wanted is None or cost is None else ask.late_stop(wanted.tickets[0], cost.liquidation_price)
    markup.draw(orders_cost.draw(_quote(symbol), check, [*others, *([said] if said else [])], late))


def _quote(symbol: str) -> str:
    """The contract's line, at prices of these seconds."""
    found = _picked(symbol)
    return found if isinstance(found, str) else orders_contract.line(found)


def _picked(symbol: str) -> orders_contract.Picked | str:
    """The contract with its prices of these seconds, or why there are none."""
    try:
        board = service.desk().listed(orders_contract.underlying())
    except TraderError as error:
        return f"Its prices cannot be read: {fmt.plain(error, 300)}"
    contract = next((one for one in board.instruments if one.symbol == symbol), None)
    if contract is None:
        return f"{symbol} is no longer listed."
    return orders_contract.Picked(contract, board.quotes.get(symbol), board.spot)


# ------------------------------------------------------------------------------------------------- sending


def _send(symbol: str, token: str) -> None:
    """Send what the fields hold now, once: a second press of the same button finds its token used up."""
    desk, sent = service.desk(), _sent()
    if sent.token != token:
        return
    wanted, faults = ask.request(symbol)
    confirm = st.session_state.get(_PHRASE)
    # From here on nothing of the session's state is touched: see `pressed`.
    if wanted is None:
        sent.lines = [f"Not sent: {next(iter(faults.values()))}"]
        return
    check = orders_send.checked(desk, wanted)
    if check is not None and (against := [*check.problems, *check.tickets[0].problems]):
        sent.token = secrets.token_hex(8)
        sent.lines, sent.against = [f"Not sent: {ask.problem(one.field, one.sentence)}" for one in against], wanted
        return
    sent.against = None
    orders_send.send(desk, sent, wanted, confirm, token)
