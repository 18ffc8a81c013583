"""The part of the desk that reads the books. `Desk` is one of these."""

from abc import abstractmethod
from collections.abc import Collection
from datetime import datetime

from trader.desk.books.events import read_events
from trader.desk.books.lines import EventPage, OrderDetail, OrderPage, State, TradePage
from trader.desk.books.orders import read_order, read_orders
from trader.desk.books.trades import read_trades
from trader.journal import Journal


class BookReads:
    """Orders, trades and events of the account, over all its runs and tickets."""

    account: str

    @abstractmethod
    def _journal(self) -> Journal: ...

    def orders(
        self,
        *,
        state: State = "all",
        status: str | None = None,
        symbol: str | None = None,
        run_id: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> OrderPage:
        """Orders, newest first: those that may still trade, those that have ended, or all.

        Raises:
            ConfigError: No such state or status, no such cursor, or a limit out of bounds.
            JournalError: The journal cannot be read.
        """
        journal = self._journal()
        with journal.look():
            return read_orders(
                journal, self.account, state=state, status=status, symbol=symbol, run_id=run_id, cursor=cursor, limit=limit
            )  # fmt: skip

    def order_line(self, order_id: str) -> OrderDetail | None:
        """One order with its timeline, by our id or the exchange's; None when this account has none of that id.

        Raises:
            JournalError: The journal cannot be read.
        """
        journal = self._journal()
        with journal.look():
            return read_order(journal, self.account, order_id)

    def trades(
        self,
        *,
        symbol: str | None = None,
        run_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> TradePage:
        """Executions, newest first; of a span from `since` to before `until` (the exchange's time).

        Raises:
            ConfigError: No such cursor, or a limit out of bounds.
            JournalError: The journal cannot be read.
        """
        journal = self._journal()
        with journal.look():
            return read_trades(
                journal, self.account, symbol=symbol, run_id=run_id, since=since, until=until, cursor=cursor, limit=limit
            )  # fmt: skip

    def events(
        self,
        *,
        kinds: Collection[str] | None = None,
        symbol: str | None = None,
        run_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> EventPage:
        """What happened to orders and positions, who and why, newest first.

        Raises:
            ConfigError: No such kind, no such cursor, or a limit out of bounds.
            JournalError: The journal cannot be read.
        """
        journal = self._journal()
        with journal.look():
            return read_events(
                journal, self.account, kinds=kinds, symbol=symbol, run_id=run_id, since=since, until=until,
                cursor=cursor, limit=limit,
            )  # fmt: skip
