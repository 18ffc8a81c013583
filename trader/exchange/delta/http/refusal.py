"""What an answer that is not a success means. Pure: status and body in, typed error out.

Three error shapes coexist, and some layers answer HTML: ``{"success":false,"error":{"code":...,"context":...}}``,
``{"error":"InvalidApiKey","message":"..."}``, and the first with a bare string as ``error``.
"""

from typing import Any

import msgspec

from trader.domain.errors import AuthError, ExchangeError, OutcomeUnknown, RateLimited, VenueRefused, WireError
from trader.exchange.delta.http.errors import explain, is_ambiguous, is_auth, is_too_many, sentence

_CONTEXT_CHARS_MAX = 500
_CODE_CHARS_MAX = 80


class ErrorBody(msgspec.Struct, frozen=True):
    """The readable part of an error answer."""

    code: str
    message: str = ""
    context: object = None


def parse_error_body(body: bytes) -> ErrorBody | None:
    """The code, message and context of an error answer; None when it is not one of the known shapes."""
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    if not isinstance(data, dict) or data.get("success") is True:
        return None
    error = data.get("error")
    if isinstance(error, dict):
        code, context = error.get("code"), error.get("context")
        message = error.get("message", data.get("message"))
    else:
        code, context, message = error, None, data.get("message")
    if not isinstance(code, str) or not code:
        return None
    return ErrorBody(code[:_CODE_CHARS_MAX], _message(message, context), context)


def is_rate_limit(status: int, error: ErrorBody | None) -> bool:
    """True when the exchange turned a request away because there were too many."""
    return status == 429 or (400 <= status < 500 and error is not None and is_too_many(error.code))


def _message(message: Any, context: Any) -> str:
    parts = [message] if isinstance(message, str) and message else []
    if context:
        try:
            parts.append(msgspec.json.encode(context).decode())
        except (TypeError, RecursionError):
            parts.append(str(type(context)))
    return " ".join(parts)[:_CONTEXT_CHARS_MAX]


def refusal(status: int, body: bytes, *, what: str, retry_after_secs: float = 0.0) -> ExchangeError:
    """The error behind an HTTP answer other than 200.

    A 4xx with a readable code that does not itself speak of doubt proves that nothing was done, and so does a 429, whatever
    its body: what is over the limit is turned away, not processed. 408, 5xx, redirects and unreadable bodies prove nothing.
    """
    error = parse_error_body(body)
    code = f" {error.code}" if error else ""
    if is_rate_limit(status, error):
        return RateLimited(f"{what}: too many requests ({status})", retry_after_secs=retry_after_secs)
    if not 400 <= status < 500 or status == 408:
        return OutcomeUnknown(f"{what}: HTTP {status}{code}")
    if error is None:
        return WireError(f"{what}: HTTP {status} with an unreadable body")
    return refused(error.code, error.message, error.context, what=what, status=status)


def refused(code: str, message: str = "", context: object = None, *, what: str, status: int = 400) -> ExchangeError:
    """The error behind a code of the exchange, with what it leaves to do."""
    if is_ambiguous(code):
        return OutcomeUnknown(f"{what}: {code} ({status}): {sentence(code, message)}")
    known = explain(code)
    kind = AuthError if is_auth(code) else VenueRefused
    remedy = None if known is None else known.remedy
    return kind(code, sentence(code, message), context, http_status=status, remedy=remedy)
