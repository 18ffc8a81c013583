"""The REST listener: routes with their weights, and the gateway every request passes (agent, key, quota, envelope)."""

import logging
import os
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any, Protocol

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from trader.config.announced import IDENTITY_PATH
from trader.venue.core.account import Account
from trader.venue.core.exchange import Exchange
from trader.venue.core.refusal import Refused, bad_schema
from trader.venue.tape import Tape
from trader.venue.wire import market_routes, user_routes
from trader.venue.wire.auth import KeyRing
from trader.venue.wire.call import Answer, Call
from trader.venue.wire.endpoint import Endpoint
from trader.venue.wire.fields import json_object
from trader.venue.wire.problem import GatewayError, blocked_by_cdn, refusal_body
from trader.venue.wire.quota import EngineLimit, Quota
from trader.venue.wire.signed_endpoints import SIGNED

_log = logging.getLogger(__name__)
_BODY_BYTES_MAX = 65_536


class Floor(Protocol):
    """What the wire needs of the server: the exchange brought to now, and someone to tell of changes."""

    exchange: Exchange
    tape: Tape
    keys: KeyRing
    quota: Quota
    engine_limit: EngineLimit
    instance: str

    def bring_to_now(self) -> None:
        """Advance the exchange to the present market time."""
        ...

    def after_change(self) -> None:
        """Deliver what happened to streams and store."""
        ...


ENDPOINTS = [
    *SIGNED,
    Endpoint(method="GET", path="/v2/assets", weight=1, handler=market_routes.assets),
    Endpoint(method="GET", path="/v2/indices", weight=1, handler=market_routes.indices),
    Endpoint(method="GET", path="/v2/products", weight=3, handler=market_routes.products),
    Endpoint(method="GET", path="/v2/products/{symbol}", weight=3, handler=market_routes.product),
    Endpoint(method="GET", path="/v2/tickers", weight=3, handler=market_routes.tickers),
    Endpoint(method="GET", path="/v2/tickers/{symbol}", weight=3, handler=market_routes.ticker),
    Endpoint(method="GET", path="/v2/l2orderbook/{symbol}", weight=3, handler=market_routes.l2_orderbook),
    Endpoint(method="GET", path="/v2/trades/{symbol}", weight=1, handler=market_routes.trades),
    Endpoint(method="GET", path="/v2/history/candles", weight=3, handler=market_routes.candles),
    Endpoint(method="GET", path="/v2/history/sparklines", weight=1, handler=market_routes.sparklines),
    Endpoint(method="GET", path="/v2/settings", weight=1, handler=market_routes.settings),
    Endpoint(method="GET", path="/v2/stats", weight=1, handler=user_routes.stats),
]


def build_rest_app(floor: Floor) -> Starlette:
    """The REST application of one venue."""

    def quota(call: Call) -> Answer:
        """GET /v2/rate_limits/quota: bare, without envelope; counts what was used."""
        return Answer(
            {
                "current_quota": floor.quota.used(call.caller, call.wall_secs),
                "remaining_time_in_milliseconds": floor.quota.remaining_ms(call.wall_secs),
            },
            bare=True,
        )

    quota_endpoint = Endpoint(method="GET", path="/v2/rate_limits/quota", weight=1, handler=quota)
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in [*ENDPOINTS, quota_endpoint]:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    routes = [Route(path, _serve(floor, methods), methods=sorted(methods)) for path, methods in by_path.items()]

    async def identity(_request: Request) -> Response:
        """Who this is: asked by programs on this machine that read an address in a file. No part of Delta's interface."""
        return _json({"instance": floor.instance, "pid": os.getpid()}, 200)

    routes.append(Route(IDENTITY_PATH, identity))
    return Starlette(routes=routes, exception_handlers={HTTPException: _http_error})


def _serve(floor: Floor, methods: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        endpoint = methods["GET" if request.method == "HEAD" else request.method]
        try:
            raw = await _body(request)
            answer = _answer(floor, endpoint, request, raw)
        except GatewayError as error:
            return _json(error.body, error.status, error.headers)
        except Refused as refused:
            return _json(refusal_body(refused), refused.status)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:  # noqa: BLE001 - the edge: one broken request must not take the exchange down
            _log.exception("internal error serving %s %s", request.method, request.url.path)
            return _json({"success": False, "error": {"code": "internal_server_error"}}, 500)
        if answer.csv:
            return Response(answer.result, 200, media_type="text/csv")
        if answer.bare:
            return _json(answer.result, 200)
        envelope: dict[str, Any] = {"success": True, "result": answer.result}
        if answer.meta is not None:
            envelope["meta"] = answer.meta
        return _json(envelope, 200)

    return serve


def _answer(floor: Floor, endpoint: Endpoint, request: Request, raw: bytes) -> Answer:
    wall_secs = time.time()
    holder, caller = _identify(floor, endpoint, request, raw, wall_secs)
    floor.quota.charge(caller, endpoint.weight, wall_secs)
    for name, value in request.query_params.items():
        if value == "":
            raise bad_schema(name, "must not be empty")
    body = json_object(raw)
    if endpoint.engine:
        rows = body.get("orders")
        named = floor.exchange.products.find(str(body.get("product_symbol")))
        product = str(named.product_id if named is not None else body.get("product_id"))
        floor.engine_limit.charge(product, wall_secs, len(rows) if isinstance(rows, list) else 1)
    floor.bring_to_now()
    call = Call(
        exchange=floor.exchange,
        tape=floor.tape,
        now=floor.exchange.now,
        wall_secs=wall_secs,
        path=request.path_params,
        query=request.query_params,
        body=body,
        caller=caller,
        holder=holder,
    )
    try:
        return endpoint.handler(call)
    finally:
        floor.after_change()


def _identify(
    floor: Floor, endpoint: Endpoint, request: Request, raw: bytes, wall_secs: float
) -> tuple[Account | None, str]:
    """The account that signed (public calls may be signed too) and whose quota the call spends."""
    if not request.headers.get("user-agent"):
        raise blocked_by_cdn()
    if not endpoint.signed and "api-key" not in request.headers:
        address = request.client.host if request.client else "?"
        return None, f"ip:{address}"
    scope = request.scope
    query = scope["query_string"].decode("ascii", "replace")
    credential = floor.keys.check_request(
        request.headers,
        method=request.method,
        path=scope["raw_path"].decode("ascii", "replace"),
        query=f"?{query}" if query else "",
        body=raw,
        wall_secs=wall_secs,
    )
    return floor.exchange.accounts[credential.user_id], f"user:{credential.user_id}"


async def _body(request: Request) -> bytes:
    raw = await request.body()
    if len(raw) > _BODY_BYTES_MAX:
        raise bad_schema("body", f"is larger than {_BODY_BYTES_MAX} bytes")
    return raw


def _json(content: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    # The server's own Date is renewed about once a second, so up to two seconds old: clients learn our clock from it.
    dated = {"Date": formatdate(time.time(), usegmt=True), **(headers or {})}
    return Response(msgspec.json.encode(content), status, dated, media_type="application/json")


async def _http_error(request: Request, error: Exception) -> Response:
    """Unknown route or wrong method, in the exchange's shape."""
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed"}
    body = {"success": False, "error": {"code": codes.get(error.status_code, "bad_request")}}
    return _json(body, error.status_code)
