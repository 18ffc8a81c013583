"""The recording file: one Parquet table of quotes, index path, settlements and segments. See docs/recordings.md.

This module only reads and writes the file; what happens between its rows is `trader.venue.market.recording`'s business.
Rows are told apart by the column `record`. Instants are milliseconds since the epoch inside, UTC timestamps in the file.
"""

import logging
import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from trader.domain.errors import TraderError
from trader.domain.instrument import parse_option_symbol
from trader.venue.market.instants import to_ms

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
METADATA_KEY = b"strangle-desk.recording"
_PRICE = pa.decimal128(20, 8)
_TIME = pa.timestamp("ms", tz="UTC")
SCHEMA = pa.schema(
    [
        pa.field("record", pa.string(), nullable=False),
        pa.field("ts", _TIME, nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("until", _TIME),
        pa.field("symbol", pa.string()),
        pa.field("strike", _PRICE),
        pa.field("expiry", _TIME),
        pa.field("bid", _PRICE),
        pa.field("ask", _PRICE),
        pa.field("mark", _PRICE),
        pa.field("mark_iv", pa.float64()),
        pa.field("forward", pa.float64()),
        pa.field("price", _PRICE),
        pa.field("open_interest", pa.int64()),
        pa.field("volume", pa.float64()),
        pa.field("note", pa.string()),
    ]
)
_OPTIONAL = {"until", "strike", "expiry", "forward", "open_interest", "volume", "note", "origin"}
_PLACES = Decimal("1e-8")
_BATCH_ROWS = 8192
_Contract = tuple[str, Decimal, int]  # symbol, strike, expiry in ms; shared by all rows of a contract


class RecordingError(TraderError):
    """A recording cannot be read or made. The message names the file and what is wrong with it."""


class Origin(StrEnum):
    """Whether a figure was observed or filled in between observations."""

    RECORDED = "recorded"
    INTERPOLATED = "interpolated"


class RecordingInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says of itself, as JSON in the Parquet metadata. `clock_shift_hours` was added to the source's times;
    `contract_value` is underlying per contract, `tick_size` USD."""

    version: int
    source: str
    underlying: str
    contract_value: Decimal
    tick_size: Decimal
    clock_shift_hours: int = 0
    seed: int | None = None
    provenance: str = ""


class QuoteRow(msgspec.Struct, frozen=True, kw_only=True):
    """One contract at one instant. Prices are USD per unit of underlying, None where nobody quoted; `forward` is the
    price Black-76 takes as forward (None: the index), `open_interest` contracts, `volume` underlying units over 24 h."""

    ts_ms: int
    symbol: str
    strike: Decimal
    expiry_ms: int
    bid: Decimal | None
    ask: Decimal | None
    mark: Decimal
    mark_iv: float
    forward: float | None
    index: Decimal
    open_interest: int | None = None
    volume: float | None = None
    origin: Origin = Origin.RECORDED


class SpotPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The index at one instant, USD."""

    ts_ms: int
    price: Decimal
    origin: Origin


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """The official settlement price of an expiry, USD."""

    expiry_ms: int
    price: Decimal


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the index path that was recorded, or filled in."""

    from_ms: int
    until_ms: int
    origin: Origin
    note: str


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file. Quotes are ordered by time within each symbol; spot points by time, no instant twice."""

    info: RecordingInfo
    quotes: Sequence[QuoteRow]
    spot: Sequence[SpotPoint]
    settlements: Sequence[Settlement] = ()
    segments: Sequence[Segment] = ()


def write_recording(path: Path, recording: Recording) -> None:
    """Write the file, replacing one that is there only when complete."""
    table = pa.Table.from_pylist(list(_rows(recording)), schema=SCHEMA)
    metadata = {METADATA_KEY: msgspec.json.encode(recording.info)}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    pq.write_table(table.replace_schema_metadata(metadata), partial, compression="zstd")
    partial.replace(path)


def _rows(recording: Recording) -> Iterable[dict[str, Any]]:
    for each in recording.segments:
        yield {
            "record": "segment",
            "ts": each.from_ms,
            "until": each.until_ms,
            "origin": each.origin,
            "note": each.note,
        }
    for settlement in recording.settlements:
        yield {
            "record": "settlement",
            "ts": settlement.expiry_ms,
            "origin": Origin.RECORDED,
            "price": settlement.price.quantize(_PLACES),
        }
    for point in recording.spot:
        yield {"record": "spot", "ts": point.ts_ms, "origin": point.origin, "price": point.price.quantize(_PLACES)}
    for quote in recording.quotes:
        yield {
            "record": "quote",
            "ts": quote.ts_ms,
            "origin": quote.origin,
            "symbol": quote.symbol,
            "strike": quote.strike.quantize(_PLACES),
            "expiry": quote.expiry_ms,
            "bid": None if quote.bid is None else quote.bid.quantize(_PLACES),
            "ask": None if quote.ask is None else quote.ask.quantize(_PLACES),
            "mark": quote.mark.quantize(_PLACES),
            "mark_iv": quote.mark_iv,
            "forward": quote.forward,
            "price": quote.index.quantize(_PLACES),
            "open_interest": quote.open_interest,
            "volume": quote.volume,
        }


def read_recording(path: Path) -> Recording:
    """Read a recording.

    Raises:
        RecordingError: No such file, not a recording, another version, columns missing, or hardly a row of it readable. A few
            odd rows are left out.
    """
    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
    except (OSError, ValueError, pa.ArrowException) as error:
        raise RecordingError(f"cannot read the recording {path}: {error}") from error
    with file:
        info = _read_info(path, schema.metadata or {})
        missing = {name for name in SCHEMA.names if name not in schema.names} - _OPTIONAL
        if missing:
            raise RecordingError(f"the recording {path} lacks the columns {', '.join(sorted(missing))}")
        try:
            return _parse(path, info, _batches(file))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise RecordingError(f"the recording {path} has columns of the wrong type: {error}") from error
        except (OSError, ValueError, pa.ArrowException) as error:
            raise RecordingError(f"the recording {path} is damaged: {str(error).splitlines()[0]}") from error


def _read_info(path: Path, metadata: dict[bytes, bytes]) -> RecordingInfo:
    if METADATA_KEY not in metadata:
        raise RecordingError(f"{path} is not a recording: its metadata has no {METADATA_KEY.decode()}")
    try:
        info = msgspec.json.decode(metadata[METADATA_KEY], type=RecordingInfo)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordingError(f"the metadata of the recording {path} cannot be read: {error}") from error
    if info.version != FORMAT_VERSION:
        raise RecordingError(f"the recording {path} has format {info.version}, this program reads {FORMAT_VERSION}")
    return info


def _batches(file: pq.ParquetFile) -> Iterable[dict[str, Any]]:
    """The rows, a few thousand at a time: a month as one list of dicts would take a gigabyte. Instants as integers."""
    names = [name for name in SCHEMA.names if name in file.schema_arrow.names]
    schema = pa.schema([SCHEMA.field(name).with_nullable(True) for name in names])
    as_integers = pa.schema([field.with_type(pa.int64()) if field.type == _TIME else field for field in schema])
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=names):
        table = pa.Table.from_batches([batch]).select(names).cast(schema).cast(as_integers)
        yield from table.to_pylist()


def _parse(path: Path, info: RecordingInfo, rows: Iterable[dict[str, Any]]) -> Recording:
    symbols: dict[str, _Contract] = {}
    quotes: list[QuoteRow] = []
    spot: dict[int, SpotPoint] = {}
    settlements: list[Settlement] = []
    segments: list[Segment] = []
    read, odd = 0, ""
    left_out = 0
    for row in rows:
        read += 1
        try:
            ts, origin = int(row["ts"]), Origin(row.get("origin") or Origin.RECORDED)
            match row["record"]:
                case "quote":
                    quotes.append(_parse_quote(row, ts, origin, symbols))
                case "spot":
                    spot[ts] = SpotPoint(ts_ms=ts, price=_positive(row["price"]), origin=origin)
                case "settlement":
                    settlements.append(Settlement(expiry_ms=ts, price=_positive(row["price"], or_zero=True)))
                case "segment":
                    segments.append(
                        Segment(from_ms=ts, until_ms=int(row["until"]), origin=origin, note=row.get("note") or "")
                    )
                case other:
                    raise ValueError(f"unknown record {other!r}")
        except (TypeError, ValueError, ArithmeticError) as error:
            left_out += 1
            odd = odd or f"{row} ({error})"
    if left_out * 2 > read:
        raise RecordingError(
            f"the recording {path} has {left_out} rows of {read} that cannot be read, the first: {odd}"
        )
    if left_out:
        logger.warning("recording_rows_left_out file=%s rows=%d of=%d first=%s", path.name, left_out, read, odd)
    if not quotes or not spot:
        raise RecordingError(
            f"the recording {path} has {len(quotes)} quotes and {len(spot)} index prices; both are needed"
            + (f" ({left_out} rows cannot be read, the first: {odd})" if odd else "")
        )
    quotes.sort(key=lambda quote: quote.ts_ms)
    return Recording(
        info=info,
        quotes=quotes,
        spot=[spot[ts] for ts in sorted(spot)],
        settlements=settlements,
        segments=sorted(segments, key=lambda segment: segment.from_ms),
    )


def _parse_quote(row: dict[str, Any], ts: int, origin: Origin, symbols: dict[str, _Contract]) -> QuoteRow:
    contract = symbols.get(row["symbol"])
    if contract is None:
        option = parse_option_symbol(row["symbol"])
        contract = symbols[row["symbol"]] = (row["symbol"], option.strike, to_ms(option.expiry))
    symbol, strike, expiry_ms = contract
    return QuoteRow(
        ts_ms=ts,
        symbol=symbol,
        strike=strike,
        expiry_ms=expiry_ms,
        bid=_plain(row["bid"]),
        ask=_plain(row["ask"]),
        mark=_positive(row["mark"], or_zero=True),
        mark_iv=_volatility(row["mark_iv"]),
        forward=row.get("forward"),
        index=_positive(row["price"]),
        open_interest=row.get("open_interest"),
        volume=row.get("volume"),
        origin=origin,
    )


def _positive(value: Any, *, or_zero: bool = False) -> Decimal:
    """A price.

    Raises:
        ValueError, TypeError, ArithmeticError: It is none.
    """
    price = Decimal(value)
    if not price.is_finite() or price < 0 or (price == 0 and not or_zero):
        raise ValueError(f"no price: {value}")
    return price


def _volatility(value: Any) -> float:
    volatility = float(value)
    if not 0 <= volatility < math.inf:
        raise ValueError(f"no volatility: {value}")
    return volatility


def _plain(price: Decimal | None) -> Decimal | None:
    """Without padding zeros, and without the exponent `normalize` would give a round number."""
    if price is None:
        return None
    shortest = price.normalize()
    return shortest.quantize(Decimal(1)) if shortest == shortest.to_integral_value() else shortest
