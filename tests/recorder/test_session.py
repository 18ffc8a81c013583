"""What was recorded is what is replayed: every quote in its order, at its instant, with its size, through the venue too."""

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from tests.recorder.conftest import options_for
from tests.venue.venue_client import KEY, SECRET, USER_ID, Socket
from trader.domain.errors import ConfigError
from trader.venue.feed.public_feed import FeedOptions
from trader.venue.feed.recorder import Recorder, RecordOptions
from trader.venue.feed.session import SessionMarket
from trader.venue.feed.session_file import SessionRow, is_session, read_info, read_rows, session_files
from trader.venue.launch import VenueOptions, build_venue
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

SECS = 5.0
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def session(elsewhere: VenueServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("session")
    options = RecordOptions(feed=options_for(elsewhere), folder=folder, rotate_secs=2.5, flush_secs=0.5, secs=SECS)
    figures = Recorder(options).run()
    assert figures.dropped == 0 and figures.rows > 100
    assert len(figures.files) >= 2, "rotated after half of the time"
    return folder


@pytest.fixture(scope="module")
def rows(session: Path) -> list[SessionRow]:
    return list(read_rows(session_files(session)))


def quotes_of(rows: list[SessionRow], symbol: str) -> list[tuple[int, object, object, object, object]]:
    """Recorded best quotes: (instant, bid, its size, ask, its size)."""
    return [
        (row.at_us, f["bp"], f["bs"], f["ap"], f["as"])
        for row in rows
        if row.event.channel == "ob_l1" and (f := row.event.frame)["sy"] == symbol
    ]


def busiest(rows: list[SessionRow]) -> str:
    options = [r.event.symbol for r in rows if r.event.channel == "ob_l1" and r.event.symbol.startswith(("C-", "P-"))]
    return max(set(options), key=lambda symbol: len(set(quotes_of(rows, symbol))))


def test_everything_public_is_recorded_with_both_stamps(rows: list[SessionRow]) -> None:
    channels = {row.event.channel for row in rows}
    assert {"product", "rest_ticker", "ticker", "ob_l1", "ob_l2", "mark_price", "spot_price", "trades"} <= channels
    instants = [row.at_us for row in rows]
    assert instants == sorted(instants)
    for row in rows:
        assert abs(row.event.received_us / 1e6 - datetime.now(UTC).timestamp()) < 600
        if row.event.channel == "ob_l1":
            assert row.event.exchange_us == row.event.frame["ts"] <= row.at_us
            assert msgspec.json.decode(row.event.raw) == row.event.frame


def test_every_file_can_be_played_alone_and_says_what_it_is(session: Path) -> None:
    files = session_files(session)
    assert [read_info(file).part for file in files] == list(range(1, len(files) + 1))
    assert list(session.glob("*.part")) == []
    for file in files[:2]:  # a third holds only a moment
        alone = SessionMarket(file)
        assert "BTCUSD" in {instrument.symbol for instrument in alone.instruments()}
        end = alone.end()
        assert end is not None and alone.start() <= end
        alone.advance(end)


def test_the_market_shows_every_recorded_quote_at_its_instant(session: Path, rows: list[SessionRow]) -> None:
    for symbol in ("BTCUSD", busiest(rows)):
        market = SessionMarket(session)
        recorded = [quote for quote in quotes_of(rows, symbol) if EPOCH + quote[0] * MICROSECOND > market.start()]
        assert len(recorded) > 5
        last_of_instant = {quote[0]: quote for quote in recorded}
        for at_us, bid, bid_size, ask, ask_size in last_of_instant.values():
            market.advance(EPOCH + at_us * MICROSECOND)
            depth = market.depth(symbol)
            shown = [(str(level[0]), str(level[1])) for level in (*depth.bids[:1], *depth.asks[:1])]
            told = [(price, size) for price, size in ((bid, bid_size), (ask, ask_size)) if price is not None]
            assert shown == told, (symbol, at_us)


def test_steps_do_not_matter(session: Path, rows: list[SessionRow]) -> None:
    jumped, stepped = SessionMarket(session), SessionMarket(session)
    end = jumped.end()
    assert end is not None
    now = stepped.start()
    while now < end:
        now = min(end, now + timedelta(milliseconds=170))
        stepped.advance(now)
    jumped.advance(end)
    symbols = [instrument.symbol for instrument in jumped.instruments()]
    assert symbols == [instrument.symbol for instrument in stepped.instruments()]
    for symbol in symbols:
        one, other = jumped.depth(symbol), stepped.depth(symbol)
        assert (one.bids, one.asks) == (other.bids, other.asks)
        assert jumped.option_stats(symbol) == stepped.option_stats(symbol)
    assert jumped.spot("BTC") == stepped.spot("BTC")


def test_the_whole_book_is_replayed_where_it_was_recorded(session: Path, rows: list[SessionRow]) -> None:
    market = SessionMarket(session)
    books = [r for r in rows if r.event.channel == "ob_l2" and r.event.symbol == "BTCUSD"]
    last = books[-1]
    market.advance(max(market.start(), EPOCH + last.at_us * MICROSECOND))
    depth = market.depth("BTCUSD")
    assert [[str(price), str(size)] for price, size in depth.asks[1:]] == last.event.frame["a"][1:]
    assert len(depth.bids) > 3


def test_the_quotes_come_through_the_venue_in_their_order(session: Path, rows: list[SessionRow]) -> None:
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID)
    settings = VenueSettings(credentials=(credential,), speed=2.0, hold_until_subscribed=True)
    market = SessionMarket(session)
    server = VenueServer(market, settings)
    socket = Socket(server.start().ws_public_url)
    socket.subscribe("ob_l1", "BTCUSD")
    recorded = best_of_replay(session, rows)
    shown: list[tuple[object, ...]] = []
    try:
        while not shown or shown[-1] != recorded[-1]:
            frame = socket.expect("ob_l1")
            shown = changes([*shown, (frame["bp"], frame["bs"], frame["ap"], frame["as"])])
    finally:
        socket.close()
        server.stop()
    rest = iter(recorded)
    assert all(quote in rest for quote in shown), "in their order, and none that was not recorded"
    assert len(shown) >= 0.5 * len(recorded), "a busy machine may skip some"


def best_of_replay(session: Path, rows: list[SessionRow]) -> list[tuple[object, ...]]:
    """Every best quote of the perpetual in the order in which the recording shows them."""
    market, found = SessionMarket(session), []
    start = market.start()
    for row in rows:
        market.advance(max(start, EPOCH + row.at_us * MICROSECOND))
        depth = market.depth("BTCUSD")
        (bid, bid_size), (ask, ask_size) = depth.bids[0], depth.asks[0]
        found.append((str(bid), str(bid_size), str(ask), str(ask_size)))
    return changes(found)


def changes(quotes: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """A sequence without immediate repeats."""
    return [quote for i, quote in enumerate(quotes) if i == 0 or quote != quotes[i - 1]]


def test_the_launcher_plays_a_session_folder_or_file(session: Path) -> None:
    assert is_session(session)
    for path in (session, session_files(session)[0]):
        server, announced = build_venue(VenueOptions(market="recording", recording=path, seed=1))
        assert announced.market == "recording"
        assert isinstance(server.exchange.market, SessionMarket)
        server.start()
        server.stop()


def test_a_restart_goes_on_where_it_stopped(session: Path) -> None:
    market = SessionMarket(session)
    market.advance(market.start() + timedelta(seconds=2))
    again = SessionMarket(session)
    again.restore(market.state())
    assert again.start() == market.start() + timedelta(seconds=2)
    assert again.depth("BTCUSD").bids == market.depth("BTCUSD").bids
    with pytest.raises(ValueError, match="differ"):
        again.restore({**market.state(), "started": "2020-01-01T00:00:00+00:00"})


def test_stopping_completes_the_file(elsewhere: VenueServer, tmp_path: Path) -> None:
    recorder = Recorder(RecordOptions(feed=options_for(elsewhere), folder=tmp_path))
    stopper = threading.Timer(1.5, recorder.stop)
    stopper.start()
    figures = recorder.run()
    stopper.join()
    (file,) = figures.files
    assert file.exists() and list(tmp_path.iterdir()) == [file]
    assert pq.read_metadata(file).num_rows == figures.rows > 100


def test_a_recorder_of_a_fast_market_was_cut_off_by_the_exchange_every_few_seconds(tmp_path: Path) -> None:
    server, announced = build_venue(VenueOptions(speed=60.0, seed=3))
    server.start()
    try:
        feed = FeedOptions(rest_url=announced.rest_url, ws_url=announced.ws_public_url)
        figures = Recorder(RecordOptions(feed=feed, folder=tmp_path, secs=3.5)).run()
    finally:
        server.stop()
    assert figures.connects == 1 and figures.rows > 1000


def test_large_files_are_rotated(elsewhere: VenueServer, tmp_path: Path) -> None:
    options = RecordOptions(feed=options_for(elsewhere), folder=tmp_path, rotate_mb=0.001, flush_secs=0.3, secs=3.0)
    assert len(Recorder(options).run().files) >= 2


@pytest.fixture
def damaged(session: Path, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "x.session.parquet"
    path.write_bytes(session_files(session)[0].read_bytes()[:2000])
    yield path


def test_what_is_no_session_is_refused(damaged: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        SessionMarket(damaged)
    with pytest.raises(ConfigError, match="holds no recorded session"):
        session_files(_empty(tmp_path))


def _empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_an_exchange_that_does_not_answer_leaves_no_file(tmp_path: Path, elsewhere: VenueServer) -> None:
    feed = msgspec.structs.replace(options_for(elsewhere), rest_url="http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="no market data"):
        Recorder(RecordOptions(feed=feed, folder=tmp_path)).run()
    assert list(tmp_path.iterdir()) == []


def test_a_recorded_session_that_was_cut_or_changed_ended_in_a_traceback(session: Path, tmp_path: Path) -> None:
    good, drawn = session_files(session)[0].read_bytes(), random.Random(5)
    broken = tmp_path / "broken.session.parquet"
    refused = 0
    for number in range(24):
        content = bytearray(good[: drawn.randrange(len(good))] if number % 3 == 0 else good)
        for _ in range(64 if number % 3 else 0):
            content[drawn.randrange(len(content))] = drawn.randrange(256)
        broken.write_bytes(content)
        try:
            list(read_rows(session_files(broken)))
        except ConfigError as error:
            refused += 1
            assert str(broken) in str(error)
    assert refused > 8
