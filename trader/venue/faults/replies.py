"""Answers given in the exchange's place: errors of the gateway, of the CDN, of the trading engine."""

from email.utils import formatdate
from typing import Any

import msgspec

from trader.venue.core.refusal import Refused
from trader.venue.faults.answers import Reply
from trader.venue.faults.rules import Rule
from trader.venue.wire.problem import (
    GatewayError,
    key_not_authorised,
    refusal_body,
    signature_expired,
    unknown_key,
)

_HTML = (
    "<html><head><title>{status} {words}</title></head><body><center><h1>{status} {words}</h1></center></body></html>"
)
_REASONS = {
    403: "Forbidden",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Timeout",
}
_MAINTENANCE = {"success": False, "error": {"code": "under_maintenance"}}


def reply_instead(rule: Rule, wall_secs: float) -> Reply:
    """What a request is answered with when a rule of that kind struck it."""
    fault, kind = rule.kind.fault, rule.kind.kind
    match fault, kind:
        case "N4", "html":
            return _html(int(rule.args["status"]), wall_secs)
        case (("N4" | "X7"), "maintenance"):
            return _json(503, _MAINTENANCE, wall_secs)
        case "N4" | "N8", _:
            status = int(rule.args.get("status", 500))
            return _json(status, {"success": False, "error": {"code": "internal_server_error"}}, wall_secs)
        case "N5", _:
            header = rule.args["header"]
            body = {"success": False, "error": {"code": "rate_limit_exceeded"}}
            extra = {} if header is None else {"x-rate-limit-reset": str(header)}
            return _json(429, body, wall_secs, extra)
        case "N6", "cdn":
            return _html(403, wall_secs)
        case "N6", "ip":
            context = {"ip": "203.0.113.7"}
            error = {"code": "ip_not_whitelisted_for_api_key", "context": context}
            return _json(401, {"success": False, "error": error}, wall_secs)
        case "N6", "key":
            return _gateway(unknown_key(), wall_secs)
        case "N6", "expired":
            return _gateway(signature_expired(int(wall_secs) - 30, int(wall_secs)), wall_secs)
        case "N6", _:
            return _gateway(key_not_authorised(), wall_secs)
        case _:
            refused = Refused(str(rule.args["code"]), rule.args.get("context"))
            return _json(400, refusal_body(refused), wall_secs)


def _gateway(error: GatewayError, wall_secs: float) -> Reply:
    return _json(error.status, error.body, wall_secs, error.headers)


def _json(status: int, body: dict[str, Any], wall_secs: float, extra: dict[str, str] | None = None) -> Reply:
    headers = {"content-type": "application/json", "date": formatdate(wall_secs, usegmt=True), **(extra or {})}
    return Reply(status, headers, msgspec.json.encode(body))


def _html(status: int, wall_secs: float) -> Reply:
    text = _HTML.format(status=status, words=_REASONS.get(status, "Error"))
    return Reply(status, {"content-type": "text/html", "date": formatdate(wall_secs, usegmt=True)}, text.encode())
