"""The panel's port sends at once what there is to send.

asyncio switches Nagle's algorithm off for connections of a socket that was made with its protocol number, which Streamlit's is
not. Then the second part of an answer waits until the client has acknowledged the first: 40 ms on Linux.
"""

import socket
from collections.abc import Callable

from streamlit.web.server.starlette import starlette_server

Bind = Callable[[str, int, int], socket.socket]


def install() -> None:
    """From now on Streamlit's sockets have it; to be called before the port is bound. Connections inherit it."""
    starlette_server._bind_socket = without_delay(starlette_server._bind_socket)  # type: ignore[assignment]


def without_delay(bind: Bind) -> Bind:
    def bound(address: str, port: int, backlog: int) -> socket.socket:
        made = bind(address, port, backlog)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    return bound
