"""GET /v2/history/candles and sparklines: every resolution and prefix, no holes, limits, refusals; agreement with tickers."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.venue.venue_client import Rest
from tests.venue_public.conftest import START

DAY, HOUR = 86_400, 3_600
END = int(START.timestamp())
WIDTHS = {"5s": 5, "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1800, "1h": HOUR, "2h": 7200, "4h": 14_400}
WIDTHS |= {"6h": 21_600, "1d": DAY, "1w": 7 * DAY}
Candles = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def candles(live: Rest) -> Candles:
    def ask(symbol: str, resolution: str, start: int, end: int) -> list[dict[str, Any]]:
        query = f"symbol={quote(symbol)}&resolution={resolution}&start={start}&end={end}"
        rows: list[dict[str, Any]] = live.ok("GET", f"/v2/history/candles?{query}", signed=False)
        return rows

    return ask


@pytest.mark.parametrize(("resolution", "secs"), WIDTHS.items())
def test_every_resolution_has_whole_buckets_newest_first(candles: Candles, resolution: str, secs: int) -> None:
    rows = candles("BTCUSD", resolution, END - 12 * secs, END)
    times = [row["time"] for row in rows]
    assert len(rows) in (12, 13) and times == sorted(times, reverse=True)
    assert {a - b for a, b in zip(times, times[1:], strict=False)} == {secs}
    offset = 4 * DAY if resolution == "1w" else 0
    assert all((time - offset) % secs == 0 and END - 12 * secs <= time <= END for time in times)
    for row in rows:
        assert row["low"] <= min(row["open"], row["close"]) <= max(row["open"], row["close"]) <= row["high"]
        assert row["low"] > 35_000 and row["high"] < 180_000


@pytest.mark.parametrize("resolution", ["3m", "15m", "1h", "1d"])
def test_wide_candles_agree_with_the_minutes_inside(candles: Candles, resolution: str) -> None:
    secs = WIDTHS[resolution]
    start = (END - 2 * DAY) // DAY * DAY
    minutes = candles("BTCUSD", "1m", start, start + DAY - 60)
    for row in candles("BTCUSD", resolution, start, start + DAY - secs):
        inside = [m for m in minutes if row["time"] <= m["time"] < row["time"] + secs]
        assert len(inside) == secs // 60
        assert (row["high"], row["low"]) == (max(m["high"] for m in inside), min(m["low"] for m in inside))
        assert (row["open"], row["close"]) == (inside[-1]["open"], inside[0]["close"])
        assert row["volume"] == pytest.approx(sum(m["volume"] for m in inside))


@pytest.mark.parametrize("prefix", ["MARK:", "OI:", ""])
def test_contracts_have_mark_and_interest_candles(candles: Candles, money: str, prefix: str) -> None:
    rows = candles(prefix + money, "15m", END - 6 * HOUR, END)
    assert len(rows) == 24
    assert all((row["volume"] is None) == bool(prefix) for row in rows)
    assert all(row["high"] > 0 for row in rows)


def test_funding_belongs_to_perpetuals_and_the_index_to_its_symbol(candles: Candles, live: Rest, money: str) -> None:
    funding = candles("FUNDING:BTCUSD", "1h", END - DAY, END)
    assert len(funding) == 24 and all(abs(row["close"]) < 0.5 for row in funding)
    index = candles(".DEXBTUSD", "1h", END - DAY, END)
    future = candles("BTCUSD", "1h", END - DAY, END)
    assert all(abs(a["close"] / b["close"] - 1) < 0.005 for a, b in zip(index, future, strict=True))
    refused = live.call("GET", f"/v2/history/candles?symbol=FUNDING:{money}&resolution=1h&start=1&end=2", signed=False)
    assert refused.status_code == 404 and refused.json()["error"]["code"] == "product_not_found"


def test_no_more_than_two_thousand_rows_counted_back_from_the_end(candles: Candles) -> None:
    rows = candles("BTCUSD", "1m", END - 10 * DAY, END)
    assert len(rows) == 2000 and rows[0]["time"] == END // 60 * 60


def test_empty_buckets_repeat_the_last_close_even_in_the_future(candles: Candles, money: str) -> None:
    far = END + 400 * DAY
    ahead = candles(money, "1h", END + 30 * DAY, END + 30 * DAY + 5 * HOUR)
    assert ahead == [] or {row["volume"] for row in ahead} == {0.0}
    minutes = candles(money, "1m", END - 2 * HOUR, END)
    assert len(minutes) == 120, "a thin option has minutes without a trade, and they are filled"
    still = [row for row in minutes if row["volume"] == 0]
    assert still and all(row["open"] == row["high"] == row["low"] == row["close"] for row in still)
    for newer, older in zip(minutes, minutes[1:], strict=False):
        if newer["volume"] == 0:
            assert newer["close"] == older["close"]
    beyond = candles("BTCUSD", "1h", END - HOUR, far)
    assert len(beyond) == 2000 and beyond[0]["time"] == far // HOUR * HOUR


def test_nothing_is_told_of_a_time_before_the_contract_was_listed(candles: Candles, money: str) -> None:
    assert candles(money, "1h", END - 300 * DAY, END - 299 * DAY) == []
    first = candles("BTCUSD", "1d", END - 2000 * DAY, END)[-1]
    assert 119 <= (END - first["time"]) / DAY <= 121


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("resolution=1m&start=1&end=2", "symbol"),
        ("symbol=BTCUSD&start=1&end=2", "resolution"),
        ("symbol=BTCUSD&resolution=1m&end=2", "start"),
        ("symbol=BTCUSD&resolution=1m&start=1", "end"),
        ("symbol=BTCUSD&resolution=12h&start=1&end=2", "resolution"),
        ("symbol=BTCUSD&resolution=7d&start=1&end=2", "resolution"),
        ("symbol=BTCUSD&resolution=1m&start=3&end=2", "start"),
        ("symbol=BTCUSD&resolution=1m&start=x&end=2", "start"),
        ("symbol=BTCUSD&resolution=1m&start=1&end=99999999999999", "end"),
        ("symbol=BTCUSD&resolution=1m&start=-5&end=9", "start"),
        ("symbol=&resolution=1m&start=1&end=9", "symbol"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_by_its_parameter(live: Rest, query: str, param: str) -> None:
    answer = live.call("GET", f"/v2/history/candles?{query}", signed=False)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "bad_schema"
    assert [each["param"] for each in error["context"]["schema_errors"]] == [param]


@pytest.mark.parametrize("symbol", ["NOSUCH", "MARK:NOSUCH", "C-BTC-1-010126", ".DENOSUCHUSD", "mark:BTCUSD"])
def test_unknown_symbols_are_not_found(live: Rest, symbol: str) -> None:
    answer = live.call("GET", f"/v2/history/candles?symbol={symbol}&resolution=1m&start=1&end=2", signed=False)
    assert answer.status_code == 404 and answer.json() == {"success": False, "error": {"code": "product_not_found"}}


def test_sparklines_hold_a_day_of_closes_of_what_is_known(live: Rest, money: str) -> None:
    told = live.ok("GET", f"/v2/history/sparklines?symbols=BTCUSD,MARK:{money},NOSUCH", signed=False)
    assert set(told) == {"BTCUSD", f"MARK:{money}"}
    assert len(told["BTCUSD"]) == 24
    assert all(len(point) == 2 and point[0] % HOUR == 0 for point in told["BTCUSD"])
    assert live.refusal("GET", "/v2/history/sparklines") == "bad_schema"


def test_the_tickers_day_is_that_of_the_minutes(live: Rest, candles: Candles) -> None:
    for symbol in ("BTCUSD", "ETHUSD"):
        row = live.ok("GET", f"/v2/tickers/{symbol}", signed=False)
        now = row["timestamp"] // 1_000_000
        minutes = candles(symbol, "1m", now - DAY + 60, now)
        assert row["high"] >= max(m["high"] for m in minutes[1:-1])
        assert row["low"] <= min(m["low"] for m in minutes[1:-1])
        assert row["volume"] == pytest.approx(
            sum(m["volume"] for m in minutes) * float(row["contract_value"]), rel=0.01
        )
        assert row["open"] == pytest.approx(minutes[-1]["open"], rel=0.003)
        last = next(m for m in minutes if m["time"] == now // 60 * 60)
        assert last["low"] <= row["close"] <= last["high"]
        change = 100 * (row["close"] / row["open"] - 1)
        assert float(row["ltp_change_24h"]) == pytest.approx(change, abs=1e-4)
        hours = candles(f"MARK:{symbol}", "1h", now - DAY - HOUR, now)  # the day begins within an hour
        assert float(row["mark_high_24h"]) <= max(h["high"] for h in hours) * 1.001
