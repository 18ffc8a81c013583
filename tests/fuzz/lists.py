"""Lists under damage: whatever is wrong with some rows, the others are read as if they stood alone."""

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from tests.conformance.test_schema import ORDER_ANSWER
from tests.fuzz.mutation import damaged
from tests.fuzz.targets import FILL, MARGINED, PRODUCT, STREAM_TICKER, TICKER, TRANSACTION, TS, WALLET
from trader.exchange.common.credentials import Credentials
from trader.exchange.common.events import UnreadableMessage
from trader.exchange.common.rows import UNREADABLE, sift
from trader.exchange.delta.stream.conflate import Conflator
from trader.exchange.delta.stream.streams import PrivateStream, PublicStream
from trader.exchange.delta.wire import account as wire_account
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire import market as wire_market
from trader.exchange.delta.wire.listing import Rows, decode_rows
from trader.exchange.delta.wire.parse import (
    parse_fill,
    parse_instrument,
    parse_named_wallet,
    parse_order,
    parse_position,
    parse_ticker,
)
from trader.exchange.delta.wire.parse_account import (
    parse_balance,
    parse_margined,
    parse_order_details,
    parse_transaction,
)
from trader.exchange.delta.wire.parse_market import parse_candle, parse_day_ticker, parse_trade

Read = Callable[[list[bytes]], list[Any]]

ORDER = ORDER_ANSWER["result"]
POSITION = {"product_id": 27, "product_symbol": "BTCUSD", "size": -3, "entry_price": "65000"}

# What a row may hold that is no JSON, or that no number can hold.
_TOKENS = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"9" * 400,
    b"9" * 5000,
    b'"\xff\xfe"',
    b'"\\ud83d"',
    b"null",
    b"[]",
)


def _rest(row: Any, parse: Callable[[Any], Any]) -> Read:
    def read(rows: list[bytes]) -> list[Any]:
        body = b'{"success":true,"result":[' + b",".join(rows) + b'],"meta":{"after":null}}'
        return sift("the list", decode_rows(body, Rows(row), "the list").result, parse)[0]

    return read


def _chain(rows: list[bytes]) -> list[Any]:
    heard: list[Any] = []
    stream = PublicStream("ws://127.0.0.1:9", heard.append, lambda _: None)
    _hear(stream, b'{"type":"ticker","sy":"BTC-201126","ts":%d,"sp":"63826.1","d":[' % TS + b",".join(rows) + b"]}")
    conflator = Conflator()
    for message in heard:
        conflator.offer(message)
    return [quote for quote in conflator.take() if quote.symbol.startswith("C-BTC-")]


def _snapshot(kind: str) -> Read:
    def read(rows: list[bytes]) -> list[Any]:
        heard: list[Any] = []
        stream = PrivateStream("ws://127.0.0.1:9", Credentials("k", "s"), heard.append)
        _hear(
            stream,
            b'{"type":"%s","action":"snapshot","symbol":"X","result":[' % kind.encode() + b",".join(rows) + b"]}",
        )
        return [value for value in heard if not isinstance(value, UnreadableMessage)]

    return read


def _hear(stream: Any, raw: bytes) -> None:
    try:
        message = stream._decoder.decode(raw)
    except UNREADABLE as error:
        message = stream._undecodable(raw, error)
    assert message is not None, raw
    stream._handle(message)


LISTS: dict[str, tuple[Any, Read]] = {
    "products": (PRODUCT, _rest(wire.ProductRow, parse_instrument)),
    "tickers": (TICKER, _rest(wire.TickerRow, parse_ticker)),
    "day tickers": (TICKER, _rest(wire_market.FullTickerRow, parse_day_ticker)),
    "orders": (ORDER, _rest(wire.OrderRow, parse_order)),
    "order details": (ORDER, _rest(wire_account.FullOrderRow, parse_order_details)),
    "fills": (FILL, _rest(wire.FillRow, parse_fill)),
    "positions": (POSITION, _rest(wire.PositionRow, parse_position)),
    "margined": (MARGINED, _rest(wire_account.MarginedPositionRow, parse_margined)),
    "wallet": (WALLET, _rest(wire.WalletRow, parse_named_wallet)),
    "balances": (WALLET, _rest(wire_account.FullWalletRow, parse_balance)),
    "transactions": (TRANSACTION, _rest(wire_account.TransactionRow, parse_transaction)),
    "trades": ({"price": "10", "size": 3, "side": "buy", "timestamp": TS}, _rest(wire_market.TradeRow, lambda row: parse_trade(row, "X"))),
    "candles": ({"time": 1795156200, "open": 1.5, "high": 2, "low": 1, "close": 1.2, "volume": 3}, _rest(wire_market.CandleRow, parse_candle)),
    "chain frame": (STREAM_TICKER["d"][0], _chain),
    "orders snapshot": (ORDER, _snapshot("orders")),
    "positions snapshot": (POSITION, _snapshot("positions")),
}  # fmt: skip


def damaged_row(rng: random.Random, row: dict[str, Any]) -> bytes:
    """A row that may make no sense any more, as it would come off the wire between two commas."""
    if rng.random() < 0.3:
        name = rng.choice(sorted(row))
        text = json.dumps({**row, name: "@@"}).encode()
        return text.replace(b'"@@"', rng.choice(_TOKENS))
    return json.dumps(damaged(rng, row)).encode()


def told_apart(row: dict[str, Any], number: int) -> dict[str, Any]:
    """The honest row again, of another contract and order: rows of one contract may contradict each other."""
    names = {"s": f"C-BTC-{number}-201126"} if "s" in row and "qiv" in row else {}
    return {**row, **names}


def read_alone(read: Read, row: bytes) -> list[Any]:
    """What a row gives by itself."""
    return read([row])


def compare(name: str, rng: random.Random) -> tuple[int, int]:
    """Read a list of which some rows are damaged; how many of its rows made sense, and how many did not.

    Raises:
        AssertionError: A row was read otherwise than by itself.
    """
    honest, read = LISTS[name]
    rows = [json.dumps(told_apart(honest, 60_000 + number)).encode() for number in range(rng.randrange(2, 9))]
    for place in rng.sample(range(len(rows)), rng.randrange(1, len(rows) + 1)):
        rows[place] = damaged_row(rng, told_apart(honest, 60_000 + place))
    alone = [read_alone(read, row) for row in rows]
    together = read(rows)
    expected = [value for values in alone for value in values]
    if name == "chain frame":  # rows of a damaged name may have become rows of one contract, which are merged
        names = Counter(quote.symbol for quote in expected)
        expected = [quote for quote in expected if names[quote.symbol] == 1]
        together = [quote for quote in together if names[quote.symbol] == 1]
    assert _plain(together) == _plain(expected), (name, rows)
    return len(together), sum(not values for values in alone)


def _plain(values: list[Any]) -> list[str]:
    return [
        repr(msgspec.to_builtins(value, str_keys=True)) if isinstance(value, msgspec.Struct) else repr(value)
        for value in values
    ]
