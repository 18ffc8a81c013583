from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.exchange.scripted_http import Handler, ScriptedHTTP
from trader.domain.instrument import Instrument, Kind


@pytest.fixture
def instrument() -> Instrument:
    return Instrument(
        symbol="C-BTC-78000-040926",
        product_id=150576,
        underlying="BTC",
        kind=Kind.CALL,
        strike=Decimal(78000),
        expiry=datetime(2026, 9, 4, 12, tzinfo=UTC),
        contract_value=Decimal("0.001"),
        tick_size=Decimal("0.1"),
        taker_rate=Decimal("0.0001"),
        maker_rate=Decimal("0.0001"),
        fee_cap=Decimal("0.035"),
        initial_margin_pct=Decimal(1),
        maintenance_margin_pct=Decimal("0.5"),
    )


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], ScriptedHTTP]]:
    """Start scripted servers that end with the test."""
    servers: list[ScriptedHTTP] = []

    def start(handler: Handler) -> ScriptedHTTP:
        servers.append(ScriptedHTTP(handler))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
