"""A WebSocket connection set up for market data: whole socket reads, no UTF-8 check (the decoder checks).

The library looks into the environment for a proxy; here the only one is the one that `open` is given, and what goes to
this machine never takes it.

`websocket-client` reads a frame's header, length and payload with a system call each. Here the socket is read in large
pieces and frames are cut from them, which more than doubles what one thread can receive.
"""

import socket
from typing import Any
from urllib.parse import unquote, urlsplit

import websocket

from trader.config.addresses import goes_to_this_machine

_READ_BYTES = 64 * 1024  # larger ones would be mapped and unmapped by the allocator at every read
_TEXT_FRAME = 0x81  # final fragment, text


class StreamSocket(websocket.WebSocket):
    """A connected client socket; `receive` gives whole text messages as bytes."""

    def __init__(self) -> None:
        super().__init__(
            skip_utf8_validation=True, enable_multithread=True, sockopt=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        )
        self._piece = b""
        self._at = 0

    def open(self, url: str, *, timeout_secs: float, user_agent: str, proxy: str | None = None) -> None:
        """Connect and upgrade.

        Raises:
            OSError, websocket.WebSocketException: As the library does.
        """
        self.settimeout(timeout_secs)
        self.connect(  # type: ignore[no-untyped-call]
            url,
            header=[f"User-Agent: {user_agent}"],
            suppress_origin=True,
            redirect_limit=0,
            **_proxy_options(url, proxy),
        )

    def receive(self) -> bytes | None:
        """The next text message; None when the peer closed.

        Raises:
            websocket.WebSocketTimeoutException: Nothing whole arrived in the socket's time-out; call again.
            OSError, websocket.WebSocketException: The connection is broken.
        """
        while True:
            if self._at >= len(self._piece) and self._between_frames:
                self._read()
            message = self._whole_frame()
            if message is not None:
                return message
            opcode, data = self.recv_data()
            if opcode == websocket.ABNF.OPCODE_TEXT:
                return bytes(data)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return None

    def interrupt(self) -> None:
        """Wake a thread that waits in `receive`; it finds the connection closed."""
        sock = self.sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # already gone

    def _whole_frame(self) -> bytes | None:
        """An unfragmented text frame that lies whole in the piece at hand, cut out without the library's machinery."""
        piece, at = self._piece, self._at
        have = len(piece) - at
        if have < 2 or piece[at] != _TEXT_FRAME or not self._between_frames:
            return None
        length, start = piece[at + 1], at + 2
        if length == 126 and have >= 4:
            length, start = piece[at + 2] << 8 | piece[at + 3], at + 4
        elif length >= 126:
            return None
        end = start + length
        if end > len(piece):
            return None
        self._at = end
        return piece[start:end]

    @property
    def _between_frames(self) -> bool:
        """Whether the library holds no part of a frame or message."""
        buffer = self.frame_buffer
        return buffer.header is None and not buffer.recv_buffer and self.cont_frame.cont_data is None

    def _read(self) -> None:
        self._piece, self._at = super()._recv(_READ_BYTES), 0  # type: ignore[no-untyped-call]

    def _recv(self, bufsize: int) -> bytes:
        if self._at >= len(self._piece):
            self._read()
        taken = self._piece[self._at : self._at + bufsize]
        self._at += len(taken)
        return taken


# `http_no_proxy` counts only beside a proxy that is named, so one is named that is used for no host.
_DIRECT = {"http_proxy_host": "unused.invalid", "http_proxy_port": 1, "http_no_proxy": ["*"]}


def _proxy_options(url: str, proxy: str | None) -> dict[str, Any]:
    if proxy is None or goes_to_this_machine(url):
        return _DIRECT
    parts = urlsplit(proxy)
    login = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
    # Something must be in the list of exceptions, else the library takes the environment's.
    return {
        "http_proxy_host": parts.hostname,
        "http_proxy_port": parts.port,
        "http_proxy_auth": login,
        "http_no_proxy": ["localhost"],
    }
