"""How wild the synthetic market is: its level of volatility, how far that wanders, and its jumps, by mode.

Calibrated against real data: `python -m bench.market` shows this market's statistics beside the real ones.
"""

from math import exp, pi, sqrt
from statistics import NormalDist
from typing import Literal

import msgspec

MarketMode = Literal["normal", "calm", "stress"]
DAY_SECS = 86_400
CELL_LEVELS = 12
CELL_SECS = 1 << CELL_LEVELS  # 68 minutes: within a cell the variance to come is fixed
BLOCK_CELLS = 32
BLOCK_SECS = CELL_SECS * BLOCK_CELLS  # a day and a half

# The log of volatility is a sum of memories of past shocks; each forgets at its own pace (seconds, e-folding).
MEMORIES = (0.3 * DAY_SECS, 4 * DAY_SECS, 25 * DAY_SECS)
KEPT = tuple(exp(-CELL_SECS / memory) for memory in MEMORIES)  # over a cell
GAINS = tuple(sqrt(1 - kept * kept) for kept in KEPT)  # so that each memory has unit size
# A shock is made of the cell's own return (a fall adds, a large move adds) and of news that moves volatility alone.
FALL, MOVE = -0.35, 0.40
NEWS = sqrt(1 - FALL**2 - (1 - 2 / pi) * MOVE**2)
# A jump's log size in deviations of its cell's diffusion, which are half a percent at 45 % a year.
JUMP_MEAN, JUMP_SPREAD = -0.8, 1.7


class Temper(msgspec.Struct, frozen=True, kw_only=True):
    """`annual_vol` is about the root of the mean variance per year, jumps included, as a fraction; `premium` implied volatility
    over what the memories lead to expect, such that both are about equal in the mean square, as in the real market;
    `wander` the size of each memory's share in the log of volatility; `jumps_per_day` their expected number."""

    annual_vol: float
    premium: float
    wander: tuple[float, float, float]
    jumps_per_day: float

    @property
    def jump_chance(self) -> float:
        """That a cell has a jump."""
        return self.jumps_per_day * CELL_SECS / DAY_SECS

    @property
    def jumpiness(self) -> float:
        """Volatility with jumps over the diffusion's."""
        return sqrt(1 + self.jump_chance * (JUMP_MEAN**2 + JUMP_SPREAD**2))

    @property
    def typical_vol(self) -> float:
        """Of the diffusion, per year, when every memory is at its mean: below the root of the mean variance."""
        return self.annual_vol / self.jumpiness / exp(sum(size * size for size in self.wander))

    @property
    def mean_response(self) -> float:
        """Mean of `FALL * y + MOVE * |y|` over cells with and without a jump: what is taken off, so that memories have none."""
        spread = sqrt(1 + JUMP_SPREAD**2)
        below = NormalDist().cdf(-JUMP_MEAN / spread)
        jumping = spread * sqrt(2 / pi) * exp(-0.5 * (JUMP_MEAN / spread) ** 2) + JUMP_MEAN * (1 - 2 * below)
        jumped = FALL * JUMP_MEAN + MOVE * (jumping - sqrt(2 / pi))
        return MOVE * sqrt(2 / pi) + self.jump_chance * jumped


TEMPERS: dict[MarketMode, Temper] = {
    "normal": Temper(annual_vol=0.40, premium=1.095, wander=(0.38, 0.20, 0.26), jumps_per_day=0.3),
    "calm": Temper(annual_vol=0.26, premium=1.035, wander=(0.22, 0.1, 0.1), jumps_per_day=0.05),
    "stress": Temper(annual_vol=0.85, premium=1.10, wander=(0.38, 0.2, 0.2), jumps_per_day=1.0),
}
VOL_RATIOS = {"ETH": 1.3}  # to BTC's
