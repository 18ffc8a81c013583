"""Imports of real recorded chains; skipped where the data is absent."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from trader.domain.instrument import Kind
from trader.venue.market.importer import ImportReport, import_recording
from trader.venue.market.recording import RecordingMarket

SHIFT = timedelta(hours=4)
JUNE = "deribit_other/BTC_quotes_30min_2021-06-21_27.parquet"


@pytest.fixture(scope="module")
def june(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ImportReport]:
    out = tmp_path_factory.mktemp("june") / "june.parquet"
    return out, import_recording(shared_data / JUNE, out, "deribit-30min", "BTC", spot=shared_data / "spot")


def check_row(market: RecordingMarket, row: dict[str, Any]) -> None:
    """The market, standing at the row's instant, shows the row's prices in USD."""
    symbol = f"{row['option_type']}-BTC-{row['strike']:.0f}-{row['expiry']:%d%m%y}"
    forward = D(str(row["underlying_price"]))
    assert market.option_stats(symbol).mark == (D(str(row["mark_price"])) * forward).quantize(D("1e-8")), row
    depth = market.depth(symbol)
    bid, ask = row["bid_price"], row["ask_price"]
    if bid is not None and ask is not None and bid >= ask:
        return  # a stale side was dropped
    if bid is None or D(str(bid)) * forward < D("0.1"):
        assert not depth.bids, row
    else:
        assert depth.bids[0][0] == (D(str(bid)) * forward).quantize(D("0.1"), ROUND_FLOOR), row
    if ask is None:
        assert not depth.asks, row
    else:
        assert depth.asks[0][0] == (D(str(ask)) * forward).quantize(D("0.1"), ROUND_CEILING), row


@pytest.mark.t1
def test_the_june_week_shows_every_recorded_quote_at_its_instant(
    shared_data: Path, june: tuple[Path, ImportReport]
) -> None:
    source = pq.read_table(shared_data / JUNE)
    rows = [row for row in source.to_pylist() if row["ts"] < row["expiry"]]
    path, report = june
    assert report.quotes_recorded == len(rows)
    market = RecordingMarket(path)
    for row in sorted(rows, key=lambda row: row["ts"])[::17]:
        market.advance(row["ts"] + SHIFT)
        check_row(market, row)


@pytest.mark.t1
def test_the_june_week_has_seven_settlements_the_index_averages_to(june: tuple[Path, ImportReport]) -> None:
    path, report = june
    assert (report.settlements, report.expiries) == (7, 7)
    market = RecordingMarket(path)
    for day, price in zip(
        range(21, 28), ("32884.99", "32712.94", "34097.99", "33021.33", "34140.41", "30920.87", "33368.2"), strict=True
    ):
        expiry = datetime(2021, 6, day, 12, tzinfo=UTC)
        assert market.settlement_price("BTC", expiry) == D(price)
        samples = []
        for step in range(360):  # the middle of every five seconds
            market.advance(expiry - timedelta(seconds=1797.5 - 5 * step))
            samples.append(market.spot("BTC"))
        assert sum(samples) / len(samples) == pytest.approx(D(price), abs=D("0.5"))


def test_every_june_day_offers_both_legs_of_a_10_to_15_delta_strangle(june: tuple[Path, ImportReport]) -> None:
    market = RecordingMarket(june[0])
    for day in range(21, 28):
        expiry = datetime(2021, 6, day, 12, tzinfo=UTC)
        market.advance(expiry - timedelta(hours=7.5 if day == 21 else 23))
        sellable = {Kind.CALL: 0, Kind.PUT: 0}
        for each in market.instruments():
            if each.expiry == expiry and 0.10 <= abs(market.option_stats(each.symbol).greeks.delta) <= 0.15:
                depth = market.depth(each.symbol)
                sellable[each.kind] += bool(depth.bids and depth.asks)
        assert min(sellable.values()) >= 1, (day, sellable)


def test_one_chain_day_shows_its_snapshots(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "deribit_chain_6h/BTC_2026-03.parquet"
    start = datetime(2026, 3, 10, tzinfo=UTC)
    out = tmp_path / "day.parquet"
    report = import_recording(source, out, "deribit-chain", "BTC", start=start, end=start + timedelta(days=1))
    assert report.expiries >= 10
    table = pq.read_table(source)
    ts = table["ts"]
    of_day = pc.and_(
        pc.greater_equal(ts, pa.scalar(start, ts.type)),
        pc.less(ts, pa.scalar(start + timedelta(days=1), ts.type)),
    )
    rows = sorted(table.filter(of_day).to_pylist(), key=lambda row: row["ts"])
    market = RecordingMarket(out)
    for row in rows[::5]:
        market.advance(row["ts"] + SHIFT)
        check_row(market, row)
        symbol = f"{row['option_type']}-BTC-{row['strike']:.0f}-{row['expiry']:%d%m%y}"
        stats = market.option_stats(symbol)
        assert stats.mark_iv == pytest.approx(row["mark_iv"])
        assert stats.open_interest == round(D(str(row["open_interest"])) * 1000)
        if row["expiry"] - row["ts"] > timedelta(hours=12):  # nearer, the source's delta is of a slightly other instant
            assert abs(stats.greeks.delta - (row["delta"] or 0)) < 0.02
    of_snapshot = [D(str(row["index_price"])) for row in rows if row["ts"] == rows[-1]["ts"]]
    assert min(of_snapshot) <= market.spot("BTC") <= max(of_snapshot)
