"""Faults of prices, over REST and over the public socket; the exchange's own books stay right."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.venue.venue_client import Rest, Socket
from tests.venue.venue_market import CALL, PUT, HandMarket
from tests.venue_faults.conftest import serving
from trader.venue.faults.helper import VenueFaults
from trader.venue.server import VenueServer


@pytest.fixture(scope="module")
def market() -> HandMarket:
    return HandMarket()


@pytest.fixture(scope="module")
def venue(market: HandMarket) -> Iterator[VenueServer]:
    """One for the whole file: no test here depends on what another traded."""
    with serving(market) as server:
        yield server


def ticker(rest: Rest, symbol: str = CALL) -> Any:
    return rest.ok("GET", f"/v2/tickers/{symbol}", signed=False)


def first(public: Socket, channel: str, symbol: str = CALL) -> dict[str, Any]:
    public.subscribe(channel, symbol)
    return public.expect(channel)


TOLD = [
    ("crossed", {}, lambda q: float(q["best_bid"]) > float(q["best_ask"])),
    ("locked", {}, lambda q: q["best_bid"] == q["best_ask"]),
    ("empty", {}, lambda q: q["best_bid"] is None and q["best_ask"] is None),
    ("no_ask", {}, lambda q: q["best_bid"] is not None and q["best_ask"] is None),
    ("bid_zero", {}, lambda q: q["best_bid"] == "0"),
    ("null", {}, lambda q: q["best_bid"] is None and q["best_ask"] is None),
    ("null_text", {}, lambda q: q["best_bid"] == "null"),
    ("negative", {}, lambda q: float(q["best_ask"]) < 0),
    ("spike", {"factor": 100}, lambda q: float(q["best_ask"]) > 10_000),
]


@pytest.mark.parametrize(("kind", "args", "is_told"), TOLD, ids=[row[0] for row in TOLD])
def test_books_that_cannot_be(
    rest: Rest, public: Socket, faults: VenueFaults, kind: str, args: dict[str, Any], is_told: Any
) -> None:
    with faults.fault("Q2", kind, match={"symbol": CALL}, times=1000, **args):
        assert is_told(ticker(rest)["quotes"])
        frame = first(public, "ob_l1")
        assert is_told({"best_bid": frame["bp"], "best_ask": frame["ap"]})
        assert not is_told(ticker(rest, PUT)["quotes"])
    assert not is_told(ticker(rest)["quotes"])


def test_marks_greeks_and_index(rest: Rest, public: Socket, faults: VenueFaults) -> None:
    with faults.fault("Q2", "mark", value="1e308"):
        assert ticker(rest)["mark_price"] == "1e308"
        assert first(public, "mark_price", f"MARK:{CALL}")["p"] == "1e308"
    with faults.fault("Q2", "spot"):
        assert ticker(rest)["spot_price"] == "0"
        assert first(public, "spot_price", ".DEXBTUSD")["p"] == "0"
    with faults.fault("Q2", "greeks_absent"):
        assert ticker(rest)["greeks"] is None
        assert first(public, "ticker")["d"][0]["g"] is None
    with faults.fault("Q2", "greeks_nan"):
        assert ticker(rest)["greeks"]["delta"] == "NaN"
    with faults.fault("Q2", "delta", value="-1"):
        assert ticker(rest)["greeks"]["delta"] == "-1"


def test_frozen_prices_keep_their_time_going(rest: Rest, market: HandMarket, faults: VenueFaults) -> None:
    with faults.fault("Q1", "frozen", match={"symbol": CALL}):
        before = ticker(rest)
        market.marks[CALL] += 50
        after = ticker(rest)
        assert after["mark_price"] == before["mark_price"]
        assert after["timestamp"] > before["timestamp"]
    assert ticker(rest)["mark_price"] != before["mark_price"]


def test_stale_stamps_and_mixed_units(rest: Rest, public: Socket, faults: VenueFaults) -> None:
    right = ticker(rest)["timestamp"]
    with faults.fault("Q1", "stale", secs=60):
        assert 55_000_000 < right - ticker(rest)["timestamp"] < 61_000_000
    with faults.fault("Q1", "milliseconds"):
        assert len(str(first(public, "mark_price", f"MARK:{CALL}")["ts"])) == 13
    with faults.fault("Q1", "seconds"):
        assert len(str(ticker(rest)["timestamp"])) == 10


def test_one_leg_is_not_priced(rest: Rest, public: Socket, faults: VenueFaults) -> None:
    with faults.fault("Q3", match={"symbol": CALL}):
        assert CALL not in {row["symbol"] for row in rest.ok("GET", "/v2/tickers", signed=False)}
        assert {row["s"] for row in first(public, "ticker", "BTC-201126")["d"]} == {PUT}


def test_chains_that_cannot_be_traded(rest: Rest, faults: VenueFaults) -> None:
    def chain() -> list[str]:
        return [row["symbol"] for row in rest.ok("GET", "/v2/tickers", signed=False)]

    whole = chain()
    with faults.fault("Q4", "no_calls"):
        assert chain() == [symbol for symbol in whole if not symbol.startswith("C-")]
    with faults.fault("Q4", "no_puts"):
        assert PUT not in chain()
    with faults.fault("Q4", "empty"):
        assert chain() == []
    with faults.fault("Q4", "doubled"):
        assert len(chain()) == 2 * len(whole)
    with faults.fault("Q4", "foreign"):
        assert any("XRP" in symbol for symbol in chain())
    assert chain() == whole


def test_orders_meet_the_real_book_whatever_is_told(rest: Rest, faults: VenueFaults) -> None:
    with faults.fault("Q2", "empty"):
        order = {"product_symbol": CALL, "side": "sell", "size": 1, "limit_price": "390"}
        assert rest.order(**order)["state"] == "closed"
