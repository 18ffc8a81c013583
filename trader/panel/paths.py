"""Which paths there are on this server: the pages', and what Streamlit's front end asks for. All others answer 404.

Streamlit answers every path it does not know with the panel's page and status 200, so a program that looks for an interface
which is not here (`/metrics`, `/healthz`) would take the page for its answer. Below `/api` the HTTP API answers for itself.
"""

from collections.abc import Iterable

from trader.panel.guard import Asgi, Message, Receive, Scope, Send

# Streamlit's routes by their first part, and the files beside its start page.
_FRONT_END = frozenset({"_stcore", "media", "component", "static"})
_FILES = frozenset({"favicon.png", "index.html", "manifest.json"})
_COMPONENTS = "component"  # pages of their own, inside frames
_API = "api/"


class KnownPaths:
    """Pass on requests for what is here, and answer 404 to the others. Web sockets pass: Streamlit has but one.

    Args:
        app: The application behind.
        pages: The pages' names in their addresses.
    """

    def __init__(self, app: Asgi, *, pages: Iterable[str]) -> None:
        self._app = app
        self._pages = frozenset({"", *pages, *_FILES})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = str(scope["path"])[1:]
        first = path.partition("/")[0]
        if path.removesuffix("/") in self._pages or first == _COMPONENTS or path.startswith(_API):
            await self._app(scope, receive, send)
        elif first in _FRONT_END:
            await self._app(scope, receive, _without_pages(send))
        else:
            await _not_found(send)


def _without_pages(send: Send) -> Send:
    """Where no page is, Streamlit's page means that it knows no such path either."""
    replaced = False

    async def sender(message: Message) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start":
            kind = next((value for name, value in message.get("headers", ()) if name.lower() == b"content-type"), b"")
            if message["status"] == 200 and kind.startswith(b"text/html"):
                replaced = True
                await _not_found(send)
        if not replaced:
            await send(message)

    return sender


async def _not_found(send: Send) -> None:
    body = b"There is nothing here."
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})
