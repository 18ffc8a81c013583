"""Margin mode and auto top-up over both clients, on the local exchange's real HTTP: read, set, refused."""

from decimal import Decimal as D
from typing import Any

import pytest

from tests.venue.venue_client import KEY, SECRET, Rest
from tests.venue.venue_market import CALL, PUT
from trader.desk.margin import change
from trader.domain.margin import MarginTerms
from trader.domain.outcome import Rejected
from trader.exchange.common.credentials import Credentials
from trader.exchange.delta.gateway import DeltaGateway
from trader.venue.server import VenueServer


def own(url: str) -> Any:
    return DeltaGateway(url, Credentials(KEY, SECRET))


def over_ccxt(url: str) -> Any:
    pytest.importorskip("ccxt", reason="ccxt is optional: see requirements-ccxt.txt")
    from trader.exchange.ccxt.delta import CcxtDeltaGateway

    return CcxtDeltaGateway(url, Credentials(KEY, SECRET))


@pytest.fixture(params=[own, over_ccxt], ids=["own", "ccxt"])
def gateway(request: pytest.FixtureRequest, venue: VenueServer) -> Any:
    made = request.param(venue.addresses.rest_url)
    yield made
    made.close()


def sell(rest: Rest, symbol: str, size: int = 10) -> None:
    body = {"product_symbol": symbol, "size": size, "side": "sell", "order_type": "market_order"}
    assert rest.ok("POST", "/v2/orders", body)["state"] == "closed"


def test_what_the_exchange_tells_of_a_flat_account_and_of_its_positions(gateway: Any, rest: Rest) -> None:
    flat = gateway.margin_terms()
    assert (flat.mode, flat.default_auto_topup, flat.positions) == ("isolated", False, ())
    assert gateway.wallet().margin_mode is None, "nothing is blocked that would show it"
    sell(rest, CALL)
    held = gateway.margin_terms()
    row = held.position(CALL)
    assert (held.mode, row.quantity, row.auto_topup, row.margin_mode) == ("isolated", -10, False, "isolated")
    told = rest.ok("GET", "/v2/positions/margined")[0]
    assert row.liquidation_price == D(told["liquidation_price"]) and row.margin == D(told["margin"]) > 0
    assert held.position(PUT) is None and gateway.wallet().margin_mode == "isolated"


def test_the_mode_is_set_told_and_shown_by_what_is_blocked(gateway: Any, rest: Rest) -> None:
    assert gateway.set_margin_mode("portfolio") is None
    flat = gateway.margin_terms()
    assert flat.mode_of("BTC") == "portfolio" and flat.portfolios is not None and ".DEXBTUSD" in flat.portfolios
    sell(rest, CALL)
    row = gateway.margin_terms().position(CALL)
    assert (row.margin_mode, row.liquidation_price) == ("portfolio", None)
    assert gateway.wallet().margin_mode == "portfolio"
    assert gateway.set_margin_mode("isolated") is None and gateway.margin_terms().mode == "isolated"


def test_auto_topup_of_new_positions_and_of_an_open_one(gateway: Any, rest: Rest) -> None:
    assert gateway.set_auto_topup(None, True) is None and gateway.margin_terms().default_auto_topup is True
    sell(rest, CALL)
    held = gateway.margin_terms().position(CALL)
    assert held.auto_topup is True, "a position opened since has it"
    assert gateway.set_auto_topup(held.product_id, False) is None
    assert gateway.margin_terms().position(CALL).auto_topup is False
    ended = gateway.set_auto_topup(999_999, True)
    assert isinstance(ended, Rejected)


def test_a_mode_that_cannot_be_carried_is_refused_and_stays_as_it_was(
    gateway: Any, rest: Rest, venue: VenueServer
) -> None:
    assert gateway.set_margin_mode("portfolio") is None
    for symbol in (CALL, PUT):
        for _ in range(3):
            sell(rest, symbol, 20)
    [account] = venue.exchange.accounts.values()
    account.balance = D(100)  # enough for both legs netted, not for each by itself
    ended = gateway.set_margin_mode("isolated")
    assert isinstance(ended, Rejected) and ended.code == "insufficient_margin"
    assert gateway.margin_terms().mode == "portfolio"


def test_what_ccxt_does_not_unify_is_not_told_and_cannot_be_set(venue: VenueServer) -> None:
    pytest.importorskip("ccxt", reason="ccxt is optional: see requirements-ccxt.txt")
    from trader.exchange.ccxt.gateway import CcxtGateway

    class Any_(CcxtGateway):
        def __init__(self) -> None:  # nothing of it is asked of the exchange
            pass

    plain = Any_()
    assert plain.margin_terms() == MarginTerms()
    sends = (lambda: plain.set_margin_mode("portfolio"), lambda: plain.set_auto_topup(None, True))
    for send in sends:
        assert isinstance(send(), Rejected)
        found = change("margin mode", send, plain.margin_terms, lambda terms: terms.mode, "portfolio")
        assert found.done is False and "cannot be set through ccxt; set it on the exchange's own page" in found.words
