"""Cursors: a page ends before a record's number."""

from trader.desk.books.lines import LONGEST_PAGE
from trader.domain.errors import ConfigError

_DIGITS = 18


def before(cursor: str | None) -> int | None:
    """The record's number a page ends before; None on the first.

    Raises:
        ConfigError: The text is no cursor.
    """
    if not cursor:
        return None
    if not cursor.isascii() or not cursor.isdecimal() or len(cursor) > _DIGITS:
        raise ConfigError(f"cursor must be `next` of the page before, was {cursor[:40]!r}")
    return int(cursor)


def length(limit: int) -> int:
    """A page's length.

    Raises:
        ConfigError: Too long, or none.
    """
    if not 1 <= limit <= LONGEST_PAGE:
        raise ConfigError(f"limit must be 1 to {LONGEST_PAGE}, was {limit}")
    return limit
