"""Books, marks, index prices and trades: REST rows and the compact frames of the public socket."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from trader.domain.instrument import index_symbol
from trader.domain.order import Side
from trader.venue.core.exchange import Exchange
from trader.venue.market.base import Level, Print
from trader.venue.wire.text import micros, plain
from trader.venue.wire.tickers import best_size

_SHOWN_L2_LEVELS = 15


def l2_row(exchange: Exchange, symbol: str, depth: int | None) -> dict[str, Any]:
    """GET /v2/l2orderbook: levels with a running total."""
    book = exchange.book(symbol)
    return {
        "symbol": symbol,
        "last_updated_at": micros(exchange.now),
        "buy": _running(book.levels(Side.BUY, depth)),
        "sell": _running(book.levels(Side.SELL, depth)),
    }


def _running(levels: list[Level]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    total = 0
    for price, size in levels:
        total += size
        rows.append({"price": plain(price), "size": size, "depth": str(total)})
    return rows


def trade_row(symbol: str, trade: Print) -> dict[str, Any]:
    """One row of GET /v2/trades, with roles."""
    bought = trade.side is Side.BUY
    return {
        "symbol": symbol,
        "price": plain(trade.price),
        "size": trade.size,
        "buyer_role": "taker" if bought else "maker",
        "seller_role": "maker" if bought else "taker",
        "timestamp": trade.ts_ms * 1000,
    }


def l1_frame(exchange: Exchange, symbol: str, lts: int, ts: int) -> dict[str, Any]:
    """The `ob_l1` frame: best prices and sizes, null where a side is empty."""
    book = exchange.book(symbol)
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    return {
        "type": "ob_l1",
        "sy": symbol,
        "ap": plain(ask[0]) if ask else None,
        "as": best_size(ask),
        "bp": plain(bid[0]) if bid else None,
        "bs": best_size(bid),
        "lts": lts,
        "ts": ts,
    }


def l2_frame(exchange: Exchange, symbol: str, lts: int, ts: int) -> dict[str, Any]:
    """The `ob_l2` frame: the best 15 levels of each side, a full replacement."""
    book = exchange.book(symbol)
    asks = [[plain(price), str(size)] for price, size in book.levels(Side.SELL, _SHOWN_L2_LEVELS)]
    bids = [[plain(price), str(size)] for price, size in book.levels(Side.BUY, _SHOWN_L2_LEVELS)]
    return {"type": "ob_l2", "sy": symbol, "a": asks, "b": bids, "lts": lts, "ts": ts}


def mark_frame(exchange: Exchange, symbol: str, ts: int) -> dict[str, Any]:
    """The `mark_price` frame."""
    return {"type": "mark_price", "sy": f"MARK:{symbol}", "p": plain(exchange.stats(symbol).mark), "ts": ts}


def spot_frame(underlying: str, price: Decimal, ts: int) -> dict[str, Any]:
    """The `spot_price` frame."""
    return {"type": "spot_price", "sy": index_symbol(underlying), "p": plain(price), "ts": ts}


def twap_frame(underlying: str, price: Decimal, now: datetime) -> dict[str, Any]:
    """The `spot_30mtwap_price` frame, with its long names."""
    return {
        "type": "spot_30mtwap_price",
        "symbol": index_symbol(underlying),
        "price": plain(price),
        "timestamp": micros(now),
    }


def trade_frame(symbol: str, trade: Print, ts: int) -> dict[str, Any]:
    """The `trades` frame; `r` is the buyer's role."""
    return {
        "type": "trades",
        "sy": symbol,
        "p": plain(trade.price),
        "s": float(trade.size),
        "r": "t" if trade.side is Side.BUY else "m",
        "t": trade.ts_ms * 1000,
        "ts": ts,
    }
