"""A proxy on loopback that writes down what it is asked, and either refuses or tunnels to one place, whatever is named."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "WS_PROXY", "ws_proxy")


class RecordingProxy:
    """`heads` are the requests, headers included. Without `tunnel_to` each is answered 502."""

    def __init__(self, tunnel_to: tuple[str, int] | None = None) -> None:
        self.heads: list[str] = []
        self._tunnel_to = tunnel_to
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, **more: str) -> dict[str, str]:
        """Every variable that any library takes for a proxy, set to this one."""
        return {**dict.fromkeys(VARIABLES, self.url), **more}

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._server.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and (piece := client.recv(4096)):
                head += piece
            self.heads.append(head.decode(errors="replace"))
            if self._tunnel_to is None:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(self._tunnel_to) as inner:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_pump, args=(inner, client), daemon=True)
                back.start()
                _pump(client, inner)
                back.join(5)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def recording_proxy(tunnel_to: tuple[str, int] | None = None) -> Iterator[RecordingProxy]:
    proxy = RecordingProxy(tunnel_to)
    try:
        yield proxy
    finally:
        proxy.close()
