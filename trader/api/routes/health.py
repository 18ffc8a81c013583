"""Is it up, is it ready, and the figures for a monitor."""

import msgspec
from starlette.responses import Response

from trader import __version__
from trader.api import metrics
from trader.api.routing import ADesk, Routes, answer
from trader.domain.errors import JournalError

routes = Routes("health")


class Health(msgspec.Struct, frozen=True, kw_only=True):
    status: str
    version: str


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """`ready`: the journal can be read and a runner is alive. Says no more than that: it is answered to anybody here."""

    ready: bool
    journal: bool
    runner: bool


@routes.add("GET", "/health", None, Health)
async def health() -> Response:
    """This process answers."""
    return answer(Health(status="up", version=__version__))


@routes.add("GET", "/ready", None, Ready)
def ready(desk: ADesk) -> Response:
    """Whether a command would be taken up: 503 while it would not."""
    try:
        found = Ready(ready=False, journal=True, runner=desk.status().runner.alive)
    except JournalError:
        found = Ready(ready=False, journal=False, runner=False)
    found = msgspec.structs.replace(found, ready=found.journal and found.runner)
    return answer(found, 200 if found.ready else 503)


@routes.add("GET", "/metrics", "read", str, media=metrics.MEDIA_TYPE)
def get_metrics(desk: ADesk) -> Response:
    """OpenMetrics, for Prometheus (give it the token as `authorization`)."""
    return Response(metrics.exposition(desk), headers={"Content-Type": metrics.MEDIA_TYPE})
