"""The API over real HTTP: a server in a thread of this process, and who asks it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from trader.api.serve import server
from trader.config.tokens import SCOPES, TokenStore
from trader.desk import Desk


class Client:
    """Asks with the token of a scope; None: without any."""

    def __init__(self, port: int, tokens: dict[str, str], home: Path) -> None:
        self.port = port
        self.home = home
        self.url = f"http://127.0.0.1:{port}/api"
        self.tokens = tokens
        self.session = requests.Session()
        self.session.trust_env = False

    def ask(self, method: str, path: str, scope: str | None = "trade", **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.tokens[scope]}"} if scope else {}
        more["headers"] = headers | more.get("headers", {})
        return self.session.request(method, self.url + path, timeout=30, **more)

    def get(self, path: str, scope: str | None = "trade", **more: Any) -> Any:
        """The document of an answer that must be 200."""
        found = self.ask("GET", path, scope, **more)
        assert found.status_code == 200, found.text
        return found.json()

    def close(self) -> None:
        self.session.close()


@contextmanager
def serving(desk: Desk) -> Iterator[Client]:
    """The API over a desk, on a free port."""
    store = TokenStore(desk.settings.home)
    tokens = {scope: store.create(scope, scope)[1] for scope in SCOPES}
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # or asyncio would not switch Nagle off
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    running = server(desk, store, port)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    client = Client(port, tokens, desk.settings.home)
    try:
        deadline = time.monotonic() + 20
        while not running.started:
            assert time.monotonic() < deadline and thread.is_alive()
            time.sleep(0.01)
        yield client
    finally:
        client.close()
        running.should_exit = True
        thread.join(20)
        listener.close()
