"""Iceberg: a share of the leg is shown at a time, the next one a moment after it has filled."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trader.engine.execution.algo import Context, Terms


class Iceberg:
    """Slices of the visible share, rounded up to whole contracts. The delay is the wall clock's."""

    def edge(self, context: Context, size: int, number: int) -> int:
        return min(self.lead(context.terms, size) * number, size)

    def filled(self, context: Context, size: int, done: int) -> int:
        return (
            int(done // self.lead(context.terms, size)) if done < size else ceil(size / self.lead(context.terms, size))
        )

    def opens_in(self, context: Context, number: int) -> float:
        if number == 0 or context.tries:
            return float("-inf")
        return (context.terms.refresh_secs - context.quiet) * context.rate

    def patience(self, context: Context) -> float:
        return float("inf")

    def lead(self, terms: Terms, size: int) -> int:
        return max(ceil(size * terms.visible_pct / 100), 1)
