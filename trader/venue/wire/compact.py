"""The compact channels of the public host. Source: exchange documentation, "Public Channels"."""

from typing import Any

from trader.domain.instrument import Instrument, Kind
from trader.venue.core.exchange import Exchange
from trader.venue.market.base import Bar, Series
from trader.venue.tape import Tape
from trader.venue.wire import quotes
from trader.venue.wire.book_updates import BookChange, UpdatesFeed
from trader.venue.wire.broadcast import Broadcast
from trader.venue.wire.candles import SOCKET_RESOLUTIONS, Chart, Resolution, resolution
from trader.venue.wire.channels import Channel
from trader.venue.wire.feeds import MARK, BookFeed, ChainFeed, EachFeed, Feed, IndexFeed, Symbols, secs
from trader.venue.wire.text import micros
from trader.venue.wire.tickers import ticker_frame
from trader.venue.wire.trade_feed import CandleFeed, TradeFeed

BOOK_SYMBOLS_MAX = 100


def compact_broadcast(exchange: Exchange, tape: Tape) -> Broadcast:
    """The public host's channels."""
    symbols = Symbols(exchange)
    candles = {
        f"candlestick_{name}": CandleFeed(exchange, tape, symbols, secs(1), resolution(name), _candle)
        for name in SOCKET_RESOLUTIONS
    }
    channels = [
        Channel(name="ticker", takes=symbols.is_contract_or_chain),
        Channel(name="ob_l1", takes=symbols.is_contract_or_chain),
        Channel(name="ob_l2", takes=symbols.is_contract, symbols_max=BOOK_SYMBOLS_MAX),
        Channel(name="ob_updates", takes=symbols.is_contract, symbols_max=BOOK_SYMBOLS_MAX),
        Channel(name="trades", takes=symbols.is_anything),
        Channel(name="mark_price", takes=symbols.is_mark),
        Channel(name="funding_rate", takes=symbols.is_funded),
        Channel(name="spot_price", takes=symbols.is_index_or_all),
        Channel(name="spot_30mtwap_price", takes=symbols.is_index_or_all),
        Channel(name="product_updates"),
        Channel(name="system_status"),
        *(Channel(name=name, takes=feed.takes) for name, feed in candles.items()),
    ]
    feeds: dict[str, Feed] = {
        "ticker": ChainFeed(
            symbols, secs(5), lambda symbol, members, ts: ticker_frame(exchange, tape, symbol, members, ts)
        ),
        "ob_l1": BookFeed(
            exchange, symbols, secs(0.1, 5), lambda i, lts, ts: quotes.l1_frame(exchange, i.symbol, lts, ts)
        ),
        "ob_l2": BookFeed(
            exchange, symbols, secs(0.5, 10), lambda i, lts, ts: quotes.l2_frame(exchange, i.symbol, lts, ts)
        ),
        "ob_updates": UpdatesFeed(exchange, symbols, secs(0.1), _updates),
        "trades": TradeFeed(tape, symbols, secs(0.5), lambda i, trade, ts: quotes.trade_frame(i.symbol, trade, ts)),
        "mark_price": EachFeed(symbols, secs(2), lambda i, ts: quotes.mark_frame(exchange, i.symbol, ts), prefix=MARK),
        "funding_rate": EachFeed(symbols, secs(30), lambda i, ts: _funding(exchange, i, ts), kind=Kind.PERPETUAL),
        "spot_price": IndexFeed(
            symbols,
            secs(0.25, 5),
            exchange.market.spot,
            lambda underlying, price, now: quotes.spot_frame(underlying, price, micros(now)),
        ),
        "spot_30mtwap_price": IndexFeed(
            symbols, secs(1), lambda underlying: running_average(exchange, underlying), quotes.twap_frame
        ),
        **candles,
    }
    return Broadcast(exchange, tape, symbols, {channel.name: channel for channel in channels}, feeds)


def running_average(exchange: Exchange, underlying: str) -> Any:
    """The mean of the index inside the window before an expiry; None outside."""
    expiry = exchange.average.window_of
    return None if expiry is None else exchange.average.mean(underlying, expiry)


def _updates(change: BookChange) -> dict[str, Any]:
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


def _candle(chart: Chart, shape: Resolution, bar: Bar, ts: int) -> dict[str, Any]:
    frame: dict[str, Any] = {
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


def _funding(exchange: Exchange, instrument: Instrument, ts: int) -> dict[str, Any]:
    funding = exchange.funding(instrument)
    return {
        "type": "funding_rate",
        "sy": instrument.symbol,
        "fr": float(funding.rate_pct),
        "fi": funding.interval_secs,
        "nfr": micros(funding.due),
        "ts": ts,
    }
