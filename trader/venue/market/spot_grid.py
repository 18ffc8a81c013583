"""The synthetic index price on a grid of seconds, a block at a time: the numpy twin of `SpotPath.price`."""

import numpy as np

from trader.venue.market.noise_arrays import Floats, gaussians, uniforms
from trader.venue.market.spot_path import UNEVEN, UNEVEN_SECS, SpotPath
from trader.venue.market.temper import BLOCK_CELLS, BLOCK_SECS, CELL_SECS

STEP_SECS = 4
_BLOCKS_KEPT = 40  # two months; a quarter of a megabyte each


class SpotGrid:
    """Prices of one path every `STEP_SECS` seconds of market time, before the market's start included."""

    def __init__(self, path: SpotPath) -> None:
        self._path = path
        self._blocks: dict[int, Floats] = {}

    def prices(self, steps: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
        """USD at `steps * STEP_SECS` seconds after the start, unrounded; `steps` ascending."""
        per_block = BLOCK_SECS // STEP_SECS
        blocks = steps // per_block
        found = np.empty(len(steps))
        for block in np.unique(blocks):
            chosen = blocks == block
            found[chosen] = self._block(int(block))[steps[chosen] - block * per_block]
        return found

    def _block(self, block: int) -> Floats:
        known = self._blocks.get(block)
        if known is None:
            if len(self._blocks) >= _BLOCKS_KEPT:
                del self._blocks[next(iter(self._blocks))]
            known = self._blocks[block] = self._build(block)
        return known

    def _build(self, block: int) -> Floats:
        """All prices of a block: its cells side by side, halved level by level."""
        path = self._path
        cells = path.cells.block(block)
        numbers = block * BLOCK_CELLS + np.arange(BLOCK_CELLS, dtype=np.int64)[:, None]
        values = np.array([[0.0, cell.gain] for cell in cells])
        variances = np.array([[cell.deviation**2] for cell in cells])
        length = CELL_SECS
        while length > STEP_SECS:
            lows = np.arange(values.shape[1] - 1, dtype=np.int64)[None, :] * length
            shares = np.full(variances.shape, 0.5)
            if length > UNEVEN_SECS:
                shares = shares + UNEVEN * (uniforms(path.shares, numbers, lows, lows + length) - 0.5)
            middles = values[:, :-1] + shares * (values[:, 1:] - values[:, :-1])
            middles = middles + np.sqrt(variances * shares * (1 - shares)) * gaussians(
                path.midpoints, numbers, lows, lows + length
            )
            values, variances = _between(values, middles), _between(variances * shares, variances * (1 - shares))
            length //= 2
        offsets = np.arange(0, CELL_SECS, STEP_SECS)
        jumps = np.array([[cell.jump] for cell in cells]) * (offsets >= np.array([[cell.jump_at] for cell in cells]))
        starts = np.array([[cell.start] for cell in cells])
        prices: Floats = path.start_price * np.exp(starts + values[:, :-1] + jumps).ravel()
        return prices


def _between(first: Floats, second: Floats) -> Floats:
    """Columns of both by turns, beginning with the first's."""
    merged = np.empty((first.shape[0], first.shape[1] + second.shape[1]))
    merged[:, ::2], merged[:, 1::2] = first, second
    return merged
