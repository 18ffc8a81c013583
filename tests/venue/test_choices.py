"""Choices the exchange leaves open, typed as NAME=VALUE and seen on the wire."""

from decimal import Decimal as D
from typing import Any

import pytest

from tests.venue.test_core_orders import Trader
from tests.venue.venue_client import KEY, SECRET, USER_ID, Rest, Socket
from tests.venue.venue_market import HandMarket
from trader.domain.errors import ConfigError
from trader.domain.order import TimeInForce
from trader.venue.choices import NAMES, with_choices
from trader.venue.core.exchange import Exchange
from trader.venue.core.settings import CoreSettings
from trader.venue.server import VenueServer
from trader.venue.settings import VenueSettings
from trader.venue.wire.auth import Credential


def test_choices_are_converted_to_their_kind() -> None:
    chosen = with_choices(
        CoreSettings(), ["liquidates=false", "gst=0.05", "twap_window_secs=60", "bare_cancel_all=nothing"]
    )
    assert (chosen.liquidates, chosen.gst, chosen.twap_window_secs) == (False, D("0.05"), 60)
    assert with_choices(CoreSettings(), []) == CoreSettings()


@pytest.mark.parametrize(
    "choice",
    [
        "liquidates",
        "nonsense=1",
        "seed=3",
        "liquidates=perhaps",
        "gst=lots",
        "gst=NaN",
        "gst=-1",
        "option_leverage=0",
        "funding_interval_secs=0",
        "bare_cancel_all=some",
    ],
)
def test_choice_that_means_nothing_is_refused_in_a_sentence(choice: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_choices(CoreSettings(), [choice])
    assert choice.partition("=")[0] in str(caught.value)


def test_every_choice_has_a_default_that_can_be_typed() -> None:
    for name in NAMES:
        default = getattr(CoreSettings(), name)
        typed = str(default).lower() if isinstance(default, bool) else str(default)
        assert with_choices(CoreSettings(), [f"{name}={typed}"]) == CoreSettings()


def test_rest_of_an_ioc_and_a_crossing_post_only_end_as_chosen(market: HandMarket) -> None:
    trader = Trader(Exchange(market, CoreSettings(ioc_remainder_state="closed", post_only_cross="cancelled")))
    partly = trader.place("sell", 30, "399", time_in_force=TimeInForce.IOC)
    assert (partly.state, partly.unfilled_size, partly.cancellation_reason) == ("closed", 10, None)
    crossing = trader.place("sell", 1, "390", post_only=True)
    assert (crossing.state, crossing.cancellation_reason) == ("cancelled", "immediate_execution_post_only")


@pytest.mark.parametrize("form", ["text", "numbers"])
@pytest.mark.parametrize("ids", ["same", "separate"])
def test_rest_and_the_private_channels_name_an_execution_alike_only_where_chosen(
    market: HandMarket, ids: Any, form: Any
) -> None:
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID)
    core = CoreSettings(fill_ids=ids, fill_form=form)
    server = VenueServer(market, VenueSettings(credentials=(credential,), core=core))
    rest = Rest(server.start().rest_url)
    socket = Socket(server.addresses.ws_private_url)
    try:
        socket.login()
        socket.subscribe("v2/user_trades", "all")
        socket.subscribe("user_trades", "all")
        orders = [rest.order(product_id=101, size=2, side="sell", limit_price="390") for _ in range(2)]
        socket.expect("user_trades", lambda frame: frame["order_id"] == orders[1]["id"])
        fast = [frame["f"] for frame in socket.frames if frame["type"] == "v2/user_trades"]
        slow = [frame["fill_id"] for frame in socket.frames if frame["type"] == "user_trades"]
        rows = rest.ok("GET", "/v2/fills")
    finally:
        socket.close()
        rest.close()
        server.stop()
    over_rest = [row["id"] for row in rows]
    told = {*map(str, over_rest), *(row["meta_data"]["new_position"]["last_fill_uuid"] for row in rows)}
    assert fast == slow and all(isinstance(name, str) for name in fast) and len(set(fast)) == len(set(over_rest)) == 2
    assert {type(name) for name in over_rest} == {int if form == "numbers" else str}
    if ids == "same":
        assert told == set(fast)
    else:
        assert all(name.isdigit() for name in told)
        assert not any(a in b or b in a or int(a) % 10**9 == int(b, 16) % 10**9 for a in told for b in fast)


def test_wire_forms_are_as_chosen(market: HandMarket) -> None:
    core = CoreSettings(order_times="micros", fill_form="numbers", bare_cancel_all="nothing")
    credential = Credential(api_key=KEY, api_secret=SECRET, user_id=USER_ID)
    server = VenueServer(market, VenueSettings(credentials=(credential,), core=core))
    rest = Rest(server.start().rest_url)
    try:
        order = rest.order(product_id=101, size=5, side="sell", limit_price="399")
        assert order["created_at"].isdigit() and len(order["created_at"]) == 16
        (fill,) = rest.ok("GET", "/v2/fills")
        assert (type(fill["id"]), fill["size"]) == (int, 5)
        rest.order(product_id=101, size=5, side="buy", limit_price="390")
        rest.ok("DELETE", "/v2/orders/all", {"product_id": 101})
        assert len(rest.ok("GET", "/v2/orders")) == 1
    finally:
        rest.close()
        server.stop()
