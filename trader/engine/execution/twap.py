"""TWAP: equal slices at equal intervals. What did not fill in its slice is made up in those after it, and what is left when
the time is over is worked as a chase works it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trader.engine.execution.algo import Context, Terms

_LEAST_REST_SECS = 2.0  # an order that rests for less meets nobody


class Twap:
    """Slice n of N begins n/N of the duration after the first order; sizes are whole contracts, larger ones
    first, and sum to the leg's."""

    def edge(self, context: Context, size: int, number: int) -> int:
        if _is_over(context):
            return size if number > 0 else 0
        return -(-size * min(number, context.terms.slices) // context.terms.slices)

    def filled(self, context: Context, size: int, done: int) -> int:
        slices = context.terms.slices
        if done >= size:
            return slices
        return 0 if _is_over(context) else done * slices // size

    def opens_in(self, context: Context, number: int) -> float:
        return float("-inf") if _is_over(context) else number * _interval(context.terms) - context.elapsed

    def patience(self, context: Context) -> float:
        return max(_interval(context.terms) / context.rate, _LEAST_REST_SECS)

    def lead(self, terms: Terms, size: int) -> int:
        return -(-size // terms.slices)


def _interval(terms: Terms) -> float:
    return terms.duration_secs / terms.slices


def _is_over(context: Context) -> bool:
    return context.elapsed >= context.terms.duration_secs
