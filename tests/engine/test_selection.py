"""Strike selection: the |delta| band nearest its middle, each liquidity filter on both sides of its limit, words."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import OPENING, preset, quote
from tests.engine.scene import option as contract
from trader.config.strategy import Strategy
from trader.domain.instrument import Instrument, Kind
from trader.domain.quote import Quote
from trader.engine.selection import Selection, choose_legs, liquidity_flaw


def board(calls: dict[int, float], puts: dict[int, float], **changes: Any) -> tuple[list[Instrument], dict[str, Quote]]:
    """Strikes with their |delta|; puts get the negative one."""
    listed, quotes = [], {}
    for kind, strikes in ((Kind.CALL, calls), (Kind.PUT, puts)):
        for strike, delta in strikes.items():
            made = contract(kind, strike)
            listed.append(made)
            quotes[made.symbol] = quote(made.symbol, OPENING, delta=delta if kind is Kind.CALL else -delta, **changes)
    return listed, quotes


def choose(listed: list[Instrument], quotes: dict[str, Quote], **strategy: Any) -> Selection:
    return choose_legs(preset(strategy=strategy), listed, quotes, OPENING)


def strikes(selection: Selection) -> list[int]:
    return [int(leg.strike) for leg in selection.legs]


PUTS = {96_000: 0.125}


@pytest.mark.parametrize(
    ("calls", "chosen"),
    [
        pytest.param({103_000: 0.149, 104_000: 0.124, 105_000: 0.101}, 104_000, id="nearest the middle"),
        pytest.param({103_000: 0.15, 104_000: 0.16}, 103_000, id="upper edge belongs"),
        pytest.param({103_000: 0.151, 105_000: 0.10}, 105_000, id="lower edge belongs"),
        pytest.param({103_000: 0.135, 105_000: 0.115}, 105_000, id="a tie goes further out of the money"),
    ],
)
def test_the_call_nearest_the_middle_of_the_band_is_sold(calls: dict[int, float], chosen: int) -> None:
    assert strikes(choose(*board(calls, PUTS))) == [chosen, 96_000]


def test_both_legs_are_pinned_with_their_terms_and_quote() -> None:
    call, put = choose(*board({104_000: 0.12}, PUTS)).legs
    assert (call.key, call.kind, put.key, put.kind) == ("C", Kind.CALL, "P", Kind.PUT)
    assert (call.quantity, call.tick_size, call.contract_value) == (2, Decimal("0.5"), Decimal("0.001"))
    assert (call.bid, call.ask, call.mark, call.delta) == (Decimal(200), Decimal(210), Decimal(205), 0.12)


def test_nothing_in_the_band_says_so_with_the_band() -> None:
    selection = choose(*board({104_000: 0.3}, PUTS))
    assert selection.legs == ()
    assert selection.reasons == ("no call has |delta| 0.10-0.15 (1 strikes looked at)",)


def test_both_sides_failing_names_both() -> None:
    assert len(choose(*board({104_000: 0.3}, {96_000: 0.3})).reasons) == 2


def test_a_strike_without_a_quote_or_greeks_is_no_candidate() -> None:
    listed, quotes = board({104_000: 0.125, 105_000: 0.11}, PUTS)
    first, second = listed[0].symbol, listed[1].symbol
    assert strikes(choose(listed, {s: q for s, q in quotes.items() if s != first})) == [105_000, 96_000]
    quotes[second] = replace(quotes[second], greeks=None)
    assert strikes(choose(listed, quotes)) == [104_000, 96_000]


def test_a_delta_that_is_not_a_number_is_no_candidate() -> None:
    assert choose(*board({104_000: float("nan")}, PUTS)).legs == ()


def test_halted_and_foreign_contracts_are_not_looked_at() -> None:
    listed, quotes = board({104_000: 0.125, 105_000: 0.11}, PUTS)
    halted = [replace(i, trading_status="disrupted_cancel_only") if i.strike == 104_000 else i for i in listed]
    assert strikes(choose(halted, quotes)) == [105_000, 96_000]
    other = [replace(i, underlying="ETH") for i in listed]
    assert "no listed expiry" in choose(other, quotes).reasons[0]


def test_an_illiquid_strike_gives_way_to_the_next_best() -> None:
    listed, quotes = board({104_000: 0.125, 105_000: 0.11}, PUTS)
    quotes[listed[0].symbol] = replace(quotes[listed[0].symbol], bid=None)
    assert strikes(choose(listed, quotes)) == [105_000, 96_000]


def test_when_all_in_the_band_are_illiquid_the_reasons_name_them() -> None:
    listed, quotes = board({104_000: 0.125}, PUTS)
    quotes[listed[0].symbol] = replace(quotes[listed[0].symbol], bid=None)
    (reason,) = choose(listed, quotes).reasons
    assert "liquid enough" in reason and listed[0].symbol in reason and "no bid" in reason


def flaw(strategy: dict[str, Any], **changes: Any) -> str:
    return liquidity_flaw(Strategy(**strategy), replace(quote("X", OPENING), **changes))


@pytest.mark.parametrize(
    ("strategy", "changes", "words"),
    [
        ({}, {}, ""),
        ({}, {"bid": None}, "no bid"),
        ({}, {"bid": Decimal(0)}, "no bid"),
        ({}, {"ask": None}, "no ask"),
        ({}, {"bid": Decimal(211)}, "crossed book"),
        ({}, {"bid": Decimal(210)}, ""),  # locked, not crossed
        ({}, {"mark": None}, "no mark price"),
        ({}, {"mark": Decimal(0)}, "no mark price"),
        ({"max_spread_pct": Decimal(40)}, {"bid": Decimal(80), "ask": Decimal(120)}, ""),
        ({"max_spread_pct": Decimal("39.9")}, {"bid": Decimal(80), "ask": Decimal(120)}, "spread 40.0 % above 39.9 %"),
        ({"min_bid_size": 5}, {"bid_size": 5}, ""),
        ({"min_bid_size": 5}, {"bid_size": 4}, "bid size 4 below 5"),
        ({"min_bid_size": 1}, {"bid_size": None}, "bid size 0 below 1"),
        ({"min_bid_size": 0}, {"bid_size": None}, ""),
        ({"min_open_interest": Decimal(10)}, {"open_interest": Decimal(10)}, ""),
        ({"min_open_interest": Decimal(10)}, {"open_interest": Decimal(9)}, "open interest 9 below 10"),
        ({"min_open_interest": Decimal(10)}, {"open_interest": None}, "open interest 0 below 10"),
        ({}, {"open_interest": None}, ""),
    ],
)
def test_each_liquidity_filter_on_both_sides(strategy: dict[str, Any], changes: dict[str, Any], words: str) -> None:
    found = flaw(strategy, **changes)
    assert (found == "") if words == "" else (words in found)
