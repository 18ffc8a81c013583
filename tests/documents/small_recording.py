"""A few made-up days under the name and in the format of the recorded June week, so that the README's commands find a file.

The program's own Black-76 prices them: the index hardly moves, and volatility falls when the printed entry window is over.
So a strangle sold in the window reaches its profit target soon after, on each of the days.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trader.domain.instrument import Kind
from trader.pricing.black76 import price, year_fraction

NAME = "deribit_other/BTC_quotes_30min_2021-06-21_27.parquet"
FIRST = datetime(2021, 6, 21, tzinfo=UTC)
STRIKES = range(30_000, 40_500, 500)
_CALM_FROM = 3.5  # hours of the recorded clock; 13:00 IST once the importer has moved it by four hours
_TICK = 0.00001


def make(folder: Path, days: int) -> Path:
    """Write the recording below `folder`, which is then what TRADER_DATA names."""
    out = folder / NAME
    out.parent.mkdir(parents=True)
    table = pa.Table.from_pylist(_rows(days))
    for name in ("ts", "expiry", "listed"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table[name].cast(pa.timestamp("ms", tz="UTC")))
    pq.write_table(table, out)
    return out


def _rows(days: int) -> list[dict[str, Any]]:
    expiries = [FIRST + timedelta(days=day, hours=8) for day in range(days + 1)]
    rows = []
    for step in range(days * 48):
        when = FIRST + timedelta(minutes=30 * step)
        index = 35_000 + 40 * (step % 3)
        for expiry in [expiry for expiry in expiries if expiry > when][:2]:
            for strike in STRIKES:
                rows += [_row(when, expiry, strike, kind, index) for kind in (Kind.CALL, Kind.PUT)]
    return rows


def _row(when: datetime, expiry: datetime, strike: int, kind: Kind, index: float) -> dict[str, Any]:
    calm = (when.hour + when.minute / 60) >= _CALM_FROM
    years = year_fraction(when, expiry)
    coin = round(price(index, strike, 0.2 if calm else 0.45, years, kind) / index, 6)
    letter = "C" if kind is Kind.CALL else "P"
    return {
        "ts": when,
        "instrument_name": f"BTC-{expiry:%d%b%y}-{strike}-{letter}".upper(),
        "option_type": letter,
        "strike": float(strike),
        "expiry": expiry,
        "listed": expiry - timedelta(days=2),
        "settlement_period": "day",
        "bid_price": round(int(coin * 0.99 / _TICK) * _TICK, 5) or None,
        "mark_price": coin,
        "ask_price": round((int(coin * 1.01 / _TICK) + 1) * _TICK, 5),
        "underlying_price": index,
    }
