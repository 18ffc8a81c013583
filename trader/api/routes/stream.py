"""What changes, told as it changes: server-sent events."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import Header, Request
from starlette.responses import Response

from trader.api.routing import Routes
from trader.api.streams import Clients, EventStream, Shared, changes, news
from trader.desk import Desk
from trader.desk.status_json import status_document
from trader.domain.errors import TraderError

routes = Routes("streams")
MEDIA_TYPE = "text/event-stream"
MOST_ALERTS = 200
Last = Annotated[
    str | None,
    Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,18}$", description="What was told last: goes on after it."),
]


class Streams:
    """What the streams of one application share."""

    def __init__(self, desk: Desk) -> None:
        self.clients = Clients()
        self.status = Shared(lambda: _status(desk), ("", b""))
        self.alerts = Shared[Sequence[tuple[int, bytes]]](lambda: _alerts(desk), ())


def _status(desk: Desk) -> tuple[str, bytes]:
    """The status, named by when the runner made the picture; where no runner lives, by the second."""
    try:
        status = desk.status()
    except TraderError as error:
        return str(error), msgspec.json.encode({"fault": str(error)})
    at = status.pictured_at if status.runner.alive and status.pictured_at else status.wall.replace(microsecond=0)
    return at.isoformat(), msgspec.json.encode(status_document(status))


def _alerts(desk: Desk) -> Sequence[tuple[int, bytes]]:
    """Oldest first; none while the journal cannot be read, which the status tells."""
    try:
        return [(one.seq, msgspec.json.encode(one)) for one in reversed(desk.alerts(MOST_ALERTS))]
    except TraderError:
        return ()


@routes.add("GET", "/v1/stream/status", "read", str, media=MEDIA_TYPE)
async def stream_status(request: Request) -> Response:
    """The status as `/v1/status` has it, each time the runner has made a new picture (about twice a second). A client that
    was away begins with the newest; a comment line each 10 s says that the connection lives."""
    streams: Streams = request.app.state.streams
    streams.clients.require_room()
    return EventStream(changes(streams.status, "status"), streams.clients)


@routes.add("GET", "/v1/stream/alerts", "read", str, media=MEDIA_TYPE)
async def stream_alerts(request: Request, last: Last = None) -> Response:
    """Warnings and errors as they are raised, each once. With `Last-Event-ID`, which a browser sends by itself when it comes
    back, it goes on after that one."""
    streams: Streams = request.app.state.streams
    streams.clients.require_room()
    return EventStream(news(streams.alerts, "alert", None if last is None else int(last)), streams.clients)
