"""Recorded payloads of the real exchange become correct domain values: checked by arithmetic, not by reading them back.

The recordings are not part of the repository; without them these tests skip.
"""

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.conformance.schema.check import CHECKER, validate
from tests.recorded_data import recorded
from trader.domain.instrument import Kind, parse_option_symbol
from trader.domain.quote import Quote
from trader.exchange.delta.stream.conflate import Conflator
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire import market as wire_market
from trader.exchange.delta.wire.parse import parse_fill, parse_instrument, parse_ticker
from trader.exchange.delta.wire.parse_market import parse_day_ticker
from trader.pricing import black76
from trader.pricing.fees import futures_commission, option_commission

DATA = recorded("delta") or Path("absent")
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="recorded payloads are not on this machine")

GST = Decimal("1.18")
REST_TOLERANCE_USD, STREAM_TOLERANCE_USD, DELTA_TOLERANCE = 0.04, 0.4, 0.006  # as documented with the recordings


def read(kind: Any, row: Any) -> Any:
    return msgspec.json.decode(json.dumps(row).encode(), type=kind, strict=False)


def rest_rows(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((DATA / name).read_text())["result"]
    return rows


def frames(kind: str) -> list[dict[str, Any]]:
    lines = (DATA / "ws_india_ticker_ob_l2_20260903.jsonl").read_text().splitlines()
    return [frame for frame in map(json.loads, lines) if frame["type"] == kind]


def theory(quote: Quote, now: datetime | None = None) -> tuple[float, float]:
    """Price and delta by Black-76 on spot as forward, with the mark's own volatility."""
    option = parse_option_symbol(quote.symbol)
    assert quote.spot is not None and quote.mark_iv is not None and quote.ts_mark is not None
    years = black76.year_fraction(now or quote.ts_mark, option.expiry)
    value, greeks = black76.price_and_greeks(float(quote.spot), float(option.strike), quote.mark_iv, years, option.kind)
    return value, greeks.delta


# --------------------------------------------------------------------------------------------------------- tickers


def test_marks_and_deltas_of_rest_tickers_are_black_76() -> None:
    quotes = [parse_ticker(read(wire.TickerRow, row)) for row in rest_rows("rest_tickers_india_20260903T102829Z.json")]
    assert len(quotes) == 12
    for quote in quotes:
        value, delta = theory(quote)
        assert quote.mark is not None and quote.greeks is not None
        assert abs(value - float(quote.mark)) <= REST_TOLERANCE_USD, quote.symbol
        assert abs(delta - quote.greeks.delta) <= DELTA_TOLERANCE, quote.symbol


def test_marks_and_deltas_of_compact_tickers_are_black_76() -> None:
    conflator = Conflator()
    checked = 0
    for frame in frames("ticker"):
        message = msgspec.json.decode(json.dumps(frame).encode(), type=wire.PublicMessage, strict=False)
        conflator.offer(message)  # type: ignore[arg-type]
        for quote in conflator.take():
            value, delta = theory(quote)
            assert quote.mark is not None and quote.greeks is not None
            assert abs(value - float(quote.mark)) <= STREAM_TOLERANCE_USD, quote.symbol
            assert abs(delta - quote.greeks.delta) <= DELTA_TOLERANCE, quote.symbol
            checked += 1
    assert checked == 15


def test_a_ticker_whose_time_field_lags_a_day_is_dated_by_its_timestamp() -> None:
    for row in rest_rows("rest_tickers_india_20260903T102829Z.json"):
        quote = parse_ticker(read(wire.TickerRow, row))
        assert quote.ts_quote is not None and quote.ts_quote.date() == datetime(2026, 9, 3, tzinfo=UTC).date()


def test_absent_quotes_and_days_without_trades_are_absent_not_zero() -> None:
    rows = rest_rows("rest_tickers_india_20260901T165237Z_thin_rows.json")
    days = {row["symbol"]: parse_day_ticker(read(wire_market.FullTickerRow, row)) for row in rows}
    untraded = [row["symbol"] for row in rows if "open" not in row]
    assert untraded
    for symbol in untraded:
        day = days[symbol]
        assert (day.open, day.high, day.low, day.close) == (None, None, None, None)
    empty = days["C-BTC-59000-040926"].quote
    assert (empty.bid, empty.ask, empty.bid_iv, empty.ask_iv, empty.mid) == (None, None, None, None, None)
    assert empty.mark is not None and empty.mark > 0


def test_open_interest_in_contracts_is_its_coins_over_the_contract_value() -> None:
    for row in rest_rows("rest_tickers_india_20260903T102829Z.json"):
        quote = parse_ticker(read(wire.TickerRow, row))
        assert quote.open_interest is not None
        assert abs(quote.open_interest * Decimal("0.001") - Decimal(row["oi"])) <= Decimal("0.001")


def test_the_perpetuals_funding_and_band_are_read_with_their_signs() -> None:
    data = json.loads((DATA / "rest_tickers_global_20260913.json").read_text())
    day = parse_day_ticker(read(wire_market.FullTickerRow, data["perp"]))
    assert day.funding_rate == Decimal(data["perp"]["funding_rate"]) and day.mark_change_pct == Decimal("-0.2099")
    assert day.quote.band_low is not None and day.quote.mark is not None and day.quote.band_high is not None
    assert day.quote.band_low < day.quote.mark < day.quote.band_high
    assert day.quote.greeks is None and day.quote.mark_iv is None  # its "mark_iv" is negative: a basis, no volatility


# ----------------------------------------------------------------------------------------------------------- fills


def fill_rows() -> list[dict[str, Any]]:
    lines = (DATA / "rest_fills_india_sept2025_redacted.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_commissions_are_notional_times_rate_with_tax() -> None:
    for row in fill_rows():
        fill = parse_fill(read(wire.FillRow, row))
        rate = Decimal(row["meta_data"]["effective_commission_rate"])
        assert row["meta_data"]["is_commission_on_notional"] is True
        expected = Decimal(row["notional"]) * rate * GST
        assert fill.commission is not None and abs(fill.commission - expected) <= Decimal("1e-7"), row["product_symbol"]


def test_our_fee_formula_gives_the_commissions_that_were_charged() -> None:
    for row in fill_rows():
        fill = parse_fill(read(wire.FillRow, row))
        rate, value = Decimal(row["meta_data"]["effective_commission_rate"]), Decimal(row["product"]["contract_value"])
        if row["product"]["contract_type"] == "perpetual_futures":
            ours = futures_commission(rate=rate, price=fill.price, quantity=fill.quantity, contract_value=value)
        else:
            spot = Decimal(row["notional"]) / (fill.quantity * value)  # the index the exchange charged on
            ours = option_commission(
                rate=rate, cap=None, spot=spot, price=fill.price, quantity=fill.quantity, contract_value=value
            )
        assert fill.commission is not None and abs(ours - fill.commission) <= Decimal("1e-7"), row["product_symbol"]


def test_premium_of_a_sale_is_the_cash_the_exchange_booked() -> None:
    for row in fill_rows():
        fill = parse_fill(read(wire.FillRow, row))
        booked = row["meta_data"]["new_position"].get("realized_cashflow")
        if booked is not None:
            assert fill.cash_flow(Decimal(row["product"]["contract_value"])) == Decimal(booked)


# --------------------------------------------------------------------------------------------- products and schema


def test_every_option_of_a_real_product_list_agrees_with_its_symbol() -> None:
    with gzip.open(DATA / "rest_products_global_20211115.json.gz") as file:
        rows = json.load(file)["result"]
    listed = [row for row in rows if row["symbol"][:2] in ("C-", "P-")]
    options = [
        i for i in (parse_instrument(read(wire.ProductRow, row)) for row in listed) if i and i.strike is not None
    ]
    assert len(options) == 621
    for option in options:
        named = parse_option_symbol(option.symbol)
        assert (option.kind, option.strike, option.expiry) == (named.kind, named.strike, named.expiry)
        assert option.kind in (Kind.CALL, Kind.PUT) and option.contract_value > 0 and option.tick_size > 0


def test_recorded_payloads_agree_with_the_field_tables() -> None:
    for name in (
        "rest_tickers_india_20260903T102829Z.json",
        "rest_tickers_india_20260901T165237Z_thin_rows.json",
    ):
        assert CHECKER.check("[@Ticker]", rest_rows(name), newest=True) == []
    assert CHECKER.check("[@Fill]", fill_rows(), newest=True) == []
    for kind in ("ticker", "ob_l2"):
        for frame in frames(kind):
            assert validate(kind, frame) == []
