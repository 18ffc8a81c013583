"""What becomes of a list some rows of which make no sense: of the market it serves, of the account it is not the whole."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from trader.domain.errors import WireError
from trader.domain.odd_row import OddRow
from trader.exchange.common.odd_rows import OddRows, PartialList, in_words
from trader.exchange.common.rows import agreeing, sift
from trader.exchange.common.statistics import CallStatistics

T = TypeVar("T")


class Lists:
    """The reading of lists, for a class that has figures and a place for odd rows."""

    statistics: CallStatistics
    odd: OddRows

    def usable(self, what: str, rows: Sequence[Any], parse: Callable[[Any], T | None]) -> list[T]:
        """The values of a list of the market: rows that make no sense are left out and told.

        Raises:
            WireError: Not one row could be used, which is not the same as there being none.
        """
        good, odd = sift(what, rows, parse)
        self.leave_out(odd)
        if odd and not good:
            raise WireError(f"no row of {what} could be read: {in_words(odd)}")
        return good

    def whole(
        self,
        what: str,
        rows: Sequence[Any],
        parse: Callable[[Any], T | None],
        *,
        once: Callable[[T], Hashable] | None = None,
        same: Callable[[T], Hashable] | None = None,
        counts: Callable[[OddRow], bool] = lambda row: True,
    ) -> list[T]:
        """The values of a list of the account; of those that are the same by `once` the last: rows that arrive while
        pages are read shift the pages. Those the `same` and yet different are odd. An odd row that does not `count` is told
        all the same.

        Raises:
            PartialList: Some rows make no sense; it carries the others.
        """
        good, odd = sift(what, rows, parse)
        if once is not None:
            good = list({once(value): value for value in good}.values())
        if same is not None:
            good, differing = agreeing(what, good, same)
            odd += differing
        self.leave_out(odd)
        if odd := [row for row in odd if counts(row)]:
            raise PartialList(good, odd)
        return good

    def leave_out(self, odd: Sequence[OddRow]) -> None:
        """Count and tell rows that could not be used."""
        if odd:
            self.statistics.record("rows_skipped", len(odd))
            self.odd.note(odd)
