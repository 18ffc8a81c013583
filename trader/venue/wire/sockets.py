"""The two socket listeners as ASGI applications. The exchange's socket URL has no path."""

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from trader.venue.wire.connection import Connection, Doorman, Hub


def build_socket_app(hub: Hub, doorman: Doorman) -> Starlette:
    """A listener whose connections belong to `hub`."""

    async def serve(socket: WebSocket) -> None:
        if await doorman.admits(socket):
            await Connection(socket, hub).serve()

    return Starlette(routes=[WebSocketRoute("/", serve)])
