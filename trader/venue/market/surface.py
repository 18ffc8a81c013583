"""The synthetic volatility surface: what the next hours and days are expected to move, a skew and a smile. Pure in seed and
time, and at any instant a function of what has happened by then."""

from math import exp, expm1, log, sqrt

from trader.pricing.black76 import SECS_PER_YEAR
from trader.venue.market.cells import Cells, Memories
from trader.venue.market.noise import drift_noise, stream_key
from trader.venue.market.spot_path import SpotPath
from trader.venue.market.temper import CELL_SECS, MEMORIES

VOL_MIN, VOL_MAX = 0.08, 4.0
SKEW_SECS = 30 * 3600  # how long the skew takes to wander anywhere
SKEW_SIZE, SKEW_MEAN = 0.03, -0.06
CONVEXITY = 0.165
SMILE_TIME_MIN_SECS = 2 * 3600  # nearer to expiry the smile stops steepening
DEVIATIONS_MAX = 6.0
FRIGHT, FRIGHT_SECS = 100.0, 900.0  # a jump of 1 % doubles spreads, which come back within minutes


class SmileState:
    """The surface at one instant, for one underlying; cheap to ask for many strikes. `unrest` is by how much of themselves
    spreads are wider than usual."""

    def __init__(self, *, cells: Cells, memories: Memories, skew: float, unrest: float) -> None:
        self._vol = cells.temper.premium * cells.typical_vol * cells.temper.jumpiness
        self._parts = tuple(zip(cells.temper.wander, memories, MEMORIES, strict=True))
        self._skew = skew
        self.unrest = unrest
        self._known: dict[float, float] = {}

    def at_the_money(self, years: float) -> float:
        """Volatility (fraction per year) of a strike at spot: the root of the variance expected until expiry."""
        known = self._known.get(years)
        if known is None:
            wander = 0.0
            for size, memory, secs in self._parts:
                ratio = years * SECS_PER_YEAR / secs
                wander += size * (_faded(ratio) * memory + size * (1 - _faded(2 * ratio)))
            known = self._known[years] = self._vol * exp(wander)
        return known

    def vol(self, spot: float, strike: float, years: float) -> float:
        """Volatility of a strike. The smile is a hyperbola in standard deviations: curved at the money, straight wings."""
        atm = self.at_the_money(years)
        deviation = atm * sqrt(max(years, SMILE_TIME_MIN_SECS / SECS_PER_YEAR))
        x = max(-DEVIATIONS_MAX, min(DEVIATIONS_MAX, log(strike / spot) / deviation))
        return max(VOL_MIN, min(VOL_MAX, atm * (1 + self._skew * x + CONVEXITY * (sqrt(1 + x * x) - 1))))


def _faded(ratio: float) -> float:
    """Mean of exp(-x) for x from 0 to `ratio`."""
    return 1 - 0.5 * ratio if ratio < 1e-6 else -expm1(-ratio) / ratio


class VolSurface:
    """How the smile of one underlying wanders."""

    def __init__(self, *, seed: int, underlying: str, path: SpotPath) -> None:
        self.path = path
        self.skew = stream_key(seed, f"{underlying}/skew")

    def state(self, second: int, spot: float) -> SmileState:
        """The smile `second` seconds after the market's start, with the index at `spot`."""
        cells = self.path.cells
        number, offset = divmod(second, CELL_SECS)
        cell, share = cells.cell(number), offset / CELL_SECS
        moved = (log(spot / self.path.start_price) - cell.start - share * cell.drift) / cell.deviation
        unrest = 0.0
        for age, jump in (
            (offset - cell.jump_at, cell.jump),
            (offset + CELL_SECS - cells.cell(number - 1).jump_at, cells.cell(number - 1).jump),
        ):
            if age >= 0:
                unrest += FRIGHT * abs(jump) * exp(-age / FRIGHT_SECS)
        return SmileState(
            cells=cells,
            memories=cells.later(cell.memories, share, moved, cell.news),
            skew=SKEW_MEAN + SKEW_SIZE * drift_noise(self.skew, second / SKEW_SECS),
            unrest=unrest,
        )
