"""A running venue over the synthetic market, a minute a second, and small clients of its public wire."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.venue.conftest import market, private, public, rest, venue  # noqa: F401 - fixtures
from tests.venue.venue_client import KEY, SECRET, USER_ID, Rest, Socket
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

START = datetime(2026, 11, 20, 6, 7, 3, tzinfo=UTC)
SPEED = 60.0


@pytest.fixture(scope="session")
def synthetic_venue() -> Iterator[VenueServer]:
    settings = VenueSettings(
        credentials=(Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID),),
        speed=SPEED,
        connects_max=1000,
    )
    server = VenueServer(SyntheticMarket(SyntheticSettings(seed=7, start=START)), settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def live(synthetic_venue: VenueServer) -> Iterator[Rest]:
    client = Rest(synthetic_venue.addresses.rest_url)
    yield client
    client.close()


@pytest.fixture
def compact(synthetic_venue: VenueServer) -> Iterator[Socket]:
    socket = Socket(synthetic_venue.addresses.ws_public_url)
    yield socket
    socket.close()


@pytest.fixture
def legacy(synthetic_venue: VenueServer) -> Iterator[Socket]:
    socket = Socket(synthetic_venue.addresses.ws_private_url)
    yield socket
    socket.close()


@pytest.fixture(scope="session")
def money(synthetic_venue: VenueServer) -> str:
    """The call nearest the money of BTC's second expiry."""
    client = Rest(synthetic_venue.addresses.rest_url)
    found: str = near_the_money(client)["symbol"]
    client.close()
    return found


def near_the_money(client: Rest) -> dict[str, Any]:
    rows = client.ok("GET", "/v2/products?contract_types=call_options&states=live&page_size=1000", signed=False)
    bitcoin = [row for row in rows if row["underlying_asset"]["symbol"] == "BTC"]
    expiry = sorted({row["settlement_time"] for row in bitcoin})[1]
    spot = float(client.ok("GET", "/v2/tickers/BTCUSD", signed=False)["spot_price"])
    chain = [row for row in bitcoin if row["settlement_time"] == expiry]
    return min(chain, key=lambda row: abs(float(row["strike_price"]) - spot))
