"""A local venue that plays the public side of the exchange: the thing that is recorded and relayed."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from tests.venue.venue_client import KEY, SECRET, USER_ID
from trader.exchange.delta.stream.connection import Timings
from trader.venue.feed.public_feed import FeedOptions
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

QUICK = Timings(backoff_first_secs=0.05, backoff_longest_secs=0.1, tick_secs=0.05)


def until(condition: Callable[[], bool], secs: float = 30.0) -> None:
    deadline = time.monotonic() + secs
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.01)


def other_exchange(like: FeedOptions | None = None) -> VenueServer:
    """A venue over a synthetic market in real time; where `like` points to, if that is given."""
    rest, public = (0, 0) if like is None else (int(url.rpartition(":")[2]) for url in (like.rest_url, like.ws_url))
    settings = VenueSettings(
        credentials=(Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID),),
        realtime=True,
        rest_port=rest,
        ws_public_port=public,
    )
    server = VenueServer(SyntheticMarket(SyntheticSettings(seed=11, start=datetime.now(UTC))), settings)
    server.start()
    return server


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[VenueServer]:
    server = other_exchange()
    yield server
    server.stop()


def options_for(server: VenueServer) -> FeedOptions:
    addresses = server.addresses
    return FeedOptions(
        rest_url=addresses.rest_url,
        ws_url=addresses.ws_public_url,
        underlyings=("BTC",),
        expiries=1,
        books=10,
        timings=QUICK,
    )
