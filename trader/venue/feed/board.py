"""The newest state of another exchange's market, put together from its messages: contracts, quotes, books, figures, trades.

Nothing is made up: a contract is listed once its mark is known, a side without quotes is empty, an index that was never
published is missing. Best quotes come apart from whole books; the newer of the two decides.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from trader.domain.errors import ExchangeError
from trader.domain.instrument import Instrument, Kind, index_symbol
from trader.domain.order import Side
from trader.domain.quote import Greeks
from trader.exchange.delta.wire import core as wire
from trader.exchange.delta.wire.parse import parse_instrument
from trader.venue.feed.events import PRODUCT, TICKER_ROW, FeedEvent
from trader.venue.market.bar_store import BarStore
from trader.venue.market.base import Bar, Depth, Level, OptionStats, Print, Series
from trader.venue.market.instants import from_ms, to_ms

TRADES_KEPT = 2000
MINUTES_KEPT, OPTION_MINUTES_KEPT = 20_000, 720
_MARK = "MARK:"
_CANCEL_ONLY = "disrupted_cancel_only"
_NO_GREEKS = Greeks(delta=0.0, gamma=0.0, theta=0.0, vega=0.0, rho=0.0)
_UNDERLYING_GREEKS = Greeks(delta=1.0, gamma=0.0, theta=0.0, vega=0.0, rho=0.0)
_NEVER_US = 1 << 62
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, ExchangeError, msgspec.MsgspecError)
_EMPTY: tuple[Level, ...] = ()


class _Contract(msgspec.Struct):
    """What is known of one contract. `figured_us`, `quoted_us` and `booked_us` are the exchange's stamps
    of mark and figures, best quotes and whole book."""

    instrument: Instrument
    mark: Decimal | None = None
    mark_iv: float = 0.0
    bid_iv: float | None = None
    ask_iv: float | None = None
    greeks: Greeks = _NO_GREEKS
    open_interest: Decimal = Decimal(0)
    turnover: float = 0.0
    band_low: Decimal | None = None
    band_high: Decimal | None = None
    bid: Level | None = None
    ask: Level | None = None
    figured_us: int = -1
    quoted_us: int = -1
    bids: tuple[Level, ...] = _EMPTY
    asks: tuple[Level, ...] = _EMPTY
    booked_us: int = -1
    depth: Depth = Depth(bids=(), asks=(), version=0)
    stats: OptionStats | None = None


class Board:
    """The market as last heard, and the reading half of a market source and of its past, as far as it was heard (see
    `MarketSource` and `HistorySource` in `trader.venue.market.base`). `live` False empties every book and lets nobody trade:
    what is shown may be old.
    """

    tells_trades = True

    def __init__(self, underlyings: tuple[str, ...]) -> None:
        self.underlyings = underlyings
        self.live = True
        self.unreadable = 0
        self._contracts: dict[str, _Contract] = {}
        self._spots: dict[str, Decimal] = {}
        self._prints: dict[str, deque[Print]] = {}
        self._bars = BarStore()
        self._settled: dict[tuple[str, datetime], Decimal] = {}
        self._since: dict[str, datetime] = {}
        self._instruments: tuple[Instrument, ...] = ()
        self._stale_list = True
        self._next_expiry_us = _NEVER_US

    # what was heard

    def apply(self, event: FeedEvent, now_us: int) -> None:
        """Take in an event at market time `now_us`. A message that cannot be read changes nothing."""
        handler = _HANDLERS.get(event.channel)
        if handler is None:
            return
        try:
            handler(self, event.frame, now_us)
        except _UNREADABLE:
            self.unreadable += 1  # a malformed row is worth no more than a missing one

    def set_live(self, live: bool) -> None:
        """Whether what was heard is fresh enough to trade on."""
        if live == self.live:
            return
        self.live = live
        self._stale_list = True
        for contract in self._contracts.values():
            self._rebuild_depth(contract)

    def _product(self, row: dict[str, Any], now_us: int) -> None:
        instrument = parse_instrument(msgspec.convert(row, wire.ProductRow, strict=False))
        if instrument is None or instrument.underlying not in self.underlyings:
            return
        if instrument.state != "live":
            self._settle(instrument, row)
            return
        known = self._contracts.get(instrument.symbol)
        if known is None:
            self._contracts[instrument.symbol] = _Contract(instrument)
        elif known.instrument != instrument:
            known.instrument = instrument
        since = row.get("launch_time") or row.get("created_at")
        if since:
            self._since[instrument.symbol] = datetime.fromisoformat(str(since))
        self._stale_list = True

    def _settle(self, instrument: Instrument, row: dict[str, Any]) -> None:
        specs = row.get("product_specs") or {}
        price = specs.get("settlement_index_price") if isinstance(specs, dict) else None
        if instrument.expiry is not None and price is not None:
            self._settled[instrument.underlying, instrument.expiry] = Decimal(str(price))

    def _ticker_row(self, row: dict[str, Any], now_us: int) -> None:
        quotes, greeks, band = row.get("quotes") or {}, row.get("greeks") or {}, row.get("price_band") or {}
        contract = self._contracts[row["symbol"]]
        self._figures(
            contract,
            mark=row.get("mark_price"),
            ivs=(quotes.get("ask_iv"), quotes.get("bid_iv"), row.get("mark_vol") or quotes.get("mark_iv")),
            greeks=tuple(greeks.get(name) for name in ("delta", "gamma", "rho", "theta", "vega")),
            open_interest=row.get("oi_contracts"),
            turnover=row.get("turnover_usd"),
            band=(band.get("lower_limit"), band.get("upper_limit")),
            stamp=_stamp(row, now_us),
            now_us=now_us,
        )
        tick = contract.instrument.tick_size
        bid = _level(quotes.get("best_bid"), quotes.get("bid_size"), tick)
        ask = _level(quotes.get("best_ask"), quotes.get("ask_size"), tick)
        self._quote(contract, bid, ask, _stamp(row, now_us))
        self._spot_heard(contract.instrument.underlying, row.get("spot_price"), now_us)

    def _ticker(self, frame: dict[str, Any], now_us: int) -> None:
        for row in frame.get("d") or ():
            try:
                self._ticker_item(row, frame, now_us)
            except _UNREADABLE:
                self.unreadable += 1

    def _ticker_item(self, row: dict[str, Any], frame: dict[str, Any], now_us: int) -> None:
        contract = self._contracts.get(row.get("s", ""))
        if contract is None:
            return
        ivs, greeks, oi, band = (row.get(key) or () for key in ("qiv", "g", "oi", "pb"))
        self._figures(
            contract,
            mark=row.get("m"),
            ivs=tuple(ivs) if len(ivs) == 3 else (None, None, None),
            greeks=tuple(greeks),
            open_interest=oi[0] if oi else None,
            turnover=(row.get("to") or (None, None))[-1],
            band=tuple(band) if len(band) == 2 else (None, None),
            stamp=_stamp(frame, now_us),
            now_us=now_us,
        )
        tick = contract.instrument.tick_size
        ask, ask_size, bid, bid_size, *_ = row.get("q") or (None,) * 5
        stamp = _stamp(frame, now_us)
        self._quote(contract, _level(bid, bid_size, tick), _level(ask, ask_size, tick), stamp)
        self._spot_heard(contract.instrument.underlying, frame.get("sp"), now_us)

    def _best(self, frame: dict[str, Any], now_us: int) -> None:
        contract = self._contracts[frame["sy"]]
        tick = contract.instrument.tick_size
        bid, ask = _level(frame.get("bp"), frame.get("bs"), tick), _level(frame.get("ap"), frame.get("as"), tick)
        self._quote(contract, bid, ask, _stamp(frame, now_us))

    def _book(self, frame: dict[str, Any], now_us: int) -> None:
        contract = self._contracts[frame["sy"]]
        stamp = _stamp(frame, now_us)
        if stamp < contract.booked_us:
            return
        tick = contract.instrument.tick_size
        contract.bids, contract.asks = _levels(frame.get("b"), tick), _levels(frame.get("a"), tick)
        contract.booked_us = stamp
        self._rebuild_depth(contract)

    def _mark(self, frame: dict[str, Any], now_us: int) -> None:
        contract = self._contracts[str(frame["sy"]).removeprefix(_MARK)]
        self._mark_heard(contract, frame.get("p"), _stamp(frame, now_us), now_us)

    def _spot(self, frame: dict[str, Any], now_us: int) -> None:
        for underlying in self.underlyings:
            if index_symbol(underlying) == frame.get("sy"):
                self._spot_heard(underlying, frame.get("p"), now_us)

    def _trade(self, frame: dict[str, Any], now_us: int) -> None:
        contract = self._contracts[frame["sy"]]
        price, size = Decimal(str(frame["p"])), int(float(frame["s"]))
        side = Side.BUY if frame.get("r") == "t" else Side.SELL
        if price <= 0 or size < 1:
            return
        # Stamped with the instant it was heard: a reader that asks for what is new must not miss a late one.
        at_ms = now_us // 1000
        prints = self._prints.setdefault(contract.instrument.symbol, deque(maxlen=TRADES_KEPT))
        prints.append(Print(ts_ms=at_ms, price=price, size=size, side=side))
        self._observe((Series.TRADES, contract.instrument.symbol), contract.instrument, at_ms, float(price), size)

    def _status(self, frame: dict[str, Any], now_us: int) -> None:
        product = frame["product"]
        contract = self._contracts[product["symbol"]]
        contract.instrument = msgspec.structs.replace(
            contract.instrument, trading_status=str(product["trading_status"])
        )
        self._stale_list = True

    # state

    def _figures(
        self,
        contract: _Contract,
        *,
        mark: Any,
        ivs: tuple[Any, ...],
        greeks: tuple[Any, ...],
        open_interest: Any,
        turnover: Any,
        band: tuple[Any, ...],
        stamp: int,
        now_us: int,
    ) -> None:
        if stamp < contract.figured_us:
            return
        contract.ask_iv, contract.bid_iv = _real(ivs[0]), _real(ivs[1])
        contract.mark_iv = _real(ivs[2]) or 0.0
        figures = [_real(each) for each in greeks]
        if len(figures) == 5 and None not in figures:
            delta, gamma, rho, theta, vega = (each or 0.0 for each in figures)
            contract.greeks = Greeks(delta=delta, gamma=gamma, theta=theta, vega=vega, rho=rho)
        elif contract.instrument.kind is Kind.PERPETUAL:
            contract.greeks = _UNDERLYING_GREEKS
        contract.open_interest = _decimal(open_interest) or Decimal(0)
        contract.turnover = _real(turnover) or 0.0
        contract.band_low, contract.band_high = _decimal(band[0]), _decimal(band[1])
        contract.stats = None
        self._mark_heard(contract, mark, stamp, now_us)
        at_ms = now_us // 1000
        key = (Series.OPEN_INTEREST, contract.instrument.symbol)
        self._observe(key, contract.instrument, at_ms, float(contract.open_interest))

    def _mark_heard(self, contract: _Contract, mark: Any, stamp: int, now_us: int) -> None:
        value = _decimal(mark)
        is_worth_nothing = value == 0 and contract.instrument.kind is not Kind.PERPETUAL  # an option may be
        if value is None or not (value > 0 or is_worth_nothing) or stamp < contract.figured_us:
            return
        contract.figured_us = stamp
        if contract.mark is None:
            self._stale_list = True
        contract.mark = value
        contract.stats = None
        key = (Series.MARK, contract.instrument.symbol)
        self._observe(key, contract.instrument, now_us // 1000, float(value))

    def _spot_heard(self, underlying: str, price: Any, now_us: int) -> None:
        value = _decimal(price)
        if value is not None and value > 0:
            self._spots[underlying] = value
            self._bars.observe((Series.INDEX, underlying), now_us // 1000, float(value), kept=MINUTES_KEPT)

    def _observe(self, key: object, instrument: Instrument, at_ms: int, value: float, volume: float = 0.0) -> None:
        kept = MINUTES_KEPT if instrument.kind is Kind.PERPETUAL else OPTION_MINUTES_KEPT
        self._bars.observe(key, at_ms, value, volume=volume, kept=kept)

    def _quote(self, contract: _Contract, bid: Level | None, ask: Level | None, stamp: int) -> None:
        if stamp < contract.quoted_us:
            return
        contract.bid, contract.ask, contract.quoted_us = bid, ask, stamp
        self._rebuild_depth(contract)

    def _rebuild_depth(self, contract: _Contract) -> None:
        bids, asks = (_EMPTY, _EMPTY) if not self.live else _merged(contract)
        if (bids, asks) != (contract.depth.bids, contract.depth.asks):
            contract.depth = Depth(bids=bids, asks=asks, version=contract.depth.version + 1)

    # what can be asked

    @property
    def ready(self) -> bool:
        """True once something can be listed and every underlying has an index."""
        return bool(self.listed(0)) and all(underlying in self._spots for underlying in self.underlyings)

    @property
    def complete(self) -> bool:
        """True once every contract that was named has a mark, too."""
        return self.ready and all(contract.mark is not None for contract in self._contracts.values())

    def listed(self, now_us: int) -> Sequence[Instrument]:
        """Contracts with a mark, not yet expired."""
        if self._stale_list or now_us >= self._next_expiry_us:
            listed = [
                contract.instrument
                for contract in self._contracts.values()
                if contract.mark is not None and _expiry_us(contract.instrument) > now_us
            ]
            self._next_expiry_us = min((_expiry_us(instrument) for instrument in listed), default=_NEVER_US)
            if not self.live:
                listed = [msgspec.structs.replace(i, trading_status=_CANCEL_ONLY) for i in listed]
            self._instruments, self._stale_list = tuple(listed), False
        return self._instruments

    def spot(self, underlying: str) -> Decimal:
        """The index as last heard. Raises KeyError when it never was."""
        return self._spots[underlying]

    def depth(self, symbol: str) -> Depth:
        """The book as last heard, empty while not live. Raises KeyError for an unknown contract."""
        return self._contracts[symbol].depth

    def option_stats(self, symbol: str) -> OptionStats:
        """Figures as last heard. Raises KeyError for a contract without a mark."""
        contract = self._contracts[symbol]
        if contract.mark is None:
            raise KeyError(symbol)
        if contract.stats is None:
            spot = float(self._spots.get(contract.instrument.underlying, Decimal(0)))
            contract.stats = OptionStats(
                mark=contract.mark,
                mark_iv=contract.mark_iv,
                greeks=contract.greeks,
                bid_iv=contract.bid_iv,
                ask_iv=contract.ask_iv,
                open_interest=contract.open_interest,
                volume=contract.turnover / spot if spot else 0.0,
                band_low=contract.band_low or contract.instrument.tick_size,
                band_high=contract.band_high or max(contract.mark, contract.instrument.tick_size) * 10,
            )
        return contract.stats

    def settlement_price(self, underlying: str, expiry: datetime) -> Decimal | None:
        """The index an expiry was settled at, where the exchange has said so."""
        return self._settled.get((underlying, expiry))

    # the past, as far as it was heard

    def prints(self, instrument: Instrument, after_ms: int, until_ms: int) -> list[Print]:
        """Trades heard in (after, until]."""
        return [each for each in self._prints.get(instrument.symbol, ()) if after_ms < each.ts_ms <= until_ms]

    def bars(
        self, series: Series, instrument: Instrument, width_ms: int, offset_ms: int, from_ms: int, until_ms: int
    ) -> list[Bar]:
        """Bars of what was heard, to the minute."""
        key = (series, instrument.underlying if series is Series.INDEX else instrument.symbol)
        return self._bars.bars(key, width_ms, offset_ms, from_ms, until_ms)

    def marks(self, instrument: Instrument, instants: Sequence[int]) -> list[float | None]:
        """Marks of some instants, to the minute."""
        return self._bars.values((Series.MARK, instrument.symbol), instants)

    def listed_since(self, instrument: Instrument) -> datetime:
        """When the exchange listed the contract; 1970 where it has not said."""
        return self._since.get(instrument.symbol, from_ms(0))


_HANDLERS = {
    PRODUCT: Board._product,
    TICKER_ROW: Board._ticker_row,
    "ticker": Board._ticker,
    "ob_l1": Board._best,
    "ob_l2": Board._book,
    "mark_price": Board._mark,
    "spot_price": Board._spot,
    "trades": Board._trade,
    "product_updates": Board._status,
}


def _merged(contract: _Contract) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """The best quote with the levels behind it; where the whole book is the newer, the book."""
    if contract.booked_us >= contract.quoted_us:
        return contract.bids, contract.asks
    bid, ask = contract.bid, contract.ask
    bids = _EMPTY if bid is None else (bid, *(level for level in contract.bids if level[0] < bid[0]))
    asks = _EMPTY if ask is None else (ask, *(level for level in contract.asks if level[0] > ask[0]))
    if bid is not None and ask is not None and bid[0] >= ask[0]:
        return _EMPTY, _EMPTY  # a crossed book cannot be traded on
    return bids, asks


def _expiry_us(instrument: Instrument) -> int:
    return _NEVER_US if instrument.expiry is None else to_ms(instrument.expiry) * 1000


def _stamp(frame: dict[str, Any], now_us: int) -> int:
    for key in ("ts", "timestamp"):
        if isinstance(frame.get(key), int):
            return int(frame[key])
    return now_us


def _decimal(value: Any) -> Decimal | None:
    if value is None or value == "" or isinstance(value, bool):
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None


def _real(value: Any) -> float | None:
    number = _decimal(value)
    return None if number is None else float(number)


def _level(price: Any, size: Any, tick: Decimal) -> Level | None:
    """A quote, written to the decimals of its tick; None where nobody quotes: null, empty, or zero."""
    at, quantity = _decimal(price), _decimal(size)
    if at is None or quantity is None or at <= 0 or quantity < 1:
        return None
    written = at.quantize(tick.normalize()) if tick.normalize().as_tuple().exponent < 0 else at  # type: ignore[operator]
    return (written if written == at else at), int(quantity)


def _levels(rows: Any, tick: Decimal) -> tuple[Level, ...]:
    found = (_level(row[0], row[1], tick) for row in rows or ())
    return tuple(level for level in found if level is not None)
