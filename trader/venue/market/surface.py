"""The synthetic volatility surface: a slowly wandering level, a term structure, skew and smile. Pure in seed and time."""

from math import exp, log, sqrt

from trader.pricing.black76 import SECS_PER_YEAR
from trader.venue.market.noise import drift_noise, stream_key
from trader.venue.market.spot_path import BLOCK_SECS, SpotPath

VOL_MIN, VOL_MAX = 0.08, 4.0
FAST_SECS, SLOW_SECS, SKEW_SECS = 3 * 3600, 40 * 3600, 30 * 3600  # how long the smile takes to wander anywhere
FAST_SIZE, SLOW_SIZE, SKEW_SIZE, SKEW_MEAN = 0.05, 0.12, 0.025, -0.03
CONVEXITY = 0.12
TERM_SECS = 45 * 86400  # distance at which half-way back to the long-run level (e-folding)
JUMP_DECAY_SECS = 6 * 3600
SMILE_TIME_MIN_SECS = 2 * 3600  # nearer to expiry the smile stops steepening
DEVIATIONS_MAX = 6.0


class SmileState:
    """The surface at one instant, for one underlying; cheap to ask for many strikes."""

    def __init__(self, *, long_run: float, level: float, skew: float, convexity: float = CONVEXITY) -> None:
        self._long_run = long_run
        self._level = level
        self._skew = skew
        self._convexity = convexity

    def at_the_money(self, years: float) -> float:
        """Volatility (fraction per year) of a strike at spot."""
        weight = exp(-years * SECS_PER_YEAR / TERM_SECS)
        return self._long_run + (self._level - self._long_run) * weight

    def vol(self, spot: float, strike: float, years: float) -> float:
        """Volatility of a strike. The smile is a hyperbola in standard deviations: curved at the money, straight wings."""
        atm = self.at_the_money(years)
        deviation = atm * sqrt(max(years, SMILE_TIME_MIN_SECS / SECS_PER_YEAR))
        x = max(-DEVIATIONS_MAX, min(DEVIATIONS_MAX, log(strike / spot) / deviation))
        return max(VOL_MIN, min(VOL_MAX, atm * (1 + self._skew * x + self._convexity * (sqrt(1 + x * x) - 1))))


class VolSurface:
    """How the smile of one underlying wanders. `annual_vol` is the long-run at-the-money level (fraction per year)."""

    def __init__(self, *, seed: int, underlying: str, annual_vol: float, path: SpotPath) -> None:
        self.annual_vol = annual_vol
        self.path = path
        self.fast = stream_key(seed, f"{underlying}/iv fast")
        self.slow = stream_key(seed, f"{underlying}/iv slow")
        self.skew = stream_key(seed, f"{underlying}/skew")

    def state(self, second: float) -> SmileState:
        """The smile `second` seconds after the market's start."""
        wander = FAST_SIZE * drift_noise(self.fast, second / FAST_SECS)
        wander += SLOW_SIZE * drift_noise(self.slow, second / SLOW_SECS)
        return SmileState(
            long_run=self.annual_vol,
            level=self.annual_vol * exp(wander) * (1 + self._jump_fear(second)),
            skew=SKEW_MEAN + SKEW_SIZE * drift_noise(self.skew, second / SKEW_SECS),
        )

    def _jump_fear(self, second: float) -> float:
        """After a jump implied volatility stands higher and comes back over hours: 1 % of jump lifts it by 5 %."""
        fear = 0.0
        now_block = int(second // BLOCK_SECS)
        for block in range(max(0, now_block - 1), now_block + 1):
            jump = self.path.jump(block)
            if jump is None:
                continue
            age = second - block * BLOCK_SECS - jump[0]
            if age >= 0:
                fear += 5 * abs(jump[1]) * exp(-age / JUMP_DECAY_SECS)
        return fear
