"""The long-named public channels of the private host. Source: exchange documentation of December 2025, "Public Channels";
their retirement is announced, and clients still use them."""

from typing import Any

from trader.domain.instrument import Instrument, Kind, index_symbol
from trader.domain.order import Side
from trader.venue.core.exchange import Exchange
from trader.venue.market.base import Bar, Level, Print, Series
from trader.venue.tape import Tape
from trader.venue.wire import quotes
from trader.venue.wire.book_updates import BookChange, UpdatesFeed
from trader.venue.wire.broadcast import Broadcast
from trader.venue.wire.candles import SOCKET_RESOLUTIONS, Chart, Resolution, resolution
from trader.venue.wire.channels import Channel
from trader.venue.wire.compact import BOOK_SYMBOLS_MAX, running_average
from trader.venue.wire.feeds import MARK, BookFeed, EachFeed, Feed, IndexFeed, Symbols, secs
from trader.venue.wire.text import micros, plain, real
from trader.venue.wire.tickers import best_price, best_size, ticker_row
from trader.venue.wire.trade_feed import CandleFeed, TradeFeed

L2_SYMBOLS_MAX = 20
_SHOWN_LEVELS = 15
_FUNDING_PERIOD_8H = 8 * 3600


def legacy_broadcast(exchange: Exchange, tape: Tape) -> Broadcast:
    """The private host's public channels."""
    symbols = Symbols(exchange)
    candles = {
        f"candlestick_{name}": CandleFeed(exchange, tape, symbols, secs(1), resolution(name), _candle)
        for name in SOCKET_RESOLUTIONS
    }
    channels = [
        Channel(name="v2/ticker", takes=symbols.is_contract_or_group),
        Channel(name="l1_orderbook", takes=symbols.is_contract_or_group),
        Channel(name="l2_orderbook", takes=symbols.is_contract, symbols_max=L2_SYMBOLS_MAX),
        Channel(name="l2_updates", takes=symbols.is_contract, symbols_max=BOOK_SYMBOLS_MAX),
        Channel(name="all_trades", takes=symbols.is_contract_or_group),
        Channel(name="mark_price", takes=symbols.is_mark),
        Channel(name="funding_rate", takes=symbols.is_funded),
        Channel(name="spot_price", takes=symbols.is_index_or_all),
        Channel(name="v2/spot_price", takes=symbols.is_index_or_all),
        Channel(name="spot_30mtwap_price", takes=symbols.is_index_or_all),
        Channel(name="product_updates"),
        Channel(name="system_status"),
        Channel(name="announcements"),
        *(Channel(name=name, takes=feed.takes) for name, feed in candles.items()),
    ]
    feeds: dict[str, Feed] = {
        "v2/ticker": EachFeed(symbols, secs(5), lambda i, ts: _ticker(exchange, tape, i)),
        "l1_orderbook": BookFeed(exchange, symbols, secs(0.1, 5), lambda i, lts, ts: _best(exchange, i, lts, ts)),
        "l2_orderbook": BookFeed(exchange, symbols, secs(1, 10), lambda i, lts, ts: _levels(exchange, i, lts, ts)),
        "l2_updates": UpdatesFeed(exchange, symbols, secs(0.1), _updates),
        "all_trades": TradeFeed(tape, symbols, secs(0.5), _trade, _trades),
        "mark_price": EachFeed(symbols, secs(2), lambda i, ts: _mark(exchange, i, ts), prefix=MARK),
        "funding_rate": EachFeed(symbols, secs(30), lambda i, ts: _funding(exchange, i, ts), kind=Kind.PERPETUAL),
        "spot_price": IndexFeed(
            symbols,
            secs(0.25, 5),
            exchange.market.spot,
            lambda underlying, price, now: {
                "type": "spot_price",
                "symbol": index_symbol(underlying),
                "price": float(price),
                "timestamp": micros(now),
            },
        ),
        "v2/spot_price": IndexFeed(
            symbols,
            secs(1),
            exchange.market.spot,
            lambda underlying, price, now: {"type": "v2/spot_price", "s": index_symbol(underlying), "p": float(price)},
        ),
        "spot_30mtwap_price": IndexFeed(
            symbols, secs(1), lambda underlying: running_average(exchange, underlying), quotes.twap_frame
        ),
        **candles,
    }
    return Broadcast(exchange, tape, symbols, {channel.name: channel for channel in channels}, feeds)


def _ticker(exchange: Exchange, tape: Tape, instrument: Instrument) -> dict[str, Any]:
    return {"type": "v2/ticker", **ticker_row(exchange, tape, instrument)}


def _best(exchange: Exchange, instrument: Instrument, lts: int, ts: int) -> dict[str, Any]:
    book = exchange.book(instrument.symbol)
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    return {
        "type": "l1_orderbook",
        "symbol": instrument.symbol,
        "product_id": instrument.product_id,
        "best_ask": best_price(ask),
        "ask_qty": best_size(ask),
        "best_bid": best_price(bid),
        "bid_qty": best_size(bid),
        "last_sequence_no": book.revision,
        "last_updated_at": lts,
        "timestamp": ts,
    }


def _levels(exchange: Exchange, instrument: Instrument, lts: int, ts: int) -> dict[str, Any]:
    book = exchange.book(instrument.symbol)
    return {
        "type": "l2_orderbook",
        "symbol": instrument.symbol,
        "product_id": instrument.product_id,
        "buy": _running(book.levels(Side.BUY, _SHOWN_LEVELS)),
        "sell": _running(book.levels(Side.SELL, _SHOWN_LEVELS)),
        "last_sequence_no": book.revision,
        "last_updated_at": lts,
        "timestamp": ts,
    }


def _running(levels: list[Level]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    total = 0
    for price, size in levels:
        total += size
        rows.append({"limit_price": plain(price), "size": size, "depth": str(total)})
    return rows


def _updates(change: BookChange) -> dict[str, Any]:
    return {
        "type": "l2_updates",
        "action": change.action,
        "symbol": change.symbol,
        "asks": change.asks,
        "bids": change.bids,
        "sequence_no": change.seq,
        "cs": change.checksum,
        "timestamp": change.ts,
    }


def _trade_fields(trade: Print) -> dict[str, Any]:
    bought = trade.side is Side.BUY
    return {
        "price": plain(trade.price),
        "size": trade.size,
        "buyer_role": "taker" if bought else "maker",
        "seller_role": "maker" if bought else "taker",
        "timestamp": trade.ts_ms * 1000,
    }


def _trade(instrument: Instrument, trade: Print, ts: int) -> dict[str, Any]:
    return {
        "type": "all_trades",
        "symbol": instrument.symbol,
        "product_id": instrument.product_id,
        **_trade_fields(trade),
    }


def _trades(instrument: Instrument, trades: list[Print], ts: int) -> dict[str, Any]:
    return {
        "type": "all_trades_snapshot",
        "symbol": instrument.symbol,
        "trades": [_trade_fields(trade) for trade in trades],
    }


def _mark(exchange: Exchange, instrument: Instrument, ts: int) -> dict[str, Any]:
    stats = exchange.stats(instrument.symbol)
    book = exchange.book(instrument.symbol)
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    option = instrument.kind is not Kind.PERPETUAL
    greeks = stats.greeks
    return {
        "type": "mark_price",
        "symbol": f"{MARK}{instrument.symbol}",
        "product_id": instrument.product_id,
        "price": plain(stats.mark),
        "best_bid": best_price(bid),
        "bid_qty": best_size(bid),
        "bid_iv": real(stats.bid_iv) if bid else None,
        "best_ask": best_price(ask),
        "ask_qty": best_size(ask),
        "ask_iv": real(stats.ask_iv) if ask else None,
        "implied_volatility": real(stats.mark_iv) if option else None,
        "delta": real(greeks.delta) if option else None,
        "gamma": real(greeks.gamma) if option else None,
        "rho": real(greeks.rho) if option else None,
        "vega": real(greeks.vega) if option else None,
        "price_band": {"lower_limit": plain(stats.band_low), "upper_limit": plain(stats.band_high)},
        "timestamp": ts,
    }


def _candle(chart: Chart, shape: Resolution, bar: Bar, ts: int) -> dict[str, Any]:
    return {
        "type": f"candlestick_{shape.name}",
        "symbol": chart.symbol,
        "resolution": shape.name,
        "candle_start_time": bar.start_ms * 1000,
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume if chart.series is Series.TRADES else None,
        "timestamp": ts,
    }


def _funding(exchange: Exchange, instrument: Instrument, ts: int) -> dict[str, Any]:
    funding = exchange.funding(instrument)
    return {
        "type": "funding_rate",
        "symbol": instrument.symbol,
        "product_id": instrument.product_id,
        "funding_rate": float(funding.rate_pct),
        "funding_rate_8h": float(funding.rate_pct) * _FUNDING_PERIOD_8H / funding.interval_secs,
        "predicted_funding_rate": float(funding.rate_pct),
        "next_funding_realization": micros(funding.due),
        "timestamp": ts,
    }
