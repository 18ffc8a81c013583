"""A running venue with a control port, over a market the tests move by hand, and clients of its wire and its faults."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.venue.conftest import private, public, rest  # noqa: F401 - fixtures
from tests.venue.venue_client import KEY, SECRET, USER_ID
from tests.venue.venue_market import HandMarket
from trader.venue.core.settings import CoreSettings
from trader.venue.faults.helper import VenueFaults
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential


@pytest.fixture
def market() -> HandMarket:
    return HandMarket()


@contextmanager
def serving(market: HandMarket) -> Iterator[VenueServer]:
    settings = VenueSettings(
        credentials=(Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID),),
        core=CoreSettings(margined_lag_secs=0.0),
        control_port=0,
    )
    server = VenueServer(market, settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def venue(market: HandMarket) -> Iterator[VenueServer]:
    with serving(market) as server:
        yield server


@pytest.fixture
def faults(venue: VenueServer) -> Iterator[VenueFaults]:
    assert venue.addresses.control_url is not None
    made = VenueFaults(venue.addresses.control_url)
    yield made
    made.clear()
