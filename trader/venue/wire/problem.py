"""Refusals of the gateway, before the exchange sees a request, and how every refusal is written."""

from typing import Any

from trader.venue.core.refusal import Refused


class GatewayError(Exception):
    """An answer in one of the gateway's own shapes: `body` as documented, HTTP `status`, extra `headers`."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = headers or {}


def blocked_by_cdn() -> GatewayError:
    """No User-Agent."""
    return GatewayError(403, {"error": "Forbidden", "message": "Request blocked by CDN"})


def unknown_key() -> GatewayError:
    """As the Indian deployment says it; older editions of the documentation have another shape for it."""
    return GatewayError(401, {"error": {"code": "invalid_api_key"}, "success": False})


def signature_mismatch() -> GatewayError:
    return GatewayError(401, {"success": False, "error": {"code": "Signature Mismatch"}})


def signature_expired(request_time: int, server_time: int) -> GatewayError:
    """With both times in seconds, from which a client can learn how far its clock is off."""
    context = {"request_time": request_time, "server_time": server_time}
    return GatewayError(401, {"error": {"code": "signature_expired", "context": context}, "success": False})


def key_not_authorised() -> GatewayError:
    body = {"error": "UnauthorizedApiAccess", "message": "Api Key not authorised to access this endpoint"}
    return GatewayError(401, body)


def rate_limited(wait_ms: int) -> GatewayError:
    """429 with the wait in milliseconds."""
    body = {"success": False, "error": {"code": "rate_limit_exceeded", "context": {"wait_ms": wait_ms}}}
    return GatewayError(429, body, {"X-RATE-LIMIT-RESET": str(wait_ms)})


def refusal_body(refused: Refused) -> dict[str, Any]:
    """Shape A: a trading error."""
    error: dict[str, Any] = {"code": refused.code}
    if refused.context is not None:
        error["context"] = refused.context
    return {"success": False, "error": error}
