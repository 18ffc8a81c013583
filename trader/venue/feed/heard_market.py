"""What a relayed and a replayed market have in common: they tell what stands on a board of what was heard."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from trader.domain.instrument import Instrument
from trader.venue.feed.board import Board
from trader.venue.market.base import Bar, Depth, OptionStats, Print, Series


class HeardMarket:
    """The reading half of a market source and of its past, as far as it was heard (see `MarketSource` and `HistorySource` in
    `trader.venue.market.base`)."""

    tells_trades = True

    def __init__(self, underlyings: tuple[str, ...]) -> None:
        self.underlyings = underlyings
        self._board = Board(underlyings)

    def spot(self, underlying: str) -> Decimal:
        return self._board.spot(underlying)

    def depth(self, symbol: str) -> Depth:
        return self._board.depth(symbol)

    def option_stats(self, symbol: str) -> OptionStats:
        return self._board.stats(symbol)

    def settlement_price(self, underlying: str, expiry: datetime) -> Decimal | None:
        return self._board.settlement_price(underlying, expiry)

    def prints(self, instrument: Instrument, after_ms: int, until_ms: int) -> Sequence[Print]:
        return self._board.prints(instrument.symbol, after_ms, until_ms)

    def bars(
        self, series: Series, instrument: Instrument, width_ms: int, offset_ms: int, from_ms: int, until_ms: int
    ) -> Sequence[Bar]:
        return self._board.bars(series, instrument, width_ms, offset_ms, from_ms, until_ms)

    def marks(self, instrument: Instrument, instants: Sequence[int]) -> Sequence[float | None]:
        return self._board.marks(instrument, instants)

    def listed_since(self, instrument: Instrument) -> datetime:
        return self._board.listed_since(instrument)
