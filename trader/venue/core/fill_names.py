"""How an execution is named on each channel: by one name everywhere, or by names that have nothing in common.

The exchange documents numbers over REST and text on its socket in one edition, text on both in another, and never says that
the two name the same thing. A client must not rely on it, so this exchange can be either.
"""

import hashlib

from trader.venue.core.settings import CoreSettings


def rest_fill_name(fill_id: str, settings: CoreSettings) -> str | int:
    """The id REST gives a fill. `fill_id` is the exchange's own, hexadecimal."""
    if settings.fill_ids == "same" and settings.fill_form == "text":
        return fill_id
    number = int(fill_id, 16) % 10**15 if settings.fill_ids == "same" else _unlike(fill_id)
    return number if settings.fill_form == "numbers" else str(number)


def stream_fill_name(fill_id: str, settings: CoreSettings) -> str:
    """The id the private channels give a fill; always text."""
    return str(rest_fill_name(fill_id, settings)) if settings.fill_ids == "same" else fill_id


def _unlike(fill_id: str) -> int:
    """A number that shows nothing of the id it stands for, small enough for clients that keep numbers as floats."""
    return int.from_bytes(hashlib.blake2b(fill_id.encode(), digest_size=6).digest())
