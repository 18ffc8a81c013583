"""The long-named public channels of the private host. Source: exchange documentation of December 2025, "Public Channels";
their retirement is announced, and clients still use them."""

from datetime import datetime
from decimal import Decimal

from trader.domain.instrument import Instrument, Kind, index_symbol
from trader.domain.order import Side
from trader.venue.core.exchange import Exchange
from trader.venue.market.base import Bar, Print, Series
from trader.venue.market.instants import to_us
from trader.venue.tape import Tape
from trader.venue.wire.book_updates import BookChange, UpdatesFeed
from trader.venue.wire.broadcast import Broadcast
from trader.venue.wire.candles import Chart, Resolution
from trader.venue.wire.channels import Channel
from trader.venue.wire.feeds import MARK, BookFeed, EachFeed, Frame, IndexFeed, Symbols, secs
from trader.venue.wire.public_channels import BOOK_SYMBOLS_MAX, Words, broadcast_of
from trader.venue.wire.quotes import running, trade_fields
from trader.venue.wire.text import plain, real
from trader.venue.wire.tickers import best_price, best_size, ticker_row
from trader.venue.wire.trade_feed import TradeFeed

L2_SYMBOLS_MAX = 20
_SHOWN_LEVELS = 15
_FUNDING_PERIOD_8H = 8 * 3600


def legacy_broadcast(exchange: Exchange, tape: Tape) -> Broadcast:
    """The private host's public channels."""
    symbols = Symbols(exchange)
    tickers = EachFeed(symbols, secs(5), lambda i, _: {"type": "v2/ticker", **ticker_row(exchange, tape, i)})
    bests = BookFeed(exchange, symbols, secs(0.1, 5), _best)
    books = BookFeed(exchange, symbols, secs(1, 10), _levels)
    updates = UpdatesFeed(exchange, symbols, secs(0.1), _updates)
    trades = TradeFeed(tape, symbols, secs(0.5), _trade, _trades)
    short_spots = IndexFeed(symbols, secs(1), exchange.market.spot, _short_spot)
    own = [
        Channel(name="v2/ticker", takes=symbols.is_contract_or_group, feed=tickers),
        Channel(name="l1_orderbook", takes=symbols.is_contract_or_group, feed=bests),
        Channel(name="l2_orderbook", takes=symbols.is_contract, symbols_max=L2_SYMBOLS_MAX, feed=books),
        Channel(name="l2_updates", takes=symbols.is_contract, symbols_max=BOOK_SYMBOLS_MAX, feed=updates),
        Channel(name="all_trades", takes=symbols.is_contract_or_group, feed=trades),
        Channel(name="v2/spot_price", takes=symbols.is_index_or_all, feed=short_spots),
        Channel(name="announcements"),
    ]
    words = Words(mark=_mark, funding=_funding, spot=_spot, candle=_candle)
    return broadcast_of(exchange, tape, symbols, own, words)


def _spot(underlying: str, price: Decimal, now: datetime) -> Frame:
    return {
        "type": "spot_price",
        "symbol": index_symbol(underlying),
        "price": float(price),
        "timestamp": to_us(now),
    }


def _short_spot(underlying: str, price: Decimal, now: datetime) -> Frame:
    return {"type": "v2/spot_price", "s": index_symbol(underlying), "p": float(price)}


def _best(exchange: Exchange, instrument: Instrument, lts: int, ts: int) -> Frame:
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


def _levels(exchange: Exchange, instrument: Instrument, lts: int, ts: int) -> Frame:
    book = exchange.book(instrument.symbol)
    return {
        "type": "l2_orderbook",
        "symbol": instrument.symbol,
        "product_id": instrument.product_id,
        "buy": running(book.levels(Side.BUY, _SHOWN_LEVELS), "limit_price"),
        "sell": running(book.levels(Side.SELL, _SHOWN_LEVELS), "limit_price"),
        "last_sequence_no": book.revision,
        "last_updated_at": lts,
        "timestamp": ts,
    }


def _updates(change: BookChange) -> Frame:
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


def _trade(instrument: Instrument, trade: Print, ts: int) -> Frame:
    return {
        "type": "all_trades",
        "symbol": instrument.symbol,
        "product_id": instrument.product_id,
        **trade_fields(trade),
    }


def _trades(instrument: Instrument, trades: list[Print], ts: int) -> Frame:
    return {
        "type": "all_trades_snapshot",
        "symbol": instrument.symbol,
        "trades": [trade_fields(trade) for trade in trades],
    }


def _mark(exchange: Exchange, instrument: Instrument, ts: int) -> Frame:
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


def _candle(chart: Chart, shape: Resolution, bar: Bar, ts: int) -> Frame:
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


def _funding(exchange: Exchange, instrument: Instrument, ts: int) -> Frame:
    funding = exchange.funding(instrument)
    return {
        "type": "funding_rate",
        "symbol": instrument.symbol,
        "product_id": instrument.product_id,
        "funding_rate": float(funding.rate_pct),
        "funding_rate_8h": float(funding.rate_pct) * _FUNDING_PERIOD_8H / funding.interval_secs,
        "predicted_funding_rate": float(funding.rate_pct),
        "next_funding_realization": to_us(funding.due),
        "timestamp": ts,
    }
