"""Generated Deribit-like quotes: Black-76 on a made-up smile, prices in coin, 08:00 UTC expiry."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trader.domain.instrument import Kind
from trader.pricing.black76 import price, year_fraction

DAY = datetime(2026, 3, 10, tzinfo=UTC)
STRIKES = range(60_000, 82_000, 1_000)
TICK = 0.0001


def smile(strike: float, index: float, when: datetime) -> float:
    hours = (when - DAY).total_seconds() / 3600
    return 0.5 + 0.004 * hours + 2.0 * (strike / index - 1) ** 2


def index_at(when: datetime) -> float:
    return 70_000 + 150 * ((when - DAY).total_seconds() / 3600)


def rows(instants: list[datetime], expiries: list[datetime], stagger: float = 0.0) -> list[dict[str, Any]]:
    made = []
    for snapshot in instants:
        for expiry in expiries:
            for n, strike in enumerate(STRIKES):
                for letter, kind in (("C", Kind.CALL), ("P", Kind.PUT)):
                    when = snapshot + timedelta(seconds=stagger * n)
                    if when >= expiry:
                        continue
                    index = index_at(when)
                    forward = round(index * 1.0005, 2)
                    vol = smile(strike, index, when)
                    coin = round(price(forward, strike, vol, year_fraction(when, expiry), kind) / forward, 6)
                    bid = int(coin * 0.95 / TICK) * TICK
                    ask = (int(coin * 1.05 / TICK) + 1) * TICK
                    made.append(
                        {
                            "ts": when,
                            "instrument_name": f"BTC-{expiry:%d%b%y}-{strike}-{letter}".upper(),
                            "option_type": letter,
                            "strike": float(strike),
                            "expiry": expiry,
                            "bid_price": round(bid, 4) or None,
                            "ask_price": round(ask, 4),
                            "mark_price": coin,
                            "mark_iv": vol,
                            "underlying_price": forward,
                            "index_price": round(index, 2),
                            "open_interest": 12.5,
                            "volume_24h": 3.0,
                        }
                    )
    return made


def write(path: Path, data: list[dict[str, Any]], without: tuple[str, ...] = ()) -> Path:
    table = pa.Table.from_pylist(data)
    for name in ("ts", "expiry"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table[name].cast(pa.timestamp("ms", tz="UTC")))
    pq.write_table(table.drop_columns(list(without)), path)
    return path
