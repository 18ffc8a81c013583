"""The fate of a request: OK, REJECTED or UNKNOWN. Unknown is a value, never a failure."""

import msgspec

from trader.domain.order import OrderSnapshot


class Ok(msgspec.Struct, frozen=True, tag="ok"):
    """The exchange answered with the order; streams and fills stay authoritative."""

    order: OrderSnapshot


class Rejected(msgspec.Struct, frozen=True, tag="rejected"):
    """The exchange refused in so many words (a 429 among them), or the request provably never left (`code` =
    ``not_sent``)."""

    code: str
    message: str = ""
    retry_after_secs: float | None = None  # by the exchange's rate limit or our own budget; None = neither spoke
    halts: bool = False  # key, account or program is at fault: no other order would fare better


class Unknown(msgspec.Struct, frozen=True, tag="unknown"):
    """May have been processed. `cause` says why we cannot tell (timeout, reset, 5xx, unreadable reply)."""

    cause: str


Outcome = Ok | Rejected | Unknown
