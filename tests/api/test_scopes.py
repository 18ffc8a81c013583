"""Every route with every kind of token. A route that is missing from the table fails the test."""

import re

from tests.api.client import Client
from trader.config.tokens import TokenStore

# method and path → the least scope that may
MATRIX = {
    "GET /health": None,
    "GET /ready": None,
    "GET /metrics": "read",
    "GET /openapi.json": "read",
    "GET /v1/status": "read",
    "GET /v1/runs": "read",
    "POST /v1/runs": "trade",
    "POST /v1/runs/stop-all": "stop",
    "GET /v1/runs/{run_id}": "read",
    "POST /v1/runs/{run_id}/stop": "stop",
    "GET /v1/runs/{run_id}/report": "read",
    "GET /v1/runs/{run_id}/series": "read",
    "GET /v1/runs/{run_id}/attribution": "read",
    "GET /v1/commands/{command_id}": "read",
    "GET /v1/presets": "read",
    "GET /v1/presets/{name}": "read",
    "GET /v1/presets/{name}/plan": "read",
    "GET /v1/presets/{name}/checks": "read",
    "GET /v1/chain": "read",
    "GET /v1/alerts": "read",
    "POST /v1/alerts/ack": "stop",
    "GET /v1/level": "read",
    "POST /v1/level/{order}": "stop",
    "POST /v1/level/resume": "trade",
    "GET /v1/limits": "read",
    "GET /v1/trading/performance": "read",
    "GET /v1/trading/statistics": "read",
    "GET /v1/stream/status": "read",
    "GET /v1/stream/alerts": "read",
    "POST /v1/trading/orders": "trade",
    "POST /v1/trading/orders/check": "read",
    "GET /v1/trading/orders": "read",
    "GET /v1/trading/orders/active": "read",
    "DELETE /v1/trading/orders": "trade",
    "GET /v1/trading/orders/{order_id}": "read",
    "DELETE /v1/trading/orders/{order_id}": "trade",
    "GET /v1/trading/tickets/{ticket_id}": "read",
    "PATCH /v1/trading/tickets/{ticket_id}": "trade",
    "DELETE /v1/trading/tickets/{ticket_id}": "trade",
    "POST /v1/trading/tickets/{ticket_id}/close": "stop",
    "GET /v1/trading/positions": "read",
    "POST /v1/trading/positions/sync": "read",
    "POST /v1/trading/positions/close-all": "stop",
    "GET /v1/trading/positions/{instrument}": "read",
    "POST /v1/trading/positions/{instrument}/close": "stop",
    "POST /v1/trading/positions/{instrument}/adopt": "trade",
    "GET /v1/trading/trades": "read",
    "GET /v1/trading/balances": "read",
    "GET /v1/events": "read",
    "GET /v1/days/{day}/report": "read",
    "GET /v1/stream/events": "read",
    "GET /v1/logs": "read",
}
KINDS = (None, "wrong", "revoked", "read", "stop", "trade")
_VALUES = {"{order}": "pause"}
REACH = {
    None: ["read", "stop", "trade"],
    "read": ["read", "stop", "trade"],
    "stop": ["stop", "trade"],
    "trade": ["trade"],
}


def test_the_table_names_every_route(api: Client) -> None:
    document = api.get("/openapi.json")
    found = {
        f"{method.upper()} {path}": operation.get("x-scope")
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert found == MATRIX


def test_each_scope_reaches_its_routes_and_no_others(api: Client) -> None:
    """Refused for the token: 401 without one in use, 403 with too small a scope. What else a route says is not of interest."""
    store = TokenStore(api.home)
    api.tokens["wrong"] = "sd_00000000_" + "a" * 43
    api.tokens["revoked"] = store.create("gone", "trade")[1]
    store.revoke("gone")
    paths = api.get("/openapi.json")["paths"]
    for route, least in MATRIX.items():
        method, path = route.split(" ")
        waits = any(one["name"] == "wait" for one in paths[path][method.lower()].get("parameters", ()))
        path = re.sub(r"\{\w+\}", lambda name: _VALUES.get(name[0], "nothere"), path)
        for kind in KINDS:
            with api.ask(method, path, kind, params={"wait": 0} if waits else {}, stream=True) as answer:
                status = answer.status_code
            if least is not None and kind in (None, "wrong", "revoked"):
                assert status == 401, (route, kind)
            elif kind is not None and kind not in ("wrong", "revoked") and kind not in REACH[least]:
                assert status == 403, (route, kind)
            else:
                assert status not in (401, 403), (route, kind)
