"""What stands before every route: whose request it is; then, once its scope is known to reach, how large and how slow its body
may be, and that it is strict JSON.

A request is turned away here before anything of it is looked at further. Tokens are never logged.
"""

import json
from typing import Any

import anyio
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trader.api.problems import Problem, of_error
from trader.config.document import parse_json_object
from trader.config.tokens import TokenStore
from trader.desk import LINK_PATH
from trader.domain.errors import ConfigError, TraderError
from trader.machine.loopback import link_refusal, refusal

OPEN = frozenset({"/health", "/ready"})  # answered to anybody on this machine
LINKS = "/link/"  # the link itself is the permission
LARGEST_BODY = 262_144
BODY_SECS = 10.0
_BODIES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_MOST_DEEP = 40
_PASS_SECS, _PASS_BYTES = 2.0, 16_000_000


class Gate:
    """Puts the request's token into its state, or turns it away.

    Args:
        app: The application behind.
        tokens: Who may ask.
    """

    def __init__(self, app: ASGIApp, *, tokens: TokenStore) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # no web sockets here: closing without an answer is a refusal
        try:
            headers = Headers(scope=scope)
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if path not in OPEN and not path.startswith(LINKS):
                scope.setdefault("state", {})["token"] = self._token(headers)
        except TraderError as error:
            await of_error(error).response()(scope, receive, send)
        except Problem as problem:
            await problem.response()(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _token(self, headers: Headers) -> Any:
        scheme, _, text = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise _unknown(
                "A token is needed: Authorization: Bearer TOKEN. Make one with `python -m trader token create`."
            )
        try:
            token = self._tokens.find(text.strip())
        except ConfigError as error:
            raise Problem(503, "tokens", f"Nobody can be let in: {error}") from None
        if token is None:
            raise _unknown("This token is not known here, or was revoked.")
        return token


class OwnHost:
    """Refuse what was not sent to this server's own loopback address. Only where the API stands alone: the panel has its own."""

    def __init__(self, app: ASGIApp, *, port: int, public: str = "") -> None:
        self._app = app
        self._port = port
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(LINK_PATH):
            why = link_refusal(scope["headers"], port=self._port, public=self._public)
        else:
            why = refusal(scope["headers"], port=self._port) if scope["type"] == "http" else None
        if why:
            await Problem(403, "other-host", why).response()(scope, receive, send)
        elif scope["type"] in ("http", "lifespan"):
            await self._app(scope, receive, send)


async def with_body(request: Request) -> Request:
    """The request with its body at hand, which is all here and can be read.

    Raises:
        Problem: It is too large or too slow, or no strict JSON.
    """
    if request.method not in _BODIES:
        return request
    return Request(request.scope, _replay(await _read(request), request.receive))


async def _read(request: Request) -> bytes:
    headers, receive = request.headers, request.receive
    told = headers.get("content-length", "0")
    if told.isdecimal() and int(told[:20]) > LARGEST_BODY:
        await _pass_over(receive)
        raise _too_large()
    body = bytearray()
    try:
        with anyio.fail_after(BODY_SECS):
            more = True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > LARGEST_BODY:
                    if more:
                        await _pass_over(receive)
                    raise _too_large()
    except TimeoutError:
        words = f"The body was not here within {BODY_SECS:g} s; nothing was done."
        raise Problem(408, "slow", words, headers={"Connection": "close"}) from None
    if body:
        _require_json(headers.get("content-type", ""), bytes(body))
    return bytes(body)


async def _pass_over(receive: Receive) -> None:
    """Let what is still being sent go by, for a while: a client that is cut off while it sends never sees the answer."""
    passed = 0
    with anyio.move_on_after(_PASS_SECS):
        while passed < _PASS_BYTES:
            message = await receive()
            passed += len(message.get("body", b""))
            if not message.get("more_body", False):
                break


def _unknown(words: str) -> Problem:
    return Problem(401, "token", words, headers={"WWW-Authenticate": 'Bearer realm="Strangle Desk"'})


def _too_large() -> Problem:
    words = f"The body is larger than {LARGEST_BODY:,} bytes, the most that is read; nothing was done."
    return Problem(413, "too-large", words, headers={"Connection": "close"})


def _require_json(kind: str, body: bytes) -> None:
    """Strict: an object, no key twice, no NaN, text that can be stored."""
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "not-json", "The body must be JSON, with Content-Type: application/json.")
    try:
        document = parse_json_object(body.decode(), "The body")
    except UnicodeDecodeError:
        raise Problem(400, "not-json", "The body must be UTF-8 text.") from None
    except ConfigError as error:
        raise Problem(400, "not-json", f"{error}.") from None
    _require_texts(document)


def _require_texts(value: Any, path: str = "", depth: int = 0) -> None:
    if depth > _MOST_DEEP:
        raise Problem(400, "not-json", f"The body is nested more than {_MOST_DEEP} deep.")
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            words = f"{path or 'A field name'} must be text without NUL and halves of characters"
            raise Problem(400, "not-json", f"{words}.", [(path, words)])
    elif isinstance(value, dict):
        for name, inner in value.items():
            _require_texts(name, "", depth)
            _require_texts(inner, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _require_texts(inner, f"{path}[{place}]", depth + 1)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then whatever else comes: that the client has gone."""
    told = False

    async def replayed() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def as_json(value: Any) -> str:
    """A value of a request as the text that a setting is read from."""
    return value if isinstance(value, str) else json.dumps(value)
