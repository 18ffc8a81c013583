"""What the page Orders & positions shows that must be asked for: read at most every 1.5 s, once for all tabs, on a thread of its own.

The page's beat draws what was read last, so that an exchange that answers late delays no second of it.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from trader.desk import Desk, Status
from trader.desk.books.holdings import BalanceSheet, PositionBook, PositionLine
from trader.desk.books.lines import EventLine, OrderLine, Trade
from trader.desk.books.positions import parts_of
from trader.domain.errors import TraderError
from trader.domain.expiry import IST
from trader.panel import format as fmt
from trader.panel import service

ENDED_SHOWN = 20
_WORKING_SHOWN = 100
_TRADES_SHOWN = 500
_REFUSED_SHOWN = 10
_SHARED_SECS = 1.5
_OLD_SECS = 10.0
T = TypeVar("T")


class Books(NamedTuple):
    """As they were read last; a sentence in the place of what could not be read. `at`: this process's monotonic clock."""

    positions: PositionBook | str
    balances: BalanceSheet | str
    working: tuple[OrderLine, ...] | str
    ended: tuple[OrderLine, ...] | str
    trades: tuple[Trade, ...] | str
    refused: tuple[EventLine, ...] | str
    at: float

    @property
    def age_secs(self) -> float:
        return time.monotonic() - self.at

    @property
    def is_old(self) -> bool:
        """Nobody has read them for a while: the reader hangs, or every read takes long."""
        return self.age_secs > _OLD_SECS


_kept: dict[int, Books] = {}
_lock = threading.Lock()
_reader = ThreadPoolExecutor(1, thread_name_prefix="orders-books")
_asked: Future[None] | None = None


def seen() -> Books | None:
    """What was read last, None before the first time; asks nobody."""
    return _kept.get(id(service.desk()))


def look(wait_secs: float = 0.0) -> Books | None:
    """The same, and have it read again where it is not of this moment; waits for that as long as it is told to."""
    global _asked
    desk, status = service.desk(), service.status()
    with _lock:
        found = _kept.get(id(desk))
        if (found is None or found.age_secs >= _SHARED_SECS) and (_asked is None or _asked.done()):
            _asked = _reader.submit(_read, desk, _midnight(status))
        asked = _asked
    if wait_secs and asked is not None:
        wait([asked], wait_secs)
    return seen()


def _read(desk: Desk, since: datetime | None) -> None:
    found = Books(
        positions=_tried(desk.positions),
        balances=_tried(desk.balances),
        working=_tried(lambda: desk.orders(state="working", limit=_WORKING_SHOWN).orders),
        ended=_tried(lambda: desk.orders(state="ended", limit=ENDED_SHOWN).orders),
        trades=_tried(lambda: desk.trades(since=since, limit=_TRADES_SHOWN).trades),
        refused=_tried(lambda: _refused(desk, since)),
        at=time.monotonic(),
    )
    _kept.clear()  # of this process's one desk; tests have one each
    _kept[id(desk)] = found


def _refused(desk: Desk, since: datetime | None) -> tuple[EventLine, ...]:
    """Tickets that never became an order; what the gate denied later stands among the orders."""
    found = desk.events(kinds=("risk_failed",), since=since, limit=_REFUSED_SHOWN).events
    return tuple(one for one in found if one.client_order_id is None)


def forget() -> None:
    """Something was just asked for: the next look reads."""
    _kept.update({key: found._replace(at=found.at - 2 * _SHARED_SECS) for key, found in _kept.items()})
    service.forget()


def _midnight(status: Status | str) -> datetime | None:
    """When the Indian day of the exchange's time began."""
    if isinstance(status, str):
        return None
    now = (status.market or status.wall).astimezone(IST)
    return now - timedelta(hours=now.hour, minutes=now.minute, seconds=now.second, microseconds=now.microsecond)


def _tried(read: Callable[[], T]) -> T | str:
    try:
        return read()
    except TraderError as error:
        return fmt.plain(error, 600)


# ------------------------------------------------------------------------------------------------- what is held


class Holding(NamedTuple):
    """What one run or ticket holds of a contract, which can be closed."""

    owner: str
    is_ticket: bool
    symbol: str

    @property
    def key(self) -> str:
        return f"{self.owner}.{self.symbol}"


def holdings(status: Status | str) -> list[Holding]:
    """Of all runs and tickets, by contract."""
    if isinstance(status, str):
        return []
    parts = parts_of(status.runs, status.tickets, {})
    return [Holding(part.run_id, part.is_ticket, symbol) for symbol, mine in sorted(parts.items()) for part in mine]


def foreign(books: Books | None) -> list[PositionLine]:
    """Positions that are partly or wholly of no run or ticket, where the exchange could be asked."""
    if books is None or isinstance(books.positions, str):
        return []
    return [line for line in books.positions.positions if line.foreign]


def layout_key(status: Status | str, books: Books | None) -> object:
    """What the page's buttons and lists depend on: whose what is, and which orders work."""
    working = () if books is None or isinstance(books.working, str) else books.working
    return (
        tuple(holdings(status)),
        tuple((line.symbol, line.foreign) for line in foreign(books)),
        tuple(line.client_order_id for line in working),
    )
