"""The account's own limits: what is used of each, editing them, and the lock of the daily loss.

They are saved by the command that `python -m trader limits` gives: the whole document, compared with the one this tab has
loaded, so that of two people neither undoes the other unasked.
"""

import json
from decimal import Decimal
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo
from streamlit.delta_generator import DeltaGenerator

from trader.config.account_limits import AccountLimits, ContractLimits, read_limits
from trader.config.messages import InvalidConfig, unit_of
from trader.desk import Day, Status, Use, uses
from trader.domain.errors import TraderError
from trader.panel import cards, form, markup, parts, service
from trader.panel import format as fmt
from trader.panel.markup import Html, join, tag
from trader.panel.pressed import Note

_EDIT = "limits_edit"
_ASKED, _LOCK_SAID = "lock_asked", "lock_said"
_ANSWER_SECS = 2.0
_GROUPS = {
    "Losses": (
        "daily_loss_usd",
        "weekly_loss_usd",
        "loss_warn_pct",
        "daily_loss_closes",
        "weekly_loss_closes",
        "loss_bars_pct",
    ),
    "Runs": ("open_runs", "open_runs_per_underlying"),
    "Contracts": ("contracts_per_instrument", "contracts_per_underlying", "contracts_total"),
    "Notional": ("notional_per_instrument_usd", "notional_per_underlying_usd", "notional_total_usd"),
    "Entries pause": (
        "index_jump_pct",
        "index_jump_secs",
        "wide_spread_pct",
        "crossed_contracts",
        "frozen_secs",
        "api_failures",
        "calm_secs",
    ),
    "Each entry": (
        "order_contracts_least",
        "order_contracts",
        "orders_per_second",
        "ticket_orders_per_second",
        "order_notional_usd",
        "order_share_pct",
        "position_share_pct",
        "price_deviation_pct",
        "duplicate_secs",
        "margin_share_pct",
        "leverage_most",
        "leverage_default",
        "single_orders",
    ),
    "Single contracts": ("instruments",),
}
_EXAMPLE = '{"BTCUSD": {"order_contracts": 10}, "C-BTC": {"contracts": 50}}'
_STEPS = ("daily_loss_closes", "weekly_loss_closes", "loss_warn_pct", "loss_bars_pct")  # of which nothing is used
_FIELDS = AccountLimits.model_fields
_CSS = """
.ac-group{margin-top:.6rem;padding-top:.5rem;border-top:1px solid light-dark(#d8dee6,#2c3541)}
.ac-use{padding-bottom:.3rem;font-size:.88rem;line-height:1.35;min-height:2.2em;font-variant-numeric:tabular-nums;color:light-dark(#4b5663,#a9b3c0)}
.ac-use meter{display:block;width:100%;height:8px;margin-bottom:2px}
.ac-use.near{color:light-dark(#8a4b00,#f0ad4e)}
.ac-use.over{color:light-dark(#b3272d,#ff8a8a);font-weight:600}
"""


def style() -> None:
    markup.stylesheet(_CSS)


# ------------------------------------------------------------------------------------------------- what is so now


def fill(figures: DeltaGenerator, slots: dict[str, DeltaGenerator], status: Status | str) -> None:
    """Once a second: the figures at the top, and beside each field what is used of it."""
    with figures:
        markup.draw(_figures(status))
    loaded = _loaded()
    used = {} if isinstance(status, str) or loaded is None else uses(loaded, status)
    for name, slot in slots.items():
        with slot:
            markup.draw(_use(name, used.get(name)))


def _figures(status: Status | str) -> Html:
    if isinstance(status, str):
        return tag("p", status)
    day = status.day
    ago = "" if status.runner.alive else " The runner is silent: contracts and lock are as it told them last."
    locked = "" if status.totals is None else status.totals.locked
    figures = [
        _money("Today", None if day is None else day.total, _split(day, None if day is None else day.realised)),
        _money("Since Monday", None if day is None else day.week_total, _split(day, None if day is None else day.week)),
        _money("Open now", None if day is None else day.open, _since_midnight(day)),
        cards.Card("Runs", str(len(status.runs)), _sold(day)),
    ]
    said = f"Entries are locked: {locked}." if locked else "No lock: the losses are within their limits."
    return join(
        cards.cards(figures),
        tag("p", said if status.totals is not None else "Whether losses lock entries is not known.", ago,
            class_="ar-down" if locked else None, data_lock="on" if locked else "off"),
    )  # fmt: skip


def _split(day: Day | None, booked: Decimal | None) -> str:
    """``−$14.00 realised, −$20.00 open``: what the loss limits count."""
    if day is None:
        return "not known yet"
    opened = "open P&L unknown" if day.open_today is None else f"{parts.dollars(day.open_today, 2, signed=True)} open"
    return f"{parts.dollars(booked, 2, signed=True)} realised, {opened}"


def _since_midnight(day: Day | None) -> str:
    """What is open may have begun on an earlier day: of that only what came since the last Indian midnight counts for today."""
    if day is None or not day.carried:
        return "P&L of all runs if closed now"
    return f"{parts.dollars(day.carried, 2, signed=True)} of it made by earlier days"


def _sold(day: Day | None) -> str:
    if day is None:
        return "unfinished now"
    most = "" if day.runs_most is None else f" of {day.runs_most}"
    return f"unfinished now; {day.runs_made}{most} sold today"


def _money(label: str, value: Decimal | None, note: str) -> cards.Card:
    return cards.Card(label, parts.dollars(value, 2, signed=True), note, tone=parts.tone(value))


def _use(name: str, use: Use | None) -> Html:
    if use is None:
        return tag("div", "checked at each entry", class_="ac-use", data_use=name)
    if use.share is None:
        return tag("div", f"Now: {use.words}", class_="ac-use", data_use=name)
    state = " over" if use.share >= 1 else " near" if use.share >= 0.8 else ""
    meter = tag("meter", value=f"{min(use.share, 1):.3f}", max=1, aria_label=f"{_FIELDS[name].title}: {use.words}")
    return tag("div", meter, f"Now: {use.words}", class_=f"ac-use{state}", data_use=name)


# ------------------------------------------------------------------------------------------------- the lock


@st.fragment(run_every=3)
def lock() -> None:
    """The lock's Resume, asked once more; nothing while nothing is locked."""
    status = service.status()
    locked = "" if isinstance(status, str) or status.totals is None else status.totals.locked
    if locked:
        with st.container(border=True, key="lock_box", gap="small"):
            st.markdown(fmt.safe(_what_resumes(locked), 600))
            if st.session_state.get(_ASKED):
                st.text("Let entries out again today? Trading goes to ACTIVE, and a HALT file is lifted besides.")
                with st.container(horizontal=True, gap="small"):
                    st.button("Yes, resume", key="lock_yes", type="primary", on_click=_resume)
                    st.button("No", key="lock_no", on_click=_ask, args=(False,))
            else:
                st.button("Resume", key="lock_resume", icon=":material/lock_open:", on_click=_ask, args=(True,))
    if st.session_state.get(_LOCK_SAID):
        st.text(st.session_state[_LOCK_SAID])


def _what_resumes(locked: str) -> str:
    """Resuming lifts the lock of the day; a loss that still stands above its limit bars entries by itself."""
    if "has reached" in locked:
        return "Resume alone lets no entry out while the loss stands at its limit: raise the limit as well, or wait."
    return "The loss stands below its limit again; entries stay locked until tomorrow or until you resume."


def _ask(asked: bool) -> None:
    st.session_state[_ASKED] = asked


def _resume() -> None:
    st.session_state[_ASKED] = False
    try:
        receipt = service.desk().order_level("resume", issued_by="panel")
        st.session_state[_LOCK_SAID] = _answer(receipt.command_id)
    except TraderError as error:
        st.session_state[_LOCK_SAID] = fmt.plain(error, 600)
    service.forget()


# ------------------------------------------------------------------------------------------------- editing


def edit() -> dict[str, DeltaGenerator]:
    """The fields in groups, what is wrong with them, and Save. Returns the places of what is used, by field."""
    try:
        present = service.desk().limits_asked() or service.desk().limits()
    except TraderError as error:
        st.error("The limits cannot be read.", icon=":material/error:")
        st.text(fmt.plain(error))
        return {}
    if _loaded() is None or (present != _loaded() and not _edited()):
        _load(present)
    slots: dict[str, DeltaGenerator] = {}
    st.markdown(
        "**Limits of the account** hold for all runs together, whatever their presets say. Exits are never asked."
    )
    with st.container(key="limits_box"):
        for title, names in _GROUPS.items():
            markup.draw(tag("div", tag("b", title), class_="ac-group"))
            for first in range(0, len(names), 3):
                row = names[first : first + 3]
                for column, name in zip(st.columns(3, gap="medium"), row, strict=False):
                    with column, st.container(gap="xsmall"):
                        _field(name, _FIELDS[name])
                        if name not in _STEPS:
                            slots[name] = st.empty()
    _save(present)
    return slots


def _field(name: str, field: FieldInfo) -> None:
    key, value = _key(name), getattr(_loaded(), name)
    title, unit = str(field.title), unit_of(field)
    if isinstance(value, bool):
        st.session_state.setdefault(key, value)
        st.toggle(title, key=key, help=fmt.safe(str(field.description)))
        return
    if isinstance(value, dict):
        st.session_state.setdefault(key, _text(value))
        st.text_area(title, key=key, placeholder=_EXAMPLE, help=fmt.safe(f"{field.description} For example {_EXAMPLE}"))
        return
    st.session_state.setdefault(key, float(value))
    places = form.decimals(st.session_state[key])
    st.number_input(fmt.plain(title if unit in title.lower() else f"{title} ({unit})"), key=key, step=1.0, format=f"%.{places}f",
                    help=fmt.safe(f"{field.description} Allowed: {form.bounds(field)} {unit}."))  # fmt: skip


def _text(contracts: dict[str, ContractLimits]) -> str:
    """Bounds of single contracts as they are typed; empty for none."""
    document = AccountLimits(instruments=contracts).document()["instruments"]
    return json.dumps(document) if document else ""


def _save(present: AccountLimits) -> None:
    loaded = _loaded()
    typed = _typed()
    wanted, wrong = _checked(typed)
    for sentence in wrong:
        st.markdown(fmt.red(sentence))
    edited = _edited()
    if edited and loaded is not None:
        st.markdown(
            fmt.safe(
                "Not saved: " + "; ".join(_change(name, getattr(loaded, name), typed[name]) for name in edited) + ".",
                1000,
            )
        )
    with st.container(horizontal=True, gap="small", key="limits_actions"):
        st.button("Save limits", key="limits_save", type="primary", icon=":material/save:",
                  disabled=wanted is None or not edited, on_click=_send)  # fmt: skip
        if edited:
            st.button("Discard", key="limits_discard", on_click=_load, args=(present,))
    if present != loaded and loaded is not None:
        moved = [name for name in _FIELDS if getattr(present, name) != getattr(loaded, name)]
        st.warning("These limits were set elsewhere meanwhile; saving would be refused.", icon=":material/merge:")
        st.text("; ".join(_change(name, getattr(loaded, name), getattr(present, name)) for name in moved))
        st.button("Take those, keep my edits", key="limits_rebase", on_click=_rebase, args=(present,))
    if _edit().said:
        st.text(_edit().said)


class _Edit(Note):
    """The limits as this tab has read them, and which fields show them: the generation is in their keys."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: AccountLimits | None = None
        self.generation = 0

    def load(self, limits: AccountLimits) -> None:
        """Begin with these."""
        self.loaded, self.generation = limits, self.generation + 1


def _edit() -> _Edit:
    if _EDIT not in st.session_state:
        st.session_state[_EDIT] = _Edit()
    found: _Edit = st.session_state[_EDIT]
    return found


def _loaded() -> AccountLimits | None:
    return _edit().loaded


def _load(limits: AccountLimits) -> None:
    _edit().load(limits)


def _rebase(limits: AccountLimits) -> None:
    """What was set elsewhere, and on top of it what was typed here."""
    mine = {name: st.session_state[_key(name)] for name in _edited()}
    _load(limits)
    for name, value in mine.items():
        st.session_state[_key(name)] = value
    _edit().said = ""


def _key(name: str) -> str:
    return f"limits.{_edit().generation}.{name}"


def _typed() -> dict[str, Any]:
    """The fields' values as the document has them; those not drawn yet as they were loaded."""
    loaded = _loaded()
    found: dict[str, Any] = {}
    for name in _FIELDS:
        value = st.session_state.get(_key(name), getattr(loaded, name))
        whole = isinstance(value, float) and value.is_integer()
        found[name] = int(value) if whole else form.number_text(value) if isinstance(value, float) else value
    return found


def _edited() -> list[str]:
    """The fields that hold something else than was loaded."""
    loaded = _loaded()
    if loaded is None:
        return []
    typed = _typed()
    return [name for name in _FIELDS if not form.same(_as_text(typed[name]), _as_text(getattr(loaded, name)))]


def _as_text(value: Any) -> str:
    return _text(value) if isinstance(value, dict) else str(value)


def _checked(typed: dict[str, Any]) -> tuple[AccountLimits | None, tuple[str, ...]]:
    """The limits, or what is wrong, a sentence for each field, by the titles of the form."""
    try:
        return read_limits(typed), ()
    except InvalidConfig as error:
        return None, tuple(f"{_titled(problem)}." for problem in error.problems)


def _titled(words: str) -> str:
    for name in sorted(_FIELDS, key=len, reverse=True):
        words = words.replace(name, str(_FIELDS[name].title))
    return words


def _change(name: str, old: Any, new: Any) -> str:
    """``Runs 6 → 4``"""
    return f"{_FIELDS[name].title} {_say(old)} → {_say(new)}"


def _say(value: Any) -> str:
    if isinstance(value, dict | str):
        return value if isinstance(value, str) else _text(value) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return "nothing" if value is None else f"{Decimal(str(value)):,f}"


def _send() -> None:
    """Send what the fields hold now; the arguments of a callback would be those of the last drawing."""
    desk, edit, status = service.desk(), _edit(), service.status()
    wanted, wrong = _checked(_typed())
    if wanted is None:
        edit.said = f"Not saved: {wrong[0]}"
        return
    alive = not isinstance(status, str) and status.runner.alive
    # From here on nothing of the session's state is touched: see `pressed`.
    try:
        receipt = desk.set_limits(wanted, issued_by="panel", seen=edit.loaded)
        row = desk.await_command(receipt.command_id, _ANSWER_SECS if alive else 0)
    except TraderError as error:
        edit.said = f"Not saved: {fmt.plain(error, 600)}"
        return
    service.forget()
    if row.status == "refused":
        edit.said = f"Refused: {_titled(fmt.plain(row.detail, 600))}."
        return
    edit.load(wanted)
    if row.status != "new":
        edit.said = f"Accepted: {fmt.plain(row.detail)}."
    elif alive:
        edit.said = "Recorded; the runner has not answered yet."
    else:
        edit.said = "Recorded; no runner is alive, the limits change as soon as one is."


def _answer(command_id: str) -> str:
    row = service.desk().await_command(command_id, _ANSWER_SECS)
    return (
        "Recorded; no runner has answered yet." if row.status == "new" else f"{row.status.capitalize()}: {row.detail}."
    )
