"""Two clocks, passed in as values: `wall` rules time-outs and leases, `market` rules schedule, expiry and data age."""

from datetime import datetime

import msgspec


class Now(msgspec.Struct, frozen=True):
    """An instant on both clocks, aware UTC. `market` is None until the exchange's time has been learned."""

    wall: datetime
    market: datetime | None
