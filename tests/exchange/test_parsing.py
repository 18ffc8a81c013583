"""Wire shapes to domain values: real payloads, the editions' variants, and nonsense."""

import gzip
import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.recorded_data import recorded
from trader.domain.errors import WireError
from trader.domain.fill import Channel, Fill, FillKind, Position
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderSnapshot, OrderStatus, Side
from trader.domain.quote import Quote
from trader.exchange.delta.stream.conflate import Conflator
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire import numbers
from trader.exchange.delta.wire.parse import (
    parse_fill,
    parse_instrument,
    parse_order,
    parse_position,
    parse_ticker,
    parse_user_trade,
    parse_wallet,
)

DATA = recorded("delta") or Path("absent")
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="recorded payloads are not on this machine")

ORDER = {
    "id": 700123456,
    "product_id": 98123,
    "product_symbol": "C-BTC-68000-201126",
    "client_order_id": "leg-c-0001",
    "side": "sell",
    "size": 10,
    "unfilled_size": 4,
    "limit_price": "391.0",
    "average_fill_price": None,
    "state": "open",
    "reduce_only": "false",
    "created_at": "2026-11-20T06:30:00.104211Z",
}
FILL = {
    "id": "9f0c4e0c7a5b4e2f8a1d2b3c4d5e6f70",
    "order_id": "700123456",
    "product_id": 98123,
    "product_symbol": "C-BTC-68000-201126",
    "side": "sell",
    "size": "10",
    "price": "391",
    "role": "taker",
    "fill_type": "normal",
    "commission": "0.0753148",
    "created_at": "2026-11-20T06:30:00.104950Z",
}
TRADE = {
    "type": "v2/user_trades",
    "sy": "C-BTC-68000-201126",
    "f": "9f0c4e0c7a5b4e2f8a1d2b3c4d5e6f70",
    "R": "normal",
    "o": 700123456,
    "S": "sell",
    "s": 10,
    "p": "391",
    "r": "taker",
    "c": "leg-c-0001",
    "t": 1795156200104950,
    "se": 7,
}
POSITION = {"product_id": 98123, "product_symbol": "C-BTC-68000-201126", "size": -10, "entry_price": "391"}
TICKER = {
    "symbol": "P-BTC-77200-040926",
    "mark_price": "291.61223481",
    "mark_vol": "0.28690711",
    "spot_price": "77636",
    "greeks": {"delta": "-0.35", "gamma": "0.0003", "theta": "-210.7", "vega": "15.6", "rho": "-0.8"},
    "quotes": {"best_bid": "290", "best_ask": "295", "bid_size": "8096", "ask_size": "6742", "bid_iv": "0.28"},
    "price_band": {"lower_limit": "0.1", "upper_limit": "1216.7"},
    "oi_contracts": "21223",
    "volume": 84.40100000000045,
    "timestamp": 1788431309964504,
}


def read(kind: Any, row: Any) -> Any:
    return msgspec.json.decode(json.dumps(row).encode(), type=kind, strict=False)


def order(**changes: Any) -> OrderSnapshot:
    return parse_order(read(wire.OrderRow, {**ORDER, **changes}))


# ---------------------------------------------------------------------------------------------- real payloads


@pytest.mark.parametrize(
    ("kind", "meta", "commission"),
    [
        ("normal", {"total_liquidation_fee_in_settling_asset": "2.235"}, "0.0753148"),
        ("liquidation", {"total_liquidation_fee_in_settling_asset": "2.235"}, "2.3103148"),
        ("liquidation", {"total_liquidation_fee_in_settling_asset": 0}, "0.0753148"),
        ("liquidation", {}, None),
        ("liquidation", None, None),
        ("liquidation", "none", None),
        ("settlement", {"new_position": {"size": 0}}, "0.0753148"),
    ],
)
def test_what_a_liquidation_has_cost_is_commission_and_fee(kind: str, meta: Any, commission: str | None) -> None:
    fill = parse_fill(msgspec.convert(FILL | {"fill_type": kind, "meta_data": meta}, wire.FillRow))
    assert fill.commission == (None if commission is None else Decimal(commission))


@needs_data
def test_recorded_option_tickers_become_whole_quotes() -> None:
    rows = json.loads((DATA / "rest_tickers_india_20260903T102829Z.json").read_text())["result"]
    assert len(rows) == 12
    for row in rows:
        quote = parse_ticker(read(wire.TickerRow, row))
        assert quote.mark == Decimal(row["mark_price"])
        assert quote.bid == Decimal(row["quotes"]["best_bid"])
        assert quote.ask_size == int(row["quotes"]["ask_size"])
        assert quote.greeks is not None
        assert quote.greeks.delta == float(row["greeks"]["delta"])
        assert quote.ts_quote is not None
        assert quote.ts_quote.date().isoformat() == "2026-09-03"


@needs_data
def test_recorded_thin_rows_have_no_invented_prices() -> None:
    rows = json.loads((DATA / "rest_tickers_india_20260901T165237Z_thin_rows.json").read_text())["result"]
    by_symbol = {row["symbol"]: parse_ticker(read(wire.TickerRow, row)) for row in rows}
    thin = by_symbol["C-BTC-59000-040926"]
    assert (thin.bid, thin.ask, thin.ask_iv, thin.bid_iv) == (None, None, None, None)
    assert thin.mark is not None
    assert by_symbol["P-BTC-59000-040926"].bid == Decimal("0.5")


@needs_data
def test_recorded_global_tickers_are_read_too() -> None:
    data = json.loads((DATA / "rest_tickers_global_20260913.json").read_text())
    perpetual = parse_ticker(read(wire.TickerRow, data["perp"]))
    assert perpetual.greeks is None
    assert perpetual.mark_iv is None or perpetual.mark_iv > 0
    assert perpetual.bid == Decimal(77102)


@needs_data
def test_recorded_fills_keep_commission_and_price_exactly() -> None:
    lines = (DATA / "rest_fills_india_sept2025_redacted.jsonl").read_text().splitlines()
    fills = [parse_fill(read(wire.FillRow, json.loads(line))) for line in lines]
    assert [fill.commission for fill in fills[:2]] == [Decimal("12.2982255"), Decimal("3.69168511")]
    assert (fills[1].side, fills[1].quantity, fills[1].price) == (Side.SELL, 200, Decimal(2525))
    assert fills[1].ts_event == datetime(2025, 9, 12, 17, 52, 30, 848191, tzinfo=UTC)


@needs_data
def test_recorded_compact_tickers_conflate_into_quotes() -> None:
    decoder = msgspec.json.Decoder(wire.PublicMessage, strict=False)
    conflator, rows = Conflator(), {}
    for line in (DATA / "ws_india_ticker_ob_l2_20260903.jsonl").read_text().splitlines():
        frame = json.loads(line)
        if frame["type"] != "ticker":
            continue
        rows.update({row["s"]: row for row in frame["d"]})
        message = decoder.decode(line)
        assert isinstance(message, wire.Ticker)
        conflator.offer(message)
    quotes = {quote.symbol: quote for quote in conflator.take()}
    assert quotes.keys() == rows.keys()
    for symbol, quote in quotes.items():
        ask, ask_size, bid, bid_size, _ = rows[symbol]["q"]
        assert (quote.ask, quote.bid) == (Decimal(ask), Decimal(bid))
        assert (quote.ask_size, quote.bid_size) == (int(ask_size), int(bid_size))
        assert quote.greeks is not None
        assert quote.greeks.theta == float(rows[symbol]["g"][3])
        assert (quote.mark_iv, quote.ask_iv) == (float(rows[symbol]["qiv"][2]), float(rows[symbol]["qiv"][0]))


@needs_data
def test_recorded_product_list_gives_its_options_and_perpetuals() -> None:
    with gzip.open(DATA / "rest_products_global_20211115.json.gz") as file:
        rows = json.load(file)["result"]
    instruments, refused = [], []
    for row in rows:
        try:
            instruments.append(parse_instrument(read(wire.ProductRow, row)))
        except WireError as error:
            refused.append(str(error))
    told = ("notional is", "quanto", "quoted in", "contradicts its symbol")
    assert refused and all(any(part in words for part in told) for words in refused)
    kinds = [i.kind for i in instruments if i is not None]
    assert (kinds.count(Kind.CALL), kinds.count(Kind.PUT)) == (311, 310)
    assert kinds.count(Kind.PERPETUAL) > 0
    first = instruments[0]
    assert first is not None
    assert (first.symbol, first.strike, first.contract_value) == (
        "C-ETH-4850-161121",
        Decimal(4850),
        Decimal("0.01"),
    )


# ------------------------------------------------------------------------------------------------------ orders


@pytest.mark.parametrize(
    ("changes", "status", "filled"),
    [
        ({}, OrderStatus.PARTIALLY_FILLED, 6),
        ({"unfilled_size": 10}, OrderStatus.ACCEPTED, 0),
        ({"unfilled_size": 0, "state": "closed"}, OrderStatus.FILLED, 10),
        ({"unfilled_size": 4, "state": "closed"}, OrderStatus.CANCELLED, 6),
        ({"unfilled_size": 4, "state": "cancelled"}, OrderStatus.CANCELLED, 6),
        ({"unfilled_size": 0, "state": "open"}, OrderStatus.FILLED, 10),
        ({"unfilled_size": 10, "state": "pending"}, OrderStatus.ACCEPTED, 0),
        ({"size": "10", "unfilled_size": "4.0"}, OrderStatus.PARTIALLY_FILLED, 6),
    ],
)
def test_quantities_decide_what_an_order_is(changes: dict[str, Any], status: OrderStatus, filled: int) -> None:
    snapshot = order(**changes)
    assert (snapshot.status, snapshot.filled_qty) == (status, filled)


def test_stream_update_names_its_order_differently() -> None:
    row = {k: v for k, v in ORDER.items() if k not in ("id", "product_symbol")}
    update = parse_order(read(wire.Orders, {**row, "type": "orders", "order_id": 5, "symbol": "X"}))
    assert (update.venue_order_id, update.symbol) == ("5", "X")


@pytest.mark.parametrize("created", ["1795156200104211", 1795156200104211, "2026-11-20T06:30:00.104211Z"])
def test_creation_time_in_every_spelling(created: Any) -> None:
    assert order(created_at=created).created_at == datetime(2026, 11, 20, 6, 30, 0, 104211, tzinfo=UTC)


@pytest.mark.parametrize(
    ("flag", "expected"), [("true", True), (True, True), ("false", False), (False, False), (None, False)]
)
def test_flags_in_every_spelling(flag: Any, expected: bool) -> None:
    assert order(reduce_only=flag).reduce_only is expected


@pytest.mark.parametrize("price", [None, "", "0", 0])
def test_market_order_has_no_limit_price(price: Any) -> None:
    assert order(limit_price=price).limit_price is None


@pytest.mark.parametrize(
    "changes",
    [
        {"size": None},
        {"size": 0},
        {"size": -1},
        {"size": "1.5"},
        {"size": "NaN"},
        {"size": "1e400"},
        {"unfilled_size": None},
        {"unfilled_size": 11},
        {"side": "hold"},
        {"side": None},
        {"state": "filled"},
        {"id": None},
        {"id": ""},
        {"id": 1.5},
        {"product_id": None},
        {"product_symbol": None},
        {"limit_price": "-1"},
        {"limit_price": "Infinity"},
        {"average_fill_price": "NaN"},
        {"created_at": "soon"},
        {"created_at": 10**30},
    ],
)
def test_order_that_makes_no_sense_is_a_wire_error(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        order(**changes)


# ------------------------------------------------------------------------------------------------------- fills


@pytest.mark.parametrize("size", [10, "10", "10.000", 10.0])
def test_fill_size_in_every_spelling(size: Any) -> None:
    assert parse_fill(read(wire.FillRow, {**FILL, "size": size})).quantity == 10


def test_settlement_fill_may_cost_nothing_and_carries_a_uuid_order() -> None:
    row = {**FILL, "price": "0", "fill_type": "settlement", "order_id": "a-uuid", "commission": "0"}
    fill = parse_fill(read(wire.FillRow, row))
    assert (fill.price, fill.kind, fill.venue_order_id) == (Decimal(0), FillKind.SETTLEMENT, "a-uuid")


def test_missing_commission_is_not_zero() -> None:
    assert parse_fill(read(wire.FillRow, {**FILL, "commission": None})).commission is None
    assert parse_user_trade(read(wire.UserTrade, TRADE), 98123).commission is None


def test_rebate_stays_negative() -> None:
    assert parse_fill(read(wire.FillRow, {**FILL, "commission": "-0.01"})).commission == Decimal("-0.01")


def test_stream_fill_equals_the_rest_fill_but_for_what_it_does_not_carry() -> None:
    rest = parse_fill(read(wire.FillRow, FILL))
    stream = parse_user_trade(read(wire.UserTrade, TRADE), 98123)
    assert stream.client_order_id == "leg-c-0001"
    assert (stream.channel, rest.channel) == (Channel.STREAM, Channel.REST)
    told = {"client_order_id": None, "commission": rest.commission, "channel": Channel.REST}
    assert msgspec.structs.replace(stream, **told) == rest


def test_new_kind_of_fill_is_still_a_fill() -> None:
    assert parse_fill(read(wire.FillRow, {**FILL, "fill_type": "novel"})).kind is FillKind.NORMAL


@pytest.mark.parametrize(
    "changes", [{"size": 0}, {"size": "-1"}, {"price": "-1"}, {"price": None}, {"side": ""}, {"id": None}]
)
def test_fill_that_makes_no_sense_is_a_wire_error(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        parse_fill(read(wire.FillRow, {**FILL, **changes}))


# ----------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_795_156_200, "2026-11-20T06:30:00+00:00"),
        (1_795_156_200_000, "2026-11-20T06:30:00+00:00"),
        (1_795_156_200_000_001, "2026-11-20T06:30:00.000001+00:00"),
        ("1795156200000001", "2026-11-20T06:30:00.000001+00:00"),
        ("2026-11-20T12:00:00+05:30", "2026-11-20T06:30:00+00:00"),
        ("2026-11-20T06:30:00", "2026-11-20T06:30:00+00:00"),
    ],
)
def test_instants_in_four_units(value: Any, expected: str) -> None:
    instant = numbers.instant_of(value, "t")
    assert instant is not None
    assert instant.isoformat() == expected


@given(st.one_of(st.text(max_size=30), st.integers(), st.floats(), st.none()))
def test_numbers_are_finite_or_refused(value: Any) -> None:
    try:
        number = numbers.decimal_of(value, "x")
    except WireError:
        number = None
    assert number is None or number.is_finite()
    assert numbers.price_or_none(value) is None or numbers.price_or_none(value) > 0  # type: ignore[operator]
    size = numbers.count_or_none(value)
    assert size is None or size >= 0
    real = numbers.float_or_none(value)
    assert real is None or math.isfinite(real)
    instant = numbers.instant_or_none(value)
    assert instant is None or instant.tzinfo is UTC


# -------------------------------------------------------------------------------------------------------- fuzz

NONSENSE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "NaN", "-1", "Infinity", "null", "1e999", "0", "٣", "1_0", "true", " 5", "9" * 100]),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.lists(st.sampled_from(["1", None, "x"]), max_size=6),
)


@st.composite
def mutated(draw: st.DrawFn, row: dict[str, Any]) -> dict[str, Any]:
    changed = dict(row)
    for key in draw(st.lists(st.sampled_from(sorted(row)), min_size=1, max_size=4)):
        if draw(st.booleans()):
            changed.pop(key, None)
        elif isinstance(row[key], dict) and draw(st.booleans()):
            changed[key] = draw(mutated(row[key]))
        else:
            changed[key] = draw(NONSENSE)
    return changed


def check_sane(value: Any) -> None:
    """Nothing non-finite, no negative size or price, all instants aware."""
    if isinstance(value, Decimal):
        assert value.is_finite()
    elif isinstance(value, float):
        assert math.isfinite(value)
    elif isinstance(value, datetime):
        assert value.tzinfo is UTC
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            field = getattr(value, name)
            check_sane(field)
            if name in ("leaves_qty", "bid_size", "ask_size", "product_id", "mark", "bid", "ask", "price", "spot"):
                assert field is None or field >= 0
            if name == "quantity" and not isinstance(value, Position):
                assert field > 0


def survives(kind: Any, parse: Any, row: dict[str, Any], expected: type) -> None:
    try:
        decoded = read(kind, row)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return  # the client turns these into a WireError
    try:
        value = parse(decoded)
    except WireError:
        return
    assert value is None or isinstance(value, expected)
    check_sane(value)


@given(mutated(ORDER))
def test_mutated_orders_are_read_or_refused(row: dict[str, Any]) -> None:
    survives(wire.OrderRow, parse_order, row, OrderSnapshot)


@given(mutated(FILL))
def test_mutated_fills_are_read_or_refused(row: dict[str, Any]) -> None:
    survives(wire.FillRow, parse_fill, row, Fill)


@given(mutated(TRADE))
def test_mutated_stream_fills_are_read_or_refused(row: dict[str, Any]) -> None:
    survives(wire.UserTrade, lambda trade: parse_user_trade(trade, 1), row, Fill)


@given(mutated(POSITION))
def test_mutated_positions_are_read_or_refused(row: dict[str, Any]) -> None:
    survives(wire.PositionRow, parse_position, row, Position)


@given(mutated(TICKER))
def test_mutated_tickers_are_read_or_refused(row: dict[str, Any]) -> None:
    survives(wire.TickerRow, parse_ticker, row, Quote)


@given(mutated({"asset_symbol": "USD", "balance": "1", "available_balance": "1", "blocked_margin": "0"}))
def test_mutated_wallets_are_read_or_refused(row: dict[str, Any]) -> None:
    survives(wire.WalletRow, parse_wallet, row, msgspec.Struct)


PRODUCT = {
    "id": 1,
    "symbol": "C-BTC-78000-040926",
    "contract_type": "call_options",
    "contract_value": "0.001",
    "tick_size": "0.1",
    "taker_commission_rate": "0.0001",
    "maker_commission_rate": "0.0001",
    "initial_margin": "1",
    "maintenance_margin": "0.5",
    "strike_price": "78000",
    "settlement_time": "2026-09-04T12:00:00Z",
    "underlying_asset": {"symbol": "BTC"},
    "product_specs": {"premium_commission_rate": 0.035},
}


@given(mutated(PRODUCT))
def test_mutated_products_are_read_or_refused(row: dict[str, Any]) -> None:
    survives(wire.ProductRow, parse_instrument, row, Instrument)


FRAMES = [
    {
        "type": "ticker",
        "sy": "C-BTC-1-040926",
        "ts": 1788431318663014,
        "sp": "77651.9",
        "d": [
            {
                "s": "C-BTC-1-040926",
                "i": 1,
                "m": "701.4",
                "q": ["717", "6474", "708", "8096", None],
                "qiv": ["0.3", "0.3", "0.3"],
                "g": ["-0.6", "0.0003", "-1.4", "-229", "16"],
                "oi": ["14613", "-41302.35"],
                "pb": ["0.1", "2021.5"],
            }
        ],
    },
    {"type": "ob_l1", "sy": "X", "ts": 1788431318663014, "ap": "2", "as": "3", "bp": "1", "bs": "4"},
    {"type": "mark_price", "sy": "MARK:X", "ts": 1788431318663014, "p": "2"},
    {"type": "spot_price", "sy": ".DEXBTUSD", "ts": 1788431318663014, "p": "2"},
]


@given(st.data())
def test_mutated_market_messages_never_yield_nonsense(data: st.DataObject) -> None:
    decoder = msgspec.json.Decoder(wire.PublicMessage, strict=False)
    conflator = Conflator()
    for frame in FRAMES:
        row = data.draw(mutated(frame))
        if isinstance(row.get("d"), list) and row["d"] and isinstance(row["d"][0], dict):
            row["d"] = [data.draw(mutated(row["d"][0]))]
        try:
            message = decoder.decode(json.dumps(row))
        except msgspec.DecodeError:
            continue
        if isinstance(message, wire.Ticker | wire.BestQuote | wire.MarkPrice | wire.SpotPrice):
            conflator.offer(message)
    for quote in conflator.take():
        check_sane(quote)
    for spot in conflator.spots.values():
        assert spot > 0


@pytest.mark.parametrize("told", ["stop_loss_order", "take_profit_order", None])
def test_an_order_says_what_trigger_it_waits_for(told: str | None) -> None:
    assert order(stop_order_type=told).stop_kind == (told or "")
    assert order().stop_kind == ""
