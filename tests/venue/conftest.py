"""A running venue over a market the tests move by hand, and small clients of its wire."""

from collections.abc import Iterator

import pytest

from tests.venue.test_core_orders import Trader
from tests.venue.venue_client import KEY, SECRET, USER_ID, Rest, Socket
from tests.venue.venue_market import Clock, HandMarket
from trader.venue.core.exchange import Exchange
from trader.venue.core.settings import CoreSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential


@pytest.fixture
def market() -> HandMarket:
    return HandMarket()


@pytest.fixture
def exchange(market: HandMarket) -> Exchange:
    return Exchange(market, CoreSettings())


@pytest.fixture
def trader(exchange: Exchange) -> Trader:
    return Trader(exchange)


@pytest.fixture
def clock(exchange: Exchange, market: HandMarket) -> Clock:
    return Clock(exchange, market)


@pytest.fixture
def venue(market: HandMarket) -> Iterator[VenueServer]:
    settings = VenueSettings(
        credentials=(Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID),),
        core=CoreSettings(margined_lag_secs=0.0),
    )
    server = VenueServer(market, settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def rest(venue: VenueServer) -> Iterator[Rest]:
    client = Rest(venue.addresses.rest_url)
    yield client
    client.close()


@pytest.fixture
def public(venue: VenueServer) -> Iterator[Socket]:
    socket = Socket(venue.addresses.ws_public_url)
    yield socket
    socket.close()


@pytest.fixture
def private(venue: VenueServer) -> Iterator[Socket]:
    socket = Socket(venue.addresses.ws_private_url)
    yield socket
    socket.close()
