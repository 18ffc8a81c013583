"""The fate of a request: OK, REJECTED or UNKNOWN. Unknown is a value, never a failure."""

import msgspec

from trader.domain.order import OrderSnapshot
from trader.domain.remedy import Remedy


class Ok(msgspec.Struct, frozen=True, tag="ok"):
    """The exchange answered with the order; streams and fills stay authoritative."""

    order: OrderSnapshot


class Rejected(msgspec.Struct, frozen=True, tag="rejected"):
    """The exchange refused in so many words (a 429 among them), or the request provably never left (see `not_sent`).
    `code` is the exchange's own word, for people; what to do about it is said by `remedy`."""

    code: str
    message: str = ""
    retry_after_secs: float | None = None  # by the exchange's rate limit or our own budget; None = neither spoke
    remedy: Remedy = Remedy.GIVE_UP


class Unknown(msgspec.Struct, frozen=True, tag="unknown"):
    """May have been processed. `cause` says why we cannot tell (timeout, reset, 5xx, unreadable reply)."""

    cause: str


Outcome = Ok | Rejected | Unknown


def not_sent(why: str, retry_after_secs: float | None = None) -> Rejected:
    """The end of a request that was never let out."""
    return Rejected("not_sent", why, retry_after_secs, Remedy.RESEND)
