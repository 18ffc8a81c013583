"""Market data between the stream's thread and the runner's: the newest of each kind per contract, nothing older.

`offer` keeps the newest message per symbol and channel as it was decoded and is as cheap as that sounds. `take` turns
what came since the last `take` into quotes; only there numbers become Decimals, so a message that was overtaken by a
newer one never costs more than its decoding.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from trader.domain.instrument import underlying_of_index
from trader.domain.quote import Greeks, Quote
from trader.exchange.common.events import StreamEvent, StreamUp
from trader.exchange.delta.wire import numbers as n
from trader.exchange.delta.wire.core import BestQuote, MarketMessage, MarkPrice, Number, SpotPrice, Ticker, TickerItem
from trader.exchange.delta.wire.parse import parse_greeks

_MARK_PREFIX = "MARK:"
_LEAP = timedelta(seconds=60)  # exchange time; further ahead of everything heard, one message alone is not believed
_FASTEST = 1000.0  # times real time a replaying venue may run


class _Batch:
    """The newest messages since the last `take`."""

    __slots__ = ("marks", "quotes", "spots", "tickers")

    def __init__(self) -> None:
        self.tickers: dict[str, tuple[TickerItem, Ticker]] = {}
        self.quotes: dict[str, BestQuote] = {}
        self.marks: dict[str, MarkPrice] = {}
        self.spots: dict[str, SpotPrice] = {}


class _Known(msgspec.Struct):
    """What is known of one contract, merged over channels."""

    symbol: str
    underlying: str
    mark: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_size: int | None = None
    ask_size: int | None = None
    greeks: Greeks | None = None
    mark_iv: float | None = None
    bid_iv: float | None = None
    ask_iv: float | None = None
    open_interest: Decimal | None = None
    band_low: Decimal | None = None
    band_high: Decimal | None = None
    ts_mark: datetime | None = None
    ts_quote: datetime | None = None
    ts_greeks: datetime | None = None


class Conflator:
    """Newest market data per contract. One stream thread offers, one other thread takes."""

    def __init__(
        self,
        wake: Callable[[], None] = lambda: None,
        *,
        matters: Callable[[MarketMessage], bool] = lambda _: True,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`wake` is called in the stream thread, once until the next `take`, when a message came that `matters`; what does not
        is taken whenever somebody does. E.g. `threading.Event().set`."""
        self._wake = wake
        self._matters = matters
        self._wall = wall
        self._lock = threading.Lock()  # guards what `offer` writes; held for moments only
        self._batch = _Batch()
        self._woken = False
        self._arrived: float | None = None
        self._merging = threading.Lock()  # guards the rest; taken before `_lock` where both are
        self._known: dict[str, _Known] = {}
        self._spots: dict[str, tuple[Decimal, datetime | None]] = {}
        self._market_time: datetime | None = None
        self._leap: tuple[MarketMessage, datetime] | None = None  # a message far ahead of all others, and its instant
        self._taken = wall()
        self._reach = _LEAP  # how far ahead a message may be and be believed at once

    # ------------------------------------------------------------------------------------- in the stream thread

    def offer(self, message: MarketMessage) -> None:
        """Keep a message, in place of an older one of its kind."""
        with self._lock:
            batch = self._batch
            if isinstance(message, BestQuote):
                batch.quotes[message.sy] = message
            elif isinstance(message, Ticker):
                for item in message.d:
                    batch.tickers[item.s] = (item, message)
            elif isinstance(message, MarkPrice):
                batch.marks[message.sy] = message
            else:
                batch.spots[message.sy] = message
            self._arrived = self._wall()
            wakes = not self._woken and self._matters(message)
            self._woken = self._woken or wakes
        if wakes:
            self._wake()

    def judge_again(self) -> None:
        """What matters has changed: wake if something not taken yet does."""
        with self._lock:
            batch = self._batch
            tickers = [ticker for _, ticker in batch.tickers.values()]
            waiting: list[MarketMessage] = [
                *batch.quotes.values(),
                *batch.marks.values(),
                *batch.spots.values(),
                *tickers,
            ]
            wakes = not self._woken and any(map(self._matters, waiting))
            self._woken = self._woken or wakes
        if wakes:
            self._wake()

    def on_event(self, event: StreamEvent) -> None:
        """Tell it of the stream's events: a new connection starts from nothing, because the exchange behind it may
        have been restarted at another time."""
        if isinstance(event, StreamUp):
            self.reset()

    # -------------------------------------------------------------------------------------- in the taking thread

    def take(self) -> list[Quote]:
        """Quotes of the contracts something was heard of since the last call, merged with what was known before.

        A move of the index alone makes no quotes; it shows in `spots`.
        """
        with self._merging:
            with self._lock:
                batch, self._batch, self._woken = self._batch, _Batch(), False
            before, self._taken = self._taken, self._wall()
            self._reach = _LEAP + timedelta(seconds=min(max(self._taken - before, 0.0), 60.0) * _FASTEST)
            known, spots = self._known, self._spots
            changed: dict[str, _Known] = {}
            for index, spot in batch.spots.items():
                self._spot(spots, underlying_of_index(index), spot.p, self._instant(spot))
            for symbol, (item, ticker) in batch.tickers.items():
                contract = changed[symbol] = _of(known, symbol)
                ts = self._instant(ticker)
                self._spot(spots, contract.underlying, ticker.sp, ts)
                _merge_ticker(contract, item, ts)
            for symbol, quote in batch.quotes.items():
                contract = changed[symbol] = _of(known, symbol)
                _merge_quote(contract, (quote.ap, quote.ask_size, quote.bp, quote.bs), self._instant(quote))
            for prefixed, mark in batch.marks.items():
                symbol = prefixed.removeprefix(_MARK_PREFIX)
                contract = changed[symbol] = _of(known, symbol)
                _merge_mark(contract, mark.p, self._instant(mark))
            return [_quote(contract, spots.get(contract.underlying)) for contract in changed.values()]

    def reset(self) -> None:
        """Forget everything heard so far."""
        with self._merging:
            with self._lock:
                self._batch, self._woken = _Batch(), False
            self._known, self._spots = {}, {}
            self._market_time = self._leap = None

    @property
    def spots(self) -> dict[str, Decimal]:
        """Newest index price by underlying (USD), as of the last `take`."""
        with self._merging:
            return {underlying: spot for underlying, (spot, _) in self._spots.items()}

    @property
    def market_time(self) -> datetime | None:
        """The newest instant the exchange has stamped on a message, as of the last `take`."""
        with self._merging:
            return self._market_time

    @property
    def arrived_at(self) -> datetime | None:
        """Our wall clock when the last message came in."""
        with self._lock:
            return None if self._arrived is None else datetime.fromtimestamp(self._arrived, UTC)

    def _instant(self, message: MarketMessage) -> datetime | None:
        """When the exchange says a message was made; None where it does not, or where it cannot be believed.

        A single stamp far ahead would make every other price look old, and contracts expired that are not: it counts only
        once another message confirms it, as after a silence.
        """
        instant = n.instant_or_none(message.ts)
        if instant is None:
            return None
        newest = self._market_time
        if newest is None or instant - newest <= self._reach:
            self._leap = None
        elif not self._is_confirmed(message, instant):
            return None
        if newest is None or instant > newest:
            self._market_time = instant
        return instant

    def _is_confirmed(self, message: MarketMessage, instant: datetime) -> bool:
        if self._leap is not None and self._leap[0] is message:
            return False  # another row of the same message
        if self._leap is not None and abs(instant - self._leap[1]) <= _LEAP:
            self._leap = None
            return True
        self._leap = (message, instant)
        return False

    def _spot(
        self, spots: dict[str, tuple[Decimal, datetime | None]], underlying: str, value: Number, ts: datetime | None
    ) -> None:
        price = n.price_or_none(value)
        before = spots.get(underlying)
        if price is not None and (before is None or _is_newer(ts, before[1])):
            spots[underlying] = (price, ts)


def _of(known: dict[str, _Known], symbol: str) -> _Known:
    contract = known.get(symbol)
    if contract is None:
        parts = symbol.split("-")
        underlying = parts[1] if len(parts) > 1 else symbol.removesuffix("USD")
        contract = known[symbol] = _Known(symbol=symbol, underlying=underlying)
    return contract


def _is_newer(ts: datetime | None, before: datetime | None) -> bool:
    return before is None or (ts is not None and ts >= before)


def _merge_ticker(contract: _Known, item: TickerItem, ts: datetime | None) -> None:
    _merge_mark(contract, item.m, ts)
    if item.q is not None and len(item.q) >= 4:
        _merge_quote(contract, (item.q[0], item.q[1], item.q[2], item.q[3]), ts)
    if _is_newer(ts, contract.ts_greeks):
        g = item.g if item.g is not None and len(item.g) >= 5 else None
        contract.greeks = parse_greeks(delta=g[0], gamma=g[1], theta=g[3], vega=g[4], rho=g[2]) if g else None
        iv = item.qiv if item.qiv is not None and len(item.qiv) >= 3 else (None, None, None)
        contract.ask_iv, contract.bid_iv, contract.mark_iv = (n.fraction_or_none(value) for value in iv[:3])
        contract.ts_greeks = ts
    if item.oi:
        contract.open_interest = n.decimal_or_none(item.oi[0])
    if item.pb is not None and len(item.pb) >= 2:
        contract.band_low, contract.band_high = n.price_or_none(item.pb[0]), n.price_or_none(item.pb[1])


def _merge_quote(contract: _Known, quote: tuple[Number, Number, Number, Number], ts: datetime | None) -> None:
    """`quote` is ask, ask size, bid, bid size. An empty side is None, and so is its size."""
    if not _is_newer(ts, contract.ts_quote):
        return
    ask, ask_size, bid, bid_size = quote
    contract.ask = n.price_or_none(ask)
    contract.ask_size = n.count_or_none(ask_size) if contract.ask is not None else None
    contract.bid = n.price_or_none(bid)
    contract.bid_size = n.count_or_none(bid_size) if contract.bid is not None else None
    contract.ts_quote = ts


def _merge_mark(contract: _Known, mark: Number, ts: datetime | None) -> None:
    if _is_newer(ts, contract.ts_mark):
        contract.mark = n.decimal_or_none(mark)  # 0 is a mark: that of a worthless option
        contract.ts_mark = ts


def _quote(contract: _Known, spot: tuple[Decimal, datetime | None] | None) -> Quote:
    return Quote(
        symbol=contract.symbol,
        mark=contract.mark,
        bid=contract.bid,
        ask=contract.ask,
        bid_size=contract.bid_size,
        ask_size=contract.ask_size,
        greeks=contract.greeks,
        mark_iv=contract.mark_iv,
        bid_iv=contract.bid_iv,
        ask_iv=contract.ask_iv,
        spot=spot[0] if spot else None,
        open_interest=contract.open_interest,
        band_low=contract.band_low,
        band_high=contract.band_high,
        ts_mark=contract.ts_mark,
        ts_quote=contract.ts_quote,
        ts_greeks=contract.ts_greeks,
    )
