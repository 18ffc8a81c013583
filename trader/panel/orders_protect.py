"""Stop loss and take profit of a ticket that holds something: the fields, and what of them is a change."""

from decimal import Decimal
from typing import Any

import streamlit as st
from pydantic import ValidationError

from trader.config.messages import sentences
from trader.config.ticket import Protection
from trader.engine.view import TicketView
from trader.panel import form, markup
from trader.panel import orders_words as say
from trader.panel.markup import tag

_NAMES = {"stop_loss": ("L", "Stop loss"), "take_profit": ("G", "Take profit")}


def fields(ticket: TicketView) -> None:
    """A trigger and a limit for each; empty takes it away."""
    markup.draw(
        tag("p", f"{ticket.side.capitalize()} {ticket.open_quantity:,} {say.contract(ticket.symbol)}, average {say.price(ticket.avg_px)}, "
            f"mark {say.price(ticket.mark)}. They rest at the exchange and follow what is held; one cancels the other.")
    )  # fmt: skip
    for name, (letter, title) in _NAMES.items():
        left, right = st.columns(2, gap="small")
        with left:
            _field(f"{title}: trigger (USD)", _key(ticket, name), getattr(ticket, name), "none: it is taken away")
        with right:
            _field("its limit (USD)", _key(ticket, f"{name}_limit"), _limit(ticket, letter), "none: a market order")


def _field(title: str, key: str, first: Decimal | None, empty: str) -> None:
    if first is not None:  # not as the field's own default: a field that has one cannot be emptied
        st.session_state.setdefault(key, float(first))
    st.number_input(title, key=key, value=None, min_value=0.0, step=0.1, format="%.2f", placeholder=empty)


def changes(ticket: TicketView) -> dict[str, Any] | str:
    """What is to be changed, or a sentence where it cannot be."""
    found: dict[str, Any] = {}
    for name, (letter, title) in _NAMES.items():
        price, limit = _typed(ticket, name), _typed(ticket, f"{name}_limit")
        if (price, limit if price is not None else None) == (
            _plain(getattr(ticket, name)),
            _plain(_limit(ticket, letter)),
        ):
            continue
        if price is None:
            found[name] = None
            continue
        try:
            found[name] = Protection(price=price, limit_price=limit)
        except ValidationError as error:
            return f"{title}: {'; '.join(sentences(error, Protection))}."
    return found or "Nothing is changed."


def _limit(ticket: TicketView, letter: str) -> Decimal | None:
    return next((one.limit_price for one in ticket.closing if one.name == letter), None)


def _typed(ticket: TicketView, name: str) -> Decimal | None:
    value = st.session_state.get(_key(ticket, name))
    return None if value is None else Decimal(form.number_text(float(value)))


def _plain(value: Decimal | None) -> Decimal | None:
    return None if value is None else Decimal(form.number_text(float(value)))


def _key(ticket: TicketView, name: str) -> str:
    return f"or_guard.{ticket.ticket_id}.{name}"
