"""Books and trades in long names: REST rows, and parts of the frames of the long-named channels."""

from typing import Any

from trader.domain.order import Side
from trader.venue.core.exchange import Exchange
from trader.venue.market.base import Level, Print
from trader.venue.market.instants import to_us
from trader.venue.wire.text import plain


def l2_row(exchange: Exchange, symbol: str, depth: int | None) -> dict[str, Any]:
    """GET /v2/l2orderbook: levels with a running total."""
    book = exchange.book(symbol)
    return {
        "symbol": symbol,
        "last_updated_at": to_us(exchange.now),
        "buy": running(book.levels(Side.BUY, depth), "price"),
        "sell": running(book.levels(Side.SELL, depth), "price"),
    }


def running(levels: list[Level], price_name: str) -> list[dict[str, Any]]:
    """Levels with a running total."""
    rows: list[dict[str, Any]] = []
    total = 0
    for price, size in levels:
        total += size
        rows.append({price_name: plain(price), "size": size, "depth": str(total)})
    return rows


def trade_row(symbol: str, trade: Print) -> dict[str, Any]:
    """One row of GET /v2/trades, with roles."""
    return {"symbol": symbol, **trade_fields(trade)}


def trade_fields(trade: Print) -> dict[str, Any]:
    """A trade without its contract."""
    bought = trade.side is Side.BUY
    return {
        "price": plain(trade.price),
        "size": trade.size,
        "buyer_role": "taker" if bought else "maker",
        "seller_role": "maker" if bought else "taker",
        "timestamp": trade.ts_ms * 1000,
    }
