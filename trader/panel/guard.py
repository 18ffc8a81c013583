"""Who may talk to this server: an ASGI layer in front of every route, web sockets included.

A browser lets any site send requests to 127.0.0.1, and a name can be rebound to it; so both `Host` and `Origin` must name
this server's own loopback address and port. A web socket without `Origin` is no browser of ours and is refused.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from starlette.websockets import WebSocketDisconnected

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")

# The page may load from and talk to this server alone; it may not be framed (a frame could steal a click on Stop).
# Streamlit's front end needs inline styles, evaluated code (charts) and blob workers.
SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:; "
        b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
        b"worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class HostGuard:
    """Refuse every request whose Host or Origin is not this server's own.

    Args:
        app: The application behind.
        port: Asked at every request, because the port is fixed only when the socket is bound.
    """

    def __init__(self, app: Asgi, *, port: Callable[[], int]) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        reason = refusal(scope["headers"], port=self._port(), websocket=scope["type"] == "websocket")
        if reason is None:
            await self._pass_on(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the connect message; closing before accepting answers 403
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _refuse(send, reason)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._app(scope, receive, _with_headers(send))
            return
        try:
            await self._app(scope, receive, send)
        except WebSocketDisconnected:
            return  # a tab was closed while something was being sent to it, which is no error of anybody's


def refusal(headers: Iterable[tuple[bytes, bytes]], *, port: int, websocket: bool) -> str | None:
    """Why a request with these headers is refused, or None when it may pass.

    Host must be a loopback name with this port; Origin, where there is one, that host over http. Both at most once.
    """
    hosts = [value.decode("latin-1").lower() for name, value in headers if name.lower() == b"host"]
    origins = [value.decode("latin-1").lower() for name, value in headers if name.lower() == b"origin"]
    allowed = {f"{name}:{port}" for name in LOOPBACK_NAMES}
    if port == 80:
        allowed |= set(LOOPBACK_NAMES)
    if len(hosts) != 1 or hosts[0] not in allowed:
        return "This address is not served here; open the panel by its own address."
    if websocket and not origins:
        return "A web socket must say where it comes from."
    if len(origins) > 1 or any(origin not in {f"http://{host}" for host in allowed} for origin in origins):
        return "Requests from other sites are not answered."
    return None


def _with_headers(send: Send) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *SECURITY_HEADERS]}
        await send(message)

    return sender


async def _refuse(send: Send, reason: str) -> None:
    body = reason.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": [*headers, *SECURITY_HEADERS]})
    await send({"type": "http.response.body", "body": body})
