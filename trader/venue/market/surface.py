"""The synthetic volatility surface: a slowly wandering level, a term structure, skew and smile. Pure in seed and time."""

from math import exp, log, sqrt

from trader.pricing.black76 import SECS_PER_YEAR
from trader.venue.market.noise import drift_noise, stream_key
from trader.venue.market.spot_path import BLOCK_SECS, SpotPath

VOL_MIN, VOL_MAX = 0.08, 4.0
_TERM_SECS = 45 * 86400  # distance at which half-way back to the long-run level (e-folding)
_JUMP_DECAY_SECS = 6 * 3600
_SMILE_TIME_MIN_SECS = 2 * 3600  # nearer to expiry the smile stops steepening
_DEVIATIONS_MAX = 6.0


class SmileState:
    """The surface at one instant, for one underlying; cheap to ask for many strikes."""

    def __init__(self, *, long_run: float, level: float, skew: float, convexity: float) -> None:
        self._long_run = long_run
        self._level = level
        self._skew = skew
        self._convexity = convexity

    def at_the_money(self, years: float) -> float:
        """Volatility (fraction per year) of a strike at spot."""
        weight = exp(-years * SECS_PER_YEAR / _TERM_SECS)
        return self._long_run + (self._level - self._long_run) * weight

    def vol(self, spot: float, strike: float, years: float) -> float:
        """Volatility of a strike. The smile is a hyperbola in standard deviations: curved at the money, straight wings."""
        atm = self.at_the_money(years)
        deviation = atm * sqrt(max(years, _SMILE_TIME_MIN_SECS / SECS_PER_YEAR))
        x = max(-_DEVIATIONS_MAX, min(_DEVIATIONS_MAX, log(strike / spot) / deviation))
        return max(VOL_MIN, min(VOL_MAX, atm * (1 + self._skew * x + self._convexity * (sqrt(1 + x * x) - 1))))


class VolSurface:
    """How the smile of one underlying wanders. `annual_vol` is the long-run at-the-money level (fraction per year)."""

    def __init__(self, *, seed: int, underlying: str, annual_vol: float, path: SpotPath) -> None:
        self._annual_vol = annual_vol
        self._path = path
        self._fast = stream_key(seed, f"{underlying}/iv fast")
        self._slow = stream_key(seed, f"{underlying}/iv slow")
        self._skew = stream_key(seed, f"{underlying}/skew")

    def state(self, second: float) -> SmileState:
        """The smile `second` seconds after the market's start."""
        wander = 0.05 * drift_noise(self._fast, second / (3 * 3600)) + 0.12 * drift_noise(
            self._slow, second / (40 * 3600)
        )
        level = self._annual_vol * exp(wander) * (1 + self._jump_fear(second))
        return SmileState(
            long_run=self._annual_vol,
            level=level,
            skew=-0.03 + 0.025 * drift_noise(self._skew, second / (30 * 3600)),
            convexity=0.12,
        )

    def _jump_fear(self, second: float) -> float:
        """After a jump implied volatility stands higher and comes back over hours: 1 % of jump lifts it by 5 %."""
        fear = 0.0
        now_block = int(second // BLOCK_SECS)
        for block in range(max(0, now_block - 1), now_block + 1):
            jump = self._path.jump(block)
            if jump is None:
                continue
            age = second - block * BLOCK_SECS - jump[0]
            if age >= 0:
                fear += 5 * abs(jump[1]) * exp(-age / _JUMP_DECAY_SECS)
        return fear
