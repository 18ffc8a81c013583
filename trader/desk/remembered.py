"""What is asked each second, by every tab, of things that seldom change."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_KEPT = 8


class Remembered(Generic[T]):
    """A pure function that is not run again for the very same objects. They must not be changed. Safe from any thread."""

    def __init__(self, work: Callable[..., T]) -> None:
        self._work = work
        self._told: dict[
            tuple[int, ...], tuple[tuple[object, ...], T]
        ] = {}  # the objects are held: an id is theirs alone

    def __call__(self, *given: object) -> T:
        key = tuple(map(id, given))
        if (found := self._told.get(key)) is not None:
            return found[1]
        told = self._work(*given)
        kept = self._told if len(self._told) < _KEPT else {}
        self._told = {**kept, key: (given, told)}
        return told
