"""One REST route: what it costs and who answers it."""

import msgspec

from trader.venue.wire.call import Handler


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One route. `weight` is quota units; `engine` True counts its orders against the matching engine's limit."""

    method: str
    path: str
    weight: int
    handler: Handler
    signed: bool = False
    engine: bool = False
