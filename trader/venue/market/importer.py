"""Makes a recording file out of recorded Deribit chains. What the numbers mean is told in docs/recordings.md."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from statistics import median
from typing import Literal

import msgspec

from trader.pricing.black76 import SECS_PER_YEAR, intrinsic
from trader.pricing.implied_vol import implied_vol
from trader.venue.market.candles import anchor_candles, candle_interval_ms, read_candles
from trader.venue.market.contracts import terms_of
from trader.venue.market.deribit import CLOCK_SHIFT, DeribitQuote, read_delivery_prices, read_quotes
from trader.venue.market.instants import from_ms
from trader.venue.market.recording_file import (
    FORMAT_VERSION,
    Origin,
    QuoteRow,
    Recording,
    RecordingError,
    RecordingInfo,
    Segment,
    Settlement,
    SpotPoint,
    write_recording,
)
from trader.venue.market.spot_bridge import SETTLEMENT_WINDOW_MS, bridge, segments_of, settle_at
from trader.venue.market.strike_fill import fill_strikes

SourceKind = Literal["deribit-chain", "deribit-30min"]
DEFAULT_FILL_STEP = {"BTC": Decimal(250), "ETH": Decimal(10)}
FILL_DAYS_MAX = 4.0  # longer expiries are not the desk's business and would multiply the file
_SHIFT_MS = int(CLOCK_SHIFT.total_seconds()) * 1000
_SLOT_MS = 30 * 60_000
_SLOT_REACH_MS = 90_000  # quotes this near to the half hour belong together
_RECORDED_GAP_MS = 90_000  # index points this near to each other need nothing between them
_FINE_STEP_MS, _COARSE_STEP_MS = 10_000, 60_000
_FINE_SPAN_MS = 10 * 86_400_000
_TAIL_MS = 15 * 60_000
_INFORMATIVE = 1e-5  # time value below this share of the forward is mostly rounding of the recorded coin price
_CENT = Decimal("0.01")


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import wrote. `first` and `last` are market instants of the recording (shifted clock)."""

    out: str
    quotes_recorded: int
    quotes_interpolated: int
    contracts: int
    expiries: int
    sides_dropped: int
    spot_recorded: int
    spot_interpolated: int
    settlements: int
    first: datetime
    last: datetime


def import_recording(
    source: Path,
    out: Path,
    kind: SourceKind,
    underlying: str,
    start: datetime | None = None,
    end: datetime | None = None,
    spot: Path | None = None,
    *,
    delivery: Path | None = None,
    fill_step: Decimal | None = None,
    seed: int = 1,
) -> ImportReport:
    """Turn recorded Deribit quotes into a recording this exchange can play.

    Args:
        source: A Parquet file, or a folder of ``BTC_*.parquet``.
        out: The recording to write.
        kind: ``deribit-chain`` (whole chains with index, volatility and open interest) or ``deribit-30min`` (quotes about
            every half hour, each with its own time).
        underlying: ``BTC`` or ``ETH``.
        start, end: First instant and end (exclusive) to take, on the recorded clock; None = all.
        spot: Candles (file or folder) to follow between index points; None or none in time: a seeded bridge.
        delivery: CSV of official settlement prices; None looks for ``delivery_prices*.csv`` beside the source.
        fill_step: Grid (USD) on which strikes between recorded ones are interpolated; 0 = recorded strikes only, None =
            250 for BTC, 10 for ETH.
        seed: Of the bridge.

    Raises:
        RecordingError: The source cannot be read as this kind or holds nothing in the stretch.
        ValueError: Unknown underlying.
    """
    terms = terms_of(underlying)
    quotes = sorted(read_quotes(source, kind, underlying, start, end), key=lambda quote: quote.ts_ms)
    if not quotes:
        raise RecordingError(
            f"{source} has no {underlying} quotes between {start or 'its start'} and {end or 'its end'}"
        )
    groups = _groups(quotes)
    vols = _volatilities(groups)
    path = _index_path(quotes, vols, spot, underlying, seed)
    settlements = _settlements(source, delivery, underlying, quotes, path)
    for settlement in settlements:
        path = settle_at(path, settlement.expiry_ms, settlement.price)
    rows_by_group = [
        [quote.row(mark_iv=vols[quote], index=_index_at(path, quote.ts_ms)) for quote in group if quote in vols]
        for group in groups
    ]
    rows = [row for group in rows_by_group for row in group]
    step = DEFAULT_FILL_STEP[underlying] if fill_step is None else fill_step
    filled: list[QuoteRow] = []
    if step > 0:
        filled = fill_strikes(
            rows_by_group, underlying=underlying, step=step, tick=terms.option_tick, days_max=FILL_DAYS_MAX
        )
    recording = Recording(
        info=RecordingInfo(
            version=FORMAT_VERSION,
            source=kind,
            underlying=underlying,
            contract_value=terms.contract_value,
            tick_size=terms.option_tick,
            clock_shift_hours=_SHIFT_MS // 3_600_000,
            seed=seed,
            provenance=f"Deribit {underlying} options from {source.name}; {_path_note(path, spot)}",
        ),
        quotes=sorted(rows + filled, key=lambda row: row.ts_ms),
        spot=path,
        settlements=settlements,
        segments=_segments(path, spot),
    )
    write_recording(out, recording)
    return _report(out, recording, quotes)


def _groups(quotes: Sequence[DeribitQuote]) -> list[list[DeribitQuote]]:
    """Quotes of one expiry recorded together: those near one half hour; a straggler stands alone with its contemporaries.

    Within a group each contract has one quote; a second one of the same contract opens a group of its own.
    """
    groups: dict[tuple[int, int, int, int], list[DeribitQuote]] = {}
    seen: Counter[tuple[int, int, str]] = Counter()
    for quote in quotes:
        slot = (quote.ts_ms + _SLOT_MS // 2) // _SLOT_MS * _SLOT_MS
        near = abs(quote.ts_ms - slot) <= _SLOT_REACH_MS
        instant = slot if near else quote.ts_ms // _SLOT_REACH_MS
        repeat = seen[instant, quote.expiry_ms, quote.symbol]
        seen[instant, quote.expiry_ms, quote.symbol] += 1
        groups.setdefault((instant, int(near), repeat, quote.expiry_ms), []).append(quote)
    return list(groups.values())


def _volatilities(groups: Sequence[Sequence[DeribitQuote]]) -> dict[DeribitQuote, float]:
    """Volatility of every quote: as recorded, else solved from its mark, else that of the nearest strike beside it.

    A group in which nothing can be solved takes those of the expiry's last group that had any; before there was one its
    quotes are left out.
    """
    vols: dict[DeribitQuote, float] = {}
    latest: dict[int, dict[DeribitQuote, float]] = {}
    for group in groups:
        known = {quote: vol for quote in group if (vol := quote.mark_iv or _solved(quote)) is not None}
        beside = known or latest.get(group[0].expiry_ms, {})
        latest[group[0].expiry_ms] = beside
        for quote in group:
            if quote in known:
                vols[quote] = known[quote]
            elif beside:
                # The out-of-the-money twin first: it stands at distance zero.
                vols[quote] = beside[min(beside, key=lambda other: abs(other.strike - quote.strike))]
    return vols


def _solved(quote: DeribitQuote) -> float | None:
    mark, strike = float(quote.mark), float(quote.strike)
    if mark - intrinsic(quote.forward, strike, quote.kind) < _INFORMATIVE * quote.forward:
        return None
    years = (quote.expiry_ms - quote.ts_ms) / 1000 / SECS_PER_YEAR
    return implied_vol(mark, quote.forward, strike, years, quote.kind)


def _index_points(quotes: Sequence[DeribitQuote]) -> list[SpotPoint]:
    """Recorded index prices: the index column, else the underlying price of the nearest expiry.

    An expiry in its last half hour is passed over: its underlying price is already turning into the settlement average.
    """
    at: dict[int, list[float]] = {}
    expiries = sorted({quote.expiry_ms for quote in quotes})
    for quote in quotes:
        if quote.index is not None:
            at.setdefault(quote.ts_ms, []).append(quote.index)
            continue
        nearest = bisect_right(expiries, quote.ts_ms + SETTLEMENT_WINDOW_MS)
        if nearest < len(expiries) and quote.expiry_ms == expiries[nearest]:
            at.setdefault(quote.ts_ms, []).append(quote.forward)
    return [
        SpotPoint(ts_ms=ms, price=Decimal(median(at[ms])).quantize(_CENT), origin=Origin.RECORDED) for ms in sorted(at)
    ]


def _index_path(
    quotes: Sequence[DeribitQuote], vols: dict[DeribitQuote, float], spot: Path | None, underlying: str, seed: int
) -> list[SpotPoint]:
    points = _index_points(quotes)
    if not points:
        raise RecordingError("the quotes give no index price: every expiry is in its last half hour")
    first, last = points[0].ts_ms, max(quote.expiry_ms for quote in quotes)
    last = max(points[-1].ts_ms, min(last, quotes[-1].ts_ms + _SLOT_MS)) + _TAIL_MS
    gap_ms = float(_RECORDED_GAP_MS)
    if spot is not None:
        candles = [
            (ms + _SHIFT_MS, price) for ms, price in read_candles(spot, underlying, first - _SHIFT_MS, last - _SHIFT_MS)
        ]
        if candles:
            points = anchor_candles(points, candles)
            gap_ms = max(gap_ms, 1.5 * candle_interval_ms(candles))
    if last > points[-1].ts_ms:  # so that the last expiry can be played to its end
        points = [*points, SpotPoint(ts_ms=last, price=points[-1].price, origin=Origin.INTERPOLATED)]
    step = _FINE_STEP_MS if last - first <= _FINE_SPAN_MS else _COARSE_STEP_MS
    times, levels = _at_the_money(quotes, vols)
    return bridge(
        points,
        gap_ms=int(gap_ms),
        step_ms=step,
        vol=lambda ms: levels[max(0, bisect_right(times, ms) - 1)],
        rng=Random(seed),
    )


def _at_the_money(quotes: Sequence[DeribitQuote], vols: dict[DeribitQuote, float]) -> tuple[list[int], list[float]]:
    """At-the-money volatility by instant, from options with at least six hours to go (any, where there are none)."""
    best: dict[int, tuple[bool, int, float, float]] = {}
    for quote, vol in vols.items():
        distance = abs(float(quote.strike) / quote.forward - 1)
        rank = (quote.expiry_ms - quote.ts_ms < 6 * 3_600_000, quote.expiry_ms, distance, vol)
        slot = quote.ts_ms // _SLOT_MS
        if slot not in best or rank < best[slot]:
            best[slot] = rank
    if not best:
        raise RecordingError("no volatility can be read from the quotes")
    slots = sorted(best)
    return [slot * _SLOT_MS for slot in slots], [best[slot][3] for slot in slots]


def _settlements(
    source: Path, delivery: Path | None, underlying: str, quotes: Sequence[DeribitQuote], path: Sequence[SpotPoint]
) -> list[Settlement]:
    folder = source if source.is_dir() else source.parent
    files = [delivery] if delivery is not None else sorted(folder.glob("delivery_prices*.csv"))
    expiries = {quote.expiry_ms for quote in quotes}
    return [
        settlement
        for file in files
        for settlement in read_delivery_prices(file, underlying)
        if settlement.expiry_ms in expiries
        and path[0].ts_ms <= settlement.expiry_ms - SETTLEMENT_WINDOW_MS
        and settlement.expiry_ms <= path[-1].ts_ms
    ]


def _index_at(path: Sequence[SpotPoint], ms: int) -> Decimal:
    after = bisect_right(path, ms, key=lambda point: point.ts_ms)
    if after == 0 or path[after - 1].ts_ms == ms or after == len(path):
        return path[max(0, after - 1)].price
    left, right = path[after - 1], path[after]
    return (left.price + (right.price - left.price) * (ms - left.ts_ms) / (right.ts_ms - left.ts_ms)).quantize(_CENT)


def _segments(path: Sequence[SpotPoint], spot: Path | None) -> list[Segment]:
    recorded = (
        "index points of the quotes" if spot is None else "index points of the quotes, and candles scaled to them"
    )
    notes = {
        Origin.RECORDED: recorded,
        Origin.INTERPOLATED: "seeded bridge at the recorded at-the-money volatility",
    }
    return segments_of(path, notes)


def _path_note(path: Sequence[SpotPoint], spot: Path | None) -> str:
    recorded = sum(point.origin is Origin.RECORDED for point in path)
    along = "" if spot is None else f" with candles of {spot.name} where there are any"
    return f"index path: {recorded} recorded points{along}, {len(path) - recorded} interpolated"


def _report(out: Path, recording: Recording, quotes: Sequence[DeribitQuote]) -> ImportReport:
    origins = Counter(row.origin for row in recording.quotes)
    spots = Counter(point.origin for point in recording.spot)
    return ImportReport(
        out=str(out),
        quotes_recorded=origins[Origin.RECORDED],
        quotes_interpolated=origins[Origin.INTERPOLATED],
        contracts=len({row.symbol for row in recording.quotes}),
        expiries=len({row.expiry_ms for row in recording.quotes}),
        sides_dropped=sum(quote.dropped_side for quote in quotes),
        spot_recorded=spots[Origin.RECORDED],
        spot_interpolated=spots[Origin.INTERPOLATED],
        settlements=len(recording.settlements),
        first=from_ms(recording.quotes[0].ts_ms),
        last=from_ms(max(recording.spot[-1].ts_ms, recording.quotes[-1].ts_ms)),
    )
