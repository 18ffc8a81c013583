"""Refusals as RFC 9457 problem documents: one code, one sentence, and each field at fault."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from pydantic import BaseModel
from starlette.responses import Response

from trader.config.messages import InvalidConfig
from trader.config.presets import PresetChanged
from trader.desk import KeyReused, NotPossible
from trader.domain.errors import ConfigError, ExchangeError, JournalError, RateLimited, TraderError


class FieldProblem(BaseModel):
    """One field at fault, named as in the request (`tickets[0].quantity`); `detail` says what it must be."""

    field: str
    detail: str


class ProblemDocument(BaseModel):
    """`application/problem+json`. `type` is `urn:strangle-desk:` and the code, which programs may rely on; `detail` is one
    sentence for people. `errors` names each field at fault."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


class Problem(Exception):
    """A request that is refused."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers

    def response(self) -> Response:
        document = {
            "type": f"urn:strangle-desk:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "errors": [{"field": field, "detail": detail} for field, detail in self.errors],
        }
        body = msgspec.json.encode(document)
        return Response(body, self.status, self.headers, media_type="application/problem+json")


def not_found(what: str) -> Problem:
    return Problem(404, "not-found", f"There is no {what}.")


def of_error(error: TraderError) -> Problem:
    """What an error of this program is to a client. Its sentences name the field first."""
    words = str(error)
    match error:
        case KeyReused():
            return Problem(409, "key-reused", words)
        case NotPossible() | PresetChanged():
            return Problem(409, "not-possible", words)
        case InvalidConfig():
            return Problem(
                422, "invalid", words, [(text.split(" ", 1)[0].rstrip(":,"), text) for text in error.problems]
            )
        case ConfigError():
            return Problem(422, "invalid", words)
        case JournalError():
            return Problem(503, "journal", words)
        case RateLimited():
            return Problem(503, "exchange-busy", words, headers={"Retry-After": str(int(error.retry_after_secs) + 1)})
        case ExchangeError():
            return Problem(502, "exchange", words)
    return Problem(409, "refused", words)
