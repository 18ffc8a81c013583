"""The venue's state file: an SQLite database written in one transaction per save, so that a crash keeps the last one.

One process at a time has it, from opening to closing: two exchanges on one file would each undo what the other has done.
The lock is the database's own, on the file itself; the system releases it when the process dies.

Growing lists (orders, fills, transactions, contracts) are written row by row as they appear; what changes often
(balances, positions, counters, the market's own state) is one header row.
"""

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from trader.domain.errors import ConfigError
from trader.domain.instrument import Instrument
from trader.venue.core.exchange import Exchange
from trader.venue.core.products import ExpiredProduct
from trader.venue.core.records import FillRow, Order, Transaction
from trader.venue.core.state import Header, Rows, header_of

_FORMAT = 1
_PAGE_LEAST = 512  # bytes; an SQLite file has at least one page
_BUSY_SECS = 2.0  # somebody may have the file for a moment: another one that reads its seed, a backup
T = TypeVar("T")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS header (id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER, core BLOB, market BLOB);
CREATE TABLE IF NOT EXISTS rows (kind TEXT, id TEXT, position INTEGER, body BLOB, PRIMARY KEY (kind, id)) WITHOUT ROWID;
"""
_UPSERT = "INSERT INTO rows VALUES (?, ?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body"


def saved_seed(path: Path) -> int | None:
    """The seed of the market whose state a file holds; None when there is no such file or nothing in it yet."""
    if not path.exists():
        return None
    store = Store(path)
    try:
        saved = store.load()
    finally:
        store.close()
    return None if saved is None else saved[0].seed


class StateInUse(ConfigError):
    """Another process has the state file."""


class Store:
    """The state file of one venue.

    Raises:
        StateInUse: Another exchange keeps its state there, also one that is stopped at the moment.
        ConfigError: The file cannot be opened, or is not a venue's state of this format.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # An existing file is not opened here: closing it again would end the locks this process has on it.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, timeout=_BUSY_SECS, check_same_thread=False, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"the venue's state file {path} cannot be used: {error}") from None
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")  # from the first access to the end of the connection
            self._refuse_strangers()
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.executescript(_SCHEMA)
            self._db.execute("BEGIN EXCLUSIVE")  # an old file with all its tables has been read only, so far
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._db.close()
            if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise StateInUse(
                    f"the state file {path} is in use by another local exchange (or by a program that looks into it); "
                    "end that one first"
                ) from None
            raise ConfigError(f"the venue's state file {path} cannot be used: {error}") from None
        self._fills: dict[int, int] = {}
        self._transactions: dict[int, int] = {}
        self._products: set[str] = set()
        self._expired: set[str] = set()

    def _refuse_strangers(self) -> None:
        """Nothing is written into a file that holds something else: a note, another program's database."""
        tables = {row[0] for row in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables - {"header", "rows"} or (not tables and 0 < self._path.stat().st_size < _PAGE_LEAST):
            self._db.close()
            raise ConfigError(f"the venue's state file {self._path} holds something else; name another file")

    def load(self) -> tuple[Header, Rows, dict[str, Any]] | None:
        """The saved header, rows and market state; None when nothing was ever saved."""
        try:
            row = self._db.execute("SELECT format, core, market FROM header").fetchone()
        except sqlite3.Error as error:
            raise ConfigError(f"the venue's state file {self._path} is damaged: {error}") from None
        if row is None:
            return None
        if row[0] != _FORMAT:
            raise ConfigError(f"the venue's state file {self._path} has format {row[0]}, this version reads {_FORMAT}")
        try:
            header = msgspec.json.decode(row[1], type=Header)
            market = msgspec.json.decode(row[2], type=dict[str, Any])
            rows = Rows(
                instruments=self._read("product", Instrument),
                expired=self._read("expired", ExpiredProduct),
                orders=self._read("order", Order),
                fills=self._read("fill", FillRow),
                transactions=self._read("transaction", Transaction),
            )
        except (msgspec.MsgspecError, UnicodeDecodeError, sqlite3.Error) as error:
            raise ConfigError(f"the venue's state file {self._path} is damaged: {error}") from None
        self._count(rows)
        return header, rows, market

    def save(self, exchange: Exchange, *, durably: bool = True) -> None:
        """Write what changed since the last save, in one transaction. It outlasts a kill; `durably`, a power cut, too."""
        products, expired = set(self._products), set(self._expired)
        try:
            new = self._new_rows(exchange)
            header = (msgspec.json.encode(header_of(exchange)), msgspec.json.encode(exchange.market.state()))
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durably else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(_UPSERT, new)
            self._db.execute("INSERT OR REPLACE INTO header VALUES (1, ?, ?, ?)", (_FORMAT, *header))
            self._db.execute("COMMIT")
        except sqlite3.Error:  # a full disk: the next save writes all of it
            self._products, self._expired = products, expired
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        for account in exchange.accounts.values():
            account.changed_orders.clear()
            self._fills[account.user_id] = len(account.fills)
            self._transactions[account.user_id] = len(account.transactions)

    def close(self) -> None:
        self._db.close()

    def _new_rows(self, exchange: Exchange) -> list[tuple[str, str, int, bytes]]:
        encode = msgspec.json.encode
        found: list[tuple[str, str, int, bytes]] = []
        for account in exchange.accounts.values():
            user = account.user_id
            for order_id in account.changed_orders:
                order = account.orders[order_id]
                found.append(("order", str(order_id), order_id, encode(order)))
                found += self._product_row(exchange, order.symbol)
            for fill in account.fills[self._fills.get(user, 0) :]:
                found.append(("fill", fill.id, fill.seq, encode(fill)))
            for transaction in account.transactions[self._transactions.get(user, 0) :]:
                found.append(("transaction", str(transaction.id), transaction.id, encode(transaction)))
        for symbol in self._products - self._expired:
            gone = exchange.products.expired.get(symbol)
            if gone is not None:
                self._expired.add(symbol)
                found.append(("expired", symbol, gone.instrument.product_id, encode(gone)))
        return found

    def _product_row(self, exchange: Exchange, symbol: str) -> list[tuple[str, str, int, bytes]]:
        """The terms of a contract, once: the source may not list it any more after a restart."""
        instrument = exchange.products.find(symbol)
        if symbol in self._products or instrument is None:
            return []
        self._products.add(symbol)
        return [("product", symbol, instrument.product_id, msgspec.json.encode(instrument))]

    def _read(self, kind: str, shape: type[T]) -> list[T]:
        query = "SELECT body FROM rows WHERE kind = ? ORDER BY position"
        return [msgspec.json.decode(body, type=shape) for (body,) in self._db.execute(query, (kind,))]

    def _count(self, rows: Rows) -> None:
        for fill in rows.fills:
            self._fills[fill.user_id] = self._fills.get(fill.user_id, 0) + 1
        for transaction in rows.transactions:
            self._transactions[transaction.user_id] = self._transactions.get(transaction.user_id, 0) + 1
        self._products = {i.symbol for i in rows.instruments}
        self._expired = {gone.instrument.symbol for gone in rows.expired}
