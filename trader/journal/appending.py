"""The hot path: number records and insert them, with statements compiled once from the tables.

An order may only leave after its intent is on disk, so what is saved here is saved on every order. The statements are
SQLAlchemy's text for the dialect at hand, run on the driver's own cursor inside the surrounding transaction; executing
the expressions themselves would cost more than the disk does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Dialect, bindparam, insert, select, text

from trader.engine.record_kinds import key_columns, kind_of
from trader.engine.records import AnyRecord, RunCreated, encode_record
from trader.journal import tables as t
from trader.journal.compiled import text_of
from trader.journal.lease import Lease, LeaseLost
from trader.journal.upsert import insert_into

Row = tuple[str, dict[str, Any]]  # table name, values of all its columns but seq

_NO_KEYS = {
    table.name: dict.fromkeys(column.name for column in table.columns if column.name != "seq")
    for table in t.RECORD_TABLES
}


def build_rows(records: Sequence[AnyRecord], accounts: Sequence[str]) -> list[Row]:
    """The table rows of records, each with the account it belongs to."""
    rows: list[Row] = []
    for record, account in zip(records, accounts, strict=True):
        kind = kind_of(record)
        common = {
            "account": account,
            "run_id": record.run_id,
            "kind": kind.name,
            "wall": t.instant_text(record.wall),
            "market": None if record.market is None else t.instant_text(record.market),
            "cause": record.cause,
            "body": encode_record(record),
        }
        rows.append((kind.table, {**_NO_KEYS[kind.table], **common, **key_columns(record)}))
    return rows


class Appender:
    """The statements of one dialect, and their execution."""

    def __init__(self, dialect: Dialect) -> None:
        advance = text("UPDATE sequence SET last_seq = last_seq + :n WHERE id = 1 RETURNING last_seq")
        held = select(t.leases.c.holder, t.leases.c.epoch).where(t.leases.c.account == bindparam("account"))
        pin = insert_into(dialect, t.configurations).on_conflict_do_nothing(index_elements=["hash"])
        self._advance = text_of(advance, dialect)
        self._lease = text_of(held.with_for_update(), dialect)
        self._insert = {table.name: text_of(insert(table), dialect) for table in t.RECORD_TABLES}
        self._pin = text_of(pin, dialect)

    def append(
        self, connection: Connection, rows: Sequence[Row], records: Sequence[AnyRecord], lease: Lease | None
    ) -> int:
        """Check the lease, number the rows, insert them; the last number.

        Raises:
            LeaseLost: The lease has another holder or epoch; the caller's transaction must be rolled back.
        """
        cursor: Any = connection.connection.cursor()
        try:
            if lease is not None:
                cursor.execute(self._lease, {"account": lease.account})
                _check(cursor.fetchone(), lease)
            cursor.execute(self._advance, {"n": len(rows)})
            last = int(cursor.fetchone()[0])
            for seq, (table, values) in enumerate(rows, start=last - len(rows) + 1):
                values["seq"] = seq
                cursor.execute(self._insert[table], values)
            for record in records:
                if isinstance(record, RunCreated):
                    cursor.execute(self._pin, _configuration(record))
        finally:
            cursor.close()
        return last


def _check(row: Sequence[Any] | None, lease: Lease) -> None:
    if row is None or (row[0], row[1]) != (lease.holder, lease.epoch):
        by = "nobody" if row is None else f"epoch {row[1]}"
        raise LeaseLost(f"The lease on {lease.account} (epoch {lease.epoch}) is lost to {by}; nothing was written.")


def _configuration(record: RunCreated) -> Mapping[str, str]:
    return {
        "hash": record.config_hash,
        "body": msgspec.json.encode(record.config).decode(),
        "at": t.instant_text(record.wall),
    }
