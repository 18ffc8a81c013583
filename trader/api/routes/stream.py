"""What changes, told as it changes: server-sent events."""

import msgspec
from fastapi import Request
from starlette.responses import Response

from trader.api.routing import Routes
from trader.api.streams import Clients, EventStream, Shared, changes
from trader.desk import Desk
from trader.desk.status_json import status_document
from trader.domain.errors import TraderError

routes = Routes("streams")
MEDIA_TYPE = "text/event-stream"


class Streams:
    """What the streams of one application share."""

    def __init__(self, desk: Desk) -> None:
        self.clients = Clients()
        self.status = Shared(lambda: _status(desk))


def _status(desk: Desk) -> tuple[str, bytes]:
    """The status, named by when the runner made the picture; where no runner lives, by the second."""
    try:
        status = desk.status()
    except TraderError as error:
        return str(error), msgspec.json.encode({"fault": str(error)})
    at = status.pictured_at if status.runner.alive and status.pictured_at else status.wall.replace(microsecond=0)
    return at.isoformat(), msgspec.json.encode(status_document(status))


@routes.add("GET", "/v1/stream/status", "read", str, media=MEDIA_TYPE)
async def stream_status(request: Request) -> Response:
    """The status as `/v1/status` has it, each time the runner has made a new picture (about twice a second). A client that
    was away begins with the newest; a comment line each 10 s says that the connection lives."""
    streams: Streams = request.app.state.streams
    streams.clients.require_room()
    return EventStream(changes(streams.status, "status"), streams.clients)
