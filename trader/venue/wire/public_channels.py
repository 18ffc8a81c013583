"""The public channels that both hosts carry under one name; what they say is written by each host in its own words."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from trader.domain.instrument import Instrument, Kind, index_symbol
from trader.venue.core.exchange import Exchange
from trader.venue.market.base import Bar
from trader.venue.market.instants import to_us
from trader.venue.tape import Tape
from trader.venue.wire.broadcast import Broadcast
from trader.venue.wire.candles import SOCKET_RESOLUTIONS, Chart, Resolution, resolution
from trader.venue.wire.channels import Channel
from trader.venue.wire.feeds import MARK, EachFeed, Frame, IndexFeed, Symbols, secs
from trader.venue.wire.text import plain
from trader.venue.wire.trade_feed import CandleFeed

BOOK_SYMBOLS_MAX = 100


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """How a host writes the frames of the common channels."""

    mark: Callable[[Exchange, Instrument, int], Frame]
    funding: Callable[[Exchange, Instrument, int], Frame]
    spot: Callable[[str, Decimal, datetime], Frame]
    candle: Callable[[Chart, Resolution, Bar, int], Frame]


def broadcast_of(exchange: Exchange, tape: Tape, symbols: Symbols, own: Sequence[Channel], words: Words) -> Broadcast:
    """A host's channels: its `own`, and the common ones in its words."""
    marks = EachFeed(symbols, secs(2), lambda i, ts: words.mark(exchange, i, ts), prefix=MARK)
    funding = EachFeed(symbols, secs(30), lambda i, ts: words.funding(exchange, i, ts), kind=Kind.PERPETUAL)
    spots = IndexFeed(symbols, secs(0.25, 5), exchange.market.spot, words.spot)
    averages = IndexFeed(symbols, secs(1), lambda underlying: _running_average(exchange, underlying), _average)
    channels = [
        *own,
        Channel(name="mark_price", takes=symbols.is_mark, feed=marks),
        Channel(name="funding_rate", takes=symbols.is_funded, feed=funding),
        Channel(name="spot_price", takes=symbols.is_index_or_all, feed=spots),
        Channel(name="spot_30mtwap_price", takes=symbols.is_index_or_all, feed=averages),
        Channel(name="product_updates"),
        Channel(name="system_status"),
    ]
    for name in SOCKET_RESOLUTIONS:
        candles = CandleFeed(exchange, tape, symbols, secs(1), resolution(name), words.candle)
        channels.append(Channel(name=f"candlestick_{name}", takes=candles.takes, feed=candles))
    return Broadcast(exchange, tape, symbols, channels)


def _running_average(exchange: Exchange, underlying: str) -> Any:
    """The mean of the index inside the window before an expiry; None outside."""
    expiry = exchange.average.window_of
    return None if expiry is None else exchange.average.mean(underlying, expiry)


def _average(underlying: str, price: Decimal, now: datetime) -> Frame:
    """Long names on both hosts."""
    return {
        "type": "spot_30mtwap_price",
        "symbol": index_symbol(underlying),
        "price": plain(price),
        "timestamp": to_us(now),
    }
