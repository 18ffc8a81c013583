"""The public socket: compact channels for everybody; logins are refused."""

from typing import Any

from trader.venue.wire.broadcast import BroadcastHub
from trader.venue.wire.connection import Connection


class PublicHub(BroadcastHub):
    """Connections of the public host."""

    def other_frame(self, connection: Connection, kind: str, payload: Any) -> None:
        connection.send({"type": "error", "message": f"{kind} is not supported on the public socket"})
