"""A ticket changed while it lives: the fields of its order as long as that works, of its protection, and what of them is a change."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import streamlit as st
from pydantic import ValidationError

from trader.config.messages import sentences
from trader.config.ticket import Protection
from trader.domain.errors import TraderError
from trader.engine.records import Phase
from trader.engine.view import TicketView
from trader.panel import form, markup, service
from trader.panel import orders_request as request
from trader.panel import orders_words as say
from trader.panel.markup import join, tag

_GUARDS = {"stop_loss": "L", "take_profit": "G"}
_STEP = 0.1


def of_order(ticket: TicketView) -> tuple[str, ...]:
    """What of its order can be other than it is: nothing once that has ended, or while an algorithm works it."""
    if ticket.phase not in (Phase.WAITING, Phase.ENTERING) or ticket.work != "once":
        return ()
    return ("quantity", *request.price_fields(ticket.order_type))


def fields(ticket: TicketView) -> None:
    """What stands now, and a field for each that can be changed; an empty one of the protection takes it away."""
    names, step = of_order(ticket), _step(ticket)
    markup.draw(join(*(tag("p", line) for line in _told(ticket, names))))
    for left_right in (names[at : at + 2] for at in range(0, len(names), 2)):
        for column, name in zip(st.columns(2, gap="small"), left_right, strict=False):
            with column:
                _of_order(ticket, name, step)
    for name, letter in _GUARDS.items():
        title = str(request.described(name).title)
        left, right = st.columns(2, gap="small")
        with left:
            _field(f"{title}: trigger (USD)", _key(ticket, name), getattr(ticket, name), "none", step)
        with right:
            _field("its limit (USD)", _key(ticket, f"{name}_limit"), _limit(ticket, letter), "none: at market", step)


def _told(ticket: TicketView, names: tuple[str, ...]) -> Iterator[str]:
    what = f"{ticket.side.capitalize()} {ticket.quantity:,} {say.contract(ticket.symbol)}"
    prices = f"bid {say.price(ticket.bid)}, ask {say.price(ticket.ask)}, mark {say.price(ticket.mark)}"
    held = f"; holds {ticket.open_quantity:,} at {say.price(ticket.avg_px)}" if ticket.open_quantity else ""
    yield f"{what}, {ticket.filled:,} filled{held}. Now {prices}."
    if names:
        yield "A new price or quantity cancels the order first and then places it again: it loses its place in the queue."
    elif ticket.phase in (Phase.WAITING, Phase.ENTERING):
        yield f"It is worked as {request.WORKS.get(ticket.work, ticket.work)}: its quantity and prices cannot be changed. Cancel it for that."
    yield (
        "Stop loss and take profit rest at the exchange for what is held; the first that fills cancels the other. Empty: none."
    )


def _of_order(ticket: TicketView, name: str, step: float) -> None:
    title = str(request.described(name).title)
    if name == "quantity":
        st.session_state.setdefault(_key(ticket, name), ticket.quantity)
        st.number_input(f"{title} (contracts in all)", key=_key(ticket, name), min_value=1, step=1)
    else:
        _field(f"{title} (USD)", _key(ticket, name), getattr(ticket, name), "price", step)


def _field(title: str, key: str, first: Decimal | None, empty: str, step: float) -> None:
    if first is not None:  # not as the field's own default: a field that has one cannot be emptied
        st.session_state.setdefault(key, float(first))
    st.number_input(
        title, key=key, value=None, min_value=0.0, step=step, format=f"%.{form.decimals(step)}f", placeholder=empty
    )


def _step(ticket: TicketView) -> float:
    """The contract's tick."""
    try:
        listed = service.desk().listed(ticket.underlying).instruments
    except TraderError:
        return _STEP
    return next((float(one.tick_size) for one in listed if one.symbol == ticket.symbol), _STEP)


# ------------------------------------------------------------------------------------------------- what is a change


def changes(ticket: TicketView) -> dict[str, Any] | str:
    """What is to be changed, or a sentence where it cannot be."""
    found: dict[str, Any] = {}
    for name in of_order(ticket):
        value, now = _typed(ticket, name), _plain(getattr(ticket, name))
        if value is None:
            return f"{request.described(name).title} is empty: to end the order, cancel it."
        if value != now:
            found[name] = int(value) if name == "quantity" else value
    for name, letter in _GUARDS.items():
        price, limit = _typed(ticket, name), _typed(ticket, f"{name}_limit")
        if price is None and limit is not None:
            return f"{request.described(name).title}: its limit needs a trigger."
        if (price, limit) == (_plain(getattr(ticket, name)), _plain(_limit(ticket, letter))):
            continue
        try:
            found[name] = None if price is None else Protection(price=price, limit_price=limit)
        except ValidationError as error:
            return f"{request.described(name).title}: {'; '.join(sentences(error, Protection))}."
    return found or "Nothing is changed."


def _limit(ticket: TicketView, letter: str) -> Decimal | None:
    return next((one.limit_price for one in ticket.closing if one.name == letter), None)


def _typed(ticket: TicketView, name: str) -> Decimal | None:
    value = st.session_state.get(_key(ticket, name))
    return None if value is None else Decimal(form.number_text(float(value)))


def _plain(value: Decimal | int | None) -> Decimal | None:
    return None if value is None else Decimal(form.number_text(float(value)))


def _key(ticket: TicketView, name: str) -> str:
    return f"or_guard.{ticket.ticket_id}.{name}"
