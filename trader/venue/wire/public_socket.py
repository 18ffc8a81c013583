"""The public socket: compact channels for everybody; logins are refused."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trader.venue.core.events import PublicTrade
from trader.venue.core.exchange import Exchange
from trader.venue.tape import Tape
from trader.venue.wire.broadcast import BATCH_WALL_SECS
from trader.venue.wire.channels import Change, Channel
from trader.venue.wire.compact import compact_broadcast
from trader.venue.wire.connection import Connection

__all__ = ["BATCH_WALL_SECS", "PublicHub"]


class PublicHub:
    """Connections of the public host."""

    def __init__(self, exchange: Exchange, tape: Tape) -> None:
        self.broadcast = compact_broadcast(exchange, tape)
        self.connections: set[Connection] = set()
        self.channels: Mapping[str, Channel] = self.broadcast.channels

    def opened(self, connection: Connection) -> None:
        self.connections.add(connection)

    def closed(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self.broadcast.closed(connection)

    def joined(self, connection: Connection, change: Change) -> None:
        self.broadcast.joined(connection, change)

    def left(self, connection: Connection, change: Change) -> None:
        self.broadcast.left(connection, change)

    def other_frame(self, connection: Connection, kind: str, payload: Any) -> None:
        connection.send({"type": "error", "message": f"{kind} is not supported on the public socket"})

    @property
    def busy(self) -> bool:
        """True while anything is subscribed."""
        return self.broadcast.busy

    def publish(self, now: datetime, monotonic: float) -> None:
        """Send every batch that is due at market time `now`."""
        self.broadcast.publish(now, monotonic)

    def publish_trade(self, trade: PublicTrade) -> None:
        """A user's trade goes out as it happens."""
        self.broadcast.publish_trade(trade)
