"""Which contract a ticket is for: underlying, then expiry and strike, or the perpetual. Only what the exchange lists can be picked."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import streamlit as st

from trader.desk import Board
from trader.domain.errors import TraderError
from trader.domain.expiry import IST
from trader.domain.instrument import Instrument, Kind, parse_option_symbol, underlying_of
from trader.domain.quote import Quote
from trader.panel import format as fmt
from trader.panel import orders_words as say
from trader.panel import parts, service, shown

_UNDERLYING, _EXPIRY, _KIND, _STRIKE = "or_underlying", "or_expiry", "or_kind", "or_strike"
_PERPETUAL = "perpetual"
UNDERLYINGS = ("BTC", "ETH")


class Picked(NamedTuple):
    """A contract and what is offered for it now."""

    contract: Instrument
    quote: Quote | None
    spot: Decimal | None


def pick() -> Picked | str:
    """The pickers, and what is picked; a sentence where nothing can be."""
    shown.begin_with(_UNDERLYING, UNDERLYINGS[0], UNDERLYINGS)
    with st.container(horizontal=True, gap="small"):
        underlying = st.segmented_control("Underlying", UNDERLYINGS, key=_UNDERLYING, required=True, width="content")
        try:
            board: Board = service.desk().listed(str(underlying))
        except TraderError as error:
            return f"The contracts cannot be read: {fmt.plain(error, 400)}"
        listed = [one for one in board.instruments if one.tradable and _is_alive(one, board.market)]
        by_expiry: dict[str, list[Instrument]] = {}
        for one in sorted(listed, key=lambda one: "" if one.expiry is None else one.expiry.isoformat()):
            by_expiry.setdefault(_PERPETUAL if one.expiry is None else one.expiry.isoformat(), []).append(one)
        if not by_expiry:
            return f"The exchange lists no contract of {underlying} that takes orders now."
        first = next((name for name in by_expiry if name != _PERPETUAL), _PERPETUAL)
        shown.begin_with(_EXPIRY, first, by_expiry)
        expiry = st.selectbox("Expiry", list(by_expiry), key=_EXPIRY, format_func=_expiry_words, width=190)
        among = by_expiry.get(expiry or "", [])
        contract = next(iter(among), None) if expiry == _PERPETUAL else _option(among, board.spot)
    if contract is None:
        return "Pick a contract."
    return Picked(contract, board.quotes.get(contract.symbol), board.spot)


def choose(symbol: str) -> None:
    """Pick this contract the next time the pickers are drawn."""
    try:
        option = parse_option_symbol(symbol)
    except ValueError:
        st.session_state.update({_UNDERLYING: underlying_of(symbol), _EXPIRY: _PERPETUAL})
        return
    board = service.desk().listed(option.underlying)
    contract = next((one for one in board.instruments if one.symbol == symbol), None)
    if contract is not None and contract.expiry is not None:
        st.session_state.update({_UNDERLYING: option.underlying, _EXPIRY: contract.expiry.isoformat(), _KIND: option.kind.value,
                                 _STRIKE: contract.strike})  # fmt: skip


def underlying() -> str:
    """The one that is picked."""
    return str(st.session_state.get(_UNDERLYING) or UNDERLYINGS[0])


def _option(among: list[Instrument], spot: Decimal | None) -> Instrument | None:
    shown.begin_with(_KIND, Kind.CALL.value, (Kind.CALL.value, Kind.PUT.value))
    kind = st.segmented_control("Kind", (Kind.CALL.value, Kind.PUT.value), key=_KIND, format_func=str.capitalize, required=True,
                                width="content")  # fmt: skip
    strikes = {
        one.strike: one
        for one in sorted(among, key=lambda one: one.strike or 0)
        if one.kind.value == kind and one.strike
    }
    if not strikes:
        return None
    near = next(iter(strikes)) if spot is None else min(strikes, key=lambda strike: abs(strike - spot))
    shown.begin_with(_STRIKE, near, strikes)
    strike = st.selectbox(
        "Strike", list(strikes), key=_STRIKE, format_func=lambda one: f"{one.normalize():,f}", width=140
    )
    return strikes.get(strike)


def _is_alive(one: Instrument, market: datetime | None) -> bool:
    return one.expiry is None or market is None or one.expiry > market


def _expiry_words(name: str) -> str:
    return "Perpetual" if name == _PERPETUAL else f"{datetime.fromisoformat(name).astimezone(IST):%a %d %b %H:%M}"


def line(picked: Picked) -> str:
    """``C-BTC-95000-221126 · bid 431.50, ask 443.50, mark 436.50 · tick 0.5 · 0.001 BTC a contract``"""
    one, quote = picked.contract, picked.quote
    prices = "no quote now" if quote is None else (
        f"bid {say.price(quote.bid)}, ask {say.price(quote.ask)}, mark {say.price(quote.mark)}"
    )  # fmt: skip
    return (
        f"{one.symbol} · {prices} · tick {parts.amount(one.tick_size)} · "
        f"{parts.amount(one.contract_value)} {one.underlying} a contract · {one.underlying} {parts.spot(picked.spot)}"
    )
