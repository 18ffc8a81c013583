"""Portfolio margin as the desk estimates it, against what the local exchange blocks for the same options: to the last digit."""

from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from tests.venue.test_core_orders import Trader
from trader.domain.instrument import Instrument, Kind
from trader.pricing.margin_mode import OptionHeld, margin_in
from trader.venue.core.exchange import Exchange
from trader.venue.core.settings import CoreSettings
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings

START = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)
C, P = Kind.CALL, Kind.PUT
# Kind, place of the strike away from the money, contracts.
STRUCTURES = {
    "strangle": ((C, 3, -10), (P, -3, -10)),
    "straddle": ((C, 0, -10), (P, 0, -10)),
    "condor": ((C, 5, 10), (P, -5, 10), (C, 2, -10), (P, -2, -10)),
    "ratio": ((C, 1, 5), (C, 3, -10), (P, -3, -10)),
    "one leg": ((C, 0, -1),),
}


@pytest.fixture
def manager() -> Trader:
    exchange = Exchange(SyntheticMarket(SyntheticSettings(seed=3, start=START)), CoreSettings())
    exchange.advance(START)
    trader = Trader(exchange)
    exchange.positions.set_margin_mode(trader.account, "portfolio")
    return trader


def contract(exchange: Exchange, kind: Kind, place: int) -> Instrument:
    """The nearest expiry's option so many strikes from the money."""
    options = [one for one in exchange.products.live.values() if one.underlying == "BTC" and one.kind is kind]
    expiry = min(one.expiry for one in options if one.expiry is not None)
    listed = sorted((one for one in options if one.expiry == expiry), key=lambda one: one.strike or D(0))
    spot = exchange.market.spot("BTC")
    middle = min(range(len(listed)), key=lambda i: abs((listed[i].strike or D(0)) - spot))
    return listed[middle + place]


def held(exchange: Exchange, one: Instrument, contracts: int) -> OptionHeld:
    stats = exchange.stats(one.symbol)
    assert one.strike is not None and one.expiry is not None
    return OptionHeld(
        kind=one.kind, strike=one.strike, expiry=one.expiry, quantity=contracts, contract_value=one.contract_value,
        mark=stats.mark, iv=stats.mark_iv, margin_pct=one.initial_margin_pct,
    )  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_estimate_is_what_the_exchange_blocks_without_commissions(manager: Trader, name: str) -> None:
    exchange, legs = manager.exchange, []
    for kind, place, contracts in STRUCTURES[name]:
        one = contract(exchange, kind, place)
        manager.place("buy" if contracts > 0 else "sell", abs(contracts), None, symbol=one.symbol)
        legs.append(held(exchange, one, contracts))
        assert manager.account.position_size(one.symbol) == contracts
    margin = exchange.portfolio(manager.account)
    spot = exchange.market.spot("BTC")
    estimate = margin_in("portfolio", legs, spot=spot, at=exchange.now)
    assert estimate == margin.im_with_ucf == margin.blocked - margin.commission > 0
    assert exchange.wallet(manager.account).blocked_margin == estimate + margin.commission


def test_the_last_leg_takes_what_is_told_with_the_others_held(manager: Trader) -> None:
    exchange = manager.exchange
    call, put = contract(exchange, C, 0), contract(exchange, P, 0)
    manager.place("sell", 10, None, symbol=call.symbol)
    before = exchange.portfolio(manager.account).im_with_ucf
    manager.place("sell", 10, None, symbol=put.symbol)
    more = exchange.portfolio(manager.account).im_with_ucf - before
    new, beside = [held(exchange, put, -10)], [held(exchange, call, -10)]
    assert margin_in("portfolio", new, spot=exchange.market.spot("BTC"), at=exchange.now, beside=beside) == more


def test_isolated_estimate_and_exchange_agree_on_fresh_short_options(manager: Trader) -> None:
    """The estimate counts at the mark, a position at the price it was sold for."""
    exchange = manager.exchange
    exchange.positions.set_margin_mode(manager.account, "isolated")
    legs = []
    for kind, place, contracts in STRUCTURES["strangle"]:
        one = contract(exchange, kind, place)
        manager.place("sell", -contracts, None, symbol=one.symbol)
        sold = manager.account.fills[-1].price
        legs.append(held(exchange, one, contracts))
        legs[-1] = OptionHeld(**{name: getattr(legs[-1], name) for name in legs[-1].__struct_fields__} | {"mark": sold})
    estimate = margin_in("isolated", legs, spot=exchange.market.spot("BTC"), at=exchange.now)
    assert estimate == exchange.wallet(manager.account).position_margin
