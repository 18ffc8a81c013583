"""The synthetic index price: a pure function of seed, start and market second.

Time is cut into blocks of 2^17 seconds (a day and a half). A block's total log return is one normal number; inside it
the price at any second comes from a dyadic Brownian bridge whose midpoints are hashed from their position. So a price
does not depend on the steps in which the market was advanced. A block has at most one jump, at a hashed second. Blocks
before the start, without jumps, are the market's past.
"""

from math import exp, sqrt

from trader.pricing.black76 import SECS_PER_YEAR
from trader.venue.market.noise import gaussian, stream_key, uniform

BLOCK_LEVELS = 17
BLOCK_SECS = 1 << BLOCK_LEVELS
_NODES_MAX = 4096


class SpotPath:
    """Index price of one underlying.

    `annual_vol` is the diffusion's volatility (fraction per year); `jumps_per_day` the expected number of jumps;
    `jump_size` the standard deviation of a jump's log size.
    """

    def __init__(
        self,
        *,
        seed: int,
        underlying: str,
        start_price: float,
        annual_vol: float,
        jumps_per_day: float,
        jump_size: float,
    ) -> None:
        self.start_price = start_price
        self.block_deviation = annual_vol * sqrt(BLOCK_SECS / SECS_PER_YEAR)
        self._jump_chance = min(1.0, jumps_per_day * BLOCK_SECS / 86400)
        self._jump_size = jump_size
        self._ends = stream_key(seed, f"{underlying}/ends")
        self.midpoints = stream_key(seed, f"{underlying}/midpoints")
        self._jumps = stream_key(seed, f"{underlying}/jumps")
        self._block_starts = [0.0]  # log price relative to the start, at the beginning of each block, jumps included
        self._past_starts = [0.0]  # the same for blocks 0, -1, -2, ...
        self._nodes: dict[tuple[int, int, int], float] = {}

    def price(self, second: int) -> float:
        """USD at `second` seconds after the market's start, negative for its past."""
        if second == 0:
            return self.start_price
        block, offset = divmod(second, BLOCK_SECS)
        jump = self.jump(block)
        after_jump = jump[1] if jump is not None and offset >= jump[0] else 0.0
        return self.start_price * exp(self.block_start(block) + self._bridge(block, offset) + after_jump)

    def jump(self, block: int) -> tuple[int, float] | None:
        """(second within the block, log size) of the block's jump, if it has one."""
        if block < 0 or uniform(self._jumps, block, 0) >= self._jump_chance:
            return None
        return int(uniform(self._jumps, block, 1) * BLOCK_SECS), self._jump_size * gaussian(self._jumps, block, 2)

    def block_start(self, block: int) -> float:
        """Log price relative to the market's start at the beginning of a block."""
        if block < 0:
            while len(self._past_starts) <= -block:
                done = len(self._past_starts)
                self._past_starts.append(self._past_starts[-1] - self.block_return(-done))
            return self._past_starts[-block]
        while len(self._block_starts) <= block:
            done = len(self._block_starts) - 1
            jump = self.jump(done)
            self._block_starts.append(
                self._block_starts[-1] + self.block_return(done) + (jump[1] if jump is not None else 0.0)
            )
        return self._block_starts[block]

    def block_return(self, block: int) -> float:
        """Log return of a block's diffusion from end to end."""
        # Minus half the variance, so that the expected price stays where it is.
        return self.block_deviation * gaussian(self._ends, block) - 0.5 * self.block_deviation**2

    def _bridge(self, block: int, offset: int) -> float:
        """Diffusion since the block's start. Walks down the dyadic tree; nodes near recent queries are remembered."""
        low, high, value_low, value_high = 0, BLOCK_SECS, 0.0, self.block_return(block)
        deviation = self.block_deviation / 2  # of a midpoint given both ends: sqrt(length) / 2
        while low < offset:
            middle = (low + high) // 2
            node = (block, low, high)
            value = self._nodes.get(node)
            if value is None:
                if len(self._nodes) >= _NODES_MAX:
                    self._nodes.clear()
                value = (value_low + value_high) / 2 + deviation * gaussian(self.midpoints, block, low, high)
                self._nodes[node] = value
            if offset < middle:
                high, value_high = middle, value
            else:
                low, value_low = middle, value
            deviation *= sqrt(0.5)
        return value_low
