"""Orders & positions: the account's money, what is held and by whom, what works and what ended, one order by hand, and the emergency
close-all. The beat draws all of it from one picture; what must be asked of the exchange is read beside it (`orders_books`)."""

import streamlit as st

from trader.desk import Status
from trader.panel import (
    cards,
    frame,
    markup,
    orders_books,
    orders_cards,
    orders_close,
    orders_close_all,
    orders_fills,
    orders_form,
    orders_list,
    orders_positions,
    service,
    sheet,
)
from trader.panel.orders_words import CSS

_LAYOUT = "or_layout"
_FIRST_SECS = 0.7  # most answers are there by then, and the page comes complete

sheet.style()
cards.style()
markup.stylesheet(CSS)
st.subheader("Orders & positions", anchor=False)
status = service.status()
st.session_state[_LAYOUT] = orders_books.layout_key(status, orders_books.look(_FIRST_SECS))
# Places first, the beat next, and then what takes its time.
top = st.empty()
holds = st.container(key="or_positions", gap="small")
held = holds.empty()
form = st.container()
orders = st.container(key="or_orders", gap="small")
works = orders.empty()
looked_at = orders.container(gap="small")
over = orders.empty()
refused = orders.empty()
day = st.container(key="or_fills", gap="small")
fills = day.empty()
emergency = st.container(border=True, key="or_close_all", gap="small")
emergency.markdown(":red[**Emergency: close everything**]")
listed = emergency.empty()


def draw(now: Status | str) -> None:
    """Everything that moves, of one picture; the whole page again where its buttons have changed."""
    books = orders_books.look()
    key = orders_books.layout_key(now, books)
    if st.session_state.get(_LAYOUT, key) != key:
        st.session_state[_LAYOUT] = key
        st.rerun(scope="app")
    for place, content in (
        (top, orders_cards.row(now, books)),
        (held, orders_positions.table(now, books)),
        (works, orders_list.working(now, books)),
        (over, orders_list.ended(now, books)),
        (refused, orders_list.refused(books)),
        (fills, orders_fills.table(now, books)),
        (listed, orders_close_all.listed(now)),
    ):
        with place:
            markup.draw(content)


frame.beat(draw)
with holds:
    orders_close.buttons(status)
with emergency:
    orders_close_all.everything()
with form:
    orders_form.draw("" if isinstance(status, str) else status.env)
with looked_at:
    orders_list.picker()
with day:
    orders_fills.download()
