"""The control port: JSON over HTTP on loopback, for tests that want the exchange to misbehave.

It changes what the venue does and reads what arrived at it; it takes no orders and shows no keys. A browser page cannot
use it: a foreign Host or Origin, and a body that is not declared as JSON, are refused.
"""

from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trader.domain.errors import ConfigError
from trader.venue.faults.catalogue import KINDS
from trader.venue.faults.desk import FaultDesk
from trader.venue.faults.rules import FaultSpec, checked

_LOCAL_NAMES = frozenset({"127.0.0.1", "localhost"})
_BODY_BYTES_MAX = 1 << 20


def build_control_app(desk: FaultDesk) -> Starlette:
    """The application of one venue's control port."""

    async def catalogue(request: Request) -> Response:
        return _json([msgspec.to_builtins(kind) for kind in KINDS.values()])

    async def listed(request: Request) -> Response:
        return _json([rule.row() for rule in desk.rules.all()])

    async def one(request: Request) -> Response:
        rule = desk.rules.find(request.path_params["rule_id"])
        return _problem(404, "there is no rule of that id") if rule is None else _json(rule.row())

    async def add(request: Request) -> Response:
        try:
            specs = _specs(await request.body())
            for spec in specs:  # all of them or none
                checked(spec)
            rows = [desk.add(spec).row() for spec in specs]
        except (ConfigError, msgspec.DecodeError) as error:
            return _problem(400, str(error))
        return _json(rows, 201)

    async def clear(request: Request) -> Response:
        return _json({"cleared": desk.clear()})

    async def remove(request: Request) -> Response:
        rule = desk.remove(request.path_params["rule_id"])
        return _problem(404, "there is no rule of that id") if rule is None else _json(rule.row())

    async def requests(request: Request) -> Response:
        assert desk.rest is not None
        after = request.query_params.get("after", "0")
        if not after.isdigit():
            return _problem(400, "after must be the number of a request")
        return _json([msgspec.to_builtins(note) for note in desk.rest.noted if note.seq > int(after)])

    routes = [
        Route("/catalogue", catalogue, methods=["GET"]),
        Route("/faults", listed, methods=["GET"]),
        Route("/faults", add, methods=["POST"]),
        Route("/faults", clear, methods=["DELETE"]),
        Route("/faults/{rule_id}", one, methods=["GET"]),
        Route("/faults/{rule_id}", remove, methods=["DELETE"]),
        Route("/requests", requests, methods=["GET"]),
    ]
    return Starlette(routes=[Route(r.path, _guarded(r.endpoint), methods=list(r.methods or ())) for r in routes])


def _guarded(endpoint: Any) -> Any:
    async def serve(request: Request) -> Response:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        if host not in _LOCAL_NAMES or request.headers.get("origin") is not None:
            return _problem(403, "the control port answers programs of this machine only")
        if request.method == "POST" and request.headers.get("content-type", "").split(";")[0] != "application/json":
            return _problem(415, "send the rules as application/json")
        if int(request.headers.get("content-length", "0")) > _BODY_BYTES_MAX:
            async for _ in request.stream():  # who is still sending when the answer comes may never read it
                pass
            return _problem(413, "too many rules at once")
        answer: Response = await endpoint(request)
        return answer

    return serve


def _specs(raw: bytes) -> list[FaultSpec]:
    """One rule or a list of rules."""
    if raw.lstrip()[:1] == b"[":
        return msgspec.json.decode(raw, type=list[FaultSpec])
    return [msgspec.json.decode(raw, type=FaultSpec)]


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _problem(status: int, words: str) -> Response:
    return _json({"error": words}, status)
