"""Is a payload what the documentation says? The one question both sides' tests ask of the tables."""

from collections.abc import Mapping
from typing import Any

from tests.conformance.schema.language import Checker
from tests.conformance.schema.objects import OBJECTS
from tests.conformance.schema.rest import ENDPOINTS
from tests.conformance.schema.sockets import MESSAGES, RESOLUTIONS

CHECKER = Checker(OBJECTS | MESSAGES)
_SNAPSHOTS = ("orders", "positions")
_SHARED_NAMES = ("mark_price", "spot_price", "funding_rate")  # one name, a compact and a legacy form


def validate(name: str, payload: Any, *, newest: bool = True) -> list[str]:
    """Problems of a whole answer or socket message; empty when it is as documented.

    Args:
        name: An endpoint as ``GET /v2/tickers/{symbol}``, ``error`` for a refusal, or a channel as ``ob_l1``.
        payload: The decoded JSON: REST with its envelope, a socket message with its `type`.
        newest: Demand every field of the newest edition and no other, as of a server that claims to follow it.
            Otherwise only what a client cannot do without, and the types of what is there.
    """
    if name == "error":
        return _error(payload)
    answer = ENDPOINTS.get(name)
    if answer is None:
        return _message(name, payload, newest)
    if not answer.enveloped:
        return CHECKER.check(answer.result, payload, newest=newest)
    if not isinstance(payload, Mapping):
        return [f"{name}: no envelope"]
    problems = [] if payload.get("success") is True else ["success: must be true"]
    if "result" not in payload:
        problems += [] if answer.result.startswith("null") else ["result: missing"]
    else:
        problems += CHECKER.check(answer.result, payload["result"], newest=newest)
    if answer.meta is not None:
        problems += CHECKER.check(answer.meta, payload.get("meta"), newest=newest, where="meta")
    return problems


def _error(payload: Any) -> list[str]:
    """One of the three documented error shapes."""
    if not isinstance(payload, Mapping):
        return ["error: no object"]
    if isinstance(payload.get("error"), str):  # key, signature and front-door errors
        return CHECKER.check("str", payload.get("message"), newest=False, where="message")
    problems = [] if payload.get("success") is False else ["success: must be false"]
    return problems + CHECKER.check("@Error", payload.get("error"), newest=True, where="error")


def _message(name: str, payload: Any, newest: bool) -> list[str]:
    channel = _channel(name, payload if isinstance(payload, Mapping) else {})
    if channel not in MESSAGES:
        raise KeyError(f"no table for {name!r}")
    return CHECKER.check(f"@{channel}", payload, newest=newest, where=channel)


def _channel(name: str, payload: Mapping[str, Any]) -> str:
    if name.startswith("candlestick_"):
        if name.removeprefix("candlestick_") not in RESOLUTIONS:
            raise KeyError(f"no such candle resolution: {name!r}")
        name = "candlestick"
        return f"{name}/legacy" if "candle_start_time" in payload else name
    if name in _SNAPSHOTS and payload.get("action") == "snapshot":
        return f"{name}/snapshot"
    return f"{name}/legacy" if name in _SHARED_NAMES and "symbol" in payload else name
