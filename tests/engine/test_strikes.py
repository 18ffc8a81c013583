"""Each selector: the strike it finds, the reason in words, and the one sentence when none qualifies."""

import pytest
from msgspec.structs import replace

from tests.engine.boards import Board, custom, structured
from tests.engine.scene import EXPIRY, OPENING, SPOT, D
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.domain.structure import (
    ByDelta,
    ByDeviations,
    ByDistance,
    ByPremium,
    BySteps,
    ByStrike,
    ByWidth,
    LegPlan,
    Selector,
)
from trader.engine.selection import Selection, choose_legs
from trader.engine.strikes import Chain, Listed, find

BOARD = Board()


def chain(**changes: object) -> Chain:
    listed = tuple(Listed(contract, quote) for contract, quote in BOARD.chain)
    return replace(Chain(listed=listed, spot=SPOT, market=OPENING, expiry=EXPIRY), **changes)


def found(
    selector: Selector, kind: Kind = Kind.CALL, side: Side = Side.SELL, **changes: object
) -> tuple[int, str] | str:
    plan = LegPlan(key="X", kind=kind, side=side, selector=selector)
    answer = find(chain(**changes), plan, {"C": D(103_000)})
    return answer if isinstance(answer, str) else (int(answer[0][0].strike), answer[0][1])


@pytest.mark.parametrize(
    ("selector", "kind", "expected"),
    [
        (ByDelta(D("0.10"), D("0.15")), Kind.CALL, (103_500, "|delta| 0.131, nearest to 0.125 in 0.10-0.15")),
        (ByDelta(D("0.60"), D("0.70")), Kind.PUT, (101_000, "|delta| 0.623, nearest to 0.65 in 0.60-0.70")),
        (ByPremium(D(200)), Kind.CALL, (103_500, "mid price 195.25 USD, the closest to 200")),
        (ByPremium(D(200), "at_least"), Kind.CALL, (103_000, "mid price 266.25 USD, the closest to 200")),
        (ByPremium(D(200), "at_most"), Kind.CALL, (103_500, "mid price 195.25 USD, the closest to 200")),
        (ByDistance(D(4)), Kind.CALL, (104_000, "4.00 % from spot, nearest to 4 % of spot away")),
        (ByDistance(D("3.8")), Kind.PUT, (96_000, "4.00 % from spot, nearest to 3.8 % of spot away")),
        (ByDistance(D("0.1")), Kind.CALL, (100_500, "0.50 % from spot, nearest to 0.1 % of spot away")),
        (BySteps(0), Kind.CALL, (100_000, "the strike nearest to spot")),
        (BySteps(3), Kind.CALL, (101_500, "3 strikes out of the money")),
        (BySteps(3), Kind.PUT, (98_500, "3 strikes out of the money")),
        (BySteps(-2), Kind.PUT, (101_000, "2 strikes in the money")),
        (
            ByDeviations(D(1)),
            Kind.CALL,
            (103_000, "3.00 % from spot, nearest to 103,068, 1 standard deviations away at 50.0 % a year"),
        ),
        (
            ByDeviations(D(2)),
            Kind.PUT,
            (94_000, "6.00 % from spot, nearest to 94,135, 2 standard deviations away at 50.0 % a year"),
        ),
        (ByStrike(D(97_000)), Kind.PUT, (97_000, "the strike asked for")),
        (ByWidth(D(1200), "C"), Kind.CALL, (104_000, "1,000 USD beyond C, the nearest to 1,200")),
        (ByWidth(D(1), "C"), Kind.CALL, (103_500, "500 USD beyond C, the nearest to 1")),
    ],
)
def test_the_strike_and_its_reason(selector: Selector, kind: Kind, expected: tuple[int, str]) -> None:
    assert found(selector, kind) == expected


@pytest.mark.parametrize(
    ("selector", "sentence"),
    [
        (ByDelta(D("0.90"), D("0.91")), "no call has |delta| 0.90-0.91 (50 strikes looked at)"),
        (
            ByPremium(D(90_000), "at_least"),
            "no call has a mid price of at least 90,000 USD (41 priced strikes looked at)",
        ),
        (BySteps(40), "no call is listed 40 strikes from the one at the money (100,000)"),
        (ByStrike(D(97_123)), "no call has the strike 97,123"),
        (ByWidth(D(1000), "Q"), "its width is measured from Q, which has no strike"),
    ],
)
def test_why_none_qualifies(selector: Selector, sentence: str) -> None:
    assert found(selector) == sentence


def test_without_what_it_is_measured_from_there_is_no_strike() -> None:
    assert found(ByDistance(D(3)), spot=None) == "no index price"
    bare = tuple(
        replace(one, quote=replace(one.quote, mark_iv=None)) for one in chain().listed if one.quote is not None
    )
    assert found(ByDeviations(D(1)), listed=bare) == "the strike at the money has no implied volatility"
    assert found(ByDistance(D(3)), spot=D(200_000)) == "no call is listed out of the money (spot 200,000)"


def choose(config: object, quotes: dict[str, Quote] | None = None, *, without: tuple[str, ...] = ()) -> Selection:
    contracts: list[Instrument] = [one for one, _ in BOARD.chain if one.symbol not in without]
    told = quotes or {quote.symbol: quote for _, quote in BOARD.chain}
    return choose_legs(config, contracts, told, OPENING)  # type: ignore[arg-type]


def test_call_and_put_of_a_straddle_are_at_one_strike_that_both_are_listed_for() -> None:
    legs = choose(structured("short_straddle"), without=("C-BTC-100000-160125",)).legs
    assert {int(leg.strike) for leg in legs} == {99_500}


def test_legs_are_told_in_the_order_of_their_structure_with_ratio_rank_and_reason() -> None:
    legs = choose(structured("iron_condor")).legs
    assert [(leg.key, leg.side.value, leg.rank, int(leg.strike)) for leg in legs] == [
        ("LC", "buy", 0, 104_500),
        ("LP", "buy", 0, 95_500),
        ("C", "sell", 1, 103_500),
        ("P", "sell", 1, 96_500),
    ]
    assert legs[0].why == "1,000 USD beyond C, the nearest to 1,000"
    ratio = choose(structured("ratio_strangle", quantity=3, call_ratio=2, put_ratio=5)).legs
    assert [(leg.ratio, leg.quantity) for leg in ratio] == [(2, 6), (5, 15)]


def test_a_wing_whose_short_has_no_strike_is_not_told_twice() -> None:
    config = structured("iron_condor", delta_min="0.01", delta_max="0.011")
    assert choose(config).reasons == (
        "C: no call has |delta| 0.01-0.011 (50 strikes looked at)",
        "P: no put has |delta| 0.01-0.011 (50 strikes looked at)",
    )


def changed(symbol: str, **fields: object) -> dict[str, Quote]:
    return {q.symbol: replace(q, **fields) if q.symbol == symbol else q for _, q in BOARD.chain}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"ask": None}, "no ask"),
        ({"ask": D(900)}, "ask 900 too far above the mark 100"),
        ({"ask_size": 0}, "ask size 0 below 1"),
        ({"bid": D(110), "ask": D(100)}, "crossed book (bid 110 above ask 100)"),
        ({"open_interest": D(1)}, "open interest 1 below 2"),
    ],
)
def test_what_is_bought_is_judged_by_what_is_offered(fields: dict[str, object], sentence: str) -> None:
    symbol = "C-BTC-104500-160125"
    config = custom(("X", "call", "buy", 1, "strike", "104500"), min_open_interest="2")
    reasons = choose(config, changed(symbol, **{"mark": D(100), **fields})).reasons
    assert reasons == (f"no call is liquid enough: {symbol}: {sentence}",)


def test_a_wing_for_which_nobody_bids_may_be_bought_and_not_be_sold() -> None:
    nobody = changed("C-BTC-104500-160125", bid=None, bid_size=0)
    assert choose(custom(("X", "call", "buy", 1, "strike", "104500")), nobody).legs
    assert choose(custom(("X", "call", "sell", 1, "strike", "104500")), nobody).reasons == (
        "no call is liquid enough: C-BTC-104500-160125: no bid",
    )
