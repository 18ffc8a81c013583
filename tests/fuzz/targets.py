"""What is fuzzed: every way from bytes of the wire to a value of the house, with an honest payload to damage for each."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from tests.conformance.test_schema import ORDER_ANSWER, SOCKET_MESSAGES
from trader.domain.errors import ExchangeError, WireError
from trader.exchange.ccxt import unified as unified
from trader.exchange.delta.http.refusal import refusal
from trader.exchange.delta.stream.conflate import Conflator
from trader.exchange.delta.stream.local_book import BookBroken, LocalBook
from trader.exchange.delta.wire import account as wire_account
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire import feeds as wire_feeds
from trader.exchange.delta.wire import market as wire_market
from trader.exchange.delta.wire.parse import (
    parse_fill,
    parse_instrument,
    parse_order,
    parse_position,
    parse_ticker,
    parse_user_trade,
    parse_wallet,
)
from trader.exchange.delta.wire.parse_account import (
    parse_balance,
    parse_leverage,
    parse_margined,
    parse_order_details,
    parse_preferences,
    parse_stats,
    parse_transaction,
)
from trader.exchange.delta.wire.parse_feeds import (
    parse_feed,
    parse_long_user_trade,
    parse_mmp_trigger,
    parse_portfolio_margins,
)
from trader.exchange.delta.wire.parse_market import (
    parse_asset,
    parse_book,
    parse_candle,
    parse_day_ticker,
    parse_index,
    parse_quota,
    parse_trade,
)

# What a parser may say of a payload it cannot use. Anything else is a defect.
REFUSALS = (ExchangeError, BookBroken, msgspec.DecodeError, RecursionError, UnicodeDecodeError)

TS = 1795156200000000
PRODUCT: dict[str, Any] = {
    "id": 98123, "symbol": "C-BTC-68000-201126", "contract_type": "call_options", "contract_value": "0.001",
    "tick_size": "0.1", "taker_commission_rate": "0.0001", "maker_commission_rate": "0.0001", "initial_margin": "1",
    "maintenance_margin": "0.5", "strike_price": "68000", "settlement_time": "2026-11-20T12:00:00Z", "state": "live",
    "settlement_price": None, "position_size_limit": 100000, "trading_status": "operational",
    "underlying_asset": {"symbol": "BTC"}, "product_specs": {"premium_commission_rate": 0.035},
}  # fmt: skip
TICKER: dict[str, Any] = {
    "symbol": "C-BTC-68000-201126", "contract_type": "call_options", "product_id": 98123, "mark_price": "391.5",
    "mark_vol": "0.52", "spot_price": "63826.1", "greeks": {"delta": "0.3", "gamma": "0.00001", "theta": "-90", "vega": "20", "rho": "3"},
    "quotes": {"best_bid": "390", "best_ask": "393", "bid_size": "100", "ask_size": "90", "bid_iv": "0.5", "ask_iv": "0.53"},
    "price_band": {"lower_limit": "0.1", "upper_limit": "2000"}, "oi_contracts": "2000", "volume": 10.5, "timestamp": TS,
    "open": 380.0, "high": 400, "low": 350.5, "close": 391, "turnover_usd": 12.5, "mark_change_24h": "-1.2", "funding_rate": "-0.01",
}  # fmt: skip
FILL: dict[str, Any] = {
    "id": "9f0c4e0c7a5b4e2f8a1d2b3c4d5e6f70", "order_id": "700123456", "product_id": 98123, "product_symbol": "C-BTC-68000-201126",
    "side": "sell", "size": "10", "price": "391", "role": "taker", "fill_type": "normal", "commission": "0.0753148",
    "created_at": "2026-11-20T06:30:00.104211Z",
}  # fmt: skip
WALLET = {
    "asset_id": 14, "asset_symbol": "USD", "balance": "1003.83", "available_balance": "997.37", "blocked_margin": "6.46",
    "order_margin": "0", "position_margin": "6.38", "commission": "0.08", "portfolio_margin": "0", "timestamp": TS,
}  # fmt: skip
MARGINED = {
    "product_id": 27, "product_symbol": "BTCUSD", "size": -3, "entry_price": "65000", "mark_price": "65010.5",
    "margin": "12.5", "liquidation_price": None, "adl_level": "2", "realized_pnl": "-0.1", "margin_mode": "isolated",
    "auto_topup": False, "created_at": "2026-11-20T06:30:00.1Z",
}  # fmt: skip
TRANSACTION = {
    "id": 1, "amount": "-0.07", "balance": "9.93", "transaction_type": "commission", "product_id": 98123,
    "asset_symbol": "USD", "created_at": "2026-11-20T06:30:00Z",
}  # fmt: skip
STREAM_TICKER = {
    "type": "ticker", "sy": "BTC-201126", "ts": TS, "sp": "63826.1",
    "d": [{"s": "C-BTC-68000-201126", "i": 98123, "m": "391", "q": ["393", "90", "390", "100", "391.5"],
           "qiv": ["0.53", "0.5", "0.52"], "g": ["0.3", "0.00001", "3", "-90", "20"], "oi": ["2000", "5"],
           "pb": ["0.1", "2000"], "ohlc": [380, 400, 350, 391], "to": [1.5, 2.5], "m24hc": "-1"}],
}  # fmt: skip

Run = Callable[[bytes], list[Any]]


def _enveloped(kind: Any, parse: Callable[[Any], Any]) -> Run:
    decoder = msgspec.json.Decoder(wire.Envelope[kind], strict=False)

    def run(raw: bytes) -> list[Any]:
        result = decoder.decode(raw).result
        return [parse(row) for row in (result if isinstance(result, list) else [result]) if row is not None]

    return run


def _one(kind: Any, parse: Callable[[Any], Any]) -> Run:
    decoder = msgspec.json.Decoder(kind, strict=False)
    return lambda raw: [parse(decoder.decode(raw))]


_PUBLIC = msgspec.json.Decoder(wire.PublicMessage | wire_feeds.FeedMessage | wire_feeds.CandleFrame, strict=False)
_PRIVATE = msgspec.json.Decoder(wire.PrivateWire | wire_feeds.ProtectionMessage, strict=False)


def _public(raw: bytes) -> list[Any]:
    message: Any = _PUBLIC.decode(raw)
    if isinstance(message, wire.Ticker | wire.BestQuote | wire.MarkPrice | wire.SpotPrice):
        conflator = Conflator()
        conflator.offer(message)
        return [*conflator.take(), *conflator.spots.values()]
    if isinstance(message, wire_feeds.BookUpdate):
        book = LocalBook("X")
        book.apply(message)
        return [book.view()]
    if isinstance(message, wire.ProductUpdate | wire.SystemStatus | wire.Subscriptions | wire.Heartbeat | wire.Pong):
        return []
    return [parse_feed(message)]


def _private(raw: bytes) -> list[Any]:
    message: Any = _PRIVATE.decode(raw)
    match message:
        case wire.Orders():
            rows = message.result or [] if message.action == "snapshot" else [message]
            return [parse_order(row) for row in rows]
        case wire.UserTrade():
            return [parse_user_trade(message, 0)]
        case wire.Positions():
            rows = message.result or [] if message.action == "snapshot" else [message]
            return [parse_position(row) for row in rows]
        case wire.Margins():
            return [parse_wallet(message)]
        case wire_feeds.PortfolioMargins():
            return [parse_portfolio_margins(message)]
        case wire_feeds.MmpTrigger():
            return [parse_mmp_trigger(message)]
        case wire_feeds.LongUserTrade():
            return [parse_long_user_trade(message)]
    return []


def _enveloped_row(row: Any) -> dict[str, Any]:
    return {"success": True, "result": row, "meta": {"after": None, "before": None}}


def _refusal(raw: bytes) -> list[Any]:
    for status in (400, 401, 403, 404, 429, 500):
        error = refusal(status, raw, what="fuzz")
        assert isinstance(error, ExchangeError)
        str(error)
    return []


_CANDLE = {
    "type": "candlestick_1m",
    "sy": "BTCUSD",
    "res": "1m",
    "o": 1.5,
    "h": 2,
    "l": 1,
    "c": 1.2,
    "v": 3.0,
    "ts": TS,
}
_FRAMES: dict[str, Any] = {
    "ticker": STREAM_TICKER,
    "ob_l1": {"type": "ob_l1", "sy": "X", "ap": "393", "as": "90", "bp": "390", "bs": "100", "lts": TS, "ts": TS},
    "ob_l2": {"type": "ob_l2", "sy": "X", "a": [["393", "9"], ["394", "1"]], "b": [["390", "5"]], "lts": TS, "ts": TS},
    "ob_updates": {"type": "ob_updates", "action": "snapshot", "a": [["393", "9"]], "b": [["390", "5"]], "seq": 1, "sy": "X", "ts": TS},
    "trades": {"type": "trades", "sy": "X", "p": "391", "s": 2.0, "r": "t", "t": TS, "ts": TS},
    "mark_price": {"type": "mark_price", "sy": "MARK:X", "p": "391", "ts": TS},
    "spot_price": {"type": "spot_price", "sy": ".DEXBTUSD", "p": "63826.1", "ts": TS},
    "spot_30mtwap_price": {"type": "spot_30mtwap_price", "symbol": ".DEXBTUSD", "price": "63826.1", "timestamp": TS},
    "funding_rate": {"type": "funding_rate", "sy": "BTCUSD", "fr": 0.01, "fi": 28800, "nfr": TS, "ts": TS},
    "candlestick_1m": _CANDLE,
}  # fmt: skip
_ACCOUNT: dict[str, Any] = {
    **{message["type"]: message for message in SOCKET_MESSAGES},
    "orders snapshot": {"type": "orders", "action": "snapshot", "symbol": "X", "meta": {"seq_no": 4}, "result": [ORDER_ANSWER["result"]]},
    "positions snapshot": {"type": "positions", "action": "snapshot", "result": [{"product_id": 27, "product_symbol": "BTCUSD", "size": -3, "entry_price": "65000"}]},
    "portfolio_margins": {"type": "portfolio_margins", "index_symbol": ".DEXBTUSD", "blocked_margin": "5", "im_w_ucf": "-1.5", "mm_w_ucf": "2", "liquidation_risk": False, "timestamp": TS},
    "mmp_trigger": {"type": "mmp_trigger", "user_id": 1, "asset": "BTC", "frozen_till": -1},
    "user_trades": {"type": "user_trades", "symbol": "X", "product_id": 5, "order_id": 7, "fill_id": "f", "side": "buy", "size": 2, "price": "3", "role": "taker", "reason": "normal", "timestamp": TS, "seq_no": 1},
}  # fmt: skip

_UNIFIED_ORDER = {
    "id": "700", "clientOrderId": "c-1", "amount": 3.0, "remaining": 1.0, "side": "sell", "price": 65000.5, "average": 65001.0,
    "status": "open", "timestamp": 1795156200000, "fee": {"cost": 0.07, "currency": "USD"}, "reduceOnly": None,
}  # fmt: skip
_UNIFIED_TICKER = {"bid": 390.0, "ask": 393.0, "bidVolume": 100.0, "askVolume": 90.0, "markPrice": 391.5, "timestamp": 1795156200000}  # fmt: skip
_UNIFIED_MARKET = {
    "id": "C-BTC-68000-201126", "active": True, "option": True, "optionType": "call", "settle": "USD", "base": "BTC",
    "precision": {"price": 0.1, "amount": 1.0}, "contractSize": 0.001, "strike": 68000.0, "expiry": 1795176000000,
    "taker": 0.0001, "maker": 0.0001, "limits": {"amount": {"min": 1.0, "max": 100000.0}},
}  # fmt: skip


def _unified(parse: Callable[..., Any], *names: Any) -> Run:
    def run(raw: bytes) -> list[Any]:
        row = msgspec.json.decode(raw)
        if not isinstance(row, dict):  # ccxt's structures are dictionaries, whatever the exchange sent
            raise WireError("no structure")
        return [value for value in [parse(row, *names)] if value is not None]

    return run


TARGETS: dict[str, tuple[Any, Run]] = {
    "order": (ORDER_ANSWER, _enveloped(wire.OrderRow, parse_order)),
    "order details": (ORDER_ANSWER, _enveloped(wire_account.FullOrderRow, parse_order_details)),
    "products": (_enveloped_row([PRODUCT]), _enveloped(list[wire.ProductRow], parse_instrument)),
    "tickers": (_enveloped_row([TICKER]), _enveloped(list[wire.TickerRow], parse_ticker)),
    "day tickers": (_enveloped_row([TICKER]), _enveloped(list[wire_market.FullTickerRow], parse_day_ticker)),
    "fills": (_enveloped_row([FILL]), _enveloped(list[wire.FillRow], parse_fill)),
    "position": (_enveloped_row({"size": -3, "entry_price": "65000", "product_id": 27}), _enveloped(wire.PositionRow, parse_position)),
    "margined": (_enveloped_row([MARGINED]), _enveloped(list[wire_account.MarginedPositionRow], parse_margined)),
    "balances": (_enveloped_row([WALLET]), _enveloped(list[wire_account.FullWalletRow], parse_balance)),
    "transactions": (_enveloped_row([TRANSACTION]), _enveloped(list[wire_account.TransactionRow], parse_transaction)),
    "leverage": (_enveloped_row({"leverage": "10", "order_margin": "5", "product_id": 27}), _enveloped(wire_account.LeverageRow, lambda row: parse_leverage(row, 27))),
    "preferences": (_enveloped_row({"user_id": 7, "vip_level": 0, "volume_30d": "1.5"}), _enveloped(wire_account.FullPreferencesRow, parse_preferences)),
    "stats": (_enveloped_row({"last_30_days_volume": 3, "last_7_days_volume": "2", "total_volume": 1.5}), _enveloped(wire_account.StatsRow, parse_stats)),
    "assets": (_enveloped_row([{"id": 14, "symbol": "USD", "name": "Dollar", "precision": 8}]), _enveloped(list[wire_market.AssetInfoRow], parse_asset)),
    "indices": (_enveloped_row([{"id": 1, "symbol": ".DEXBTUSD", "constituent_exchanges": [{"name": "A", "weight": 0.5}], "tick_size": "0.5"}]), _enveloped(list[wire_market.IndexRow], parse_index)),
    "book": (_enveloped_row({"symbol": "X", "buy": [{"price": "9", "size": 4}], "sell": [{"price": "10", "size": 1}], "last_updated_at": TS}), _enveloped(wire_market.BookRow, parse_book)),
    "trades": (_enveloped_row([{"price": "10", "size": 3, "buyer_role": "taker", "timestamp": TS}]), _enveloped(list[wire_market.TradeRow], lambda row: parse_trade(row, "X"))),
    "candles": (_enveloped_row([{"time": 1795156200, "open": 1.5, "high": 2, "low": 1, "close": 1.2, "volume": 3}]), _enveloped(list[wire_market.CandleRow], parse_candle)),
    "quota": ({"current_quota": 12, "remaining_time_in_milliseconds": 1500}, _one(wire_market.QuotaRow, parse_quota)),
    "refusal": ({"success": False, "error": {"code": "insufficient_margin", "context": {"available_balance": "1.2"}}, "message": "x"}, _refusal),
    "ccxt order": (_UNIFIED_ORDER, _unified(unified.parse_order, "X", 5)),
    "ccxt fill": (_UNIFIED_ORDER | {"order": "700", "takerOrMaker": "taker"}, _unified(unified.parse_fill, "X", 5)),
    "ccxt position": ({"contracts": 3.0, "side": "short", "entryPrice": 1.5}, _unified(unified.parse_position, "X", 5)),
    "ccxt ticker": (_UNIFIED_TICKER, _unified(unified.parse_ticker, "X")),
    "ccxt market": (_UNIFIED_MARKET, _unified(unified.parse_market, 5, "USD")),
    **{f"socket {name}": (frame, _public) for name, frame in _FRAMES.items()},
    **{f"account {name}": (frame, _private) for name, frame in _ACCOUNT.items()},
}  # fmt: skip

# Fields that count contracts or name a price of something resting, traded or held: never below 0 past a parser.
NEVER_NEGATIVE = frozenset(
    "size leaves_qty bid ask mark bid_size ask_size limit_price avg_px open_interest band_low band_high tick_size "
    "contract_value spot entry_price product_id strike".split()
)


def impossible(value: Any, where: str = "") -> str | None:
    """What is wrong with a parsed value: a number that is none, or a size or price below 0."""
    if isinstance(value, float):
        return f"{where} is {value}" if value != value or value in (float("inf"), float("-inf")) else None
    if isinstance(value, Decimal):
        if not value.is_finite():
            return f"{where} is {value}"
        return f"{where} is {value}" if value < 0 and where.rpartition(".")[2] in NEVER_NEGATIVE else None
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{where} is {value}" if value < 0 and where.rpartition(".")[2] in NEVER_NEGATIVE else None
    if isinstance(value, msgspec.Struct):
        kind = type(value).__name__
        for name in value.__struct_fields__:
            if name == "quantity" and kind in ("OrderSnapshot", "Fill", "PublicTrade"):
                if getattr(value, name) < 0:
                    return f"{kind}.quantity is {getattr(value, name)}"
                continue
            found = impossible(getattr(value, name), f"{kind}.{name}")
            if found is not None:
                return found
    elif isinstance(value, list | tuple):
        for item in value:
            found = impossible(item, where)
            if found is not None:
                return found
    return None
