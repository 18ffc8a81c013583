"""The end of a request that changes something other than one order: done, refused, or unknown."""

from typing import Generic, TypeVar

import msgspec

from trader.domain.outcome import Rejected, Unknown

T = TypeVar("T")


class Done(msgspec.Struct, Generic[T], frozen=True):
    """The exchange agreed; `value` is what it answered."""

    value: T


__all__ = ["Done", "Rejected", "Unknown"]
