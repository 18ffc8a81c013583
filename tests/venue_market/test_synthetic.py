import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from math import log
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from trader.domain.instrument import Instrument, Kind
from trader.domain.rounding import is_on_tick
from trader.pricing.black76 import price_and_greeks, year_fraction
from trader.venue.market.first_version import first_version_price
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings
from trader.venue.market.temper import CELL_SECS, MarketMode

START = datetime(2026, 11, 20, 6, 7, 3, tzinfo=UTC)  # a Friday
HOUR = timedelta(hours=1)
FIRST_VERSION = (  # second, BTC, ETH
    (0, 77000.0, 2600.0),
    (1, 76998.85110431613, 2600.0991362822983),
    (100_000, 73997.70809148201, 2717.6385934182745),
    (5_000_000, 61561.95751227339, 2428.666052392756),
    (31_000_003, 99273.07442098741, 2542.2863359664993),
)


def market(seed: int = 7) -> SyntheticMarket:
    return SyntheticMarket(SyntheticSettings(seed=seed, start=START))


def options(source: SyntheticMarket, underlying: str = "BTC", nearest: int = 0) -> list[Instrument]:
    listed = [each for each in source.instruments() if each.underlying == underlying and each.expiry is not None]
    expiry = sorted({each.expiry for each in listed})[nearest]  # type: ignore[type-var]
    return sorted((each for each in listed if each.expiry == expiry), key=lambda each: (each.kind, each.strike))


def picture(source: SyntheticMarket) -> dict[str, object]:
    chosen = [*options(source, "BTC", 1)[::15], *options(source, "ETH", 2)[::25]]
    return {
        each.symbol: (source.depth(each.symbol).bids, source.depth(each.symbol).asks, source.option_stats(each.symbol))
        for each in chosen
    } | {name: source.spot(name) for name in source.underlyings}


def test_the_market_starts_at_its_settings() -> None:
    source = market()
    assert source.start() == START
    assert source.end() is None
    assert (source.spot("BTC"), source.spot("ETH")) == (D(77_000), D(2_600))


def test_the_same_seed_makes_the_same_market_and_another_seed_another() -> None:
    one, two, other = market(), market(), market(8)
    for source in (one, two, other):
        source.advance(START + 5 * HOUR)
    assert picture(one) == picture(two)
    assert one.spot("BTC") != other.spot("BTC")


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 86400 * 1000), max_size=6))
def test_prices_do_not_depend_on_the_steps_in_which_time_passed(steps: list[int]) -> None:
    goal = START + timedelta(days=1, milliseconds=250)
    jumped, stepped = market(), market()
    for ms in sorted(steps):
        stepped.advance(START + timedelta(milliseconds=ms))
        stepped.spot("BTC")
        if ms % 3 == 0:
            picture(stepped)
    jumped.advance(goal)
    stepped.advance(goal)
    assert {each.symbol for each in jumped.instruments()} == {each.symbol for each in stepped.instruments()}
    assert picture(jumped) == picture(stepped)


def test_time_does_not_go_back() -> None:
    source = market()
    source.advance(START + HOUR)
    with pytest.raises(ValueError, match="cannot go back"):
        source.advance(START)


def test_books_are_never_crossed_and_stand_on_ticks() -> None:
    source = market()
    without_bid = 0
    for hours in (0, 3, 5.8):
        source.advance(START + hours * HOUR)
        for each in source.instruments():
            depth = source.depth(each.symbol)
            bids, asks = [p for p, _ in depth.bids], [p for p, _ in depth.asks]
            assert asks, each.symbol
            assert bids == sorted(set(bids), reverse=True)
            assert asks == sorted(set(asks))
            assert not bids or bids[0] < asks[0]
            assert all(price > 0 and is_on_tick(price, each.tick_size) for price in bids + asks)
            assert all(size > 0 for _, size in depth.bids + depth.asks)
            without_bid += not bids
    assert without_bid > 0


def test_marks_are_black_76_on_spot_with_the_published_volatility() -> None:
    source = market()
    source.advance(START + timedelta(hours=2, seconds=17))
    for each in options(source, "BTC", 1):
        stats = source.option_stats(each.symbol)
        assert each.expiry is not None
        years = year_fraction(START + timedelta(hours=2, seconds=17), each.expiry)
        value, greeks = price_and_greeks(
            float(source.spot("BTC")), float(each.strike or 0), stats.mark_iv, years, each.kind
        )
        assert stats.mark == pytest.approx(D(value), abs=D("1e-7"))
        assert stats.greeks == greeks
        assert stats.band_low <= max(stats.mark, each.tick_size) <= stats.band_high


def test_options_get_cheaper_away_from_the_money() -> None:
    source = market()
    for nearest in range(7):
        for underlying in source.underlyings:
            chain = options(source, underlying, nearest)
            for kind, sign in ((Kind.CALL, -1), (Kind.PUT, 1)):
                marks = [source.option_stats(each.symbol).mark for each in chain if each.kind is kind]
                assert marks == sorted(marks, reverse=sign < 0)


@pytest.mark.parametrize("seed", range(4))
def test_a_delta_band_of_10_to_15_always_holds_a_strike_that_can_be_sold(seed: int) -> None:
    source = market(seed)
    for hours in range(0, 96, 13):
        source.advance(START + hours * HOUR)
        for underlying in source.underlyings:
            chain = options(source, underlying, 1)
            for kind in (Kind.CALL, Kind.PUT):
                found = [
                    each
                    for each in chain
                    if each.kind is kind and 0.10 <= abs(source.option_stats(each.symbol).greeks.delta) <= 0.15
                ]
                assert found, (seed, hours, underlying, kind)
                depth, mark = source.depth(found[0].symbol), source.option_stats(found[0].symbol).mark
                assert depth.bids[0][1] >= 20
                assert (depth.asks[0][0] - depth.bids[0][0]) / mark < D("0.20")


def test_strikes_cover_deltas_from_3_to_97() -> None:
    source = market()
    for nearest in range(1, 7):
        deltas = [source.option_stats(each.symbol).greeks.delta for each in options(source, "BTC", nearest)]
        calls = [delta for delta in deltas if delta > 0]
        assert min(calls) < 0.03
        assert max(calls) > 0.97


def test_eight_or_so_expiries_are_listed_and_roll_at_noon_utc() -> None:
    source = market()
    noon = START.replace(hour=12, minute=0, second=0)
    before = {each.expiry for each in source.instruments() if each.expiry}
    assert 7 <= len(before) <= 9
    assert noon in before
    today = options(source)[0].symbol
    source.advance(noon - timedelta(milliseconds=1))
    assert source.depth(today).asks
    source.advance(noon)
    after = {each.expiry for each in source.instruments() if each.expiry}
    assert noon not in after
    assert noon + timedelta(days=4) in after - before
    with pytest.raises(KeyError):
        source.depth(today)


def test_a_listed_strike_stays_until_it_expires() -> None:
    source = market()
    before = {each.symbol for each in options(source, "BTC", 2)}
    source.advance(START + timedelta(days=1, hours=20))
    assert before <= {each.symbol for each in source.instruments()}


def test_contract_terms_are_the_exchanges_and_ids_are_never_shared() -> None:
    source = market()
    source.advance(START + timedelta(days=2))
    listed = source.instruments()
    assert len({each.product_id for each in listed}) == len(listed)
    by_symbol = {each.symbol: each for each in listed}
    assert by_symbol["BTCUSD"].product_id == 27
    assert by_symbol["ETHUSD"].product_id == 3136
    option = options(source)[0]
    assert (option.contract_value, option.tick_size, option.fee_cap) == (D("0.001"), D("0.1"), D("0.035"))


def test_versions_change_when_and_only_when_the_book_does() -> None:
    source = market()
    symbol = options(source, "BTC", 1)[20].symbol
    seen: dict[int, object] = {}
    for ms in range(0, 20_000, 100):
        source.advance(START + timedelta(milliseconds=ms))
        depth = source.depth(symbol)
        assert seen.setdefault(depth.version, (depth.bids, depth.asks)) == (depth.bids, depth.asks)
    assert 10 < len(seen) <= 41
    assert all(one != two for one, two in zip(seen.values(), list(seen.values())[1:], strict=False))


def test_implied_volatility_does_not_know_what_is_to_come() -> None:
    source = SyntheticMarket(SyntheticSettings(seed=3, start=START))
    path, surface = source._models["BTC"].path, source._models["BTC"].surface
    halfway = 3 * CELL_SECS + CELL_SECS // 2
    spot = path.price(halfway)
    before = surface.state(halfway, spot).at_the_money(1 / 365)
    later = path.cells.block(0)
    path.cells._blocks[0] = [*later[:4], *(replace(each, deviation=9.0, gain=-1.0, jump=-1.0) for each in later[4:])]
    assert surface.state(halfway, spot).at_the_money(1 / 365) == before


def test_a_jump_is_one_second_long_widens_spreads_and_lifts_volatility() -> None:
    source = SyntheticMarket(SyntheticSettings(seed=3, start=START, mode="stress"))
    path, surface = source._models["BTC"].path, source._models["BTC"].surface
    number, cell = next((n, c) for n in range(400) if (c := path.cells.cell(n)).jump < -0.015)
    second = number * CELL_SECS + cell.jump_at
    before, after = (path.price(at) for at in (second - 1, second))
    assert log(after / before) == pytest.approx(cell.jump, abs=0.003)
    calm, fright = surface.state(second - 1, before), surface.state(second, after)
    assert fright.unrest > 1 + calm.unrest
    assert fright.at_the_money(1 / 365) > 1.05 * calm.at_the_money(1 / 365)


def test_modes_differ_in_volatility_and_a_market_is_normal_by_default() -> None:
    def vol(mode: MarketMode) -> float:
        found = []
        for seed in range(12):
            source = SyntheticMarket(SyntheticSettings(seed=seed, start=START, mode=mode))
            source.advance(START + 48 * HOUR)
            found.append(source._models["BTC"].at(48 * 3600)[1].at_the_money(1 / 365))
        return median(found)

    assert vol("calm") < 0.8 * vol("normal") < 0.8 * 0.8 * vol("stress")
    assert market()._settings.mode == "normal"


def test_a_restored_market_continues_where_it_was() -> None:
    source = market()
    source.advance(START + timedelta(days=1, hours=3, seconds=5))
    saved = json.loads(json.dumps(source.state()))
    again = SyntheticMarket(SyntheticSettings(seed=7, start=START + timedelta(days=300)))
    again.restore(saved)
    assert again.start() == START + timedelta(days=1, hours=3, seconds=5)
    for each in (source, again):
        each.advance(START + timedelta(days=2, hours=1))
    assert {each.symbol for each in source.instruments()} == {each.symbol for each in again.instruments()}
    assert picture(source) == picture(again)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 1, "epoch": (START - timedelta(days=9)).isoformat()},
        {"mode": "stress"},
    ],
    ids=["of the first version", "of another mode"],
)
def test_a_market_saved_otherwise_goes_on_from_its_last_prices_with_its_contracts(
    change: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    source = market()
    source.advance(START + timedelta(days=1, hours=3, seconds=5))
    saved = {**json.loads(json.dumps(source.state())), **change}
    again = SyntheticMarket(SyntheticSettings(seed=7, start=START + timedelta(days=300)))
    last = again._last_prices(saved)
    again.restore(saved)
    assert again.start() == START + timedelta(days=1, hours=3, seconds=5)
    assert {name: float(again.spot(name)) for name in last} == pytest.approx(last, abs=0.1)
    assert {each.symbol for each in source.instruments()} <= {each.symbol for each in again.instruments()}
    assert "go on from the last ones" in caplog.text
    again.advance(START + timedelta(days=2))
    third = SyntheticMarket(SyntheticSettings(seed=7, start=START))
    third.restore(json.loads(json.dumps(again.state())))
    assert picture(third) == picture(again)


def test_prices_of_the_first_version_are_those_it_had() -> None:
    # As the first version told them, of seed 7 from 77,000 and 2,600 USD.
    for second, btc, eth in FIRST_VERSION:
        told = [
            first_version_price(seed=7, underlying=name, start_price=price, second=second)
            for name, price in (("BTC", 77_000.0), ("ETH", 2_600.0))
        ]
        assert told == pytest.approx([btc, eth], rel=1e-12)


def test_the_state_of_another_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="is not this one"):
        market(1).restore(market(2).state())
