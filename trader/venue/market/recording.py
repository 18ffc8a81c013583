"""Replays a recording: exact at the recorded instants, and between them as if the next one were not known.

Between two quotes of a contract its volatility is the last recorded one, which answers moves of the index as volatility does,
and the mark follows the index path by Black-76; the next quote's volatility comes in during the last minutes before it. Best
quotes keep their distance from the mark; one far away from it was of its instant, after which the usual distance holds.
Recordings carry no sizes: depth behind the best prices is made up from the seed. Everything is a pure function of file, seed and market time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec

from trader.domain.instrument import Instrument, parse_option_symbol
from trader.domain.quote import Greeks
from trader.pricing.black76 import SECS_PER_YEAR, intrinsic, price_and_greeks
from trader.venue.market.base import Bar, Depth, OptionStats, Print, Series
from trader.venue.market.book_shape import depth_behind, perpetual_depth, usual_spread
from trader.venue.market.contracts import build_option, build_perpetual, terms_of
from trader.venue.market.instants import check_onwards, from_ms, to_ms
from trader.venue.market.noise import stream_key, uniform
from trader.venue.market.recording_file import QuoteRow, RecordingError, read_recording
from trader.venue.market.recording_history import FUNDING_PCT, RecordingHistory, bars_between
from trader.venue.market.stats import money, option_stats_of, perpetual_stats

STATE_VERSION = 1
BEAT_MS = 500
_LISTED_AHEAD_MS = 5 * 60_000  # quotes of one snapshot arrive over a minute or so; their contracts list together
# What volatility of a strike does when the index moves 1 % (in %), of one-day options; measured on recorded chains, where it is
# less for longer ones, by the fourth root of their days.
_LEVERAGE = 2.75
_ANSWER_MAX = 2.0
_ARRIVE_MS = 10 * 60_000
_THIN = 2.0  # a quote at more than this times the usual distance is not the price
_WIDTHS_SAMPLED = 2000
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
        self._known: dict[int, _Recorded] = {}
        self.widths = _Widths(1.0, 1.0)

    def is_recorded_at(self, ms: int) -> bool:
        at = bisect_left(self.times, ms)
        return at < len(self.times) and self.times[at] == ms

    def value(self, ms: int, index: float) -> _Value:
        """The contract at `ms` with the index at `index` USD: what was last recorded, moved by the index since."""
        after = bisect_right(self.times, ms)
        last = self._recorded(max(0, after - 1))
        vol, ratio, residual = last.row.mark_iv * self._answer(last, index, ms), last.forward_ratio, last.residual
        if 0 < after < len(self.rows) and (weight := _arriving(last.row.ts_ms, self.times[after], ms)) > 0:
            coming = self._recorded(after)
            vol = _blend(vol, coming.row.mark_iv, weight)
            ratio = _blend(ratio, coming.forward_ratio, weight)
            residual = _blend(residual, coming.residual, weight)
        exact = last.row.ts_ms == ms
        if exact:
            vol = last.row.mark_iv
        forward = index * ratio
        years = max(0, self.expiry_ms - ms) / 1000 / SECS_PER_YEAR
        model, greeks = price_and_greeks(forward, self._strike, vol, years, self.instrument.kind)
        if exact:
            mark, bid, ask = last.row.mark, last.row.bid, last.row.ask
        else:
            value = max(0.0, model + residual)
            mark = money(value)
            worth = intrinsic(forward, self._strike, self.instrument.kind)
            bid, ask = self._quotes(value, _half_spread(value, worth, greeks.delta), last)
        return _Value(
            mark=mark,
            vol=vol,
            forward=forward,
            years=years,
            greeks=greeks,
            bid=bid,
            ask=ask,
            open_interest=last.row.open_interest or 0,
            volume=last.row.volume or 0.0,
        )

    def _answer(self, last: "_Recorded", index: float, ms: int) -> float:
        """By what factor volatility has answered the index's move since it was recorded."""
        days = max(1.0, (self.expiry_ms - ms) / 86_400_000)
        factor: float = (index / float(last.row.index)) ** (-_LEVERAGE / days**0.25)
        return min(_ANSWER_MAX, max(1 / _ANSWER_MAX, factor))

    def _recorded(self, place: int) -> "_Recorded":
        known = self._known.get(place)
        if known is None:
            known = self._known[place] = _recorded(self.rows[place], self.instrument, self.widths)
        return known

    def _quotes(self, mark: float, half: float, last: "_Recorded") -> tuple[Decimal | None, Decimal | None]:
        tick = self.instrument.tick_size
        best_bid = int((Decimal(mark - half * last.below) / tick).to_integral_value(ROUND_FLOOR))
        best_ask = max(1, int((Decimal(mark + half * last.above) / tick).to_integral_value(ROUND_CEILING)))
        best_ask = max(best_ask, best_bid + 1)
        return best_bid * tick if best_bid >= 1 else None, best_ask * tick


class _Recorded(NamedTuple):
    """A row with what is carried from it. `residual`: its mark minus Black-76 on its volatility, rounding mostly, basis on long
    expiries; `below` and `above`: how far its quotes stand from the mark, in half widths of a usual spread of its delta."""

    row: QuoteRow
    forward_ratio: float
    residual: float
    below: float
    above: float


def _recorded(row: QuoteRow, instrument: Instrument, widths: "_Widths") -> _Recorded:
    index, mark = float(row.index), float(row.mark)
    forward = row.forward or index
    years = max(0, row.expiry_ms - row.ts_ms) / 1000 / SECS_PER_YEAR
    model, greeks = price_and_greeks(forward, float(instrument.strike or 0), row.mark_iv, years, instrument.kind)
    worth = intrinsic(forward, float(instrument.strike or 0), instrument.kind)
    half = max(_half_spread(mark, worth, greeks.delta), float(instrument.tick_size) / 2)
    sides = [
        _usual(None if quote is None else abs(float(quote) - mark) / half, usual)
        for quote, usual in ((row.bid, widths.below), (row.ask, widths.above))
    ]
    return _Recorded(row, forward / index, mark - model, *sides)


class _Widths(NamedTuple):
    """How far bids and asks of a recording stand from the mark as a rule, in half widths of this exchange's spreads."""

    below: float
    above: float


def _usual_widths(tracks: "Iterable[_Track]") -> _Widths:
    """Medians over a sample of a recording's rows."""
    rows = [(track, row) for track in tracks for row in track.rows]
    every = max(1, len(rows) // _WIDTHS_SAMPLED)
    found: tuple[list[float], list[float]] = ([], [])
    for track, row in rows[::every]:
        seen = _recorded(row, track.instrument, _Widths(0.0, 0.0))
        for side, quote, width in zip(found, (row.bid, row.ask), (seen.below, seen.above), strict=True):
            if quote is not None:
                side.append(width)
    return _Widths(*(median(side) if side else 1.0 for side in found))


def _usual(width: float | None, usual: float) -> float:
    """The width to go on with: the recorded one, unless nobody quoted or only somebody far away: such a quote was of its instant."""
    return usual if width is None or 0 < usual * _THIN < width else width


def _half_spread(mark: float, worth: float, delta: float) -> float:
    """Half of the usual spread (USD) of an option that is worth so much if exercised."""
    return usual_spread(mark, max(0.0, mark - worth), min(abs(delta), 1 - abs(delta))) / 2


def _arriving(left_ms: int, right_ms: int, ms: int) -> float:
    """0 to 1: how far the next row's figures have come in. They do in the last minutes before it: a market does not wait for
    somebody to record it."""
    span = min(_ARRIVE_MS, (right_ms - left_ms) / 4)
    return max(0.0, 1 - (right_ms - ms) / span)


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
    widths = _usual_widths(tracks.values())
    for track in tracks.values():
        track.widths = widths
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


def _blend(left: float, right: float, weight: float) -> float:
    return left + (right - left) * weight
