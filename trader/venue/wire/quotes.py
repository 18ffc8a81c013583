"""Market data rows: REST tickers and books, and the compact frames of the public socket."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from trader.domain.instrument import Instrument, Kind, index_symbol
from trader.domain.order import Side
from trader.venue.core.events import PublicTrade
from trader.venue.core.exchange import Exchange
from trader.venue.market.base import Level, OptionStats
from trader.venue.wire.catalogue import CONTRACT_TYPES
from trader.venue.wire.text import iso, micros, plain, real

_SHOWN_L2_LEVELS = 15


def ticker_row(exchange: Exchange, instrument: Instrument) -> dict[str, Any]:
    """One row of GET /v2/tickers. OHLC is null: the source quotes, it does not print trades."""
    stats = exchange.stats(instrument.symbol)
    spot = exchange.market.spot(instrument.underlying)
    option = instrument.kind is not Kind.PERPETUAL
    oi_value = stats.open_interest * instrument.contract_value
    leverage = exchange.settings.option_leverage if option else exchange.settings.perpetual_leverage
    row: dict[str, Any] = {
        "symbol": instrument.symbol,
        "product_id": instrument.product_id,
        "contract_type": CONTRACT_TYPES[instrument.kind],
        "description": f"{instrument.underlying} {instrument.kind.value}",
        "underlying_asset_symbol": instrument.underlying,
        "open": None,
        "high": None,
        "low": None,
        "close": None,
        "ltp_change_24h": None,
        "mark_change_24h": None,
        "mark_price": plain(stats.mark),
        "mark_vol": real(stats.mark_iv) if option else None,
        "spot_price": plain(spot),
        "greeks": _greeks(stats, spot) if option else None,
        "quotes": _quotes(exchange, instrument, stats),
        "price_band": {"lower_limit": plain(stats.band_low), "upper_limit": plain(stats.band_high)},
        "oi": plain(oi_value),
        "oi_contracts": plain(stats.open_interest),
        "oi_value": plain(oi_value),
        "oi_value_symbol": instrument.underlying,
        "oi_value_usd": plain((oi_value * spot).quantize(Decimal("0.0001"))),
        "oi_change_usd_6h": None,
        "size": int(stats.volume / float(instrument.contract_value)),
        "volume": stats.volume,
        "turnover": stats.volume * float(spot),
        "turnover_symbol": "USD",
        "turnover_usd": stats.volume * float(spot),
        "tick_size": plain(instrument.tick_size),
        "contract_value": plain(instrument.contract_value),
        "initial_margin": plain(instrument.initial_margin_pct),
        "leverage": int(leverage),
        "oi_reduce_only_mode": False,
        "product_trading_status": instrument.trading_status,
        "timestamp": micros(exchange.now),
        "time": iso(exchange.now),
    }
    if instrument.strike is not None:
        row["strike_price"] = plain(instrument.strike)
    return row


def _greeks(stats: OptionStats, spot: Decimal) -> dict[str, Any]:
    greeks = stats.greeks
    return {
        "delta": real(greeks.delta),
        "gamma": real(greeks.gamma),
        "rho": real(greeks.rho),
        "theta": real(greeks.theta),
        "vega": real(greeks.vega),
        "spot": plain(spot),
    }


def _quotes(exchange: Exchange, instrument: Instrument, stats: OptionStats) -> dict[str, Any]:
    book = exchange.book(instrument.symbol)
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    return {
        "best_bid": _price(bid),
        "bid_size": _size(bid),
        "bid_iv": real(stats.bid_iv) if bid else None,
        "best_ask": _price(ask),
        "ask_size": _size(ask),
        "ask_iv": real(stats.ask_iv) if ask else None,
        "mark_iv": real(stats.mark_iv) if instrument.kind is not Kind.PERPETUAL else None,
        "impact_mid_price": None,
    }


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


def trade_row(trade: PublicTrade) -> dict[str, Any]:
    """One row of GET /v2/trades, with roles."""
    bought = trade.side is Side.BUY
    return {
        "symbol": trade.symbol,
        "price": plain(trade.price),
        "size": trade.size,
        "buyer_role": "taker" if bought else "maker",
        "seller_role": "maker" if bought else "taker",
        "timestamp": micros(trade.ts),
    }


def ticker_frame(exchange: Exchange, subscribed: str, members: list[Instrument], ts: int) -> dict[str, Any]:
    """The `ticker` frame of a contract or a chain: one row per contract."""
    spot = exchange.market.spot(members[0].underlying)
    rows = [ticker_compact(exchange, instrument, spot) for instrument in members]
    return {"type": "ticker", "sy": subscribed, "ts": ts, "sp": plain(spot), "d": rows}


def ticker_compact(exchange: Exchange, instrument: Instrument, spot: Decimal) -> dict[str, Any]:
    """One row of a `ticker` frame. Ask comes first; greeks run delta, gamma, rho, theta, vega."""
    stats = exchange.stats(instrument.symbol)
    book = exchange.book(instrument.symbol)
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    option = instrument.kind is not Kind.PERPETUAL
    greeks = stats.greeks
    return {
        "s": instrument.symbol,
        "i": instrument.product_id,
        "m": plain(stats.mark),
        "m24hc": None,
        "ohlc": None,
        "q": [_price(ask), _size(ask), _price(bid), _size(bid), None],
        "qiv": [real(stats.ask_iv) if ask else None, real(stats.bid_iv) if bid else None, real(stats.mark_iv)]
        if option
        else None,
        "g": [real(g) for g in (greeks.delta, greeks.gamma, greeks.rho, greeks.theta, greeks.vega)] if option else None,
        "oi": [plain(stats.open_interest), None],
        "pb": [plain(stats.band_low), plain(stats.band_high)],
        "to": [stats.volume * float(spot), stats.volume * float(spot)],
    }


def l1_frame(exchange: Exchange, symbol: str, lts: int, ts: int) -> dict[str, Any]:
    """The `ob_l1` frame: best prices and sizes, null where a side is empty."""
    book = exchange.book(symbol)
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    return {
        "type": "ob_l1",
        "sy": symbol,
        "ap": _price(ask),
        "as": _size(ask),
        "bp": _price(bid),
        "bs": _size(bid),
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


def spot_frame(exchange: Exchange, underlying: str, ts: int) -> dict[str, Any]:
    """The `spot_price` frame."""
    spot = exchange.market.spot(underlying)
    return {"type": "spot_price", "sy": index_symbol(underlying), "p": plain(spot), "ts": ts}


def twap_frame(underlying: str, price: Decimal, now: datetime) -> dict[str, Any]:
    """The `spot_30mtwap_price` frame, with its long names."""
    return {
        "type": "spot_30mtwap_price",
        "symbol": index_symbol(underlying),
        "price": plain(price),
        "timestamp": micros(now),
    }


def trade_frame(trade: PublicTrade, ts: int) -> dict[str, Any]:
    """The `trades` frame; `r` is the buyer's role."""
    return {
        "type": "trades",
        "sy": trade.symbol,
        "p": plain(trade.price),
        "s": float(trade.size),
        "r": "t" if trade.side is Side.BUY else "m",
        "t": micros(trade.ts),
        "ts": ts,
    }


def _price(level: Level | None) -> str | None:
    return plain(level[0]) if level else None


def _size(level: Level | None) -> str | None:
    return str(level[1]) if level else None
