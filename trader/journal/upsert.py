"""`INSERT ... ON CONFLICT` in the database's own words. Only the dialect in use is imported: the other would cost a process
megabytes it never needs."""

from typing import Any

from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import sqlite


def insert_into(dialect: Dialect, table: Table) -> Any:
    """An insert into `table` that takes a conflict clause."""
    if dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)
