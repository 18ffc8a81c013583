"""Replays a recording: exact at the recorded instants, moving through the recorded volatility surface between them.

Between two quotes of a contract its volatility, its forward-to-index ratio and its quotes (as a share of mark) are
interpolated in time, and the mark follows the index path by Black-76. Recordings carry no sizes: depth behind the best
prices is made up from the seed. Everything is a pure function of file, seed and market time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

import msgspec

from trader.domain.instrument import Instrument, parse_option_symbol
from trader.domain.quote import Greeks
from trader.pricing.black76 import SECS_PER_YEAR, price, price_and_greeks
from trader.venue.market.base import Bar, Depth, OptionStats, Print, Series
from trader.venue.market.book_shape import depth_behind, perpetual_depth
from trader.venue.market.contracts import build_option, build_perpetual, terms_of
from trader.venue.market.instants import check_onwards, from_ms, to_ms
from trader.venue.market.noise import stream_key, uniform
from trader.venue.market.recording_file import QuoteRow, RecordingError, read_recording
from trader.venue.market.recording_history import FUNDING_PCT, RecordingHistory, bars_between
from trader.venue.market.stats import money, option_stats_of, perpetual_stats

STATE_VERSION = 1
BEAT_MS = 500
_LISTED_AHEAD_MS = 5 * 60_000  # quotes of one snapshot arrive over a minute or so; their contracts list together
_RATIO_REACH = 0.5  # a quote further than this share of mark keeps its distance from it, not its ratio to it
_CENT = Decimal("0.01")


class _Value(msgspec.Struct, frozen=True):
    """A contract at one instant; quotes in USD or None."""

    mark: Decimal
    vol: float
    forward: float
    years: float
    greeks: Greeks
    bid: Decimal | None
    ask: Decimal | None
    open_interest: int
    volume: float


class _Track:
    """All quotes of one contract, and its value between them."""

    def __init__(self, instrument: Instrument, rows: list[QuoteRow], key: int) -> None:
        assert instrument.strike is not None
        self.instrument = instrument
        self.rows = rows
        self.times = [row.ts_ms for row in rows]
        self.key = key
        self.expiry_ms = rows[0].expiry_ms
        self.asked_ms = -1
        self.depth: Depth | None = None
        self.stats: OptionStats | None = None
        self._strike = float(instrument.strike)
        self._residuals: dict[int, float] = {}

    def is_recorded_at(self, ms: int) -> bool:
        at = bisect_left(self.times, ms)
        return at < len(self.times) and self.times[at] == ms

    def value(self, ms: int, index: float) -> _Value:
        """The contract at `ms` with the index at `index` USD."""
        after = bisect_right(self.times, ms)
        left = self.rows[max(0, after - 1)]
        right = self.rows[min(after, len(self.rows) - 1)]
        exact = left.ts_ms == ms
        weight = 0.0 if exact or right is left or ms < left.ts_ms else (ms - left.ts_ms) / (right.ts_ms - left.ts_ms)
        vol = _blend(left.mark_iv, right.mark_iv, weight)
        forward = index * _blend(_forward_ratio(left), _forward_ratio(right), weight)
        years = max(0, self.expiry_ms - ms) / 1000 / SECS_PER_YEAR
        model, greeks = price_and_greeks(forward, self._strike, vol, years, self.instrument.kind)
        nearest = left if weight < 0.5 else right
        if exact:
            mark, bid, ask = left.mark, left.bid, left.ask
        else:
            value = max(0.0, model + _blend(self._residual(left), self._residual(right), weight))
            mark = money(value)
            bid, ask = self._quotes(value, left, right, weight)
        return _Value(
            mark=mark,
            vol=vol,
            forward=forward,
            years=years,
            greeks=greeks,
            bid=bid,
            ask=ask,
            open_interest=nearest.open_interest or 0,
            volume=nearest.volume or 0.0,
        )

    def _residual(self, row: QuoteRow) -> float:
        """Recorded mark minus Black-76 on the recorded volatility: rounding mostly, basis on long expiries."""
        known = self._residuals.get(row.ts_ms)
        if known is None:
            years = max(0, row.expiry_ms - row.ts_ms) / 1000 / SECS_PER_YEAR
            model = price(row.forward or float(row.index), self._strike, row.mark_iv, years, self.instrument.kind)
            known = self._residuals[row.ts_ms] = float(row.mark) - model
        return known

    def _quotes(
        self, mark: float, left: QuoteRow, right: QuoteRow, weight: float
    ) -> tuple[Decimal | None, Decimal | None]:
        tick = self.instrument.tick_size
        bid = _carried(mark, (left.bid, float(left.mark)), (right.bid, float(right.mark)), weight)
        ask = _carried(mark, (left.ask, float(left.mark)), (right.ask, float(right.mark)), weight)
        best_bid = None if bid is None else int((Decimal(bid) / tick).to_integral_value(ROUND_FLOOR))
        if best_bid is not None and best_bid < 1:
            best_bid = None
        best_ask = None if ask is None else max(1, int((Decimal(ask) / tick).to_integral_value(ROUND_CEILING)))
        if best_ask is not None and best_bid is not None:
            best_ask = max(best_ask, best_bid + 1)
        return None if best_bid is None else best_bid * tick, None if best_ask is None else best_ask * tick


class RecordingMarket:
    """A recorded market as a source (see `MarketSource` and `HistorySource` in `trader.venue.market.base`).

    Raises:
        RecordingError: The file cannot be read, or holds contracts this exchange has no terms for.
    """

    tells_trades = False

    def __init__(self, path: Path, seed: int = 0) -> None:
        recording = read_recording(path)
        self._path, self._seed, self.info = path, seed, recording.info
        underlying = recording.info.underlying
        self.underlyings: tuple[str, ...] = (underlying,)
        try:
            terms_of(underlying)
            self._tracks = _build_tracks(underlying, recording.quotes, seed)
        except ValueError as error:
            raise RecordingError(f"the recording {path} cannot be played: {error}") from error
        self.segments = recording.segments
        self._settlements = {each.expiry_ms: each.price for each in recording.settlements}
        self._spot_times = [point.ts_ms for point in recording.spot]
        self._spot_prices = [point.price for point in recording.spot]
        self._first_ms = max(self._spot_times[0], min(track.times[0] for track in self._tracks.values()))
        self._last_ms = max(self._spot_times[-1], max(track.times[-1] for track in self._tracks.values()))
        self._now_ms = self._started_ms = self._first_ms
        self._history = RecordingHistory(self._first_ms, self._last_ms)
        self._perpetual = build_perpetual(underlying)
        self._perpetual_key = stream_key(seed, self._perpetual.symbol)
        self._perpetual_depth: Depth | None = None
        self._instruments: tuple[Instrument, ...] = ()
        self._listed: dict[str, _Track] = {}
        self._listed_until_ms = -1

    def start(self) -> datetime:
        return from_ms(self._started_ms)

    def end(self) -> datetime | None:
        return from_ms(self._last_ms)

    def advance(self, now: datetime) -> None:
        check_onwards(from_ms(self._now_ms), now)
        self._now_ms = to_ms(now)

    def spot(self, underlying: str) -> Decimal:
        if underlying not in self.underlyings:
            raise KeyError(underlying)
        return self._index_at(self._now_ms)

    def instruments(self) -> Sequence[Instrument]:
        self._review()
        return self._instruments

    def depth(self, symbol: str) -> Depth:
        if symbol == self._perpetual.symbol:
            return self._depth_of_perpetual()
        track = self._track(symbol)
        assert track.depth is not None
        return track.depth

    def option_stats(self, symbol: str) -> OptionStats:
        if symbol == self._perpetual.symbol:
            return perpetual_stats(self._index_at(self._now_ms), self._perpetual_key)
        track = self._track(symbol)
        assert track.stats is not None
        return track.stats

    def settlement_price(self, underlying: str, expiry: datetime) -> Decimal | None:
        return self._settlements.get(to_ms(expiry)) if underlying in self.underlyings else None

    def prints(self, instrument: Instrument, after_ms: int, until_ms: int) -> Sequence[Print]:
        return ()

    def bars(
        self, series: Series, instrument: Instrument, width_ms: int, offset_ms: int, from_ms: int, until_ms: int
    ) -> Sequence[Bar]:
        observed = self._observed(series, instrument)
        return bars_between(observed, width_ms, offset_ms, from_ms, min(until_ms, self._now_ms))

    def marks(self, instrument: Instrument, instants: Sequence[int]) -> Sequence[float | None]:
        observed = self._observed(Series.MARK, instrument)
        places = [bisect_right(observed, (instant, float("inf"))) for instant in instants]
        return [observed[place - 1][1] if place else None for place in places]

    def listed_since(self, instrument: Instrument) -> datetime:
        track = self._tracks.get(instrument.symbol)
        return from_ms(self._first_ms if track is None else max(self._first_ms, track.times[0] - _LISTED_AHEAD_MS))

    def _observed(self, series: Series, instrument: Instrument) -> list[tuple[int, float]]:
        """What was seen of a series by now; nothing of trades."""
        track = self._tracks.get(instrument.symbol)
        now_ms = self._now_ms if track is None else min(self._now_ms, track.expiry_ms - 1)
        look = self._history.observations
        if series is Series.INDEX or (series is Series.MARK and track is None):
            return look(Series.INDEX, self._first_ms, now_ms, self._spot_times, lambda ms: float(self._index_at(ms)))
        key = (series, instrument.symbol)
        if series is Series.FUNDING and track is None:
            return look(key, self._first_ms, now_ms, (), lambda ms: FUNDING_PCT)
        if track is None or series not in (Series.MARK, Series.OPEN_INTEREST):
            return []
        since_ms = track.times[0] - _LISTED_AHEAD_MS
        if series is Series.OPEN_INTEREST:
            rows = track.rows
            return look(
                key, since_ms, now_ms, track.times,
                lambda ms: float(rows[max(0, bisect_right(track.times, ms) - 1)].open_interest or 0),
            )  # fmt: skip
        return look(
            key, since_ms, now_ms, track.times, lambda ms: float(track.value(ms, float(self._index_at(ms))).mark)
        )

    def state(self) -> dict[str, Any]:
        return {
            "source": "recording",
            "version": STATE_VERSION,
            "file": self._path.name,
            "first": from_ms(self._first_ms).isoformat(),
            "last": from_ms(self._last_ms).isoformat(),
            "seed": self._seed,
            "now": from_ms(self._now_ms).isoformat(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        ours = self.state()
        differing = [name for name in ours if name not in ("now", "file") and state.get(name) != ours[name]]
        if differing:
            raise ValueError(
                f"the saved market is not the recording {self._path.name} with seed {self._seed}: "
                f"{', '.join(differing)} differ"
            )
        self._now_ms = self._started_ms = to_ms(datetime.fromisoformat(state["now"]))
        self._listed_until_ms = -1

    def _index_at(self, ms: int) -> Decimal:
        """The index path: exact at its points, straight lines between them, flat beyond its ends."""
        after = bisect_right(self._spot_times, ms)
        if after == 0:
            return self._spot_prices[0].quantize(_CENT)
        left_ms, left = self._spot_times[after - 1], self._spot_prices[after - 1]
        if left_ms == ms or after == len(self._spot_times):
            return left.quantize(_CENT)
        right_ms, right = self._spot_times[after], self._spot_prices[after]
        return (left + (right - left) * (ms - left_ms) / (right_ms - left_ms)).quantize(_CENT)

    def _review(self) -> None:
        if self._now_ms < self._listed_until_ms:
            return
        now = self._now_ms
        self._listed, changes = {}, []
        for symbol, track in self._tracks.items():
            listed_ms = track.times[0] - _LISTED_AHEAD_MS
            if listed_ms <= now < track.expiry_ms:
                self._listed[symbol] = track
                changes.append(track.expiry_ms)
            elif listed_ms > now:
                changes.append(listed_ms)
        self._listed_until_ms = min(changes, default=1 << 62)
        self._instruments = (self._perpetual, *(track.instrument for track in self._listed.values()))

    def _track(self, symbol: str) -> _Track:
        """The contract's track with depth and figures of now: at a recorded instant exactly that, else of the last beat."""
        self._review()
        track = self._listed[symbol]
        beat_ms = self._now_ms // BEAT_MS * BEAT_MS
        ms = self._now_ms if track.is_recorded_at(self._now_ms) else beat_ms
        if track.depth is not None and track.asked_ms == ms:
            return track
        index = float(self._index_at(ms))
        value = track.value(ms, index)
        depth = _depth_of(track, value, ms)
        if track.depth is None or (depth.bids, depth.asks) != (track.depth.bids, track.depth.asks):
            track.depth = depth
        track.stats = option_stats_of(
            instrument=track.instrument,
            spot=value.forward,
            mark=float(value.mark),
            vol=value.vol,
            years=value.years,
            greeks=value.greeks,
            depth=depth,
            open_interest=value.open_interest,
            volume=value.volume,
        )
        if track.is_recorded_at(ms):
            track.stats = msgspec.structs.replace(track.stats, mark=value.mark)
        track.asked_ms = ms
        return track

    def _depth_of_perpetual(self) -> Depth:
        ms = self._now_ms // BEAT_MS * BEAT_MS
        known = self._perpetual_depth
        if known is None or known.version != ms // BEAT_MS:
            self._perpetual_depth = known = perpetual_depth(
                mark=self._index_at(ms),
                tick=self._perpetual.tick_size,
                key=self._perpetual_key,
                beat=ms // BEAT_MS,
            )
        return known


def _build_tracks(underlying: str, quotes: Sequence[QuoteRow], seed: int) -> dict[str, _Track]:
    rows: dict[str, list[QuoteRow]] = {}
    for quote in quotes:
        if quote.ts_ms < quote.expiry_ms:
            rows.setdefault(quote.symbol, []).append(quote)
    tracks: dict[str, _Track] = {}
    for symbol, of_symbol in rows.items():
        option = parse_option_symbol(symbol)
        if option.underlying != underlying:
            raise ValueError(f"{symbol} is not an option on {underlying}")
        instrument = build_option(underlying, option.kind, option.strike, option.expiry)
        tracks[symbol] = _Track(instrument, of_symbol, stream_key(seed, symbol))
    if not tracks:
        raise ValueError("no quote lies before its contract's expiry")
    return tracks


def _depth_of(track: _Track, value: _Value, ms: int) -> Depth:
    tick = track.instrument.tick_size
    delta = abs(value.greeks.delta)
    depth = depth_behind(
        bid=None if value.bid is None else int(value.bid / tick),
        ask=None if value.ask is None else int(value.ask / tick),
        otm_delta=min(delta, 1 - delta),
        tick=tick,
        key=track.key,
        beat=ms // BEAT_MS + int(uniform(track.key, 0) * 16),
    )
    return msgspec.structs.replace(depth, version=ms)


def _forward_ratio(row: QuoteRow) -> float:
    return 1.0 if row.forward is None else row.forward / float(row.index)


def _blend(left: float, right: float, weight: float) -> float:
    return left + (right - left) * weight


def _carried(
    mark: float, left: tuple[Decimal | None, float], right: tuple[Decimal | None, float], weight: float
) -> float | None:
    """A quote of now from the quotes before and after, each moved along with the mark; absent where the nearer is."""
    moved = [_moved(mark, *left), _moved(mark, *right)]
    nearer = moved[0] if weight < 0.5 else moved[1]
    if nearer is None or moved[0] is None or moved[1] is None:
        return nearer
    return _blend(moved[0], moved[1], weight)


def _moved(mark: float, quote: Decimal | None, mark_then: float) -> float | None:
    if quote is None:
        return None
    if abs(float(quote) - mark_then) <= _RATIO_REACH * mark_then:
        return mark * float(quote) / mark_then
    return mark + float(quote) - mark_then
