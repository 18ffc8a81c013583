"""The API on the panel's port: made at its first request, so that the panel's start does not wait for it."""

import re
import threading

from anyio import to_thread
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from trader.config.settings import load_settings
from trader.config.tokens import TokenStore
from trader.desk import Desk


def below_api(app: ASGIApp) -> Mount:
    """Everything below ``/api`` is the API's to answer: Starlette's own mount lets go of a path with a line end in it."""
    mount = Mount("/api", app)
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


class Mounted:
    """An ASGI application that becomes the API when somebody asks for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[ASGIApp, Desk] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        made = self._made
        if made is None:
            made = await to_thread.run_sync(self._make)
        await made[0](scope, receive, send)

    def close(self) -> None:
        """Close what was opened, after the last request."""
        with self._lock:
            if self._made is not None:
                self._made[1].close()
                self._made = None

    def _make(self) -> tuple[ASGIApp, Desk]:
        with self._lock:
            if self._made is None:
                from trader.api.app import create_app

                settings = load_settings()
                desk = Desk(settings)
                self._made = (create_app(desk, TokenStore(settings.home)), desk)
            return self._made
