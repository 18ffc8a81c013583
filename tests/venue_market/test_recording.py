import json
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.venue_market import deribit_rows
from trader.domain.instrument import Kind
from trader.pricing.black76 import price, year_fraction
from trader.venue.market.base import Series
from trader.venue.market.importer import ImportReport, import_recording
from trader.venue.market.instants import from_ms, to_ms
from trader.venue.market.recording import RecordingMarket
from trader.venue.market.recording_file import (
    Origin,
    QuoteRow,
    Recording,
    RecordingError,
    RecordingInfo,
    Segment,
    SpotPoint,
    read_recording,
    write_recording,
)

DAY = deribit_rows.DAY
SHIFT = timedelta(hours=4)
SNAPSHOTS = [DAY + timedelta(hours=h) for h in (0, 6, 12, 18)]
EXPIRIES = [DAY + timedelta(days=d, hours=8) for d in (0, 1, 2)]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chain")
    return deribit_rows.write(folder / "BTC_2026-03.parquet", deribit_rows.rows(SNAPSHOTS, EXPIRIES))


@pytest.fixture(scope="module")
def half_hourly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("half_hourly")
    instants = [DAY + timedelta(minutes=30 * n) for n in range(17)]
    lacking = ("mark_iv", "index_price", "open_interest", "volume_24h")
    path = deribit_rows.write(folder / "quotes.parquet", deribit_rows.rows(instants, EXPIRIES[:2], 0.73), lacking)
    (folder / "delivery_prices_x.csv").write_text(
        "index_name,date,delivery_price\nBTC_USD,2026-03-10,71300.25\nETH_USD,2026-03-10,1.5\n"
    )
    return path


@pytest.fixture(scope="module")
def imported(chain: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ImportReport]:
    out = tmp_path_factory.mktemp("imported") / "rec.parquet"
    return out, import_recording(chain, out, "deribit-chain", "BTC", fill_step=D(0))


def usd(coin: float, forward: float) -> D:
    return D(str(coin)) * D(str(forward))


def test_import_tells_what_it_wrote(imported: tuple[Path, ImportReport]) -> None:
    _, report = imported
    per_expiry = len(deribit_rows.STRIKES) * 2
    assert report.quotes_recorded == per_expiry * (2 + 4 + 4)  # the first expiry is gone after two snapshots
    assert (report.quotes_interpolated, report.expiries, report.contracts) == (0, 3, 3 * per_expiry)
    assert report.spot_recorded == 4
    assert report.first == DAY + SHIFT


def test_the_recording_starts_and_ends_on_the_shifted_clock(imported: tuple[Path, ImportReport]) -> None:
    market = RecordingMarket(imported[0])
    assert market.start() == DAY + SHIFT
    end = market.end()
    assert end is not None
    assert SNAPSHOTS[-1] + SHIFT < end
    assert {each.expiry for each in market.instruments() if each.expiry} == {each + SHIFT for each in EXPIRIES}
    assert all(each.expiry.hour == 12 for each in market.instruments() if each.expiry)


def test_at_recorded_instants_the_market_equals_the_source_rows(imported: tuple[Path, ImportReport]) -> None:
    market = RecordingMarket(imported[0], seed=3)
    for snapshot in SNAPSHOTS:
        market.advance(snapshot + SHIFT)
        checked = 0
        for row in deribit_rows.rows([snapshot], EXPIRIES):
            symbol = f"{row['option_type']}-BTC-{row['strike']:.0f}-{row['expiry']:%d%m%y}"
            stats, depth = market.option_stats(symbol), market.depth(symbol)
            assert stats.mark == usd(row["mark_price"], row["underlying_price"]).quantize(D("1e-8"))
            assert stats.mark_iv == row["mark_iv"]
            assert stats.open_interest == 12_500
            bid = usd(row["bid_price"] or 0, row["underlying_price"]).quantize(D("0.1"), ROUND_FLOOR)
            ask = usd(row["ask_price"], row["underlying_price"]).quantize(D("0.1"), ROUND_CEILING)
            assert (depth.bids[0][0] if depth.bids else 0) == bid
            assert depth.asks[0][0] == ask
            assert market.spot("BTC") == D(str(row["index_price"]))
            checked += 1
        assert checked >= len(deribit_rows.STRIKES) * 4


def test_between_snapshots_volatility_is_the_last_recorded_one_answering_the_index(
    imported: tuple[Path, ImportReport],
) -> None:
    market = RecordingMarket(imported[0])
    now = SNAPSHOTS[1] + timedelta(hours=2)
    expiry = EXPIRIES[1]
    symbol, strike = f"C-BTC-73000-{expiry:%d%m%y}", 73_000
    left = deribit_rows.smile(strike, deribit_rows.index_at(SNAPSHOTS[1]), SNAPSHOTS[1])
    market.advance(now + SHIFT)
    stats = market.option_stats(symbol)
    moved = float(market.spot("BTC")) / deribit_rows.index_at(SNAPSHOTS[1]) - 1
    assert abs(moved) > 0.0005
    assert stats.mark_iv / left - 1 == pytest.approx(-2.75 * moved, rel=0.05)
    forward = float(market.spot("BTC")) * 1.0005
    model = price(forward, strike, stats.mark_iv, year_fraction(now, expiry), Kind.CALL)
    assert float(stats.mark) == pytest.approx(model, abs=0.1)
    depth = market.depth(symbol)
    assert depth.bids[0][0] < stats.mark < depth.asks[0][0]
    assert float(depth.asks[0][0] / stats.mark) == pytest.approx(1.05, abs=0.06)


def own(tmp_path: Path, rows: list[tuple[float, float, str | None]]) -> RecordingMarket:
    """A recording with an index that stands still and a put quoted every six hours: volatility, mark, ask."""
    start, expiry = datetime(2026, 9, 3, 10, tzinfo=UTC), datetime(2026, 9, 5, 12, tzinfo=UTC)
    quotes = [
        QuoteRow(
            ts_ms=to_ms(start + timedelta(hours=6 * n)),
            symbol="P-BTC-76000-050926",
            strike=D(76_000),
            expiry_ms=to_ms(expiry),
            bid=D(str(mark - 6)),
            ask=None if ask is None else D(ask),
            mark=D(str(mark)),
            mark_iv=vol,
            forward=None,
            index=D(77_636),
        )
        for n, (vol, mark, ask) in enumerate(rows)
    ]
    info = RecordingInfo(version=1, source="own", underlying="BTC", contract_value=D("0.001"), tick_size=D("0.1"))
    spot = [SpotPoint(ts_ms=q.ts_ms, price=D(77_636), origin=Origin.RECORDED) for q in quotes]
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
    write_recording(path, Recording(info=info, quotes=quotes, spot=spot, segments=[]))
    return RecordingMarket(path)


def test_the_next_snapshots_volatility_was_known_hours_before(tmp_path: Path) -> None:
    calm, panic = (own(tmp_path, [(0.317, 180.0, "186"), (vol, 400.0, "420")]) for vol in (0.317, 0.9))
    for market in (calm, panic):
        market.advance(market.start() + timedelta(hours=5))
    told = [market.option_stats("P-BTC-76000-050926") for market in (calm, panic)]
    assert told[0] == told[1] and told[0].mark_iv == 0.317
    panic.advance(panic.start() + timedelta(hours=5, minutes=55))
    assert 0.5 < panic.option_stats("P-BTC-76000-050926").mark_iv < 0.9
    panic.advance(panic.start() + timedelta(hours=6))
    assert panic.option_stats("P-BTC-76000-050926").mark_iv == 0.9


@pytest.mark.parametrize("thin", ["900", None], ids=["far away", "nobody asks"])
def test_one_thin_ask_stood_for_six_hours(tmp_path: Path, thin: str | None) -> None:
    market = own(tmp_path, [(0.317, 180.0, "186"), (0.317, 160.0, thin), (0.317, 140.0, "146"), (0.317, 120.0, "126")])
    symbol = "P-BTC-76000-050926"
    market.advance(market.start() + timedelta(hours=6))
    asks = market.depth(symbol).asks
    assert asks[0][0] == D(thin) if thin else not asks
    market.advance(market.start() + timedelta(hours=6, minutes=1))
    mark = market.option_stats(symbol).mark
    assert mark < market.depth(symbol).asks[0][0] < mark * D("1.06")


def test_books_between_snapshots_are_never_crossed(imported: tuple[Path, ImportReport]) -> None:
    market = RecordingMarket(imported[0])
    for minutes in range(7, 1080, 97):
        market.advance(DAY + SHIFT + timedelta(minutes=minutes))
        for each in market.instruments():
            depth = market.depth(each.symbol)
            if depth.bids and depth.asks:
                assert depth.bids[0][0] < depth.asks[0][0], each.symbol
            assert all(price % each.tick_size == 0 and size > 0 for price, size in depth.bids + depth.asks)


def test_expired_contracts_are_delisted_and_unlisted_symbols_refused(imported: tuple[Path, ImportReport]) -> None:
    market = RecordingMarket(imported[0])
    symbol = f"C-BTC-70000-{EXPIRIES[0]:%d%m%y}"
    market.advance(EXPIRIES[0] + SHIFT - timedelta(milliseconds=1))
    assert market.depth(symbol).version
    market.advance(EXPIRIES[0] + SHIFT)
    with pytest.raises(KeyError):
        market.option_stats(symbol)
    assert symbol not in {each.symbol for each in market.instruments()}


def test_playback_does_not_depend_on_steps_and_continues_from_its_state(imported: tuple[Path, ImportReport]) -> None:
    stepped, jumped = RecordingMarket(imported[0], seed=5), RecordingMarket(imported[0], seed=5)
    symbol = f"P-BTC-67000-{EXPIRIES[1]:%d%m%y}"
    goal = DAY + SHIFT + timedelta(hours=7, minutes=3, milliseconds=700)
    for seconds in range(0, 7 * 3600, 611):
        stepped.advance(DAY + SHIFT + timedelta(seconds=seconds))
        stepped.depth(symbol)
    restored = RecordingMarket(imported[0], seed=5)
    restored.restore(json.loads(json.dumps(stepped.state())))
    assert restored.start() > DAY + SHIFT
    for market in (stepped, jumped, restored):
        market.advance(goal)
    assert stepped.depth(symbol) == jumped.depth(symbol) == restored.depth(symbol)
    assert stepped.option_stats(symbol) == jumped.option_stats(symbol) == restored.option_stats(symbol)
    with pytest.raises(ValueError, match="seed"):
        RecordingMarket(imported[0], seed=6).restore(stepped.state())
    with pytest.raises(ValueError, match="cannot go back"):
        stepped.advance(DAY)


def test_filled_strikes_lie_on_the_smile_and_are_marked_as_interpolated(chain: Path, tmp_path: Path) -> None:
    out = tmp_path / "filled.parquet"
    report = import_recording(chain, out, "deribit-chain", "BTC", fill_step=D(250))
    assert report.quotes_interpolated > report.quotes_recorded
    recorded = [row for row in read_recording(out).quotes if row.origin is Origin.RECORDED]
    assert len(recorded) == report.quotes_recorded
    filled = [row for row in read_recording(out).quotes if row.origin is Origin.INTERPOLATED]
    for row in filled:
        assert row.strike % 250 == 0
        assert row.strike % 1000 != 0
        when = from_ms(row.ts_ms) - SHIFT
        assert row.mark_iv == pytest.approx(deribit_rows.smile(float(row.strike), float(row.index), when), abs=0.003)
        assert row.ask is not None
        assert (row.bid or 0) < row.ask


def test_half_hourly_quotes_get_their_volatility_from_their_price(half_hourly: Path, tmp_path: Path) -> None:
    out = tmp_path / "rec.parquet"
    import_recording(half_hourly, out, "deribit-30min", "BTC", fill_step=D(0))
    market = RecordingMarket(out)
    for row in deribit_rows.rows([DAY + timedelta(hours=3)], EXPIRIES[1:2], 0.73):
        market.advance(row["ts"] + SHIFT)
        symbol = f"{row['option_type']}-BTC-{row['strike']:.0f}-{row['expiry']:%d%m%y}"
        stats, depth = market.option_stats(symbol), market.depth(symbol)
        assert stats.mark == usd(row["mark_price"], row["underlying_price"]).quantize(D("1e-8"))
        assert depth.asks[0][0] == usd(row["ask_price"], row["underlying_price"]).quantize(D("0.1"), ROUND_CEILING)
        if 0.97 < row["strike"] / row["index_price"] < 1.03:
            assert stats.mark_iv == pytest.approx(row["mark_iv"], abs=0.002)


def test_delivery_prices_settle_and_the_index_averages_to_them(half_hourly: Path, tmp_path: Path) -> None:
    out = tmp_path / "rec.parquet"
    report = import_recording(half_hourly, out, "deribit-30min", "BTC")
    assert report.settlements == 1
    market = RecordingMarket(out)
    expiry = EXPIRIES[0] + SHIFT
    assert market.settlement_price("BTC", expiry) == D("71300.25")
    assert market.settlement_price("BTC", EXPIRIES[1] + SHIFT) is None
    assert market.settlement_price("ETH", expiry) is None
    samples = []
    for second in range(1800, 0, -1):
        market.advance(expiry - timedelta(seconds=second))
        samples.append(market.spot("BTC"))
    assert sum(samples) / len(samples) == pytest.approx(D("71300.25"), abs=D("0.5"))


def test_segments_say_which_stretches_were_recorded(half_hourly: Path, tmp_path: Path) -> None:
    out = tmp_path / "rec.parquet"
    import_recording(half_hourly, out, "deribit-30min", "BTC")
    recording = read_recording(out)
    segments = recording.segments
    assert {each.origin for each in segments} == {Origin.RECORDED, Origin.INTERPOLATED}
    assert all(one.until_ms == two.from_ms for one, two in zip(segments, segments[1:], strict=False))
    assert (segments[0].from_ms, segments[-1].until_ms) == (recording.spot[0].ts_ms, recording.spot[-1].ts_ms)
    inside = [
        p
        for p in recording.spot
        if any(s.from_ms < p.ts_ms < s.until_ms and s.origin is Origin.RECORDED for s in segments)
    ]
    assert inside
    assert all(point.origin is Origin.RECORDED for point in inside)


def test_the_same_seed_bridges_the_same_way(chain: Path, tmp_path: Path) -> None:
    paths = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        import_recording(chain, tmp_path / name, "deribit-chain", "BTC", seed=seed)
        paths.append([point.price for point in read_recording(tmp_path / name).spot])
    assert paths[0] == paths[1] != paths[2]


def test_candles_shape_the_path_and_meet_the_index_points(chain: Path, tmp_path: Path) -> None:
    minutes = [DAY + timedelta(minutes=n) for n in range(1200)]
    opens = [1.01 * (deribit_rows.index_at(t) + 200 * ((n % 120) - 60) / 60) for n, t in enumerate(minutes)]
    candles = pa.table({"ts": pa.array(minutes, pa.timestamp("ms", tz="UTC")), "open": opens})
    folder = tmp_path / "spot"
    folder.mkdir()
    pq.write_table(candles, folder / "somewhere_BTCUSDT_1m_x.parquet")
    pq.write_table(candles, folder / "somewhere_ETHUSDT_1m_x.parquet")
    out = tmp_path / "rec.parquet"
    report = import_recording(chain, out, "deribit-chain", "BTC", spot=folder)
    assert report.spot_recorded == 18 * 60 + 45 + 1  # to three quarters of an hour after the last snapshot
    recording = read_recording(out)
    at = {point.ts_ms: point for point in recording.spot}
    for snapshot in SNAPSHOTS:
        assert at[to_ms(snapshot + SHIFT)].price == D(str(round(deribit_rows.index_at(snapshot), 2)))
    peak = at[to_ms(minutes[479] + SHIFT)]  # just before the saw-tooth falls, between two snapshots
    assert peak.origin is Origin.RECORDED
    assert float(peak.price) == pytest.approx(deribit_rows.index_at(minutes[479]) + 200 + 200, abs=30)


def test_a_users_own_recording_plays_the_same_way(tmp_path: Path) -> None:
    start = to_ms(datetime(2026, 9, 3, 10, tzinfo=UTC))
    expiry = to_ms(datetime(2026, 9, 4, 12, tzinfo=UTC))
    quotes = [
        QuoteRow(
            ts_ms=start + n * 60_000,
            symbol="P-BTC-76000-040926",
            strike=D(76_000),
            expiry_ms=expiry,
            bid=D("66.0"),
            ask=D("69.0"),
            mark=D("67.25"),
            mark_iv=0.317,
            forward=None,
            index=D(77_636),
            open_interest=40_181,
        )
        for n in range(3)
    ]
    recording = Recording(
        info=RecordingInfo(version=1, source="own", underlying="BTC", contract_value=D("0.001"), tick_size=D("0.1")),
        quotes=quotes,
        spot=[SpotPoint(ts_ms=start + n * 1000, price=D(77_636), origin=Origin.RECORDED) for n in range(121)],
        segments=[Segment(from_ms=start, until_ms=start + 120_000, origin=Origin.RECORDED, note="all of it")],
    )
    write_recording(tmp_path / "own.parquet", recording)
    read = read_recording(tmp_path / "own.parquet")
    assert (read.info, read.quotes, read.spot, read.segments) == (
        recording.info,
        recording.quotes,
        recording.spot,
        recording.segments,
    )
    market = RecordingMarket(tmp_path / "own.parquet")
    market.advance(from_ms(start + 60_000))
    depth, stats = market.depth("P-BTC-76000-040926"), market.option_stats("P-BTC-76000-040926")
    assert (depth.bids[0][0], depth.asks[0][0], stats.mark) == (D(66), D(69), D("67.25"))
    assert stats.open_interest == 40_181
    assert len(depth.bids) > 3
    assert market.spot("BTC") == D(77_636)


def test_locked_and_crossed_quotes_lose_the_side_further_from_mark(tmp_path: Path) -> None:
    data = deribit_rows.rows(SNAPSHOTS[:2], EXPIRIES[1:2])
    row = next(r for r in data if r["strike"] == 73_000 and r["option_type"] == "C")
    row["bid_price"], row["ask_price"] = round(row["mark_price"] * 2, 4), round(row["mark_price"], 4)
    source = deribit_rows.write(tmp_path / "BTC_x.parquet", data)
    assert import_recording(source, tmp_path / "rec", "deribit-chain", "BTC", fill_step=D(0)).sides_dropped == 1
    market = RecordingMarket(tmp_path / "rec")
    depth = market.depth(f"C-BTC-73000-{EXPIRIES[1]:%d%m%y}")
    assert not depth.bids
    assert depth.asks


def _not_parquet(path: Path) -> None:
    path.write_text("no parquet at all")


def _no_metadata(path: Path) -> None:
    pq.write_table(pa.table({"record": ["quote"]}), path)


def _other_version(path: Path) -> None:
    info = RecordingInfo(version=99, source="x", underlying="BTC", contract_value=D(1), tick_size=D(1))
    write_recording(path, Recording(info=info, quotes=[], spot=[]))


def _empty(path: Path) -> None:
    info = RecordingInfo(version=1, source="x", underlying="BTC", contract_value=D(1), tick_size=D(1))
    write_recording(path, Recording(info=info, quotes=[], spot=[]))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (_not_parquet, "cannot read the recording"),
        (_no_metadata, "not a recording"),
        (_other_version, "format 99"),
        (_empty, "0 quotes"),
    ],
)
def test_what_is_no_recording_is_refused_with_the_reason(
    tmp_path: Path, spoil: Callable[[Path], None], complaint: str
) -> None:
    path = tmp_path / "bad.parquet"
    spoil(path)
    with pytest.raises(RecordingError, match=complaint):
        RecordingMarket(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot read"):
        RecordingMarket(tmp_path / "none.parquet")


def test_import_refuses_what_it_cannot_use(chain: Path, tmp_path: Path) -> None:
    out = tmp_path / "rec"
    with pytest.raises(RecordingError, match="no BTC quotes between"):
        import_recording(chain, out, "deribit-chain", "BTC", start=DAY + timedelta(days=50))
    with pytest.raises(RecordingError, match="not an option on ETH"):
        import_recording(chain, out, "deribit-chain", "ETH")
    with pytest.raises(RecordingError, match=r"no ETH_\*"):
        import_recording(chain.parent, out, "deribit-chain", "ETH")
    with pytest.raises(ValueError, match="one of BTC, ETH"):
        import_recording(chain, out, "deribit-chain", "XRP")
    lacking = deribit_rows.write(tmp_path / "l.parquet", deribit_rows.rows(SNAPSHOTS[:1], EXPIRIES), ("mark_iv",))
    with pytest.raises(RecordingError, match="lacks mark_iv"):
        import_recording(lacking, out, "deribit-chain", "BTC")
    assert not out.exists()


def test_import_takes_only_the_stretch_asked_for(chain: Path, tmp_path: Path) -> None:
    report = import_recording(
        chain.parent, tmp_path / "rec", "deribit-chain", "BTC", start=SNAPSHOTS[1], end=SNAPSHOTS[3], fill_step=D(0)
    )
    assert report.first == SNAPSHOTS[1] + SHIFT
    assert report.spot_recorded == 2


def test_candles_are_made_of_the_recordings_marks_up_to_now(imported: tuple[Path, ImportReport]) -> None:
    market = RecordingMarket(imported[0])
    now = SNAPSHOTS[1] + SHIFT + timedelta(minutes=30)
    expiry = EXPIRIES[2]
    symbol = f"C-BTC-73000-{expiry:%d%m%y}"
    market.advance(SNAPSHOTS[1] + SHIFT)
    instrument = next(each for each in market.instruments() if each.symbol == symbol)
    at_snapshot = float(market.option_stats(symbol).mark)
    market.advance(now)
    hour = 3_600_000
    bars = market.bars(Series.MARK, instrument, hour, 0, to_ms(DAY), to_ms(now) + 10 * hour)
    assert [bar.start_ms for bar in bars] == [to_ms(DAY + SHIFT) + i * hour for i in range(7)]
    at_hour = next(bar for bar in bars if bar.start_ms == to_ms(SNAPSHOTS[1] + SHIFT))
    assert at_hour.open == at_snapshot and at_hour.low <= at_snapshot <= at_hour.high
    assert max(bar.last_ms for bar in bars) <= to_ms(now) and {bar.volume for bar in bars} == {0}
    index = market.bars(Series.INDEX, instrument, hour, 0, to_ms(DAY), to_ms(now))
    assert index[6].open == pytest.approx(deribit_rows.index_at(SNAPSHOTS[1]), abs=0.01)
    assert market.marks(instrument, [to_ms(DAY), to_ms(SNAPSHOTS[1] + SHIFT)]) == [None, at_snapshot]
    assert market.bars(Series.TRADES, instrument, hour, 0, to_ms(DAY), to_ms(now)) == []
    assert market.prints(instrument, 0, to_ms(now)) == ()


def test_candles_do_not_depend_on_when_they_were_asked_for(imported: tuple[Path, ImportReport]) -> None:
    asked, late = RecordingMarket(imported[0]), RecordingMarket(imported[0])
    for minutes in (0, 7, 200, 201, 640):
        asked.advance(DAY + SHIFT + timedelta(minutes=minutes))
        instrument = asked.instruments()[5]
        asked.bars(Series.MARK, instrument, 60_000, 0, to_ms(DAY), to_ms(DAY + SHIFT + timedelta(days=1)))
    end = DAY + SHIFT + timedelta(minutes=700)
    for market in (asked, late):
        market.advance(end)
    wanted = (Series.MARK, instrument, 300_000, 0, to_ms(DAY), to_ms(end))
    assert asked.bars(*wanted) == late.bars(*wanted) != []


def test_a_recording_that_was_cut_or_changed_ended_in_a_traceback(
    imported: tuple[Path, ImportReport], tmp_path: Path
) -> None:
    good, broken, drawn = imported[0].read_bytes(), tmp_path / "broken.parquet", random.Random(5)
    refused = 0
    for number in range(24):
        content = bytearray(good[: drawn.randrange(len(good))] if number % 4 == 0 else good)
        for _ in range(drawn.choice((1, 8, 64)) if number % 4 else 0):
            content[drawn.randrange(len(content))] = drawn.randrange(256)
        broken.write_bytes(content)
        try:
            read_recording(broken)  # a changed byte may also give another number, which nothing can tell
        except RecordingError as error:
            refused += 1
            assert str(broken) in str(error)
    assert refused > 5


def _spoilt(path: Path, column: str, value: Any, rows: Iterable[int]) -> None:
    """Put a value into some rows of a recording."""
    table = pq.read_table(path)
    values = table.column(column).to_pylist()
    for row in rows:
        values[row] = value
    field = table.schema.field(column)
    place = table.schema.get_field_index(column)
    changed = table.set_column(place, field.with_nullable(True), pa.array(values, field.type))
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)


@pytest.mark.parametrize(
    ("column", "value"),
    [("mark", None), ("mark", D(-1)), ("mark_iv", float("nan")), ("symbol", "X"), ("record", "odd"), ("price", None)],
)
def test_one_odd_row_of_a_recording_refused_the_whole_of_it(
    chain: Path, tmp_path: Path, column: str, value: Any
) -> None:
    out = tmp_path / "rec"
    import_recording(chain, out, "deribit-chain", "BTC", fill_step=D(0))
    kinds = pq.read_table(out).column("record").to_pylist()
    whole = len(read_recording(out).quotes)
    quotes = [row for row, kind in enumerate(kinds) if kind == "quote"]
    _spoilt(out, column, value, quotes[5:7])
    assert len(read_recording(out).quotes) == whole - 2
    RecordingMarket(out)
    _spoilt(out, column, value, range(len(kinds)))
    with pytest.raises(RecordingError, match="cannot be read"):
        read_recording(out)


def test_one_odd_row_of_what_is_imported_refused_the_whole_of_it(tmp_path: Path) -> None:
    data = deribit_rows.rows(SNAPSHOTS, EXPIRIES)
    source = deribit_rows.write(tmp_path / "BTC_a.parquet", data)
    whole = import_recording(source, tmp_path / "whole", "deribit-chain", "BTC", fill_step=D(0)).quotes_recorded
    data[3]["mark_price"] = float("nan")
    data[4]["expiry"] = data[4]["expiry"] + timedelta(hours=3)
    odd = deribit_rows.write(tmp_path / "BTC_b.parquet", data)
    assert import_recording(odd, tmp_path / "odd", "deribit-chain", "BTC", fill_step=D(0)).quotes_recorded == whole - 2
