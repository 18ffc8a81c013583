"""The synthetic volatility surface at many instants: the numpy twin of `VolSurface.state` and `SmileState.vol`."""

import numpy as np

from trader.pricing.black76 import SECS_PER_YEAR
from trader.venue.market.noise_arrays import Floats, drift_noises
from trader.venue.market.surface import (
    CONVEXITY,
    DEVIATIONS_MAX,
    FRIGHT,
    FRIGHT_SECS,
    SKEW_MEAN,
    SKEW_SECS,
    SKEW_SIZE,
    SMILE_TIME_MIN_SECS,
    VOL_MAX,
    VOL_MIN,
    VolSurface,
)
from trader.venue.market.temper import CELL_SECS, FALL, GAINS, KEPT, MEMORIES, MOVE, NEWS


class SurfaceGrid:
    """The surface at `seconds` after the market's start, ascending, with the index at `spot`."""

    def __init__(self, surface: VolSurface, *, seconds: Floats, spot: Floats) -> None:
        cells = surface.path.cells
        self._seconds, self._spot = seconds, spot
        numbers, at = np.unique((seconds // CELL_SECS).astype(np.int64), return_inverse=True)
        own = [cells.cell(int(number)) for number in numbers]
        before = [cells.cell(int(number) - 1) for number in numbers]

        def of_cells(values: list[float]) -> Floats:
            found: Floats = np.array(values)[at]
            return found

        offset = seconds - numbers[at] * CELL_SECS
        share = offset / CELL_SECS
        moved = np.log(spot / surface.path.start_price) - of_cells([cell.start for cell in own])
        moved = (moved - share * of_cells([cell.drift for cell in own])) / of_cells([cell.deviation for cell in own])
        shock = FALL * moved + MOVE * np.abs(moved) + NEWS * share * of_cells([cell.news for cell in own])
        shock = shock - np.sqrt(share) * cells.temper.mean_response
        self._memories = [
            of_cells([cell.memories[i] for cell in own]) * KEPT[i] ** share + GAINS[i] * shock
            for i in range(len(MEMORIES))
        ]
        self._sizes = cells.temper.wander
        self._vol = cells.temper.premium * cells.typical_vol * cells.temper.jumpiness
        self._skew = SKEW_MEAN + SKEW_SIZE * drift_noises(surface.skew, seconds / SKEW_SECS)
        self.unrest = np.zeros_like(seconds)
        for jumping, later in ((own, 0), (before, CELL_SECS)):
            age = offset + later - of_cells([float(cell.jump_at) for cell in jumping])
            fright = FRIGHT * np.abs(of_cells([cell.jump for cell in jumping]))
            self.unrest += np.where(age >= 0, fright * np.exp(-np.maximum(age, 0.0) / FRIGHT_SECS), 0.0)

    def at_the_money(self, years: Floats) -> Floats:
        """Volatility (fraction per year) of a strike at spot."""
        wander = np.zeros_like(self._spot)
        for size, memory, secs in zip(self._sizes, self._memories, MEMORIES, strict=True):
            ratio = years * SECS_PER_YEAR / secs
            wander += size * (_faded(ratio) * memory + size * (1 - _faded(2 * ratio)))
        found: Floats = self._vol * np.exp(wander)
        return found

    def vols(self, strike: float | Floats, years: Floats) -> Floats:
        """Volatility of a strike."""
        atm = self.at_the_money(years)
        deviation = atm * np.sqrt(np.maximum(years, SMILE_TIME_MIN_SECS / SECS_PER_YEAR))
        x = np.clip(np.log(strike / self._spot) / deviation, -DEVIATIONS_MAX, DEVIATIONS_MAX)
        found: Floats = np.clip(atm * (1 + self._skew * x + CONVEXITY * (np.sqrt(1 + x * x) - 1)), VOL_MIN, VOL_MAX)
        return found


def _faded(ratio: Floats) -> Floats:
    found: Floats = np.where(ratio < 1e-6, 1 - 0.5 * ratio, -np.expm1(-ratio) / np.maximum(ratio, 1e-6))
    return found
