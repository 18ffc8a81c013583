"""What the rig forgives a runner that ended by itself, and what it does not."""

import pytest

from tests.killpoints.rig import was_refused
from trader.domain.errors import NotSent, OutcomeUnknown, VenueRefused
from trader.exchange.delta.api.health import explain_failure

URL = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("error", "forgiven"),
    [
        (OutcomeUnknown("GET /v2/tickers: timed out"), True),
        (NotSent("GET /v2/tickers: connection timed out"), True),
        (VenueRefused("SignatureExpired"), True),
        (VenueRefused("invalid_api_key"), False),
        (VenueRefused("bad_schema"), False),
    ],
)
def test_only_a_silent_exchange_excuses_a_runner_that_was_not_started(error: Exception, forgiven: bool) -> None:
    words = explain_failure(error, rest_url=URL)
    assert was_refused(f"Error: The runner was not started, public API: {words}") is forgiven
    assert not was_refused(f"Error: {words}")
