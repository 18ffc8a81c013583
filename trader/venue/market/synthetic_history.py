"""The synthetic market's past: its trades and candles, computed when somebody asks, equal to what was live.

Everything is a pure function of (seed, start, instant), as the market itself: index and marks are observed on a grid of
seconds, trades happen on it (`trading_rhythm`). The past reaches back before the market's start.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.pricing.black76 import SECS_PER_YEAR
from trader.pricing.chain import price_chain
from trader.venue.market import trading_rhythm as rhythm
from trader.venue.market.bar_arrays import Instants, bars_of
from trader.venue.market.bars import bucket_of
from trader.venue.market.base import Bar, Print, Series
from trader.venue.market.book_arrays import best_quotes
from trader.venue.market.contracts import UnderlyingTerms
from trader.venue.market.instants import to_ms
from trader.venue.market.listings import listed_expiries
from trader.venue.market.noise import stream_key, uniform
from trader.venue.market.noise_arrays import Floats, drift_noises, uniforms
from trader.venue.market.premium import CLAMP_PCT, INTEREST_PCT, MEAN, SIZE, WANDER_SECS, premium_key
from trader.venue.market.spot_grid import STEP_SECS, SpotGrid
from trader.venue.market.surface import VolSurface
from trader.venue.market.surface_grid import SurfaceGrid

Mask = NDArray[np.bool_]
PAST = timedelta(days=120)  # how far the perpetuals' past reaches back before the start
BEAT_MS = 500
_STEP_MS = STEP_SECS * 1000
_STRETCH_STEPS = 1 << 15  # how much is computed at once: a day and a half
# Every how many steps of the grid a series is observed.
_EVERY = {Series.INDEX: 1, Series.MARK: 2, Series.OPEN_INTEREST: 75, Series.FUNDING: 15}


class _Prints(NamedTuple):
    """Trades as columns, oldest first; `ticks` is the price, `sells` whether the aggressor sold."""

    instants: Instants
    ticks: Instants
    sizes: Instants
    sells: Mask

    def where(self, chosen: Mask) -> "_Prints":
        """Only the chosen rows."""
        return _Prints(self.instants[chosen], self.ticks[chosen], self.sizes[chosen], self.sells[chosen])


class PastOfUnderlying(NamedTuple):
    """What the past of one underlying is made of."""

    terms: UnderlyingTerms
    grid: SpotGrid
    surface: VolSurface


class SyntheticHistory:
    """The past of a synthetic market that began at `epoch`; see `trader.venue.market.base.HistorySource`."""

    def __init__(self, *, seed: int, epoch: datetime, underlyings: dict[str, PastOfUnderlying]) -> None:
        self._seed = seed
        self._epoch = epoch
        self._epoch_ms = to_ms(epoch)
        self._of = underlyings

    def listed_since(self, instrument: Instrument) -> datetime:
        """Perpetuals: `PAST` before the market's start. Options: when their expiry came onto the calendar."""
        if instrument.expiry is None:
            return self._epoch - PAST
        return listed_from(instrument.expiry)

    def prints(self, instrument: Instrument, after_ms: int, until_ms: int) -> Sequence[Print]:
        tick = instrument.tick_size
        found: list[Print] = []
        for columns in self._print_stretches(instrument, after_ms + 1, until_ms + 1):
            rows = zip(*(column.tolist() for column in columns), strict=True)
            found += [
                Print(ts_ms=ts, price=ticks * tick, size=size, side=Side.SELL if sells else Side.BUY)
                for ts, ticks, size, sells in rows
            ]
        return found

    def bars(
        self,
        series: Series,
        instrument: Instrument,
        *,
        width_ms: int,
        offset_ms: int,
        from_ms: int,
        until_ms: int,
    ) -> Sequence[Bar]:
        """As `HistorySource.bars`; nothing at or after `until_ms`."""
        since = max(bucket_of(from_ms, width_ms, offset_ms), to_ms(self.listed_since(instrument)))
        until = until_ms if instrument.expiry is None else min(until_ms, to_ms(instrument.expiry))
        if series is Series.TRADES:
            tick = float(instrument.tick_size)
            columns = list(self._print_stretches(instrument, since, until))
            instants = [each.instants for each in columns]
            values = [np.round(each.ticks * tick, 8) for each in columns]
            volumes = [each.sizes.astype(np.float64) for each in columns]
        else:
            stretches = list(self._stretches(since, until, _EVERY[series]))
            instants = [self._instants(steps) for steps in stretches]
            values = [self._observe(series, instrument, steps) for steps in stretches]
            volumes = []
        if not instants:
            return []
        joined = np.concatenate(volumes) if volumes else None
        return bars_of(np.concatenate(instants), np.concatenate(values), width_ms, offset_ms, joined)

    def marks(self, instrument: Instrument, instants: Sequence[int]) -> Sequence[float | None]:
        """As `HistorySource.marks`, of the last step of the grid at each instant."""
        since = to_ms(self.listed_since(instrument))
        told = np.asarray(instants, np.int64)
        steps = (np.maximum(told, since) - self._epoch_ms) // _STEP_MS
        values = self._observe(Series.MARK, instrument, steps).tolist()
        return [value if at >= since else None for at, value in zip(told.tolist(), values, strict=True)]

    # the grid

    def _instants(self, steps: Instants) -> Instants:
        return self._epoch_ms + steps * _STEP_MS

    def _stretches(self, from_ms: int, until_ms: int, every: int) -> "list[Instants]":
        """The observed steps in [from, until), cut into pieces."""
        width = every * _STEP_MS
        first = -(-(from_ms - self._epoch_ms) // width)
        last = -(-(until_ms - self._epoch_ms) // width)
        piece = max(1, _STRETCH_STEPS // every)
        return [
            np.arange(start, min(start + piece, last), dtype=np.int64) * every for start in range(first, last, piece)
        ]

    def _observe(self, series: Series, instrument: Instrument, steps: Instants) -> Floats:
        if series is Series.INDEX:
            return self._index(instrument.underlying, steps)
        key = stream_key(self._seed, instrument.symbol)
        if series is Series.FUNDING:
            premium_pct = 100 * self._premium(key, steps)
            rate: Floats = premium_pct + np.clip(INTEREST_PCT - premium_pct, -CLAMP_PCT, CLAMP_PCT)
            return rate
        if series is Series.OPEN_INTEREST:
            return self._open_interest(instrument, key, steps)
        if instrument.strike is None:
            return self._perpetual_marks(instrument, key, steps)
        return np.round(self._value(instrument, steps).mark, 8)

    def _index(self, underlying: str, steps: Instants) -> Floats:
        """The index on its tick."""
        of = self._of[underlying]
        tick = float(of.terms.index_tick)
        found: Floats = np.round(np.rint(of.grid.prices(steps) / tick) * tick, 8)
        return found

    def _premium(self, key: int, steps: Instants) -> Floats:
        return MEAN + SIZE * drift_noises(premium_key(key), steps * STEP_SECS / WANDER_SECS)

    def _perpetual_marks(self, instrument: Instrument, key: int, steps: Instants) -> Floats:
        found: Floats = np.round(self._index(instrument.underlying, steps) * (1 + self._premium(key, steps)), 8)
        return found

    def _value(self, instrument: Instrument, steps: Instants) -> "_Value":
        """Mark, time value and out-of-the-money delta of an option."""
        assert instrument.strike is not None and instrument.expiry is not None
        is_call, strike = instrument.kind is Kind.CALL, float(instrument.strike)
        seconds = (steps * STEP_SECS).astype(np.float64)
        spot = self._index(instrument.underlying, steps)
        years = np.maximum(0.0, ((instrument.expiry - self._epoch).total_seconds() - seconds) / SECS_PER_YEAR)
        surface = SurfaceGrid(self._of[instrument.underlying].surface, seconds=seconds, spot=spot)
        vol = surface.vols(strike, years)
        mark = price_chain(spot, strike, vol, years, is_call)
        deviation = np.maximum(vol * np.sqrt(years), 1e-12)
        above = ndtr(np.log(spot / strike) / deviation + 0.5 * deviation)
        worth = np.maximum(0.0, spot - strike if is_call else strike - spot)
        return _Value(mark=mark, time_value=mark - worth, otm_delta=np.minimum(above, 1 - above), unrest=surface.unrest)

    def _open_interest(self, instrument: Instrument, key: int, steps: Instants) -> Floats:
        if instrument.strike is None:
            return np.full(len(steps), float(rhythm.perpetual_open_interest(key)))
        found: Floats = np.floor(
            rhythm.OPEN_INTEREST
            * rhythm.appetite(key)
            * np.minimum(1.0, 0.05 + 4 * self._value(instrument, steps).otm_delta)
            * (1 + 0.2 * drift_noises(key, steps * STEP_SECS / 86400))
        )
        return np.maximum(0.0, found)

    # trades

    def _print_stretches(self, instrument: Instrument, from_ms: int, until_ms: int) -> "list[_Prints]":
        """Trades in [from, until), a stretch at a time."""
        from_ms = max(from_ms, to_ms(self.listed_since(instrument)))
        if instrument.expiry is not None:
            until_ms = min(until_ms, to_ms(instrument.expiry))
        key = stream_key(self._seed, instrument.symbol)
        per_slot = 1 if instrument.strike is None else rhythm.OPTION_SLOT_STEPS
        width = per_slot * _STEP_MS
        # A trade lies up to a second behind its step, so the slot before may reach into the stretch.
        first, last = (from_ms - 1000 - self._epoch_ms) // width, (until_ms - 1 - self._epoch_ms) // width
        found: list[_Prints] = []
        piece = _STRETCH_STEPS // per_slot
        for start in range(first, last + 1, piece):
            slots = np.arange(start, min(start + piece, last + 1), dtype=np.int64)
            columns = (
                self._perpetual_prints(instrument, key, slots)
                if instrument.strike is None
                else self._option_prints(instrument, key, slots)
            )
            inside = (columns.instants >= from_ms) & (columns.instants < until_ms)
            found.append(columns.where(inside))
        return found

    def _perpetual_prints(self, instrument: Instrument, key: int, steps: Instants) -> _Prints:
        recent = steps >= rhythm.LONG_AGO_STEPS
        steps = steps[recent | (steps % rhythm.LONG_AGO_EVERY == 0)]
        steps = steps[uniforms(key, rhythm.WILLING, steps) < rhythm.PERPETUAL_CHANCE]
        worth = np.where(steps >= rhythm.LONG_AGO_STEPS, 1, rhythm.LONG_AGO_EVERY)
        beats = _beats(key, steps)
        bids = np.floor(self._perpetual_marks(instrument, key, steps) / float(instrument.tick_size)).astype(np.int64)
        sells = uniforms(key, rhythm.SELLER, steps) < 0.5
        return _Prints(
            instants=self._epoch_ms + beats * BEAT_MS - _phase_ms(key),
            ticks=np.where(sells, bids, bids + 1),
            sizes=_sizes(key, steps, rhythm.PERPETUAL_SIZE) * worth,
            sells=sells,
        )

    def _option_prints(self, instrument: Instrument, key: int, slots: Instants) -> _Prints:
        will = uniforms(key, rhythm.WILLING, slots)
        limit = rhythm.activity(key)
        slots, will = slots[will < limit], will[will < limit]
        offsets = (uniforms(key, rhythm.INSTANT, slots) * rhythm.OPTION_SLOT_STEPS).astype(np.int64)
        steps = slots * rhythm.OPTION_SLOT_STEPS + offsets
        value = self._value(instrument, steps)
        beats = _beats(key, steps)
        bids, asks = best_quotes(
            mark=value.mark,
            time_value=value.time_value,
            otm_delta=value.otm_delta,
            unrest=value.unrest,
            tick=float(instrument.tick_size),
            key=key,
            beats=beats,
        )
        sells = uniforms(key, rhythm.SELLER, slots) < 0.5
        happens = (will < limit * np.minimum(1.0, 0.02 + 4 * value.otm_delta)) & ~(sells & (bids < 1))
        columns = _Prints(
            instants=self._epoch_ms + beats * BEAT_MS - _phase_ms(key),
            ticks=np.where(sells, bids, asks),
            sizes=_sizes(key, slots, rhythm.OPTION_SIZE),
            sells=sells,
        )
        return columns.where(happens)


class _Value(NamedTuple):
    mark: Floats
    time_value: Floats
    otm_delta: Floats
    unrest: Floats


def _phase_ms(key: int) -> int:
    return int(uniform(key, 0) * BEAT_MS)


def _beats(key: int, steps: Instants) -> Instants:
    """The first beat of the contract's book whose second is the step's."""
    found: Instants = -(-(steps * _STEP_MS + _phase_ms(key)) // BEAT_MS)
    return found


def _sizes(key: int, slots: Instants, mean: float) -> Instants:
    found: Instants = 1 + (-mean * np.log(uniforms(key, rhythm.SIZE, slots))).astype(np.int64)
    return found


@cache
def listed_from(expiry: datetime) -> datetime:
    """When an expiry came onto the calendar for good."""
    first = expiry - timedelta(days=1)
    while expiry in listed_expiries(first - timedelta(days=1)):
        first -= timedelta(days=1)
    return first
