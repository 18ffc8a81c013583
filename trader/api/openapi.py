"""The document of the API. Shapes of answers come from the desk's own values, of requests from the configuration's models."""

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import Response

from trader.api.problems import ProblemDocument
from trader.api.routing import Routes, answer

_REF = "#/components/schemas/{name}"
DESCRIPTION = """Runs, orders and books of one account, on this machine only.

Send `Authorization: Bearer TOKEN`; make one with `python -m trader token create`. Scopes: read, stop (read, and stop, pause,
reduce, kill), trade (everything). Money, prices and quantities that can be fractions are decimal strings; instants are
ISO-8601 in UTC. Refusals are `application/problem+json` with a `type` to rely on. A POST takes an `Idempotency-Key`. Lists
are pages: ask again with `cursor` set to `next`."""


def routes(app: FastAPI, others: Sequence[Routes]) -> Routes:
    """The route that tells the document of all, made once."""
    found = Routes("health")

    @found.add("GET", "/openapi.json", "read", dict[str, Any])
    async def get_openapi_document() -> Response:
        """This document."""
        if app.openapi_schema is None:
            app.openapi_schema = build(app, [*others, found])
        return answer(app.openapi_schema)

    return found


def build(app: FastAPI, parts: Sequence[Routes]) -> dict[str, Any]:
    """The document, with the shapes of answers and refusals put in."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    answers = {name: told for part in parts for name, told in part.answers.items()}
    kinds = [kind for kind, _ in answers.values()]
    shapes, components = msgspec.json.schema_components(kinds, schema_hook=_hook, ref_template=_REF)
    told = {
        name: {media[0]: {"schema": shape}} | {other: {"schema": {"type": "string"}} for other in media[1:]}
        for (name, (_, media)), shape in zip(answers.items(), shapes, strict=True)
    }
    known = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        known.pop(name, None)
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    known |= {**problem.pop("$defs"), "Problem": problem, **components}
    for operation in (one for path in document["paths"].values() for one in path.values()):
        _finish(operation, told[operation["operationId"]])
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["servers"] = [{"url": "/api"}]
    return document


def _finish(operation: dict[str, Any], content: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    for status in responses:
        responses[status] = {"description": "As asked.", "content": content}
    if "201" in responses:
        responses["202"] = {"description": "Recorded; the runner has not answered yet.", "content": content}
    if operation["operationId"] == "ready":
        responses["503"] = {"description": "Not ready.", "content": content}
    refused = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
    responses["default"] = {"description": "Refused, and why.", "content": refused}
    operation["security"] = [] if "x-scope" not in operation else [{"token": []}]


def _hook(kind: type) -> dict[str, Any]:
    assert issubclass(kind, BaseModel), kind
    return {"type": "object", "title": kind.__name__}
