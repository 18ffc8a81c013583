"""One bad row of a feed or of a recording costs that row, not the market."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.exchange.scripted_http import ScriptedHTTP, success
from tests.exchange.test_reads import product_row
from tests.fuzz.targets import TICKER
from trader.venue.feed.board import Board
from trader.venue.feed.events import PRODUCT, TICKER_ROW, FeedEvent, event_of, row_event
from trader.venue.feed.public_feed import FeedOptions, PublicFeed
from trader.venue.feed.session import SessionMarket
from trader.venue.feed.session_file import METADATA_KEY, SCHEMA, SessionInfo, last_instant, read_rows
from trader.venue.feed.stream import Message, _Decoder

CALL, OTHER = "C-BTC-78000-040926", "C-BTC-79000-040926"
START_US = 1_788_400_000_000_000  # before the expiry of 4 September 2026


def listed(symbol: str, number: int) -> dict[str, Any]:
    return product_row(number, symbol=symbol, strike_price=symbol.split("-")[2])


def ticker(symbol: str) -> dict[str, Any]:
    return {**TICKER, "symbol": symbol, "timestamp": START_US}


def item(symbol: str, **changes: Any) -> dict[str, Any]:
    quote = ["393", "90", "390", "100", None]
    return {
        "s": symbol,
        "m": "391",
        "q": quote,
        "g": ["0.3", "0", "3", "-9", "2"],
        "qiv": ["0.5"] * 3,
        "oi": ["5", "1"],
        "pb": ["1", "9"],
        **changes,
    }


def a_board() -> Board:
    board = Board(("BTC",))
    for number, symbol in enumerate((CALL, OTHER), 1):
        board.apply(row_event(PRODUCT, listed(symbol, number), START_US), START_US)
    return board


@pytest.mark.parametrize(
    "odd", [5, None, {}, item(CALL, q="NaN"), item(CALL, g=5), item(CALL, m={}), item(CALL, oi="x"), item([CALL])],  # type: ignore[arg-type]
    ids=str,
)  # fmt: skip
def test_an_odd_item_of_a_chain_frame_kept_the_rest_of_it_from_the_board(odd: Any) -> None:
    board = a_board()
    frame = {"type": "ticker", "ts": START_US, "sp": "64000", "d": [odd, item(OTHER)]}
    board.apply(event_of(b"", frame, START_US), START_US)
    assert OTHER in [i.symbol for i in board.listed(START_US)]


@pytest.mark.parametrize(
    "change", [{"quotes": "NaN"}, {"greeks": 5}, {"price_band": []}, {"mark_price": [1]}, {"spot_price": {}}]
)
def test_an_odd_ticker_row_ended_the_market(change: dict[str, Any]) -> None:
    board = a_board()
    board.apply(row_event(TICKER_ROW, {**ticker(CALL), **change}, START_US), START_US)
    board.apply(row_event(TICKER_ROW, ticker(OTHER), START_US), START_US)
    assert OTHER in [i.symbol for i in board.listed(START_US)]


def test_a_mark_of_nothing_was_no_mark() -> None:
    """An option worth nothing near its expiry kept a recording from being played until its very end."""
    board = a_board()
    rows = {CALL: {**ticker(CALL), "mark_price": "0.00000000"}, OTHER: ticker(OTHER)}
    for row in rows.values():
        board.apply(row_event(TICKER_ROW, row, START_US), START_US)
    assert board.complete and board.option_stats(CALL).mark == 0


def test_odd_rows_of_the_other_exchange_are_not_followed_and_the_others_are() -> None:
    def handle(request: Any) -> Any:
        if request.path == "/v2/products":
            odd = [5, {}, {**listed(CALL, 1), "symbol": None}, {**listed(CALL, 1), "settlement_time": ["x"]}]
            return success([*odd, listed(OTHER, 2)], after=None)
        return success(
            [
                None,
                {"symbol": [1]},
                {**ticker(CALL), "spot_price": "NaN"},
                {**ticker(OTHER), "spot_price": {}},
                ticker(OTHER),
            ]
        )

    server = ScriptedHTTP(handle)
    heard: list[FeedEvent] = []
    options = FeedOptions(rest_url=server.url, ws_url="ws://127.0.0.1:9", underlyings=("BTC",))
    feed = PublicFeed(options, heard.append)
    feed._read_products()
    feed._read_tickers()
    server.close()
    assert [event.symbol for event in heard if event.channel == PRODUCT] == [OTHER]
    assert {event.symbol for event in heard if event.channel == TICKER_ROW} == {OTHER}
    assert [row["symbol"] for row in feed.products()] == [OTHER] and feed._near_the_money() == {OTHER}


def test_a_frame_with_a_number_that_is_none_is_kept_without_it() -> None:
    message = _Decoder().decode(b'{"type":"ticker","d":[{"s":"A","m":NaN},{"s":"B","m":"1"}]}')
    assert isinstance(message, Message)
    assert msgspec.json.decode(message.raw)["d"] == [{"s": "A", "m": None}, {"s": "B", "m": "1"}]
    with pytest.raises(msgspec.DecodeError):
        _Decoder().decode(b'{"type":"ticker"')


# ------------------------------------------------------------ recordings


def session_file(folder: Path, rows: list[tuple[int | None, str | None, str | None]]) -> Path:
    """A session of rows (instant, channel, frame), of which some may be missing."""
    schema = pa.schema([field.with_nullable(True) for field in SCHEMA])
    info = SessionInfo(
        version=1, rest_url="x", ws_url="y", underlyings=("BTC",), started="2026-09-03T00:00:00Z", part=1  # type: ignore[arg-type]
    )  # fmt: skip
    columns = {
        "at": [at for at, _, _ in rows],
        "received": [at for at, _, _ in rows],
        "exchange": [None] * len(rows),
        "channel": [channel for _, channel, _ in rows],
        "symbol": ["" for _ in rows],
        "frame": [frame for _, _, frame in rows],
    }
    table = pa.Table.from_pydict(
        columns, schema=schema.with_metadata({METADATA_KEY: msgspec.json.encode(_plain(info))})
    )
    path = folder / "a.session.parquet"
    pq.write_table(table, path)
    return path


def _plain(info: SessionInfo) -> Any:
    return {name: getattr(info, name) for name in info.__struct_fields__}


def test_odd_rows_of_a_recorded_session_ended_the_market(tmp_path: Path) -> None:
    minute = 60_000_000
    quotes = [
        (START_US + n * minute, "ob_l1", json.dumps({"type": "ob_l1", "sy": OTHER, "ts": START_US + n * minute, "bp": f"{100 + n}", "bs": "5", "ap": "400", "as": "5"}))
        for n in range(1, 6)
    ]  # fmt: skip
    odd: list[tuple[int | None, str | None, str | None]] = [
        (quotes[1][0], "ob_l1", "{"),
        (quotes[1][0], "ob_l1", "[1]"),
        (quotes[1][0], "ob_l1", None),
        (quotes[1][0], None, "{}"),
        (None, "ob_l1", "{}"),
        (START_US + 400 * 24 * 60 * minute, "ob_l1", "{}"),  # a year ahead: everything behind it would wait for it
        (5, "ob_l1", "{}"),
    ]
    rows: list[Any] = [
        (START_US, PRODUCT, json.dumps(listed(OTHER, 2))),
        (START_US, TICKER_ROW, json.dumps(ticker(OTHER))),
        *quotes[:2],
        *odd,
        *quotes[2:],
    ]
    path = session_file(tmp_path, rows)
    assert [row.at_us for row in read_rows([path])] == [START_US, START_US, *(at for at, _, _ in quotes)]
    market = SessionMarket(path)
    market.advance(last_instant(path))
    assert market.depth(OTHER).bids[0][0] == 105
