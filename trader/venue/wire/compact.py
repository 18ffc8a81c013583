"""The compact channels of the public host. Source: exchange documentation, "Public Channels"."""

from datetime import datetime
from decimal import Decimal
from functools import partial

from trader.domain.instrument import Instrument, index_symbol
from trader.domain.order import Side
from trader.venue.core.exchange import Exchange
from trader.venue.market.base import Bar, Print, Series
from trader.venue.market.instants import to_us
from trader.venue.tape import Tape
from trader.venue.wire.book_updates import BookChange, UpdatesFeed
from trader.venue.wire.broadcast import Broadcast
from trader.venue.wire.candles import Chart, Resolution
from trader.venue.wire.channels import Channel
from trader.venue.wire.feeds import MARK, BookFeed, ChainFeed, Frame, Symbols, secs
from trader.venue.wire.public_channels import BOOK_SYMBOLS_MAX, Words, broadcast_of
from trader.venue.wire.text import plain
from trader.venue.wire.tickers import best_size, ticker_frame
from trader.venue.wire.trade_feed import TradeFeed

_SHOWN_LEVELS = 15


def compact_broadcast(exchange: Exchange, tape: Tape) -> Broadcast:
    """The public host's channels."""
    symbols = Symbols(exchange)
    tickers = ChainFeed(symbols, secs(5), partial(ticker_frame, exchange, tape))
    bests = BookFeed(exchange, symbols, secs(0.1, 5), _best)
    books = BookFeed(exchange, symbols, secs(0.5, 10), _levels)
    updates = UpdatesFeed(exchange, symbols, secs(0.1), _updates)
    trades = TradeFeed(tape, symbols, secs(0.5), _trade)
    own = [
        Channel(name="ticker", takes=symbols.is_contract_or_chain, feed=tickers),
        Channel(name="ob_l1", takes=symbols.is_contract_or_chain, feed=bests),
        Channel(name="ob_l2", takes=symbols.is_contract, symbols_max=BOOK_SYMBOLS_MAX, feed=books),
        Channel(name="ob_updates", takes=symbols.is_contract, symbols_max=BOOK_SYMBOLS_MAX, feed=updates),
        Channel(name="trades", takes=symbols.is_anything, feed=trades),
    ]
    words = Words(mark=_mark, funding=_funding, spot=_spot, candle=_candle)
    return broadcast_of(exchange, tape, symbols, own, words)


def _best(exchange: Exchange, instrument: Instrument, lts: int, ts: int) -> Frame:
    """Best prices and sizes, null where a side is empty."""
    book = exchange.book(instrument.symbol)
    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    return {
        "type": "ob_l1",
        "sy": instrument.symbol,
        "ap": plain(ask[0]) if ask else None,
        "as": best_size(ask),
        "bp": plain(bid[0]) if bid else None,
        "bs": best_size(bid),
        "lts": lts,
        "ts": ts,
    }


def _levels(exchange: Exchange, instrument: Instrument, lts: int, ts: int) -> Frame:
    """The best 15 levels of each side, a full replacement."""
    book = exchange.book(instrument.symbol)
    asks = [[plain(price), str(size)] for price, size in book.levels(Side.SELL, _SHOWN_LEVELS)]
    bids = [[plain(price), str(size)] for price, size in book.levels(Side.BUY, _SHOWN_LEVELS)]
    return {"type": "ob_l2", "sy": instrument.symbol, "a": asks, "b": bids, "lts": lts, "ts": ts}


def _mark(exchange: Exchange, instrument: Instrument, ts: int) -> Frame:
    return {
        "type": "mark_price",
        "sy": f"{MARK}{instrument.symbol}",
        "p": plain(exchange.stats(instrument.symbol).mark),
        "ts": ts,
    }


def _spot(underlying: str, price: Decimal, now: datetime) -> Frame:
    return {"type": "spot_price", "sy": index_symbol(underlying), "p": plain(price), "ts": to_us(now)}


def _trade(instrument: Instrument, trade: Print, ts: int) -> Frame:
    """`r` is the buyer's role."""
    return {
        "type": "trades",
        "sy": instrument.symbol,
        "p": plain(trade.price),
        "s": float(trade.size),
        "r": "t" if trade.side is Side.BUY else "m",
        "t": trade.ts_ms * 1000,
        "ts": ts,
    }


def _updates(change: BookChange) -> Frame:
    return {
        "type": "ob_updates",
        "action": change.action,
        "sy": change.symbol,
        "a": change.asks,
        "b": change.bids,
        "seq": change.seq,
        "cs": change.checksum,
        "ts": change.ts,
    }


def _candle(chart: Chart, shape: Resolution, bar: Bar, ts: int) -> Frame:
    frame: Frame = {
        "type": f"candlestick_{shape.name}",
        "res": shape.name,
        "sy": chart.symbol,
        "o": bar.open,
        "h": bar.high,
        "l": bar.low,
        "c": bar.close,
        "ts": ts,
    }
    if chart.series is Series.TRADES:
        frame["v"] = float(bar.volume)
    return frame


def _funding(exchange: Exchange, instrument: Instrument, ts: int) -> Frame:
    funding = exchange.funding(instrument)
    return {
        "type": "funding_rate",
        "sy": instrument.symbol,
        "fr": float(funding.rate_pct),
        "fi": funding.interval_secs,
        "nfr": to_us(funding.due),
        "ts": ts,
    }
