"""Books kept from increments, candles and the rest of the further channels."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.scripted_http import wait_for
from tests.exchange.scripted_ws import ScriptedWS
from trader.domain.errors import WireError
from trader.exchange.common.events import SequenceGap
from trader.exchange.delta.stream.local_book import BookBroken, LocalBook
from trader.exchange.delta.stream.streams import PublicStream, Timings
from trader.exchange.delta.wire import feeds as feeds
from trader.exchange.delta.wire.parse_feeds import (
    LiveCandle,
    candle_start,
    parse_feed,
    parse_long_user_trade,
    parse_mmp_trigger,
    parse_portfolio_margins,
)
from trader.exchange.delta.wire.values import OrderBook

TS = 1795156200000000
QUICK = Timings(tick_secs=0.02, backoff_first_secs=0.01, backoff_longest_secs=0.05)


def snapshot(**changes: Any) -> feeds.BookUpdate:
    # The documentation's own sample of the checksum.
    fields: dict[str, Any] = {
        "action": "snapshot", "a": [["120.5", "10"], ["121.0", "4"]],
        "b": [["119.5", "7"], ["119.0", "12"], ["118.0", "1"]], "seq": 7, "cs": 1928154902, "sy": "X", "ts": TS,
    }  # fmt: skip
    return feeds.BookUpdate(**(fields | changes))


def update(**changes: Any) -> feeds.BookUpdate:
    fields: dict[str, Any] = {"action": "update", "seq": 8, "sy": "X", "ts": TS}
    return feeds.BookUpdate(**(fields | changes))


def test_the_documented_checksums_agree() -> None:
    book = LocalBook("X")
    book.apply(snapshot())
    assert [level.price for level in book.view().bids] == [Decimal("119.5"), Decimal(119), Decimal(118)]
    one_sided = LocalBook("X")
    one_sided.apply(snapshot(a=[["120.5", "10"]], b=[], cs=3630562907))
    assert one_sided.view().bids == ()


def test_increments_replace_insert_and_delete() -> None:
    book = LocalBook("X")
    book.apply(snapshot())
    book.apply(update(a=[["120.50", "0"], ["120.0", "3"]], b=[["119.5", "9"]]))
    assert [(level.price, level.size) for level in book.view().asks] == [(Decimal("120.0"), 3), (Decimal("121.0"), 4)]
    assert book.view().bids[0].size == 9


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (update(seq=9), "increment 8 is missing"),
        (update(seq=7), "increment 8 is missing"),
        (update(seq=None), "increment 8 is missing"),
        (update(cs=1), "the checksum is"),
        (update(a=[["120.5", "-1"]]), "negative"),
        (update(a=[["0", "1"]]), "above 0"),
        (update(a=[["120.5"]]), "a price and a size"),
        (feeds.BookUpdate(action="error", symbol="X", msg="snapshot load failed"), "snapshot load failed"),
    ],
)
def test_a_book_that_cannot_be_trusted_says_why(message: feeds.BookUpdate, why: str) -> None:
    book = LocalBook("X")
    book.apply(snapshot())
    with pytest.raises(BookBroken, match=why):
        book.apply(message)


def test_an_increment_before_the_snapshot_is_no_book() -> None:
    with pytest.raises(BookBroken, match="before the snapshot"):
        LocalBook("X").apply(update())


_SIDE = st.dictionaries(st.integers(1, 60), st.integers(0, 99), max_size=25)


@given(_SIDE, _SIDE, st.lists(st.tuples(_SIDE, _SIDE), max_size=6))
def test_a_book_of_increments_equals_the_one_sent_whole(
    asks: dict[int, int], bids: dict[int, int], changes: list[tuple[dict[int, int], dict[int, int]]]
) -> None:
    def rows(side: dict[int, int]) -> list[list[str]]:
        return [[f"{price}.0", str(size)] for price, size in side.items()]

    grown = LocalBook("X")
    grown.apply(snapshot(a=rows(asks), b=rows(bids), cs=None))
    for number, (more_asks, more_bids) in enumerate(changes):
        grown.apply(update(seq=8 + number, a=rows(more_asks), b=rows(more_bids)))
        asks, bids = asks | more_asks, bids | more_bids
    whole = LocalBook("X")
    whole.apply(snapshot(a=rows(asks), b=rows(bids), cs=None))
    assert grown.view() == whole.view() and grown.checksum() == whole.checksum()


@pytest.mark.parametrize(
    ("resolution", "start"),
    [
        ("1m", (2026, 11, 20, 6, 30)), ("15m", (2026, 11, 20, 6, 30)), ("4h", (2026, 11, 20, 4)),
        ("12h", (2026, 11, 20)), ("1d", (2026, 11, 20)), ("1w", (2026, 11, 16)),
    ],
)  # fmt: skip
def test_a_candles_start_follows_from_its_stamp(resolution: str, start: tuple[int, ...]) -> None:
    at = datetime(2026, 11, 20, 6, 30, 59, tzinfo=UTC)
    assert candle_start(at, resolution) == datetime(*start, tzinfo=UTC)  # type: ignore[misc]
    frame = {"type": f"candlestick_{resolution}", "sy": "BTCUSD", "o": 1, "h": 2, "l": 0.5, "c": 1.5, "ts": int(at.timestamp() * 1e6)}  # fmt: skip
    live = parse_feed(msgspec.json.decode(json.dumps(frame).encode(), type=feeds.CandleFrame, strict=False))
    assert isinstance(live, LiveCandle) and live.resolution == resolution and live.candle.volume is None
    assert live.candle.start == datetime(*start, tzinfo=UTC)  # type: ignore[misc]


def test_protection_messages() -> None:
    margin = parse_portfolio_margins(
        feeds.PortfolioMargins(
            index_symbol=".DEXBTUSD", blocked_margin="5", im_w_ucf="-1.5", mm_w_ucf=2, liquidation_risk="true"
        )
    )
    assert (margin.initial, margin.maintenance, margin.at_risk) == (Decimal("-1.5"), Decimal(2), True)
    with pytest.raises(WireError):
        parse_portfolio_margins(feeds.PortfolioMargins(index_symbol="x", blocked_margin="NaN", im_w_ucf=1, mm_w_ucf=1))
    assert parse_mmp_trigger(feeds.MmpTrigger(asset="BTC", frozen_till=-1)).frozen_until is None
    assert parse_mmp_trigger(feeds.MmpTrigger(asset="BTC", frozen_till=TS)).frozen_until is not None
    fill = parse_long_user_trade(
        feeds.LongUserTrade(symbol="X", order_id=7, fill_id="f", side="buy", size="2", price="3", commission="0.1")
    )
    assert (fill.venue_order_id, fill.quantity, fill.commission) == ("7", 2, Decimal("0.1"))


def test_a_broken_book_is_asked_for_anew_and_nothing_of_it_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trader.exchange.delta.stream.streams.BOOK_PAUSE_SECS", 0.05)
    subscribed: list[int] = []

    def on_frame(server: ScriptedWS, connection: Any, frame: dict[str, Any]) -> bool:
        if frame.get("type") != "subscribe":
            return False
        subscribed.append(len(subscribed))
        channels = [{"name": "ob_updates", "symbols": ["X"]}]
        connection.send(json.dumps({"type": "subscriptions", "channels": channels}))
        first = msgspec.to_builtins(snapshot(seq=1 + 100 * len(subscribed)))
        connection.send(json.dumps(first))
        if len(subscribed) == 1:
            for seq in (103, 104):  # 102 is lost
                connection.send(json.dumps(msgspec.to_builtins(update(seq=seq, a=[["1.0", "1"]]))))
        return True

    server = ScriptedWS(on_frame)
    books: list[Any] = []
    events: list[Any] = []
    stream = PublicStream(server.url, lambda message: None, events.append, on_feed=books.append, timings=QUICK)
    stream.subscribe("ob_updates", ["X"])
    stream.start()
    try:
        wait_for(lambda: len(books) == 2)
        assert all(isinstance(book, OrderBook) and book.asks[0].price == Decimal("120.5") for book in books)
        assert [(e.channel, e.symbol) for e in events if isinstance(e, SequenceGap)] == [("ob_updates", "X")]
        assert len(subscribed) == 2
    finally:
        stream.stop()
        server.close()
