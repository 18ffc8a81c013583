"""Recorded option chains as the desk sees a market: boards of contracts and quotes, on this exchange's clock and in its terms.

Read by the venue's own importer: USD prices on this exchange's ticks, the recorded clock moved by four hours, so that a quote
keeps its time to expiry. Volatility and greeks that a file lacks are Black-76's of its mark.
"""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path

from trader.desk.market import Board
from trader.domain.instrument import Instrument
from trader.domain.quote import Quote
from trader.pricing.black76 import greeks, year_fraction
from trader.pricing.implied_vol import implied_vol
from trader.venue.market.contracts import build_option
from trader.venue.market.deribit import DeribitQuote, read_quotes

_SIZE = 1000  # the files have no sizes
_FARTHEST = timedelta(days=9)  # what expires later is sold by no built-in preset


def data_folder() -> Path | None:
    """Where the recorded data lies (`TRADER_DATA`), None where it does not."""
    place = os.environ.get("TRADER_DATA")
    return Path(place) if place and (Path(place) / "deribit_chain_6h").is_dir() else None


def boards(
    source: Path,
    kind: str,
    underlying: str,
    grid: timedelta | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    on_forward: bool = False,
) -> Iterator[Board]:
    """Each chain of a file or folder, in order of time, of a part of it by the recorded clock. `grid`: quotes are told at the nearest of its instants, for a file whose
    rows keep the times of their own last change; by default those of one instant are one chain. `on_forward`: the spot of a quote is the
    forward of its expiry, which Deribit marks on, not the index."""
    rows = read_quotes(source, kind, underlying, start, end)
    step = None if grid is None else int(grid.total_seconds() * 1000)

    def instant(row: DeribitQuote) -> int:
        return row.ts_ms if step is None else round(row.ts_ms / step) * step

    if step is not None:
        rows = iter(sorted(rows, key=instant))
    for ts_ms, together in groupby(rows, key=instant):
        yield board(underlying, datetime.fromtimestamp(ts_ms / 1000, UTC), together, on_forward)


def board(underlying: str, at: datetime, rows: Iterable[DeribitQuote], on_forward: bool = False) -> Board:
    """One chain. A strike that this exchange does not list is left out."""
    instruments: list[Instrument] = []
    quotes: dict[str, Quote] = {}
    for row in rows:
        expiry = datetime.fromtimestamp(row.expiry_ms / 1000, UTC)
        if not timedelta(0) < expiry - at < _FARTHEST:
            continue
        try:
            contract = build_option(underlying, row.kind, row.strike, expiry)
        except ValueError:
            continue
        quote = _quote(row, at, expiry, on_forward)
        if quote is not None:
            instruments.append(contract)
            quotes[row.symbol] = quote
    spot = next((quote.spot for quote in quotes.values()), None)
    return Board(instruments=tuple(instruments), quotes=quotes, spot=spot, market=at)


def _quote(row: DeribitQuote, at: datetime, expiry: datetime, on_forward: bool) -> Quote | None:
    """None where its mark has no volatility: a price that says nothing."""
    years, strike = year_fraction(at, expiry), float(row.strike)
    vol = row.mark_iv or implied_vol(float(row.mark), row.forward, strike, years, row.kind)
    if vol is None or row.mark <= 0:
        return None
    return Quote(
        symbol=row.symbol,
        mark=row.mark,
        bid=row.bid,
        ask=row.ask,
        bid_size=_SIZE,
        ask_size=_SIZE,
        greeks=greeks(row.forward, strike, vol, years, row.kind),
        mark_iv=vol,
        spot=Decimal(str(row.forward if on_forward else row.index or row.forward)),
        open_interest=None,
        ts_mark=at,
        ts_quote=at,
        ts_greeks=at,
    )
