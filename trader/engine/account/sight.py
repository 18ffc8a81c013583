"""What the breaker of entries has seen of one market lately, and what it has found. Values only; `abnormal` makes them."""

from datetime import datetime
from decimal import Decimal

import msgspec


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not normal: `code` for programs, `words` for people; `last`: when it was last so."""

    code: str
    words: str
    last: datetime


class Span(msgspec.Struct, frozen=True):
    """The lowest and the highest index price told in one stretch of the window, and when it began."""

    began: datetime
    low: Decimal
    high: Decimal


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One underlying. Instants are of the exchange's time. `prices` are index price and marks as they last stood, `moved`
    when one of them last changed."""

    spans: tuple[Span, ...] = ()
    prices: tuple[Decimal | None, ...] = ()
    moved: datetime | None = None
    trips: tuple[Trip, ...] = ()


class Calls(msgspec.Struct, frozen=True, kw_only=True):
    """The way to the exchange: requests in a row that were not answered. Instants are of this machine's clock."""

    unanswered: int = 0
    trips: tuple[Trip, ...] = ()
