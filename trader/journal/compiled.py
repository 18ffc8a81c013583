"""Statements as text, compiled once, for the driver's own cursor: for what stands between an order and its sending, where putting a
statement together and asking SQLAlchemy for its rows would cost more than the database does."""

from typing import Any, NamedTuple

from sqlalchemy import Dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement


class Question(NamedTuple):
    """A select, and what its columns are called."""

    text: str
    columns: tuple[str, ...]

    def ask(self, cursor: Any, asked: dict[str, Any]) -> list[dict[str, Any]]:
        cursor.execute(self.text, asked)
        return [dict(zip(self.columns, row, strict=True)) for row in cursor.fetchall()]


def text_of(statement: ClauseElement, dialect: Dialect) -> str:
    named = sqlite.dialect(paramstyle="named") if dialect.name == "sqlite" else dialect
    return str(statement.compile(dialect=named))


def question(statement: Any, dialect: Dialect) -> Question:
    return Question(text_of(statement, dialect), tuple(column.name for column in statement.selected_columns))
