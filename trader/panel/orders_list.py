"""Orders of all runs and tickets: what works above, what has ended below; and one of them with its timeline."""

import re
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import streamlit as st

from trader.desk import Status
from trader.desk.books.lines import OrderDetail, OrderLine
from trader.domain.errors import TraderError
from trader.panel import format as fmt
from trader.panel import markup, orders_books, parts, service, sheet, shown
from trader.panel import orders_asked as asked
from trader.panel import orders_words as say
from trader.panel.markup import Html, join, tag
from trader.panel.orders_books import Books
from trader.panel.pressed import note

_TERMS = {"gtc": "rests until cancelled", "ioc": "at once or not at all"}
_PICK, _SAID = "or_pick", "or_cancel_said"
_ORDER, _TAKEN = "order", "or_taken"  # in the address: an order to look at
_NOT_ALONE = "It cannot be cancelled alone, it protects a position: Change this order moves it or takes it away."
_OF_RUN = "It cannot be cancelled alone: a run's orders end with Stop & Exit."
_WORKING = ("Order", "State", "Filled", "Left", "Limit", "Trigger", "Away", "Age", "Whose")
_ENDED = ("Order", "State", "Filled", "Average", "Slippage", "Fees", "Ended (IST)", "Whose", "Why")
_REFUSED_AS = re.compile(r"^the ticket on \S+ was refused: (?:[A-Z_]+: )?")  # the rest is the reason
_REFUSED = ("Time (IST)", "Contract", "Why")
_NUMBERS = ("Filled", "Left", "Limit", "Trigger", "Away", "Age", "Average", "Slippage", "Fees")
_Quotes = dict[str, tuple[Decimal | None, Decimal | None, Decimal | None]]


def working(status: Status | str, books: Books | None) -> Html:
    """Orders that may still trade."""
    if books is None:
        return join(say.head("Working orders", "being read"), say.empty("The books are being read."))
    if isinstance(books.working, str):
        return join(say.head("Working orders", "not known", old=True), say.empty(books.working))
    note = (
        f"{len(books.working)} at the exchange or on the way; away: USD from its price to the market"
        if books.working
        else ""
    )
    if not books.working:
        return join(
            say.head("Working orders", note), say.empty("No order works. One that rests stands here until it ends.")
        )
    quotes = {} if isinstance(status, str) else _quotes(status)
    rows = [_row(status, line, quotes) for line in books.working]
    return join(say.head("Working orders", note), sheet.table(_WORKING, rows, name="Working orders", right=_NUMBERS))


def _row(status: Status | str, line: OrderLine, quotes: _Quotes) -> tuple[Html | str, ...]:
    age = None if isinstance(status, str) else (status.wall - line.wall).total_seconds()
    return (
        tag("span", say.order(line), title=line.symbol),
        say.state(line),
        f"{line.filled:,}",
        f"{line.left:,}",
        say.limit(line),
        say.trigger(line),
        _to_touch(line, quotes),
        parts.DASH if age is None else fmt.duration(timedelta(seconds=max(age, 1))),
        f"{say.owner(status, line.run_id, is_ticket=line.is_ticket)}{_linked(status, line)}",
    )


def _linked(status: Status | str, line: OrderLine) -> str:
    """The other ticket, of an order that the other's fill cancels."""
    singles = () if isinstance(status, str) or line.purpose != "entry" else status.tickets
    other = next((one.linked for one in singles if one.ticket_id == line.run_id), "")
    return f" (OCO with {fmt.plain(other, 24)})" if other else ""


def _quotes(status: Status) -> _Quotes:
    """Bid, ask and mark of what runs and tickets trade."""
    legs = {leg.symbol: (leg.bid, leg.ask, leg.mark) for run in status.runs for leg in run.legs}
    return legs | {one.symbol: (one.bid, one.ask, one.mark) for one in status.tickets}


def _to_touch(line: OrderLine, quotes: _Quotes) -> str:
    """How far the price is that it waits for: the other side of the book for a limit, the mark for a trigger."""
    bid, ask, mark = quotes.get(line.symbol, (None, None, None))
    if line.stop_price is not None:
        away = None if mark is None else abs(line.stop_price - mark)
    elif line.limit_price is not None:
        touch = ask if line.side == "buy" else bid
        away = None if touch is None else (touch - line.limit_price) * (1 if line.side == "buy" else -1)
    else:
        return parts.DASH
    return parts.DASH if away is None else "at the touch" if away <= 0 else say.price(away)


def ended(status: Status | str, books: Books | None) -> Html:
    """The orders that ended last."""
    if books is None or isinstance(books.ended, str):
        return join(
            say.head("Ended orders", "being read" if books is None else str(books.ended), old=books is not None)
        )
    if not books.ended:
        return join(say.head("Ended orders", ""), say.empty("No order has ended yet."))
    rows = [
        (
            tag("span", say.order(line), title=line.symbol),
            say.state(line),
            f"{line.filled:,} of {line.quantity:,}",
            say.price(line.avg_px),
            parts.DASH
            if line.slippage is None
            else f"{parts.sign(line.slippage, 4)}{parts.price(abs(line.slippage), parts.price_places((line.avg_px,)))}",
            parts.dollars(line.fees, 4),
            fmt.ist_clock(line.ended_wall),
            say.owner(status, line.run_id, is_ticket=line.is_ticket),
            tag("span", _why(line), class_="or-says"),
        )
        for line in books.ended
    ]
    return join(
        say.head(
            "Ended orders", f"the last {len(rows)}; slippage against the price it was decided at, below 0 is better"
        ),
        tag("div", sheet.table(_ENDED, rows, name="Ended orders", right=_NUMBERS), class_="or-long"),
    )


def _why(line: OrderLine) -> str:
    """What the exchange said of it, or what it was for; that a ticket's order is of a ticket stands beside it."""
    said = line.message or ("" if line.reason == "ticket" else line.reason)
    return fmt.plain(said, 160).replace("_", " ") or parts.DASH


def refused(books: Books | None) -> Html:
    """Order tickets of today that never became an order, with the reason: nothing of them was sent."""
    told = () if books is None or isinstance(books.refused, str) else books.refused
    if not told:
        return join()
    rows = [
        (
            fmt.ist_clock(one.wall),
            say.contract(one.symbol),
            tag(
                "span",
                say.numbers_in_words(_REFUSED_AS.sub("", fmt.plain(one.text, 300))),
                class_="or-says",
                title=one.text,
            ),
        )
        for one in told
    ]
    return join(
        say.head("Refused today", f"the last {len(rows)}; nothing of them was sent"),
        tag("div", sheet.table(_REFUSED, rows, name="Refused tickets"), class_="or-long"),
    )


# ------------------------------------------------------------------------------------------------- one of them


@st.fragment
def picker() -> None:
    """Look at one order, cancel it, or cancel all."""
    books = orders_books.seen()
    works = () if books is None or isinstance(books.working, str) else books.working
    over = () if books is None or isinstance(books.ended, str) else books.ended
    # Not in their states: the list is drawn when an order comes or ends, not each time one of them changes.
    names = {
        line.client_order_id: f"{say.order(line)} · {fmt.ist_clock(line.wall)} · {word}"
        for word, lines in (("working", works), ("ended", over))
        for line in lines
    }
    wanted = st.query_params.get(_ORDER)
    if wanted and st.session_state.get(_TAKEN) != wanted:  # by a link, once: then another can be picked
        st.session_state[_TAKEN] = st.session_state[_PICK] = wanted
    if wanted:
        names.setdefault(wanted, fmt.plain(wanted, 40))
    can = [line.client_order_id for line in works if _can_be_cancelled(line)]
    of_ticket = {line.client_order_id: line.run_id for line in works if line.is_ticket}
    if not names:
        _told()
        return
    shown.begin_with(_PICK, None, names)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="or_pick_row"):
        picked = st.selectbox("Look at an order", list(names), key=_PICK, format_func=lambda one: names.get(one, ""),
                              placeholder="Pick one: its timeline and both ids", width=420)  # fmt: skip
        if picked in of_ticket and st.button("Change this order", key="or_change", icon=":material/edit:"):
            asked.ask(("change", of_ticket[picked]))
            st.rerun()  # the dialog is the page's, not this part's
        if picked in can:
            st.button("Cancel this order", key="or_cancel", icon=":material/close:", on_click=_cancel, args=(picked,))
        if can:
            st.button(f"Cancel all working orders ({len(can)})", key="or_cancel_all", icon=":material/cancel:", on_click=_cancel,
                      args=(None,))  # fmt: skip
    if picked in {line.client_order_id for line in works} - set(can):
        st.text(_NOT_ALONE if picked in of_ticket else _OF_RUN)
    _told()
    if picked is not None:
        _one(picked)


def _can_be_cancelled(line: OrderLine) -> bool:
    """What opens or reduces by a single order; protection and a run's orders belong to what they protect and close."""
    return line.is_ticket and (line.purpose == "entry" or line.closing.startswith("R"))


def _told() -> None:
    if said := note(_SAID).said:
        st.text(said)


@st.fragment(run_every=2)
def _one(order_id: str) -> None:
    """The order as it stands, with its stations."""
    try:
        found = service.desk().order_line(order_id)
    except TraderError as error:
        st.text(f"The order cannot be read: {fmt.plain(error)}")
        return
    if found is None:
        st.text(f"There is no order {fmt.plain(order_id, 80)}.")
        return
    with st.container(border=True, key="or_one", gap="small"):
        markup.draw(_detail(found))


def _detail(found: OrderDetail) -> Html:
    others = ", ".join((found.venue_order_id or "not told yet", *found.other_ids))
    what = f"{found.order_type.replace('_', ' ')}, {_TERMS.get(found.time_in_force, found.time_in_force)}"
    what += "".join(word for on, word in ((found.post_only, ", post-only"), (found.reduce_only, ", reduce-only")) if on)
    why = (
        ""
        if found.reason == "ticket"
        else f" · {fmt.plain(found.reason, 160).replace('_', ' ')}"
        if found.reason
        else ""
    )
    return join(
        tag(
            "p",
            tag("b", say.order(found)),
            " ",
            say.state(found),
            f" · {what} · asked by {fmt.plain(found.who, 40)}{why}",
        ),
        tag("p", f"Our id: {found.client_order_id} · The exchange's: {others} · {_latencies(found)}", class_="or-mute"),
        tag("ol", *_steps(found), class_="or-steps"),
    )


def _latencies(found: OrderDetail) -> str:
    said = [
        f"{word} after {secs:.2f} s"
        for word, secs in (("answered", found.answer_secs), ("last fill", found.fill_secs))
        if secs is not None
    ]
    return ", ".join(said) or "no answer yet"


def _steps(found: OrderDetail) -> Sequence[Html]:
    return [
        tag("li", tag("span", f"{fmt.ist_clock(step.wall)} +{step.after_secs:.2f} s ", class_="or-mute"), tag("b", step.what),
            f" {step.text}", title=fmt.utc_hint(step.wall))
        for step in found.timeline
    ]  # fmt: skip


def _cancel(order_id: str | None) -> None:
    """One order, or all that work."""
    desk, answer = service.desk(), note(_SAID)
    # From here on nothing of the session's state is touched: see `pressed`.
    try:
        receipt = desk.cancel(order=order_id, everything=order_id is None, issued_by="panel")
        row = desk.await_command(receipt.command_id, asked.ANSWER_SECS)
        answer.said = (
            f"Refused: {fmt.plain(row.detail)}." if row.status == "refused" else f"Asked: {fmt.plain(row.detail)}."
        )
        if row.status == "new":
            answer.said = "Recorded; no runner has answered yet."
    except TraderError as error:
        answer.said = f"Not asked: {fmt.plain(error, 600)}"
    orders_books.forget()
