"""Does the exchange answer, does it take the key, and how long does that take?"""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from trader.config.connection import resolve_connection
from trader.config.settings import Settings
from trader.domain.errors import AuthError, ExchangeError, TraderError, VenueRefused
from trader.exchange.ports import Gateway

_ASKED = 3  # the first pays for the connection; the fastest is told
_UNDERLYING = "BTC"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One question and what came of it. `ms`: the fastest round trip; None where there was no answer."""

    name: str
    ok: bool
    words: str
    ms: float | None = None


def try_connection(settings: Settings, gateway: Callable[[], Gateway]) -> tuple[Call, ...]:
    """Ask the exchange in public and with the key. Raises nothing, shows no secret, changes nothing."""
    try:
        host = urlsplit(resolve_connection(settings, need_keys=False).rest_url).netloc
        there = gateway()
    except TraderError as error:
        return (Call(name="Exchange", ok=False, words=str(error)),)
    return (
        _timed("Public", there, lambda: f"{host} answers; {_UNDERLYING} is at {there.spot(_UNDERLYING):f}"),
        _timed("Signed", there, lambda: f"the key is accepted, user {there.who_am_i()}"),
        _right(there),
    )


def _timed(name: str, gateway: Gateway, ask: Callable[[], str]) -> Call:
    took, words = [], ""
    for _ in range(_ASKED):
        begun = time.perf_counter()
        try:
            words = ask()
        except TraderError as error:
            if name != "Public" or not isinstance(error, VenueRefused) or isinstance(error, AuthError):
                return Call(name=name, ok=False, words=_explained(gateway, error))
            words = f"it answers: {error}"  # it may list no such underlying
        took.append((time.perf_counter() - begun) * 1000)
    return Call(name=name, ok=True, words=words, ms=min(took))


def _right(gateway: Gateway) -> Call:
    """A key may be accepted and yet not trade."""
    try:
        refusal = gateway.trading_refusal()
    except TraderError as error:
        return Call(name="Trading", ok=False, words=_explained(gateway, error))
    return Call(name="Trading", ok=not refusal, words=refusal or "the key may place and cancel orders")


def _explained(gateway: Gateway, error: TraderError) -> str:
    return gateway.explain(error) if isinstance(error, ExchangeError) else str(error)
