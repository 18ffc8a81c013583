"""Two clocks, passed in as values: `wall` rules time-outs and leases, `market` rules schedule, expiry and data age."""

from datetime import datetime

import msgspec


class Now(msgspec.Struct, frozen=True):
    """An instant on both clocks, aware UTC.

    `market` is the exchange's time, learned from its messages and carried on between them; None until learned. `rate` is how
    many market seconds pass in one wall-clock second (1 on a real exchange; 60 on a local venue sped up sixty times).
    """

    wall: datetime
    market: datetime | None
    rate: float = 1.0
