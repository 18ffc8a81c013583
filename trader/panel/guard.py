"""Who may talk to this server: an ASGI layer in front of every route, web sockets included."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.websockets import WebSocketDisconnected

from trader.desk import LINK_PATH
from trader.machine.loopback import link_refusal, refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

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
        public: The host under which links of messages are reached from outside, empty for none. Nothing else is answered there.
    """

    def __init__(self, app: Asgi, *, port: Callable[[], int], public: Callable[[], str] = lambda: "") -> None:
        self._app = app
        self._port = port
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "http" and str(scope.get("path", "")).startswith(LINK_PATH):
            reason = link_refusal(scope["headers"], port=self._port(), public=self._public())
        else:
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
