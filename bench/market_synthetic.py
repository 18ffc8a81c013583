"""The synthetic market's side of `bench.market`: what `bench.market_real` looks at, of many seeds, by the numpy twins."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from bench.market_statistics import HOURS_PER_YEAR, Floats, Seen, Snapshots, kurtosis
from trader.domain.instrument import Kind
from trader.pricing.black76 import price_and_greeks
from trader.pricing.chain import price_chain
from trader.venue.market.book_arrays import best_quotes
from trader.venue.market.cells import Cells, Shocks
from trader.venue.market.spot_grid import STEP_SECS, SpotGrid
from trader.venue.market.spot_path import SpotPath
from trader.venue.market.surface import VolSurface
from trader.venue.market.surface_grid import SurfaceGrid
from trader.venue.market.temper import TEMPERS, MarketMode

_MINUTE_STEPS = 60 // STEP_SECS
_SNAPSHOT_SECS, _HELD_SECS = 6 * 3600, 6 * 3600  # as Deribit's chains were recorded
_EXPIRY_HOURS = (36.0, 30.0, 24.0, 18.0)  # to the expiry looked at, one snapshot after another, as in those chains
_STRANGLE_DELTA = 0.125
_GRID = np.exp(np.linspace(-0.3, 0.3, 301))  # strikes over spot


class Path:
    """One seed's BTC and its surface."""

    def __init__(self, seed: int, mode: MarketMode, days: int) -> None:
        temper = TEMPERS[mode]
        cells = Cells(seed=seed, underlying="BTC", temper=temper, shocks=Shocks(seed, temper))
        self.path = SpotPath(seed=seed, underlying="BTC", start_price=77_000.0, cells=cells)
        self.surface = VolSurface(seed=seed, underlying="BTC", path=self.path)
        self.grid = SpotGrid(self.path)
        self.days = days

    def spots(self, every_secs: int, until_secs: int | None = None) -> Floats:
        """Every so many seconds from the start."""
        until = self.days * 86_400 if until_secs is None else until_secs
        steps = np.arange(0, until, every_secs, dtype=np.int64) // STEP_SECS
        found = [self.grid.prices(part) for part in np.array_split(steps, max(1, len(steps) // 20_000))]
        return np.concatenate(found)


def seen_synthetic(seeds: int, days: int, mode: MarketMode = "normal") -> Seen:
    """`days` of each of so many seeds."""
    parts = [_seen(seed, days, mode) for seed in range(seeds)]
    return Seen(
        minute_kurtosis=[each for part in parts for each in part.minute_kurtosis],
        hourly=np.concatenate([part.hourly for part in parts]),
        daily=np.concatenate([part.daily for part in parts]),
        chains=Snapshots(*(np.concatenate(columns) for columns in zip(*(part.chains for part in parts), strict=True))),
        strangles=np.concatenate([part.strangles for part in parts]),
        spreads=np.concatenate([part.spreads for part in parts]),
    )


def _seen(seed: int, days: int, mode: MarketMode) -> Seen:
    of = Path(seed, mode, days)
    minutes = np.diff(np.log(of.spots(60)))
    months = [minutes[at : at + 50_000] for at in range(0, max(1, len(minutes) - 49_000), 50_000)]
    chains, strangles = _chains(of)
    return Seen(
        minute_kurtosis=[kurtosis(month) for month in months],
        hourly=_summed(minutes, 60),
        daily=_summed(minutes, 1440),
        chains=chains,
        strangles=strangles,
        spreads=_spreads(of, seed),
    )


def _summed(moves: Floats, count: int) -> Floats:
    found: Floats = moves[: len(moves) // count * count].reshape(-1, count).sum(axis=1)
    return found


def _chains(of: Path) -> tuple[Snapshots, Floats]:
    seconds = np.arange(0, of.days * 86_400, _SNAPSHOT_SECS, dtype=np.float64)
    index = of.spots(_SNAPSHOT_SECS)
    surface = SurfaceGrid(of.surface, seconds=seconds, spot=index)
    years = np.resize(_EXPIRY_HOURS, len(index)) / HOURS_PER_YEAR
    vols, deltas = _smile(surface, index, years)
    columns = [_at_delta(vols, deltas, delta) for delta in (-0.10, 0.10)]
    gaps = np.full_like(index, _SNAPSHOT_SECS / 3600)
    gaps[0] = np.nan
    return Snapshots(gaps, index, surface.at_the_money(years), *columns), _strangles(surface, deltas, index, years)


def _smile(surface: SurfaceGrid, index: Floats, years: Floats) -> tuple[Floats, Floats]:
    """Volatility and the call's delta, instants by strikes of the grid."""
    vols = np.stack([surface.vols(index * share, years) for share in _GRID], axis=1)
    deviation = vols * np.sqrt(years)[:, None]
    return vols, ndtr(-np.log(_GRID)[None, :] / deviation + deviation / 2)


def _nearest(deltas: Floats, delta: float) -> NDArray[np.int64]:
    """Place in the grid of the strike whose call (put, if negative) has a delta near it."""
    found: NDArray[np.int64] = np.argmin(np.abs(deltas - (delta if delta > 0 else 1 + delta)), axis=1)
    return found


def _at_delta(vols: Floats, deltas: Floats, delta: float) -> Floats:
    found: Floats = vols[np.arange(len(vols)), _nearest(deltas, delta)]
    return found


def _strangles(surface: SurfaceGrid, deltas: Floats, index: Floats, years: Floats) -> Floats:
    """Sold at each snapshot at the mark, valued at the next."""
    later_years = np.concatenate([years[:1], years[:-1] - _HELD_SECS / 3600 / HOURS_PER_YEAR])
    premium, worth = np.zeros(len(index) - 1), np.zeros(len(index) - 1)
    for delta in (-_STRANGLE_DELTA, _STRANGLE_DELTA):
        strikes = index * _GRID[_nearest(deltas, delta)]
        premium += price_chain(index, strikes, surface.vols(strikes, years), years, delta > 0)[:-1]
        carried = np.concatenate([strikes[:1], strikes[:-1]])  # the strike sold at the snapshot before
        worth += price_chain(index, carried, surface.vols(carried, later_years), later_years, delta > 0)[1:]
    found: Floats = 1 - worth / premium
    return found


def _spreads(of: Path, seed: int) -> Floats:
    """Of the out-of-the-money options of the chain at some instants."""
    seconds = np.arange(3, of.days, max(1, of.days // 20)) * 86_400.0
    spot = of.grid.prices((seconds // STEP_SECS).astype(np.int64))
    surface = SurfaceGrid(of.surface, seconds=seconds, spot=spot)
    years = np.full_like(spot, np.mean(_EXPIRY_HOURS) / HOURS_PER_YEAR)
    found = []
    for share in _GRID[::5]:
        is_call = bool(share > 1)
        strikes = spot * share
        vols = surface.vols(strikes, years)
        marks = price_chain(spot, strikes, vols, years, is_call)
        kind = Kind.CALL if is_call else Kind.PUT
        deltas = np.array(
            [abs(price_and_greeks(*row, kind)[1].delta) for row in zip(spot, strikes, vols, years, strict=True)]
        )
        bids, asks = best_quotes(
            mark=marks, time_value=marks, otm_delta=deltas, unrest=surface.unrest, tick=0.1, key=seed + int(share * 1e6),
            beats=(seconds * 2).astype(np.int64),
        )  # fmt: skip
        quoted = bids > 0
        found.append(np.stack([deltas[quoted], ((asks - bids) * 0.1 / marks)[quoted]], axis=1))
    return np.concatenate(found)


START = datetime(2026, 1, 1, tzinfo=UTC)
