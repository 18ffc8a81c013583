"""The built-in presets at typical prices: their stop fires before a leg is liquidated, or they say that it does not.

The prices are those of recorded chains (`python -m bench.stops`), kept as the shape of their volatilities: of the next day's expiry
around the entry time, the quietest tenth of days, the quarter, the middle, three quarters and 85 % of them.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import log, sqrt

import pytest

from trader.config.builtin import BUILT_IN
from trader.desk.market import Board, build_preview
from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.domain.rounding import round_price
from trader.pricing.black76 import price_and_greeks, year_fraction
from trader.venue.market.contracts import build_option

ENTRY = datetime(2026, 2, 10, 4, 0, tzinfo=UTC)  # 09:30 IST
EXPIRY = datetime(2026, 2, 11, 12, 0, tzinfo=UTC)
HALF_SPREAD = 0.06  # of the mark, about this exchange's own near such deltas
# Spot; volatility at the money, its skew and convexity by ln(strike / spot) / sqrt(years), and where that shape ends.
TYPICAL = [
    (89_166, 0.291, -0.063, 0.217, -0.57, 0.84),
    (76_660, 0.337, -0.084, 0.115, -0.79, 0.89),
    (70_263, 0.416, -0.029, 0.099, -1.12, 0.93),
    (65_621, 0.506, -0.071, 0.134, -1.31, 1.41),
    (78_953, 0.568, -0.059, 0.102, -1.66, 1.54),
]
AT_THE_MONEY = ("straddle", "iron_fly")
LATE = "would be liquidated"


def board(spot: int, level: float, skew: float, convexity: float, low: float, high: float) -> Board:
    years = year_fraction(ENTRY, EXPIRY)
    instruments, quotes = [], {}
    for strike in range(spot // 200 * 200 - 12_000, spot + 12_000, 200):
        z = min(max(log(strike / spot) / sqrt(years), low), high)
        vol = level + z * (skew + z * convexity)
        for kind in (Kind.CALL, Kind.PUT):
            worth, greeks = price_and_greeks(spot, strike, vol, years, kind)
            if worth < 1:
                continue
            one = build_option("BTC", kind, Decimal(strike), EXPIRY)
            mark = Decimal(str(round(worth, 4)))
            half = mark * Decimal(str(HALF_SPREAD))
            instruments.append(one)
            quotes[one.symbol] = Quote(
                symbol=one.symbol, mark=mark, bid=round_price(mark - half, one.tick_size, Side.SELL),
                ask=round_price(mark + half, one.tick_size, Side.BUY), bid_size=500, ask_size=500, greeks=greeks,
                mark_iv=vol, spot=Decimal(spot), open_interest=Decimal(100), ts_mark=ENTRY, ts_quote=ENTRY, ts_greeks=ENTRY,
            )  # fmt: skip
    return Board(instruments=tuple(instruments), quotes=quotes, spot=Decimal(spot), market=ENTRY)


@pytest.mark.parametrize("day", TYPICAL, ids=lambda day: f"{day[1]:.0%}")
@pytest.mark.parametrize("name", [name for name in BUILT_IN if name not in AT_THE_MONEY])
def test_no_stop_of_a_built_in_preset_lies_beyond_a_liquidation(
    name: str, day: tuple[int, float, float, float, float, float]
) -> None:
    seen = build_preview(BUILT_IN[name], board(*day))
    assert seen.legs and seen.exit_at is not None, seen.reasons
    assert BUILT_IN[name].risk.liquidation == ("warn" if name == "development" else "refuse")
    assert not [reason for reason in seen.reasons if LATE in reason] and not seen.warnings


@pytest.mark.parametrize("name", AT_THE_MONEY)
def test_at_the_money_no_stop_comes_first_and_the_preview_says_so(name: str) -> None:
    seen = build_preview(BUILT_IN[name], board(*TYPICAL[2]))
    assert seen.legs and not [reason for reason in seen.reasons if LATE in reason]
    assert [LATE in warning for warning in seen.warnings] == [True]
    assert seen.exit_at is not None and seen.exit_at - ENTRY < timedelta(hours=8)
