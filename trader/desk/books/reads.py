"""The part of the desk that reads the books. `Desk` is one of these."""

import time
from abc import abstractmethod
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from trader.desk.books import positions as held
from trader.desk.books.account_now import AccountReader
from trader.desk.books.events import positions_through, read_events
from trader.desk.books.holdings import Balance, BalanceSheet, Difference, PositionBook, PositionLine, SyncReport
from trader.desk.books.lines import LONGEST_PAGE, EventPage, OrderDetail, OrderPage, State, Trade, TradePage
from trader.desk.books.orders import newest_lines, read_order, read_orders
from trader.desk.books.statistics import LONGEST_HOURS, MOST_ORDERS, DeskStatistics, Execution, read_execution
from trader.desk.books.sync import differences, holdings
from trader.desk.books.trades import read_trades
from trader.desk.market import ExchangeDoor, KeptAnswer
from trader.desk.values import Status
from trader.domain.errors import ConfigError, ExchangeError, TraderError
from trader.domain.instrument import underlying_of
from trader.domain.margin import MarginTerms
from trader.domain.order import OrderStatus
from trader.domain.wallet import Wallet
from trader.journal import Journal
from trader.journal.listings import Wanted

_BALANCE_SECS = 2.0
_STATISTICS_SECS = 5.0
_SECOND_LOOK_SECS = 1.0  # a fill on its way has been told by then


class BookReads:
    """Orders, trades, events, positions and balances of the account, over all its runs and tickets."""

    account: str
    _door: ExchangeDoor
    _margin: KeptAnswer[MarginTerms]

    def _make_books(self) -> None:
        """To be called once the door to the exchange is there."""
        self._executed: dict[int, tuple[float, Execution]] = {}
        self._account_now = AccountReader(lambda: self._door.gateway())
        self._wallet: KeptAnswer[tuple[Wallet, datetime]] = KeptAnswer(
            lambda: (self._door.gateway().wallet(), datetime.now(UTC)), secs=_BALANCE_SECS
        )

    @abstractmethod
    def _journal(self) -> Journal: ...

    @abstractmethod
    def status(self, run_id: str | None = None) -> Status: ...

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

    def every_trade(
        self,
        *,
        symbol: str | None = None,
        run_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Trade]:
        """All executions of a span, newest first, read as they are taken.

        Raises:
            JournalError: The journal cannot be read.
        """
        cursor: str | None = ""
        while cursor is not None:
            page = self.trades(
                symbol=symbol, run_id=run_id, since=since, until=until, cursor=cursor, limit=LONGEST_PAGE
            )
            yield from page.trades
            cursor = page.next

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

    def positions(self) -> PositionBook:
        """Every contract that the exchange shows a position in or that runs and tickets hold, at most 2 s old. Where the exchange
        cannot be asked, ours are told all the same, and why there is no more.

        Raises:
            JournalError: The journal cannot be read.
        """
        journal, status = self._journal(), self.status()
        runs = [*(run.run_id for run in status.runs), *(one.ticket_id for one in status.tickets)]
        with journal.look():
            executions = positions_through(journal.executions_of(runs), journal.origins(runs))
        parts = held.parts_of(status.runs, status.tickets, held.opened_at(executions))
        try:
            now = self._account_now.now({underlying_of(symbol) for symbol in parts})
        except (ConfigError, ExchangeError) as error:
            return PositionBook(positions=held.lines_of(None, parts), read_at=datetime.now(UTC), faults=(str(error),))
        return PositionBook(
            positions=held.lines_of(now, parts), read_at=now.read_at, faults=tuple(now.faults.values())
        )  # fmt: skip

    def position_of(self, symbol: str, price: Decimal | None = None) -> PositionLine | None:
        """The position in one contract; None when neither the exchange nor the books know of one. With a `price`, what it would
        have made at that mark stands in `at_price`.

        Raises:
            JournalError: The journal cannot be read.
        """
        line = next((one for one in self.positions().positions if one.symbol == symbol), None)
        if line is None or price is None:
            return line
        return replace(line, at_price=held.pnl_at(price, line.entry_price, line.net, line.contract_value))

    def balances(self) -> BalanceSheet:
        """The account's money, at most 2 s old.

        Raises:
            ConfigError, ExchangeError: The account cannot be read.
        """
        wallet, read_at = self._wallet.get()
        try:
            mode = self._margin.get().mode
        except TraderError:
            mode = wallet.margin_mode
        balance = Balance(
            currency=wallet.asset,
            total=wallet.balance,
            free=wallet.available,
            locked=wallet.blocked_margin,
            equity=wallet.equity,
            order_margin=wallet.order_margin,
            position_margin=wallet.position_margin,
            portfolio_margin=wallet.portfolio_margin,
            commission=wallet.commission,
        )
        return BalanceSheet(balances=(balance,), margin_mode=mode, read_at=read_at)

    def sync(self) -> SyncReport:
        """Read positions and open orders from the exchange now, and say what differs from the books. Changes nothing: the runner
        reconciles by itself.

        Raises:
            ConfigError, ExchangeError: The account cannot be read.
            JournalError: The journal cannot be read.
        """
        found = self._compared()
        if found.differences:
            time.sleep(_SECOND_LOOK_SECS)
            first = {_about(one) for one in found.differences}
            found = self._compared()
            lasting = tuple(one for one in found.differences if _about(one) in first)
            found = replace(found, differences=lasting)
        return replace(found, in_step=not found.differences and not found.faults)

    def _compared(self) -> SyncReport:
        """The exchange first, then the books: what fills in between is a difference, and gone at the next look."""
        journal = self._journal()
        open_orders = self._door.gateway().open_orders()
        underlyings = {underlying_of(symbol) for symbol in holdings(journal, self.account)}
        self._account_now.forget()
        now = self._account_now.now(underlyings)
        with journal.look():
            ours = holdings(journal, self.account)
            working = newest_lines(
                journal, self.account, Wanted(runs=tuple(journal.unresolved_runs(self.account))), MOST_ORDERS
            )
            working = [line for line in working if OrderStatus(line.status).live]
        known = {symbol: row for symbol, row in now.positions.items() if underlying_of(symbol) not in now.faults}
        mine = {symbol: quantity for symbol, quantity in ours.items() if underlying_of(symbol) not in now.faults}
        return SyncReport(
            in_step=False,
            differences=differences(
                positions=known, held=mine, open_orders=open_orders, working=working, installation=journal.installation()
            ),
            faults=tuple(now.faults.values()),
            positions=len(now.positions),
            orders=len(open_orders),
            read_at=now.read_at,
        )  # fmt: skip

    def statistics(self, hours: int = 24) -> DeskStatistics:
        """What the running client has counted, and how the orders of the last hours (the exchange's time) were carried out; at most
        5 s old.

        Raises:
            ConfigError: The span is out of bounds.
            JournalError: The journal cannot be read.
        """
        if not 1 <= hours <= LONGEST_HOURS:
            raise ConfigError(f"hours must be 1 to {LONGEST_HOURS}, was {hours}")
        status, journal = self.status(), self._journal()
        asked, kept = self._executed.get(hours, (-_STATISTICS_SECS, None))
        if kept is None or time.monotonic() - asked >= _STATISTICS_SECS:
            with journal.look():
                kept = read_execution(journal, self.account, (status.market or status.wall) - timedelta(hours=hours))
            self._executed[hours] = (time.monotonic(), kept)
        client = None if status.ops is None else status.ops.client
        return DeskStatistics(alive=status.runner.alive, client=client, execution=kept)


def _about(one: Difference) -> tuple[str, str, str]:
    return one.code, one.symbol, one.order_id
