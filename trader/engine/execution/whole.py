"""Chase and market: the whole leg in one order. A chase stands in the book and concedes with each try (`chase`); market takes
what the book has within the collar, and tries again a moment later for what it had not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trader.engine.execution.algo import Context, Terms


class Whole:
    """One slice, at once."""

    def edge(self, context: Context, size: int, number: int) -> int:
        return size if number > 0 else 0

    def filled(self, context: Context, size: int, done: int) -> int:
        return 1 if done >= size else 0

    def opens_in(self, context: Context, number: int) -> float:
        return float("-inf")

    def patience(self, context: Context) -> float:
        return float("inf")

    def lead(self, terms: Terms, size: int) -> int:
        return 0
