"""Which finished runs a page is of: the row of filters of History and Analytics. The address is where it is kept, so a view can be
sent, opened again and gone back to; what it says that cannot be is told in a sentence and left out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import streamlit as st

from trader.analytics.choosing import RunFilter
from trader.desk.analytics.figures import Choices
from trader.domain.expiry import is_iso_date
from trader.panel import format as fmt
from trader.panel import service, words

FIRST_DAY, LAST_DAY = date(2020, 1, 1), date(2099, 12, 31)
PAGE = "page"  # which page of a list: of another filter it is another one, so a change forgets it
KINDS: Mapping[str, str] = {
    "runs": "Runs",
    "orders": "Single orders",
    "all": "Runs and orders",
    "untraded": "Never traded",
}
OUTCOMES: Mapping[str, str] = {"won": "Won", "lost": "Lost"}
_MANY: Mapping[str, str] = {
    "preset": "Preset",
    "underlying": "Underlying",
    "exit": "Ended by",
    "structure": "Structure",
    "version": "Preset version",
}


class Asked(NamedTuple):
    """`kind` is a name of `KINDS`, `capital` USD."""

    wanted: RunFilter
    account: str | None
    kind: str
    capital: Decimal | None
    said: str


def ask(*, untraded: bool = False, capital: bool = False) -> Asked:
    """The row of filters, and what it comes to.

    Args:
        untraded: Runs that ended without a trade may be asked for too.
        capital: Ask for the equity on the first day.
    """
    analytics = service.desk().analytics
    wrong: list[str] = []
    accounts = analytics.accounts()
    account = _one("account", accounts, wrong, "this journal has no such account")
    choices = analytics.choices(account)
    kinds = [kind for kind in KINDS if untraded or kind != "untraded"]
    since, until = _day("from", wrong), _day("to", wrong)
    if since is not None and until is not None and until < since:
        wrong.append(f"to={until} lies before from={since}: it is left out.")
        until = None
    kind = _one("kind", kinds, wrong, f"it is one of {', '.join(kinds)}") or "runs"
    outcome = _one("result", list(OUTCOMES), wrong, "it is won or lost")
    money = _money("capital", wrong) if capital else None
    named = _named(choices)
    chosen = {name: _several(name, options, wrong) for name, options in named.items()}
    asked = Asked(
        RunFilter(
            since=since,
            until=until,
            presets=chosen["preset"],
            underlyings=chosen["underlying"],
            structures=chosen["structure"],
            reasons=chosen["exit"],
            configurations=chosen["version"],
            outcome=outcome,  # type: ignore[arg-type]  # one of OUTCOMES
            kinds="runs" if kind == "untraded" else kind,  # type: ignore[arg-type]  # one of the others
        ),
        account,
        kind,
        money,
        "; ".join(_words(since, until, account, kind, outcome, chosen)) or "all runs",
    )
    for sentence in wrong:
        st.warning(fmt.safe(f"The address asks for what cannot be. {sentence}"), icon=":material/link_off:")
    with st.expander(
        fmt.safe(f"Filter: {asked.said}"), expanded=not _is_phone(), key="run_filter", icon=":material/filter_list:"
    ):
        _fields(asked, accounts, named, chosen, kinds, ask_capital=capital)
    return asked


def _fields(
    asked: Asked,
    accounts: Sequence[str],
    named: Mapping[str, Sequence[str]],
    chosen: Mapping[str, tuple[str, ...]],
    kinds: Sequence[str],
    *,
    ask_capital: bool,
) -> None:
    wanted = asked.wanted
    with st.grid("auto", min_column_width=140):
        for name, title, value in (("from", "From (IST day)", wanted.since), ("to", "To", wanted.until)):
            st.date_input(title, None, FIRST_DAY, LAST_DAY, **_bound(name, value), format="YYYY-MM-DD")
        if len(accounts) > 1:
            st.selectbox("Account", accounts, **_bound("account", asked.account or accounts[0]))
        for name, options in named.items():
            if len(options) > 1 or chosen[name]:
                st.multiselect(
                    _MANY[name], options, **_bound(name, list(chosen[name])), format_func=_FORMATS.get(name, str),
                    placeholder="Any",
                )  # fmt: skip
        st.selectbox(
            "Result", list(OUTCOMES), **_bound("result", wanted.outcome), format_func=OUTCOMES.__getitem__,
            placeholder="Won or lost", index=None,
        )  # fmt: skip
        st.selectbox("Show", kinds, **_bound("kind", asked.kind), format_func=KINDS.__getitem__)
        if ask_capital:
            st.number_input(
                "Capital, USD", min_value=0.01, max_value=1e12, step=100.0, format="%0.2f", placeholder="for the ratios",
                **_bound("capital", None if asked.capital is None else float(asked.capital)),
                help="Equity on the first day: what returns, and so Sharpe and its like, are of.",
            )  # fmt: skip


_FORMATS: Mapping[str, Callable[[str], str]] = {"exit": words.ended_by, "version": lambda text: text[:8]}


def _named(choices: Choices) -> dict[str, Sequence[str]]:
    return {
        "preset": choices.presets,
        "underlying": choices.underlyings,
        "exit": choices.reasons,
        "structure": choices.structures,
        "version": choices.configurations,
    }


def _bound(name: str, value: Any) -> dict[str, Any]:
    """What makes a field show what the address says, and a change of the field one of the address."""
    key = f"rf_{name}"
    st.session_state[key] = value
    return {"key": key, "on_change": _to_address, "args": (name,)}


def _to_address(name: str) -> None:
    value = st.session_state[f"rf_{name}"]
    put(name, value)
    if PAGE in st.query_params:
        del st.query_params[PAGE]


def put(name: str, value: Any) -> None:
    """Say something in the address; None and nothing leave it out."""
    if value in (None, [], "") or (name == "kind" and value == "runs"):
        if name in st.query_params:
            del st.query_params[name]
    elif isinstance(value, list):
        st.query_params[name] = value
    else:
        st.query_params[name] = f"{value:.15g}" if isinstance(value, float) else str(value)


def address() -> dict[str, Any]:
    """The filter as it stands in the address, for a link to another page of the same runs."""
    names = ("from", "to", "account", "result", "kind", *_MANY)
    found = {name: st.query_params.get_all(name) for name in names}
    return {name: values if name in _MANY else values[-1] for name, values in found.items() if values}


# ---------------------------------------------------------------- reading the address


def _day(name: str, wrong: list[str]) -> date | None:
    text = st.query_params.get(name)
    if text is None:
        return None
    if is_iso_date(text) and FIRST_DAY <= (day := date.fromisoformat(text)) <= LAST_DAY:
        return day
    wrong.append(f"{name}={fmt.plain(text, 40)} is no day from {FIRST_DAY} to {LAST_DAY}: it is left out.")
    return None


def _one(name: str, options: Sequence[str], wrong: list[str], why: str) -> str | None:
    text = st.query_params.get(name)
    if text is None or text in options:
        return text
    wrong.append(f"{name}={fmt.plain(text, 40)}: {why}. It is left out.")
    return None


def _several(name: str, options: Sequence[str], wrong: list[str]) -> tuple[str, ...]:
    texts = tuple(dict.fromkeys(st.query_params.get_all(name)))
    known = tuple(text for text in texts if text in options)
    wrong.extend(
        f"{name}={fmt.plain(text, 40)}: no finished run has that. It is left out."
        for text in texts
        if text not in known
    )
    return known


def _money(name: str, wrong: list[str]) -> Decimal | None:
    text = st.query_params.get(name)
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if value.is_finite() and Decimal("0.01") <= value <= Decimal(10) ** 12:
        return value
    wrong.append(f"{name}={fmt.plain(text, 40)} is no amount from 0.01 to 1e12 USD: it is left out.")
    return None


def number(name: str, most: int, default: int = 1) -> int:
    """A whole number from 1 on that the address says; beyond the last it is the last, and what is none is the default, with a sentence."""
    text = st.query_params.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= 1:
        return min(int(text), most)
    st.warning(fmt.safe(f"{name}={fmt.plain(text, 40)} is no page: this is the first."), icon=":material/link_off:")
    return default


def _words(
    since: date | None,
    until: date | None,
    account: str | None,
    kind: str,
    outcome: str | None,
    chosen: Mapping[str, tuple[str, ...]],
) -> list[str]:
    """What the filter leaves, in a few words."""
    found = []
    if since is not None or until is not None:
        found.append(" ".join(f"{word} {day:%d %b %Y}" for word, day in (("from", since), ("to", until)) if day))
    if account is not None:
        found.append(account)
    if kind != "runs":
        found.append(KINDS[kind].lower())
    if outcome is not None:
        found.append(OUTCOMES[outcome].lower())
    found += [
        ", ".join(_FORMATS.get(name, str)(value) for value in values) for name, values in chosen.items() if values
    ]
    return found


def _is_phone() -> bool:
    """The fields of a phone are folded: there they are half of the first screen."""
    return "Mobi" in st.context.headers.get("User-Agent", "")
