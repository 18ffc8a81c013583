"""The application: routes, gate and refusals put together."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from trader import __version__
from trader.api import links, openapi
from trader.api.gate import Gate
from trader.api.problems import Problem, of_error
from trader.api.routes import account, books, health, logs, presets, results, runs, stream, trading
from trader.config.messages import causes, path_of, sentence
from trader.config.tokens import TokenStore
from trader.desk import Desk
from trader.domain.errors import TraderError

logger = logging.getLogger(__name__)
_PARTS = (health, runs, presets, account, books, trading, results, logs, stream)


def create_app(desk: Desk, tokens: TokenStore) -> FastAPI:
    """The API over a desk. It is to be mounted at ``/api``; the desk stays its caller's to close."""
    app = FastAPI(
        title="Strangle Desk",
        version=__version__,
        description=openapi.DESCRIPTION,
        docs_url=None,  # the page would load its scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # below: it needs a token, as everything does
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.desk = desk
    app.state.streams = stream.Streams(desk)
    app.state.events = books.events_of(desk)
    parts = [part.routes for part in _PARTS]
    for part in [*parts, openapi.routes(app, parts)]:
        app.include_router(part)
    app.add_route(links.ROUTE, links.answer_link, methods=["GET", "POST"], include_in_schema=False)
    app.add_middleware(Gate, tokens=tokens)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(TraderError, _house)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
    return app


def _problem(_request: Request, error: Any) -> Response:
    return error.response()  # type: ignore[no-any-return]


def _house(_request: Request, error: Any) -> Response:
    return of_error(error).response()


def _invalid(request: Request, error: Any) -> Response:
    """One sentence per field, as every face says it."""
    field = getattr(request.scope.get("route"), "body_field", None)
    model = None if field is None else field.field_info.annotation
    found = []
    for details in causes(error.errors()):
        place = details["loc"][1:] if details["loc"][0] in ("body", "query", "path", "header") else details["loc"]
        known = model if isinstance(model, type) and issubclass(model, BaseModel) else BaseModel
        found.append((path_of(place) or str(details["loc"][0]), sentence(details | {"loc": place}, known)))
    return Problem(422, "invalid", "; ".join(words for _, words in found) + ".", found).response()


def _http(_request: Request, error: Any) -> Response:
    words = {404: "There is nothing here.", 405: "This address does not know this method."}
    code = {404: "not-found", 405: "method"}.get(error.status_code, "refused")
    return Problem(
        error.status_code, code, words.get(error.status_code, str(error.detail)), (), error.headers
    ).response()


def _unexpected(request: Request, error: Exception) -> Response:
    """A defect. What it is stands in the log; a program is told no more than that."""
    logger.error("api_failed method=%s path=%s", request.method, request.url.path, exc_info=error)
    return Problem(500, "internal", "Something went wrong here; the log of this process says what.").response()
