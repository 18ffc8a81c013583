"""A PostgreSQL server that holds the connection and says nothing (its machine frozen, its process stopped) must block no caller.

The driver would wait for ever: the link is alive, so no keep-alive ends it. But the server itself ends every statement after
two seconds; a call that has waited much longer will get no answer. Its socket is shut down from here, and the call
that waits fails as it does when a connection is lost. From then on every call fails at once, while one thread tries whether
the server answers again, so the runner never waits in line for a connection.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from trader.machine.threads import LastingThread

ANSWER_SECS = 4.0
_LOOK_SECS = 0.5
_PROBE_SECS = 3
# The dialect's calls that wait for the server, and what they are given first.
_OF_CURSOR = ("do_execute", "do_executemany", "do_execute_no_params")
_OF_CONNECTION = ("do_commit", "do_rollback", "do_ping")


class ServerSilent(psycopg.OperationalError):
    """The server holds connections and does not answer."""


class Answers:
    """Which connections to one server wait for an answer, since when, and whether it answers at all. One thread looks at
    them, begun with the first; `probe` raises while the server cannot be reached."""

    def __init__(
        self,
        probe: Callable[[], None],
        answer_secs: float = ANSWER_SECS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._probe = probe
        self._answer_secs = answer_secs
        self._monotonic = monotonic
        self._waiting: dict[int, tuple[float, Any]] = {}
        self._lock = threading.Lock()
        self._thread: LastingThread | None = None
        self._ended = threading.Event()
        self.silent = False

    @contextlib.contextmanager
    def awaited(self, connection: Any) -> Iterator[None]:
        """While a call on this driver's connection (anything with `fileno`) waits for the server.

        Raises:
            ServerSilent: The server has left another call without an answer, and has not been heard since.
        """
        if self.silent:
            raise ServerSilent("the server does not answer")
        with self._lock:
            self._waiting[id(connection)] = (self._monotonic(), connection)
            if self._thread is None:
                self._thread = LastingThread("journal-answers", self._look, self._ended)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._waiting.pop(id(connection), None)

    def give_up(self) -> int:
        """Where one has waited too long, shut down all that wait, since the server does not answer. How many there were."""
        with self._lock:
            now = self._monotonic()
            if not any(now - since > self._answer_secs for since, _ in self._waiting.values()):
                return 0
            self.silent = True
            late = [connection for _, connection in self._waiting.values()]
            self._waiting.clear()
            for connection in late:  # under the lock: who waits cannot return and close it meanwhile
                with contextlib.suppress(OSError, ValueError, psycopg.Error):
                    _shut(connection.fileno())
        return len(late)

    def try_again(self) -> None:
        """Ask a silent server whether it is back."""
        with contextlib.suppress(psycopg.Error, OSError):
            self._probe()
            self.silent = False

    def end(self) -> None:
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_SECS):
            self.give_up()
            if self.silent:
                self.try_again()


def expect_answers(engine: Engine) -> None:
    """Let every call of this engine fail that its server leaves unanswered for `ANSWER_SECS`, and those after it."""
    place: dict[str, Any] = {}

    def probe() -> None:
        psycopg.connect(**{**place, "connect_timeout": _PROBE_SECS}).close()  # a server that lets us in has answered

    answers = Answers(probe)

    @event.listens_for(engine, "do_connect")
    def _remember(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        place.update(parameters)
        if answers.silent:
            raise ServerSilent("the server does not answer")

    @event.listens_for(engine, "engine_disposed")
    def _end(_engine: Engine) -> None:
        answers.end()

    for name in _OF_CURSOR:
        _watch(engine, answers, name, lambda cursor: cursor.connection)
    for name in _OF_CONNECTION:
        _watch(engine, answers, name, lambda connection: getattr(connection, "driver_connection", None) or connection)


def _watch(engine: Engine, answers: Answers, name: str, connection_of: Callable[[Any], Any]) -> None:
    call = getattr(engine.dialect, name)

    def watched(subject: Any, *arguments: Any, **named: Any) -> Any:
        with answers.awaited(connection_of(subject)):
            return call(subject, *arguments, **named)

    setattr(engine.dialect, name, watched)


def _shut(descriptor: int) -> None:
    """The descriptor stays the driver's: only the traffic ends."""
    borrowed = socket.socket(fileno=descriptor)
    try:
        borrowed.shutdown(socket.SHUT_RDWR)
    finally:
        borrowed.detach()
