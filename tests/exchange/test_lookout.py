"""Which messages wake the runner, and that none is lost between two horizons."""

from math import inf

import pytest

from tests.exchange.test_conflate import A, B, quote, ticker
from trader.domain.horizon import Bounds, Horizon
from trader.domain.order import Side
from trader.exchange.delta.stream.conflate import Conflator
from trader.exchange.delta.stream.lookout import Lookout
from trader.exchange.delta.wire.core import MarketMessage, MarkPrice, SpotPrice

SHORT = Bounds(Side.SELL, 700, 730, 9000)
LONG = Bounds(Side.BUY, 10, 20, 40)
AHEAD = Horizon({A: SHORT, B: LONG}, {"BTC": (76_000, 78_000)})


def mark(price: str | None, symbol: str = A) -> MarkPrice:
    return MarkPrice(sy=f"MARK:{symbol}", ts=1, p=price)


def index(price: str | None, name: str = ".DEXBTUSD") -> SpotPrice:
    return SpotPrice(sy=name, p=price, ts=1)


INSIDE = [
    ticker(),
    ticker("C-BTC-1-040926", mark="9999", q=["1", "1", "1", "1", None]),
    quote(ask="730", bid="1"),
    quote(B, bid="10", ask="9999"),
    quote("P-ETH-1-040926", ask=None),
    mark("0.1"),
    mark("9000"),
    mark("40", B),
    index("76000"),
    index("1", ".DEETHUSD"),
]
OUTSIDE = [
    ticker(q=["730.5", "64", "708", "80", None]),
    ticker(q=None),
    ticker(mark="9001"),
    ticker(mark=None),
    ticker(spot="78000.5"),
    quote(ask="699.5"),
    quote(ask=None),
    quote(ask="0"),
    quote(B, bid="9.5"),
    quote(B, bid="20.5"),
    quote(ask="nonsense"),
    mark("9000.1"),
    mark("40.1", B),
    index("75999"),
    index(None),
]


def watching(horizon: Horizon | None) -> Lookout:
    lookout = Lookout()
    lookout.horizon = horizon
    return lookout


@pytest.mark.parametrize("message", INSIDE)
def test_what_stays_inside_wakes_nobody(message: MarketMessage) -> None:
    assert not watching(AHEAD).matters(message)
    assert watching(None).matters(message), "without a horizon every message matters"


@pytest.mark.parametrize("message", OUTSIDE)
def test_what_leaves_it_or_cannot_be_read_wakes_the_runner(message: MarketMessage) -> None:
    assert watching(AHEAD).matters(message)


def test_the_runner_is_woken_once_until_it_takes_and_what_woke_nobody_is_taken_with_it() -> None:
    woken: list[int] = []
    lookout = watching(AHEAD)
    conflator = Conflator(lambda: woken.append(1), matters=lookout.matters)
    conflator.offer(quote(ask="720"))
    assert woken == []
    conflator.offer(quote(B, bid="5"))
    conflator.offer(quote(B, bid="4"))
    assert woken == [1]
    assert {one.symbol for one in conflator.take()} == {A, B}
    conflator.offer(quote(B, bid="4"))
    assert woken == [1, 1]


def test_what_came_before_a_narrower_horizon_is_judged_by_it() -> None:
    woken: list[int] = []
    lookout = watching(AHEAD)
    conflator = Conflator(lambda: woken.append(1), matters=lookout.matters)
    conflator.offer(ticker())
    lookout.horizon = Horizon({A: Bounds(Side.SELL, 700, 716, inf)}, {"BTC": (76_000, 78_000)})
    conflator.judge_again()
    conflator.judge_again()
    assert woken == [1]
