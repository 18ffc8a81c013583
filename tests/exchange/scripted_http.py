"""A raw HTTP server on loopback that answers from a script, with faults no decent server would commit."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.split("?")[0]

    @property
    def query(self) -> dict[str, str]:
        from urllib.parse import parse_qsl

        return dict(parse_qsl(self.target.partition("?")[2]))

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What to do with a request. `drip_secs` sends a byte at a time; `cut` ends the body early; `act` replaces it."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    drip_secs: float = 0.0
    cut: int | None = None
    act: str = "answer"  # or: close, reset, hang


Handler = Callable[[Request], Answer]


class ScriptedHTTP:
    """Serves `handler` until closed; keeps what it was asked."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.requests: list[Request] = []
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(3)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(0.02)
        with connection, contextlib.suppress(OSError):
            while (request := self._read(connection)) is not None:
                self.requests.append(request)
                if not self._answer(connection, self.handler(request)):
                    return

    def _read(self, connection: socket.socket) -> Request | None:
        data = b""
        while b"\r\n\r\n" not in data or len(data) < _length(data):
            if self._stop.is_set():
                return None
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                continue
            if not piece:
                return None
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Request(method, target, headers, body)

    def _answer(self, connection: socket.socket, answer: Answer) -> bool:
        if answer.act == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if answer.act == "close":
            return False
        if answer.act == "hang":
            self._stop.wait(8)
            return False
        body = answer.raw if answer.raw is not None else json.dumps(answer.body).encode()
        headers = {"Content-Length": str(len(body)), "Date": formatdate(usegmt=True), **answer.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        data = f"HTTP/1.1 {answer.status} X\r\n{lines}\r\n".encode() + body[: answer.cut]
        if answer.drip_secs:
            for index in range(len(data)):
                if self._stop.wait(answer.drip_secs):
                    return False
                connection.sendall(data[index : index + 1])
        else:
            connection.sendall(data)
        return answer.cut is None


def _length(data: bytes) -> int:
    head, _, _ = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(head) + 4 + int(line.split(b":")[1])
    return len(head) + 4


def success(result: Any, **meta: Any) -> Answer:
    return Answer(body={"success": True, "result": result, **({"meta": meta} if meta else {})})


def refused(code: str, status: int = 400, **context: Any) -> Answer:
    return Answer(status=status, body={"success": False, "error": {"code": code, "context": context}})


def wait_for(condition: Callable[[], Any], secs: float = 30.0) -> Any:
    """Poll until the condition gives something true."""
    deadline = time.monotonic() + secs
    while not (value := condition()):
        assert time.monotonic() < deadline, "condition did not come true in time"
        time.sleep(0.005)
    return value
