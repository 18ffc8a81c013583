"""A local exchange that other people's clients are pointed at, shared by the tests of one file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.conformance.schema.check import validate
from tests.conformance.schema.rest import ENDPOINTS
from trader.venue.core.settings import CoreSettings
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential

KEY, SECRET, USER_ID = "official-key", "official-secret", 5_550_001
_TEMPLATES = {name.split(" ", 1)[1] for name in ENDPOINTS if "{" in name}


@dataclass
class Venue:
    url: str
    key: str = KEY
    secret: str = SECRET
    problems: list[str] = field(default_factory=list)

    def check(self, method: str, path: str, payload: Any) -> None:
        """Note where an answer departs from the exchange's field tables."""
        name = f"{method} {_template(path)}"
        if isinstance(payload, dict) and name in ENDPOINTS:
            found = validate(name, payload) if payload.get("success") is not False else validate("error", payload)
            self.problems += [f"{name}: {problem}" for problem in found]


def _template(path: str) -> str:
    path = path.split("?")[0]
    for template in sorted(_TEMPLATES, key=len, reverse=True):
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and f"GET {path}" not in ENDPOINTS:
            return template
    return path


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    settings = VenueSettings(
        credentials=(Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID),),
        core=CoreSettings(margined_lag_secs=0.0, seed=11, initial_balance=Decimal(100_000)),
        realtime=True,
    )
    server = VenueServer(SyntheticMarket(SyntheticSettings(seed=11, start=datetime.now(UTC))), settings)
    server.start()
    yield Venue(server.addresses.rest_url)
    server.stop()
