"""One browser session of the panel without a browser: Streamlit's own WebSocket protocol, refreshing as the page would.

Like a browser it offers compression and says which large messages it still has; what it counts is what came over the wire.
"""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from bench.world import await_value

_TCP_INFO_BYTES, _RECEIVED_AT = 192, 128  # <linux/tcp.h>: where `tcpi_bytes_received` stands


class Visitor:
    """Connects to a panel on `port`. `load` asks for the page; `refresh` for one fragment; `watch` refreshes every
    fragment at its own interval until the visitor leaves."""

    def __init__(self, port: int) -> None:
        address = f"127.0.0.1:{port}"
        self._socket: Any = await_value(lambda: _connected(address), 60, "the panel")
        self._done = threading.Semaphore(0)
        self._leaving = threading.Event()
        self._timer: threading.Thread | None = None
        self._kept: dict[str, str] = {}  # large messages the page has: hash, fragment
        self._met: set[str] = set()  # those of the present run
        self.intervals: dict[str, float] = {}
        self.messages = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        if self._timer is not None:
            self._timer.join(5)
        self._socket.close()
        self._reader.join(5)

    @property
    def received_bytes(self) -> int:
        """What the connection has brought so far, framing included."""
        told = self._socket.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        received: int = struct.unpack_from("Q", told, _RECEIVED_AT)[0]
        return received

    def _read(self) -> None:
        while True:
            try:
                data = self._socket.recv()
            except (OSError, WebSocketException):
                return
            self.messages += 1
            message = ForwardMsg.FromString(data)
            if message.metadata.cacheable:
                self._kept[message.hash] = message.delta.fragment_id
                self._met.add(message.hash)
            match message.WhichOneof("type"):
                case "new_session" if not message.metadata.run.fragment_ids:
                    self.intervals.clear()
                case "auto_rerun":
                    self.intervals[message.auto_rerun.fragment_id] = message.auto_rerun.interval
                case "stop_auto_rerun":
                    for fragment in message.stop_auto_rerun.fragment_ids:
                        self.intervals.pop(fragment, None)
                case "ref_hash":
                    self._met.add(message.ref_hash)
                case "script_finished":
                    self._done.release()

    def load(self, page: str = "", query: str = "") -> None:
        """One full run of a page, by its name and what its address asks for."""
        self._rerun("", page, query)

    def refresh(self, fragment_id: str) -> None:
        """One run of one fragment."""
        self._rerun(fragment_id)

    def _rerun(self, fragment_id: str, page: str = "", query: str = "") -> None:
        while self._done.acquire(blocking=False):  # of a run the page asked for itself
            pass
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        message.rerun_script.is_auto_rerun = bool(fragment_id)
        message.rerun_script.fragment_id = fragment_id
        message.rerun_script.cached_message_hashes.extend(self._kept)
        self._socket.send(message.SerializeToString())
        if not self._done.acquire(timeout=30):
            raise TimeoutError("the panel did not finish a run within 30 s")
        # The page forgets large messages of what ran that did not come again.
        for known, fragment in list(self._kept.items()):
            if known not in self._met and fragment_id in ("", fragment):
                del self._kept[known]
        self._met.clear()

    def watch(self) -> None:
        """Refresh every fragment at its interval, in the background."""
        self._timer = threading.Thread(target=self._tick, daemon=True)
        self._timer.start()

    def _tick(self) -> None:
        due: dict[str, float] = {}
        while not self._leaving.is_set():
            intervals, now = dict(self.intervals), time.monotonic()
            due = {name: due.get(name, now + every) for name, every in intervals.items()}
            name = min(due, key=lambda known: due[known])
            if self._leaving.wait(max(0.0, due[name] - now)):
                return
            self.refresh(name)
            # By the page's clock, as a browser's timer: a slow refresh does not put the next one off.
            due[name] = max(due[name] + intervals[name], time.monotonic())


@contextmanager
def tabs(port: int, count: int) -> Iterator[list[Visitor]]:
    """So many visitors that watch the page, opened one after another so that their seconds begin apart."""
    with ExitStack() as open_tabs:
        visitors = [open_tabs.enter_context(Visitor(port)) for _ in range(count)]
        for visitor in visitors:
            visitor.load()
            visitor.load()
            visitor.watch()
            time.sleep(1 / count)
        yield visitors


def _connected(address: str) -> Any:
    try:
        return connect(
            f"ws://{address}/_stcore/stream",
            origin=f"http://{address}",  # type: ignore[arg-type]
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
            proxy=None,
            legacy=True,  # as a plain object: the visitor closes it itself
        )
    except (OSError, WebSocketException):
        return None
