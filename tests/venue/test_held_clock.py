"""A replay begins when somebody watches: until then its market stands still at the first instant."""

from datetime import timedelta

from tests.venue.venue_client import KEY, SECRET, USER_ID, Rest, Socket
from tests.venue.venue_market import START, HandMarket
from trader.venue.clock import MarketClock
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential


def test_a_held_clock_stands_until_it_is_released_and_then_runs_at_its_speed() -> None:
    clock = MarketClock(START, speed=600, held=True)
    assert clock.now() == START == clock.now()
    clock.release()
    first = clock.now()
    while clock.now() == first:
        pass
    assert START <= first < clock.now() < START + timedelta(hours=1)


def test_a_held_venue_starts_its_market_with_the_first_subscription() -> None:
    settings = VenueSettings(
        credentials=(Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID),),
        speed=60.0,
        hold_until_subscribed=True,
    )
    server = VenueServer(HandMarket(), settings)
    server.start()
    rest, public = Rest(server.addresses.rest_url), Socket(server.addresses.ws_public_url)
    try:
        assert rest.ok("GET", "/v2/tickers/BTCUSD", signed=False)["timestamp"] == START.timestamp() * 1e6
        public.subscribe("spot_price", ".DEXBTUSD")
        moved = public.expect("spot_price", lambda frame: frame["ts"] > START.timestamp() * 1e6)
        assert moved["sy"] == ".DEXBTUSD"
    finally:
        rest.close()
        public.close()
        server.stop()
