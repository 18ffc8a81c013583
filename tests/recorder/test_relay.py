"""A relay shows another exchange's market and nothing of its own; orders stay here; lost prices are said to be lost."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.recorder.conftest import options_for, other_exchange, until
from tests.venue.venue_client import KEY, SECRET, USER_ID, Rest, Socket
from trader.domain.errors import ConfigError
from trader.venue.feed.public_feed import FeedOptions, check_options
from trader.venue.feed.relay import RelayMarket
from trader.venue.launch import VenueOptions, build_venue
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential


@pytest.fixture(scope="module")
def relaying(elsewhere: VenueServer) -> Iterator[VenueServer]:
    settings = VenueSettings(credentials=(Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID),), realtime=True)
    server = VenueServer(RelayMarket(options_for(elsewhere)), settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def here(relaying: VenueServer) -> Iterator[Rest]:
    client = Rest(relaying.addresses.rest_url)
    yield client
    client.close()


@pytest.fixture
def there(elsewhere: VenueServer) -> Iterator[Rest]:
    client = Rest(elsewhere.addresses.rest_url)
    yield client
    client.close()


def products(rest: Rest) -> dict[str, dict[str, Any]]:
    kinds = ("call_options", "put_options", "perpetual_futures")
    paths = [f"/v2/products?contract_types={kind}&page_size=1000" for kind in kinds]
    return {row["symbol"]: row for path in paths for row in rest.ok("GET", path, signed=False)}


def test_the_nearest_expiry_is_listed_with_the_other_exchanges_terms(here: Rest, there: Rest) -> None:
    ours, theirs = products(here), products(there)
    assert "BTCUSD" in ours and "ETHUSD" not in ours and ours.keys() < theirs.keys()
    expiries = {row["settlement_time"] for row in ours.values() if row["settlement_time"]}
    assert expiries == {min(row["settlement_time"] for row in theirs.values() if row["settlement_time"])}
    for symbol, row in ours.items():
        for name in ("id", "tick_size", "contract_value", "taker_commission_rate", "initial_margin", "settlement_time"):
            assert row[name] == theirs[symbol][name], (symbol, name)


def test_quotes_and_marks_are_those_of_the_other_exchange(relaying: VenueServer, elsewhere: VenueServer) -> None:
    ours, theirs = Socket(relaying.addresses.ws_public_url), Socket(elsewhere.addresses.ws_public_url)
    theirs.subscribe("ob_l1", "BTCUSD")
    ours.subscribe("ob_l1", "BTCUSD")
    heard = [ours.expect("ob_l1") for _ in range(5)]
    for _ in range(6):
        theirs.expect("ob_l1")
    told = [frame for frame in theirs.frames if frame["type"] == "ob_l1"]
    quotes = {(f["bp"], f["ap"]) for f in told}
    shared = [f for f in heard if (f["bp"], f["ap"]) in quotes]
    assert len(shared) >= 3, (heard, quotes)
    ours.close()
    theirs.close()


def test_orders_fill_at_relayed_quotes_and_never_leave(here: Rest, there: Rest) -> None:
    quote = here.ok("GET", "/v2/tickers/BTCUSD", signed=False)["quotes"]
    order = here.order(product_symbol="BTCUSD", size=1, side="buy", order_type="market_order", limit_price=None)
    assert order["unfilled_size"] == 0
    assert abs(float(order["average_fill_price"]) / float(quote["best_ask"]) - 1) < 0.01
    assert there.ok("GET", "/v2/orders/history") == [] and there.ok("GET", "/v2/fills") == []
    assert there.ok("GET", "/v2/positions?product_id=27")["size"] == 0


def test_trades_of_the_other_exchange_are_printed_here(relaying: VenueServer) -> None:
    socket = Socket(relaying.addresses.ws_public_url)
    socket.subscribe("trades", "BTCUSD")
    socket.ws.settimeout(20)
    trade = socket.expect("trades")
    assert trade["sy"] == "BTCUSD" and float(trade["p"]) > 1000
    socket.close()


def test_candles_hold_what_was_heard_and_nothing_before(here: Rest) -> None:
    now = int(datetime.now(UTC).timestamp())
    rows = here.ok(
        "GET", f"/v2/history/candles?symbol=MARK:BTCUSD&resolution=1m&start={now - 3600}&end={now}", signed=False
    )
    assert 1 <= len(rows) < 20


def test_a_lost_feed_is_shown_and_stops_trading_until_it_is_back() -> None:
    other = other_exchange()
    options = options_for(other)
    market = RelayMarket(options, stale_secs=3.0)
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID)
    server = VenueServer(market, VenueSettings(credentials=(credential,), realtime=True))
    server.start()
    rest, socket = Rest(server.addresses.rest_url), Socket(server.addresses.ws_public_url)
    socket.subscribe("system_status")
    assert socket.expect("system_status")["status"] == "live"
    other.stop()
    lost = socket.expect("system_status", lambda frame: frame["event"] != "snapshot")
    assert lost["status"] == "degraded_mode"
    row = rest.ok("GET", "/v2/tickers/BTCUSD", signed=False)
    assert row["product_trading_status"] == "disrupted_cancel_only"
    assert (row["quotes"]["best_bid"], row["quotes"]["best_ask"]) == (None, None)
    refused = rest.call("POST", "/v2/orders", {"product_symbol": "BTCUSD", "size": 1, "side": "buy", "order_type": "market_order"})  # fmt: skip
    assert refused.status_code == 400
    again = other_exchange(options)
    back = socket.expect("system_status", lambda frame: frame["status"] == "live")
    assert back["event"] == "app_status_update"
    until(lambda: rest.ok("GET", "/v2/tickers/BTCUSD", signed=False)["quotes"]["best_bid"] is not None)
    assert rest.order(product_symbol="BTCUSD", size=1, side="buy", order_type="market_order")["unfilled_size"] == 0
    for each in (rest, socket):
        each.close()
    server.stop()
    again.stop()


def test_silence_counts_as_lost() -> None:
    other = other_exchange()
    clock = [0.0]
    market = RelayMarket(options_for(other), monotonic=lambda: clock[0])
    now = datetime.now(UTC)
    market.advance(now)
    assert market.health().live and market.depth("BTCUSD").bids
    clock[0] = 15.5
    other.stop()
    until(lambda: not market.health().live)
    market.advance(datetime.now(UTC))
    assert market.depth("BTCUSD").bids == () == market.depth("BTCUSD").asks
    assert market.option_stats("BTCUSD").mark > Decimal(1000), "what was last known is not made unknown"
    market.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rest_url": "http://api.india.delta.exchange"}, "not encrypted"),
        ({"ws_url": "https://public-socket.india.delta.exchange"}, "must start with wss://"),
        ({"ws_url": ""}, "must look like"),
        ({"underlyings": ()}, "at least one"),
        ({"expiries": 0}, "at least 1"),
    ],
)
def test_addresses_nothing_can_come_from_are_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_options(FeedOptions(**change))  # type: ignore[arg-type]


def test_the_default_is_the_productions_public_side() -> None:
    options = FeedOptions()
    check_options(options)
    assert (options.rest_url, options.ws_url) == (
        "https://api.india.delta.exchange",
        "wss://public-socket.india.delta.exchange",
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (VenueOptions(market="relay", speed=2.0), "speed 1"),
        (VenueOptions(market="relay", relay_rest_url="http://127.0.0.1:1"), "both addresses"),
        (VenueOptions(relay_rest_url="http://127.0.0.1:1", relay_ws_url="ws://127.0.0.1:1"), "but the market is"),
        (
            VenueOptions(market="relay", relay_rest_url="http://127.0.0.1:9", relay_ws_url="ws://127.0.0.1:9"),
            "no market data from",
        ),
    ],
)
def test_relay_options_that_cannot_be_used_are_refused(options: VenueOptions, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        build_venue(options)
