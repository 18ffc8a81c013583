"""The synthetic index price on a grid of seconds, a block at a time: the numpy twin of `SpotPath.price`."""

import numpy as np

from trader.venue.market.noise_arrays import Floats, gaussians
from trader.venue.market.spot_path import BLOCK_SECS, SpotPath

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
        """All prices of a block: the dyadic bridge filled in level by level."""
        path = self._path
        values = np.array([0.0, path.block_return(block)])
        deviation, length = path.block_deviation / 2, BLOCK_SECS
        while length > STEP_SECS:
            lows = np.arange(len(values) - 1, dtype=np.int64) * length
            middles = (values[:-1] + values[1:]) / 2
            middles = middles + deviation * gaussians(path.midpoints, block, lows, lows + length)
            merged = np.empty(2 * len(values) - 1)
            merged[::2], merged[1::2] = values, middles
            values, length, deviation = merged, length // 2, deviation * np.sqrt(0.5)
        log_price = path.block_start(block) + values[:-1]
        jump = path.jump(block)
        if jump is not None:
            offsets = np.arange(len(log_price)) * STEP_SECS
            log_price = log_price + np.where(offsets >= jump[0], jump[1], 0.0)
        prices: Floats = path.start_price * np.exp(log_price)
        return prices
