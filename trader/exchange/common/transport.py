"""HTTP with a deadline for the whole call, and the knowledge whether anything was sent.

`requests` time-outs are per read: a peer that sends a byte a second is never late. Here each read of a call gets only
what is left of the call's time. A request counts as sent from the moment its first byte is handed to the socket; up to
then a failure proves that nothing arrived.
"""

import contextlib
import http.client
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from trader.config.addresses import goes_to_this_machine
from trader.domain.errors import NotSent, OutcomeUnknown, WireError

BODY_BYTES_MAX = 32 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_CONNECT_SECS_MAX = 3.0


class _Call(threading.local):
    """The call this thread is making."""

    deadline: float = float("inf")
    sent: bool = False


_call = _Call()


def _remaining() -> float:
    left = _call.deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("deadline of the call passed")
    return left


class _DeadlineReader(socket.SocketIO):
    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, "r")
        self._socket = sock

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(_remaining())
        return super().readinto(buffer)


class _ReadSide:
    """What `http.client` needs of a socket to read a response."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def makefile(self, mode: str) -> io.BufferedReader:
        reader = _DeadlineReader(self._sock)
        self._sock._io_refs += 1  # as socket.makefile does: the socket outlives the connection until the body is read
        return io.BufferedReader(reader)


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(_ReadSide(sock), *args, **kwargs)  # type: ignore[arg-type]


class _DeadlineMixin:
    sock: Any

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        self.sock.settimeout(_remaining())  # bounds the whole sendall
        _call.sent = True
        super().send(data)  # type: ignore[misc]

    def _tunnel(self) -> None:
        try:
            super()._tunnel()  # type: ignore[misc]
        finally:
            _call.sent = False  # what a proxy was asked is not the request


class _DeadlineHTTP(_DeadlineMixin, HTTPConnection):
    response_class = _DeadlineResponse


class _DeadlineHTTPS(_DeadlineMixin, HTTPSConnection):
    response_class = _DeadlineResponse


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _DeadlineHTTP


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _DeadlineHTTPS


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class _DeadlineAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class Reply:
    """Status, headers and whole body of one exchange of bytes, with our wall clock around it."""

    __slots__ = ("body", "headers", "received_at", "sent_at", "status")

    def __init__(self, status: int, headers: Any, body: bytes, sent_at: float, received_at: float) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.sent_at = sent_at
        self.received_at = received_at


class Transport:
    """One `requests.Session` for one kind of work. It follows no redirect, repeats nothing, keeps no cookie and reads
    no proxy or password from the environment. `proxy` carries what does not go to this machine. Safe to use from several
    threads; nobody waits for a free connection."""

    def __init__(
        self, *, connections: int = 4, wall: Callable[[], float] = time.time, proxy: str | None = None
    ) -> None:
        self._wall = wall
        self._proxy = proxy
        self._session = bare_session()
        adapter = _DeadlineAdapter(pool_connections=2, pool_maxsize=connections, max_retries=0, pool_block=False)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def send(self, method: str, url: str, headers: dict[str, str], body: str, deadline: float) -> Reply:
        """Send exactly these bytes once and read the whole answer before `deadline` (`time.monotonic` seconds).

        Raises:
            NotSent: Nothing left this machine.
            OutcomeUnknown: Something left, and no whole answer came back.
        """
        _call.deadline, _call.sent = deadline, False
        sent_at = self._wall()
        try:
            return self._exchange(_prepare(method, url, headers, body), sent_at)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, http.client.HTTPException) as error:
            cause = _describe(error)
            if _call.sent:
                raise OutcomeUnknown(f"{method} {_path(url)}: {cause}") from None
            raise NotSent(f"{method} {_path(url)}: {cause}") from None

    def _exchange(self, request: requests.PreparedRequest, sent_at: float) -> Reply:
        left = _remaining()
        timeout = (min(_CONNECT_SECS_MAX, left), left)
        response = self._session.send(
            request,
            stream=True,
            timeout=timeout,
            allow_redirects=False,
            verify=True,
            proxies=proxies_for(str(request.url), self._proxy),
        )
        with response:
            received_at = self._wall()
            body = bytearray()
            for chunk in response.iter_content(_CHUNK_BYTES):
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise WireError(f"the answer is larger than {BODY_BYTES_MAX} bytes")
            return Reply(response.status_code, response.headers, bytes(body), sent_at, received_at)

    def close(self) -> None:
        """Drop the kept connections."""
        self._session.close()


def _prepare(method: str, url: str, headers: dict[str, str], body: str) -> requests.PreparedRequest:
    # Filled by hand: `requests` would re-encode the URL, and the bytes sent must be the bytes signed.
    request = requests.PreparedRequest()
    request.method = method
    request.url = url
    request.headers = requests.structures.CaseInsensitiveDict(headers)
    request.body = body.encode() if body else None
    if body:
        request.headers["Content-Length"] = str(len(request.body or b""))
    return request


def _path(url: str) -> str:
    return url.split("?", 1)[0]


def _describe(error: BaseException) -> str:
    """The innermost cause in a few words, without request headers or bodies."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        reason = getattr(current, "reason", None)
        inner = next((arg for arg in current.args if isinstance(arg, BaseException)), None)
        current = reason if isinstance(reason, BaseException) else inner or current.__cause__
    last = seen[-1]
    if isinstance(last, OSError) and last.strerror:
        return last.strerror
    text = str(last)
    return f"{type(last).__name__}: {text[:200]}" if text else type(last).__name__


class BorrowedCall:
    """What is known of a call made through somebody else's session."""

    @property
    def sent(self) -> bool:
        """True once the first byte was handed to the socket."""
        return _call.sent


def bare_session() -> requests.Session:
    """A session that takes nothing from the environment (no proxy, no password) and keeps no cookie."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def proxies_for(url: str, proxy: str | None) -> dict[str, str]:
    """What `requests` calls proxies, for one address: nothing for this machine, whatever is set."""
    if proxy is None or goes_to_this_machine(url):
        return {}
    return {"http": proxy, "https": proxy}


def guard_session(session: requests.Session) -> None:
    """Give somebody else's session what `Transport` has: reads bounded by the call's deadline, no repeats, no redirects,
    nothing from the environment. Make the calls inside `borrowed_call`."""
    session.trust_env = False
    session.max_redirects = 0
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _DeadlineAdapter(pool_connections=2, pool_maxsize=4, max_retries=0, pool_block=False)
    session.mount("http://", adapter)
    session.mount("https://", adapter)


@contextlib.contextmanager
def borrowed_call(secs: float) -> Iterator[BorrowedCall]:
    """A call through a guarded session in this thread, to end within `secs`."""
    _call.deadline, _call.sent = time.monotonic() + secs, False
    try:
        yield BorrowedCall()
    finally:
        _call.deadline = float("inf")
