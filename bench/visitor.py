"""One browser session of the panel without a browser: Streamlit's own WebSocket protocol, refreshing as the page would."""

import threading
import time
from types import TracebackType
from typing import Any

import websocket
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from bench.world import await_value


class Visitor:
    """Connects to a panel on `port`. `load` asks for the page; `refresh` for one fragment; `watch` refreshes every
    fragment at its own interval until the visitor leaves."""

    def __init__(self, port: int) -> None:
        address = f"127.0.0.1:{port}"
        self._socket: Any = await_value(lambda: _connected(address), 60, "the panel")
        self._done = threading.Semaphore(0)
        self._leaving = threading.Event()
        self._timer: threading.Thread | None = None
        self.intervals: dict[str, float] = {}
        self.received_bytes = 0
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
        self._socket.shutdown()
        self._reader.join(5)

    def _read(self) -> None:
        while not self._leaving.is_set():
            try:
                data = self._socket.recv()
            except (OSError, websocket.WebSocketException):
                return
            if not isinstance(data, bytes) or not data:
                return
            self.received_bytes += len(data)
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "auto_rerun":
                self.intervals[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "script_finished":
                self._done.release()

    def load(self) -> None:
        """One full run of the page."""
        self._rerun("")

    def refresh(self, fragment_id: str) -> None:
        """One run of one fragment."""
        self._rerun(fragment_id)

    def _rerun(self, fragment_id: str) -> None:
        message = BackMsg()
        message.rerun_script.query_string = ""
        message.rerun_script.is_auto_rerun = bool(fragment_id)
        message.rerun_script.fragment_id = fragment_id
        self._socket.send_binary(message.SerializeToString())
        if not self._done.acquire(timeout=30):
            raise TimeoutError("the panel did not finish a run within 30 s")

    def watch(self) -> None:
        """Refresh every fragment at its interval, in the background."""
        self._timer = threading.Thread(target=self._tick, daemon=True)
        self._timer.start()

    def _tick(self) -> None:
        due = {name: time.monotonic() + every for name, every in self.intervals.items()}
        while not self._leaving.is_set():
            name = min(due, key=lambda known: due[known])
            if self._leaving.wait(max(0.0, due[name] - time.monotonic())):
                return
            self.refresh(name)
            due[name] = time.monotonic() + self.intervals[name]


def _connected(address: str) -> Any:
    try:
        return websocket.create_connection(
            f"ws://{address}/_stcore/stream", origin=f"http://{address}", subprotocols=["streamlit"], timeout=30
        )
    except (OSError, websocket.WebSocketException):
        return None
