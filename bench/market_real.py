"""The recorded market's side of `bench.market`: candles, option chains and tickers of the data folder."""

import json
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.market_statistics import Floats, Seen, Snapshots, kurtosis

_STRANGLE_DELTA, _HELD_HOURS = 0.125, (5.0, 9.0)
_DAY_AHEAD = (16.0, 40.0)  # hours to the expiry looked at
_MARKET_IS_YOUNG_MS = 1_706_832_000_000  # before February 2024 Delta's perpetual hardly traded


def seen_real(data: Path) -> Seen:
    """BTC: hours and days of Delta's perpetual since February 2024, minutes of five months of Binance's, Deribit's chains of January to
    May 2026, spreads of Delta's own tickers."""
    hours = pq.read_table(data / "delta" / "BTCUSD_1h_2023-12-29_2025-09-14.parquet")
    ms, close = hours["ts"].cast("int64").to_numpy(), hours["close"].to_numpy()
    ms, close = ms[ms >= _MARKET_IS_YOUNG_MS], close[ms >= _MARKET_IS_YOUNG_MS]
    noon = ms % 86_400_000 == 11 * 3_600_000  # the candle that closes at 12:00 UTC
    chains, strangles = _chains(data / "deribit_chain_6h")
    return Seen(
        minute_kurtosis=[
            kurtosis(np.diff(np.log(pq.read_table(path)["close"].to_numpy())))
            for path in sorted((data / "spot").glob("binance_BTCUSDT_1m_*.parquet"))
        ],
        hourly=np.diff(np.log(close)),
        daily=np.diff(np.log(close[noon])),
        chains=chains,
        strangles=strangles,
        spreads=_spreads(data / "delta"),
    )


def _chains(folder: Path) -> tuple[Snapshots, Floats]:
    rows: list[tuple[float, float, float, float, float]] = []
    strangles: list[float] = []
    held: tuple[float, dict[str, float], float] | None = None  # hour, contracts with premium, total premium
    for path in sorted(folder.glob("BTC_*.parquet")):
        table = pq.read_table(path).sort_by("ts")
        for at in pc.unique(table["ts"]):
            chain = table.filter(pc.equal(table["ts"], at))
            hour = at.cast("int64").as_py() / 3_600_000
            ahead = chain["expiry"].cast("int64").to_numpy() / 3_600_000 - hour
            marks = dict(
                zip(
                    chain["instrument_name"].to_pylist(),
                    (chain["mark_price"].to_numpy() * chain["underlying_price"].to_numpy()).tolist(),
                    strict=True,
                )
            )
            if (
                held is not None
                and _HELD_HOURS[0] <= hour - held[0] <= _HELD_HOURS[1]
                and held[1].keys() <= marks.keys()
            ):
                strangles.append(1 - sum(marks[name] for name in held[1]) / held[2])
            near = ahead[(ahead >= _DAY_AHEAD[0]) & (ahead < _DAY_AHEAD[1])]
            held = None
            if not near.size:
                continue
            chosen = chain.filter(ahead == near.min())
            strikes, vols, deltas = (chosen[name].to_numpy() for name in ("strike", "mark_iv", "delta"))
            puts = np.array([kind == "P" for kind in chosen["option_type"].to_pylist()])
            order = np.argsort(strikes[puts])
            forward = float(chosen["underlying_price"][0].as_py())
            atm = float(np.interp(forward, strikes[puts][order], vols[puts][order]))

            def wing(side: Floats, delta: float, vols: Floats = vols, deltas: Floats = deltas) -> float:
                by_delta = np.argsort(deltas[side])
                return float(np.interp(delta, deltas[side][by_delta], vols[side][by_delta]))

            rows.append((hour, float(chosen["index_price"][0].as_py()), atm, wing(puts, -0.1), wing(~puts, 0.1)))
            names = chosen["instrument_name"].to_pylist()
            legs = [names[int(np.argmin(np.abs(deltas - delta)))] for delta in (_STRANGLE_DELTA, -_STRANGLE_DELTA)]
            held = hour, {name: marks[name] for name in legs}, sum(marks[name] for name in legs)
    columns = np.array(rows)
    gaps = np.diff(columns[:, 0], prepend=np.nan)
    return Snapshots(np.where(gaps < _HELD_HOURS[1], gaps, np.nan), *columns[:, 1:].T), np.array(strangles)


def _spreads(folder: Path) -> Floats:
    """Of Delta India's recorded tickers, REST and socket."""
    found: list[tuple[float, float]] = []

    def take(delta: str, mark: str, bid: str | None, ask: str | None) -> None:
        if bid and ask and float(bid) > 0 and abs(float(delta)) <= 0.5:
            found.append((abs(float(delta)), (float(ask) - float(bid)) / float(mark)))

    for row in json.loads((folder / "rest_tickers_india_20260903T102829Z.json").read_text())["result"]:
        take(row["greeks"]["delta"], row["mark_price"], row["quotes"]["best_bid"], row["quotes"]["best_ask"])
    for line in (folder / "ws_india_ticker_ob_l2_20260903.jsonl").read_text().splitlines():
        frame = json.loads(line)
        if frame["type"] == "ticker":
            for row in frame["d"]:
                take(row["g"][0], row["m"], row["q"][2], row["q"][0])
    return np.array(found)
