"""Rows of the account that a flatten could not read: the others are worked with, and FLAT is not said while one may be ours."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from trader.domain.instrument import parse_option_symbol
from trader.domain.odd_row import OddRow, is_symbol
from trader.engine.ids import parse_client_order_id
from trader.exchange.common.odd_rows import PartialList, in_words
from trader.runner.flatten.ownership import OurOrders

T = TypeVar("T")

_HISTORY, _OPEN = "history", "open orders"


class Doubts:
    """What could not be read in the newest look. The long past is read once, so its odd rows are kept."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[OddRow, ...]] = {}
        self._settled: set[tuple[str, int]] = set()

    def rows(self, member: str, read: Callable[[], Sequence[T]]) -> list[T]:
        """The rows of a list that make sense."""
        kept = self._rows.pop(member, ()) if member == _HISTORY else ()
        if member not in (_HISTORY, _OPEN):
            self._settled.clear()
        try:
            found, odd = list(read()), kept
        except PartialList as part:
            found, odd = list(part.rows), tuple(dict.fromkeys((*kept, *part.odd)))
        self._rows[member] = odd
        return found

    def settled(self, symbol: str, product_id: int) -> None:
        """The position of a contract was read by itself."""
        self._settled.add((symbol, product_id))

    def about_position(self, symbol: str, product_id: int) -> bool:
        """Whether an unreadable position may be of this contract."""
        return any(row.concerns(symbol, product_id) for row in self._positions())

    def words(self, ours: OurOrders, foreign: Sequence[str], market: datetime | None) -> str:
        """Why it cannot be said that nothing of ours is left; empty when it can. `foreign`: what stands in contracts as
        somebody else's, in words that begin with the symbol; `market`: the exchange's time, where it is known."""
        traded = {(h.symbol, h.product_id) for h in ours.holdings(())} - self._settled
        rows = [row for row in self._positions() if any(row.concerns(*contract) for contract in traded)]
        rows += [row for row in self._rows.get(_OPEN, ()) if _may_be_ours(row, market)]
        # An ended order that cannot be read matters where something is held that by the others is not ours.
        held = [words.partition(" ")[0] for words in foreign]
        rows += [
            row
            for row in self._rows.get(_HISTORY, ())
            if _may_be_ours(row, market) and held and (row.symbol in held or not is_symbol(row.symbol))
        ]
        return in_words(rows)

    def _positions(self) -> list[OddRow]:
        return [row for member, rows in self._rows.items() if member not in (_HISTORY, _OPEN) for row in rows]


def _may_be_ours(row: OddRow, market: datetime | None) -> bool:
    """Unless it says that its order is somebody else's, or that its contract has expired."""
    if row.client_order_id is not None and parse_client_order_id(row.client_order_id) is None:
        return False
    try:
        return market is None or parse_option_symbol(row.symbol).expiry > market
    except ValueError:
        return True
