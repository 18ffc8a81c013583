"""The synthetic market's past is what was live: trades at the book's prices, candles of the published marks."""

from datetime import UTC, datetime, timedelta

import pytest

from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.venue.core.settings import CoreSettings
from trader.venue.market.base import Bar, Series
from trader.venue.market.instants import from_ms, to_ms
from trader.venue.market.premium import CLAMP_PCT, INTEREST_PCT
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings

START = datetime(2026, 11, 20, 6, 7, 3, 250_000, tzinfo=UTC)
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def market(seed: int = 7, after: timedelta = timedelta(0)) -> SyntheticMarket:
    source = SyntheticMarket(SyntheticSettings(seed=seed, start=START))
    source.advance(START + after)
    return source


def near_the_money(source: SyntheticMarket, underlying: str = "BTC") -> Instrument:
    spot = source.spot(underlying)
    calls = [i for i in source.instruments() if i.underlying == underlying and i.kind is Kind.CALL]
    expiry = sorted({i.expiry for i in calls if i.expiry})[1]
    return min((i for i in calls if i.expiry == expiry), key=lambda i: abs((i.strike or 0) - spot))


def perpetual(source: SyntheticMarket, underlying: str = "BTC") -> Instrument:
    return next(i for i in source.instruments() if i.symbol == f"{underlying}USD")


def bars(source: SyntheticMarket, series: Series, instrument: Instrument, width_ms: int, back: timedelta) -> list[Bar]:
    now = to_ms(source._now)
    from_ms_ = to_ms(source._now - back)
    return list(source.bars(series, instrument, width_ms, 0, from_ms_, now))


@pytest.mark.parametrize("underlying", ["BTC", "ETH"])
def test_trades_happen_at_the_best_price_of_the_book_of_their_instant(underlying: str) -> None:
    ended = market(after=timedelta(hours=2))
    for instrument in (near_the_money(ended, underlying), perpetual(ended, underlying)):
        prints = ended.prints(instrument, to_ms(START + timedelta(hours=1)), to_ms(START + timedelta(hours=2)))
        assert len(prints) > 8, instrument.symbol
        live = market()
        for each in prints[:120]:
            live.advance(from_ms(each.ts_ms + 1))
            depth = live.depth(instrument.symbol)
            best = depth.bids[0][0] if each.side is Side.SELL else depth.asks[0][0]
            assert each.price == best, (instrument.symbol, from_ms(each.ts_ms))
            assert each.size > 0


def test_trades_asked_for_bit_by_bit_are_those_of_one_question() -> None:
    source = market()
    instrument, seen = near_the_money(source), []
    for step in range(1, 900):
        source.advance(START + timedelta(seconds=step * 1.7))
        seen += source.prints(instrument, to_ms(START + timedelta(seconds=(step - 1) * 1.7)), to_ms(source._now))
    whole = list(market(after=timedelta(seconds=899 * 1.7)).prints(instrument, to_ms(START), to_ms(source._now)))
    assert seen == whole and len(whole) > 3


def test_candles_of_marks_hold_the_marks_that_were_published() -> None:
    ended = market(after=timedelta(minutes=30))
    for instrument in (near_the_money(ended), perpetual(ended)):
        found = {bar.start_ms: bar for bar in bars(ended, Series.MARK, instrument, MINUTE_MS, timedelta(minutes=20))}
        live = market()
        for bar in list(found.values())[:10]:
            for instant, value in ((bar.first_ms, bar.open), (bar.last_ms, bar.close)):
                live.advance(max(live._now, from_ms(instant) + timedelta(milliseconds=1)))
                assert float(live.option_stats(instrument.symbol).mark) == pytest.approx(value, abs=2e-8)
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high


@pytest.mark.parametrize("series", list(Series))
def test_wide_candles_are_made_of_narrow_ones(series: Series) -> None:
    source = market(after=timedelta(hours=3))
    instrument = perpetual(source) if series is not Series.OPEN_INTEREST else near_the_money(source)
    minutes = [b for b in bars(source, series, instrument, MINUTE_MS, timedelta(hours=30)) if b.start_ms % HOUR_MS >= 0]
    hours = bars(source, series, instrument, HOUR_MS, timedelta(hours=30))
    assert len(hours) == 31
    for hour in hours[1:]:
        inside = [b for b in minutes if hour.start_ms <= b.start_ms < hour.start_ms + HOUR_MS]
        assert hour.open == inside[0].open and hour.close == inside[-1].close
        assert hour.high == max(b.high for b in inside) and hour.low == min(b.low for b in inside)
        assert hour.volume == pytest.approx(sum(b.volume for b in inside))


def test_the_past_before_the_start_runs_into_the_present_without_a_step() -> None:
    source = market(after=timedelta(minutes=10))
    index = bars(source, Series.INDEX, perpetual(source), MINUTE_MS, timedelta(minutes=30))
    assert len(index) == 31
    moves = [abs(b.open / a.close - 1) for a, b in zip(index, index[1:], strict=False)]
    assert max(moves) < 0.002, "a minute of a calm market moves a fraction of a percent"
    at_start = next(b for b in index if b.start_ms <= to_ms(START) < b.start_ms + MINUTE_MS)
    assert at_start.low <= 77_000 <= at_start.high


def test_history_begins_when_the_contract_was_listed() -> None:
    source = market()
    future = perpetual(source)
    days = bars(source, Series.TRADES, future, 24 * HOUR_MS, timedelta(days=400))
    assert 119 <= len(days) <= 121 and all(bar.volume > 0 for bar in days)
    instrument = near_the_money(source)
    since = source.listed_since(instrument)
    assert instrument.expiry is not None and timedelta(days=3) < instrument.expiry - since < timedelta(days=100)
    assert bars(source, Series.MARK, instrument, MINUTE_MS, timedelta(days=120))[0].first_ms >= to_ms(since)


def test_nothing_after_now_is_told() -> None:
    source = market(after=timedelta(minutes=7))
    future, now = perpetual(source), to_ms(START + timedelta(minutes=7))
    assert all(p.ts_ms <= now for p in source.prints(future, now - HOUR_MS, now + HOUR_MS))
    ahead = source.bars(Series.MARK, future, MINUTE_MS, 0, now - HOUR_MS, now + HOUR_MS)
    assert max(bar.last_ms for bar in ahead) <= now


def test_funding_candles_follow_the_premium_as_the_exchange_counts_it() -> None:
    source = market(after=timedelta(hours=5))
    settings, future = CoreSettings(), perpetual(source)
    assert (float(settings.funding_interest_pct), float(settings.funding_clamp_pct)) == (INTEREST_PCT, CLAMP_PCT)
    bar = bars(source, Series.FUNDING, future, MINUTE_MS, timedelta(minutes=3))[-2]
    live = market()
    live.advance(from_ms(bar.last_ms) + timedelta(milliseconds=1))
    premium = 100 * (float(live.option_stats("BTCUSD").mark / live.spot("BTC")) - 1)
    assert bar.close == pytest.approx(premium + max(-CLAMP_PCT, min(CLAMP_PCT, INTEREST_PCT - premium)), abs=1e-7)


def test_marks_of_instants_are_those_that_were_published() -> None:
    source = market(after=timedelta(hours=2))
    instrument = near_the_money(source)
    instants = [to_ms(START + timedelta(seconds=s)) for s in (0, 400, 4000)]
    told, live = source.marks(instrument, [0, *instants]), market()
    assert told[0] is None
    for instant, value in zip(instants, told[1:], strict=True):
        live.advance(from_ms(instant))
        assert float(live.option_stats(instrument.symbol).mark) == pytest.approx(value, abs=2e-8)
