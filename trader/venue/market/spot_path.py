"""The synthetic index price: a pure function of seed, start and market second.

Where the price is at the borders of cells is `cells`' business. Within a cell it is found by halving: each half gets a hashed
share of the cell's variance, and the price in the middle is drawn given both ends. So a price does not depend on the
steps in which the market was advanced, and quiet minutes and busy ones alternate. A jump happens at its second, with
nothing between before and after.
"""

from math import exp, sqrt

from trader.venue.market.cells import Cell, Cells
from trader.venue.market.noise import gaussian, stream_key, uniform
from trader.venue.market.temper import CELL_SECS

UNEVEN = 0.75  # a half has 0.5 of the variance, give or take half of this
UNEVEN_SECS = 64  # shorter stretches are cut evenly
_NODES_MAX = 4096


class SpotPath:
    """Index price of one underlying."""

    def __init__(self, *, seed: int, underlying: str, start_price: float, cells: Cells) -> None:
        self.start_price = start_price
        self.cells = cells
        self.midpoints = stream_key(seed, f"{underlying}/midpoints")
        self.shares = stream_key(seed, f"{underlying}/shares")
        self._nodes: dict[tuple[int, int, int], tuple[float, float]] = {}

    def price(self, second: int) -> float:
        """USD at `second` seconds after the market's start, negative for its past."""
        number, offset = divmod(second, CELL_SECS)
        cell = self.cells.cell(number)
        jumped = cell.jump if offset >= cell.jump_at else 0.0
        return self.start_price * exp(cell.start + self._diffused(cell, number, offset) + jumped)

    def _diffused(self, cell: Cell, number: int, offset: int) -> float:
        """Diffusion since the cell's start. Halves downwards; nodes near recent queries are remembered."""
        low, high, value_low, value_high = 0, CELL_SECS, 0.0, cell.gain
        variance = cell.deviation**2
        while low < offset:
            middle = (low + high) // 2
            node = self._nodes.get((number, low, high))
            if node is None:
                if len(self._nodes) >= _NODES_MAX:
                    self._nodes.clear()
                share = 0.5
                if high - low > UNEVEN_SECS:
                    share += UNEVEN * (uniform(self.shares, number, low, high) - 0.5)
                value = value_low + share * (value_high - value_low)
                value += sqrt(variance * share * (1 - share)) * gaussian(self.midpoints, number, low, high)
                node = self._nodes[number, low, high] = (value, share)
            value, share = node
            if offset < middle:
                high, value_high, variance = middle, value, variance * share
            else:
                low, value_low, variance = middle, value, variance * (1 - share)
        return value_low
