"""What the exchange says of the account now: positions, their margin, open orders. Read on demand, kept for 2 s, shared."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from trader.domain.errors import TraderError
from trader.domain.fill import Position
from trader.domain.instrument import Instrument, underlying_of
from trader.domain.margin import MarginedPosition, MarginTerms
from trader.exchange.common.odd_rows import PartialList
from trader.exchange.ports import Gateway

KEPT_SECS = 2.0
_LEVERAGE_SECS = 60.0


class AccountNow(msgspec.Struct, frozen=True, kw_only=True):
    """By contract. `faults`: underlyings (or "" for margin) that could not be read, and why."""

    margined: dict[str, MarginedPosition]
    positions: dict[str, Position]
    instruments: dict[str, Instrument]
    leverages: dict[str, Decimal]
    faults: dict[str, str]
    read_at: datetime


class AccountReader:
    """Reads the account. Thread-safe: who comes while one asks waits for that answer."""

    def __init__(self, gateway: Callable[[], Gateway], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._gateway = gateway
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: tuple[float, frozenset[str], AccountNow] | None = None
        self._leverages: dict[int, tuple[float, Decimal | None]] = {}

    def now(self, underlyings: Iterable[str]) -> AccountNow:
        """The account, at most 2 s old: these underlyings, and those the exchange shows a position of.

        Raises:
            ConfigError: There is no exchange to ask.
        """
        wanted = frozenset(underlyings)
        with self._lock:
            kept = self._kept
            if kept is not None and wanted <= kept[1] and self._monotonic() - kept[0] < KEPT_SECS:
                return kept[2]
            found = self._read(self._gateway(), wanted)
            self._kept = (self._monotonic(), wanted, found)
            return found

    def forget(self) -> None:
        """Ask again next time."""
        with self._lock:
            self._kept = None

    def _read(self, gateway: Gateway, wanted: frozenset[str]) -> AccountNow:
        faults: dict[str, str] = {}
        terms, positions, instruments = MarginTerms(), dict[str, Position](), dict[str, Instrument]()
        try:
            terms = gateway.margin_terms()
        except TraderError as error:
            faults[""] = f"the margin of positions cannot be read: {error}"
        shown = {underlying_of(row.symbol) for row in terms.positions}
        for underlying in sorted((wanted | shown) - {""}):
            try:
                positions |= {row.symbol: row for row in gateway.positions(underlying) if row.quantity}
                instruments |= {row.symbol: row for row in gateway.instruments(underlying)}
            except PartialList as part:
                positions |= {row.symbol: row for row in part.rows if row.quantity}
                faults[underlying] = f"some positions in {underlying} cannot be read: {part}"
            except TraderError as error:
                faults[underlying] = f"the positions in {underlying} cannot be read: {error}"
        leverages = {row.symbol: self._leverage(gateway, row.product_id) for row in positions.values()}
        return AccountNow(
            margined={row.symbol: row for row in terms.positions},
            positions=positions,
            instruments=instruments,
            leverages={symbol: found for symbol, found in leverages.items() if found is not None},
            faults=faults,
            read_at=datetime.now(UTC),
        )

    def _leverage(self, gateway: Gateway, product_id: int) -> Decimal | None:
        """At most a minute old: it changes when a person or a ticket sets it, and each contract costs a request."""
        asked, found = self._leverages.get(product_id, (-_LEVERAGE_SECS, None))
        if self._monotonic() - asked < _LEVERAGE_SECS:
            return found
        try:
            found = gateway.leverage(product_id)
        except TraderError:
            found = None
        self._leverages[product_id] = (self._monotonic(), found)
        return found
