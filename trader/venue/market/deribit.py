"""Reads recorded Deribit option quotes and turns them into this exchange's terms: USD prices, contracts, 12:00 UTC expiry.

Deribit quotes in coin and settles at 08:00 UTC; this exchange quotes in USD and settles at 12:00 UTC. The whole recorded
clock is moved by +4 hours, so that every quote keeps its time to expiry. A price in coin times the underlying price of
its expiry is the price in USD.
"""

import csv
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trader.domain.instrument import EXPIRY_TIME_UTC, Kind, build_option_symbol
from trader.venue.market.contracts import terms_of
from trader.venue.market.instants import to_ms
from trader.venue.market.recording_file import QuoteRow, RecordingError, Settlement

logger = logging.getLogger(__name__)

CLOCK_SHIFT = timedelta(hours=4)
_SHIFT_MS = int(CLOCK_SHIFT.total_seconds()) * 1000
_PLACES = Decimal("1e-8")
_CENT = Decimal("0.01")
_COMMON = {"ts", "option_type", "strike", "expiry", "bid_price", "ask_price", "mark_price", "underlying_price"}
_COLUMNS = {
    "deribit-chain": _COMMON | {"mark_iv", "index_price", "open_interest", "volume_24h"},
    "deribit-30min": _COMMON,
}
_SIGNIFICANT = 10  # decimal digits kept of a recorded float


class DeribitQuote(msgspec.Struct, frozen=True, kw_only=True):
    """One source row on the shifted clock, prices in USD already on this exchange's ticks; `mark_iv` None: not given."""

    ts_ms: int
    symbol: str
    kind: Kind
    strike: Decimal
    expiry_ms: int
    bid: Decimal | None
    ask: Decimal | None
    mark: Decimal
    mark_iv: float | None
    forward: float
    index: float | None
    open_interest: int | None
    volume: float | None
    dropped_side: bool

    def row(self, *, mark_iv: float, index: Decimal) -> QuoteRow:
        """The recording's row once volatility and index are known."""
        return QuoteRow(
            ts_ms=self.ts_ms,
            symbol=self.symbol,
            strike=self.strike,
            expiry_ms=self.expiry_ms,
            bid=self.bid,
            ask=self.ask,
            mark=self.mark,
            mark_iv=mark_iv,
            forward=self.forward,
            index=index,
            open_interest=self.open_interest,
            volume=self.volume,
        )


def read_quotes(
    source: Path, kind: str, underlying: str, start: datetime | None, end: datetime | None
) -> Iterator[DeribitQuote]:
    """Rows of a file, or of all files of a folder whose names begin with the underlying, on the shifted clock.

    `start` (inclusive) and `end` (exclusive) are instants of the recorded clock, None = all. Rows at or after their expiry
    are left out.

    Raises:
        RecordingError: No file, a file that is not of this kind, or another underlying's.
    """
    files = sorted(source.glob(f"{underlying}_*.parquet")) if source.is_dir() else [source]
    if not files:
        raise RecordingError(f"no {underlying}_*.parquet in {source}")
    for path in files:
        rows = _read(path, kind, start, end)
        odd: list[str] = []
        for raw in rows:
            try:
                quote = _quote_of(raw, underlying)
            except (RecordingError, KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
                odd.append(str(error))
                continue
            if quote is not None:
                yield quote
        if rows and len(odd) * 2 > len(rows):
            raise RecordingError(f"{path}: {len(odd)} rows of {len(rows)} cannot be used, the first: {odd[0]}")
        if odd:
            logger.warning(
                "import_rows_left_out file=%s rows=%d of=%d first=%s", path.name, len(odd), len(rows), odd[0]
            )


def _quote_of(raw: dict[str, Any], underlying: str) -> DeribitQuote | None:
    """A row as a quote; None where there is nothing to quote any more.

    Raises:
        RecordingError, KeyError, TypeError, ValueError, ArithmeticError, AttributeError: It makes no sense.
    """
    name = str(raw["instrument_name"]) if raw.get("instrument_name") else f"{underlying}-"
    if not name.startswith(f"{underlying}-"):
        raise RecordingError(f"{name} is not an option on {underlying}")
    if raw["ts"] >= raw["expiry"] or raw["mark_price"] is None or not raw["underlying_price"]:
        return None
    return _convert(raw, underlying)


def _read(path: Path, kind: str, start: datetime | None, end: datetime | None) -> list[dict[str, Any]]:
    try:
        table = pq.read_table(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise RecordingError(f"cannot read {path}: {error}") from error
    missing = _COLUMNS[kind] - set(table.column_names)
    if missing:
        raise RecordingError(f"{path} is no {kind} file: it lacks {', '.join(sorted(missing))}")
    keep = None
    for bound, compare in ((start, pc.greater_equal), (end, pc.less)):
        if bound is not None:
            mask = compare(table["ts"], pa.scalar(bound, table.schema.field("ts").type))
            keep = mask if keep is None else pc.and_(keep, mask)
    if keep is not None:
        table = table.filter(keep)
    for name in ("ts", "expiry"):
        column = table[name].cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64())
        table = table.set_column(table.schema.get_field_index(name), name, column)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _convert(raw: dict[str, Any], underlying: str) -> DeribitQuote:
    terms = terms_of(underlying)
    kind = Kind.CALL if raw["option_type"] == "C" else Kind.PUT
    forward = float(raw["underlying_price"])
    strike = Decimal(str(raw["strike"])).normalize()
    expiry_ms = int(raw["expiry"]) + _SHIFT_MS
    expiry = datetime.fromtimestamp(expiry_ms // 1000, UTC)
    if expiry.time() != EXPIRY_TIME_UTC:
        raise RecordingError(f"expiry {expiry - CLOCK_SHIFT} of strike {strike} is not 08:00 UTC")
    mark = _usd(raw["mark_price"], forward).quantize(_PLACES)
    bid, ask = (
        to_ticks(_quote(raw[side], forward), terms.option_tick, up)
        for side, up in (("bid_price", False), ("ask_price", True))
    )
    crossed = bid is not None and ask is not None and bid >= ask
    if crossed:
        bid, ask = drop_stale_side(bid, ask, mark)
    return DeribitQuote(
        ts_ms=int(raw["ts"]) + _SHIFT_MS,
        symbol=build_option_symbol(kind, underlying, strike, expiry),
        kind=kind,
        strike=strike,
        expiry_ms=expiry_ms,
        bid=bid,
        ask=ask,
        mark=mark,
        mark_iv=_positive(raw.get("mark_iv")),
        forward=forward,
        index=_positive(raw.get("index_price")),
        open_interest=_contracts(raw.get("open_interest"), terms.contract_value),
        volume=raw.get("volume_24h"),
        dropped_side=crossed,
    )


def to_ticks(price: Decimal | None, tick: Decimal, up: bool) -> Decimal | None:
    """A quote on this exchange's ticks, away from the middle: bids down, asks up. A bid below one tick is no bid."""
    if price is None:
        return None
    ticks = (price / tick).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR)
    if up:
        return max(ticks, Decimal(1)) * tick
    return ticks * tick if ticks >= 1 else None


def drop_stale_side(bid: Decimal | None, ask: Decimal | None, mark: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """Of a crossed or locked pair keep the side nearer the mark; the other one is stale."""
    assert bid is not None and ask is not None
    return (bid, None) if abs(bid - mark) <= abs(ask - mark) else (None, ask)


def read_delivery_prices(path: Path, underlying: str) -> list[Settlement]:
    """Official settlement prices (index_name, date, delivery_price) of an underlying, at 12:00 UTC of their date.

    Raises:
        RecordingError: The file cannot be read as that.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.DictReader(file) if row["index_name"] == f"{underlying}_USD"]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise RecordingError(f"cannot read delivery prices from {path}: {error!r}") from error
    found: list[Settlement] = []
    for row in rows:
        try:
            day = datetime.fromisoformat(row["date"]).date()
            price = Decimal(row["delivery_price"])
            if not price.is_finite() or price <= 0:
                raise ValueError(f"no price: {price}")
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            logger.warning("delivery_price_left_out file=%s row=%s reason=%r", path.name, row, error)
            continue
        found.append(Settlement(expiry_ms=to_ms(datetime.combine(day, EXPIRY_TIME_UTC, tzinfo=UTC)), price=price))
    if rows and not found:
        raise RecordingError(f"cannot read delivery prices from {path}: none of {len(rows)} rows makes sense")
    return sorted(found, key=lambda settlement: settlement.expiry_ms)


def _quote(coin: float | None, forward: float) -> Decimal | None:
    return _usd(coin, forward) if coin is not None and coin > 0 else None


def _usd(coin: float, forward: float) -> Decimal:
    """Coin times underlying, exact in the decimals both were recorded with.

    Raises:
        ValueError: One of them is no price.
    """
    price = Decimal(f"{coin:.{_SIGNIFICANT}g}") * Decimal(str(forward))
    if not price.is_finite() or price < 0:
        raise ValueError(f"no price: {coin} x {forward}")
    return price


def _contracts(coins: float | None, contract_value: Decimal) -> int | None:
    return None if coins is None else round(Decimal(str(coins)) / contract_value)


def _positive(value: float | None) -> float | None:
    return float(value) if value is not None and value > 0 else None
