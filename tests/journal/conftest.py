"""A journal of its own for every test: on SQLite, and in `make t1` on PostgreSQL too, on the server that TEST_DATABASE_URL names
or one that is started here."""

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.postgres import postgres
from trader.journal import Journal, Lease

NOW = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/home/journal.db"


NAMED = os.environ.get("TEST_DATABASE_URL", "")
BACKENDS = ["sqlite", pytest.param("postgresql", marks=() if NAMED else pytest.mark.t1)]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    if NAMED:
        yield NAMED
        return
    with postgres() as server:
        yield server.url


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[str]:
    """The journal's URL; PostgreSQL gets a database made for this test and dropped after it."""
    if request.param == "sqlite":
        yield sqlite_url
        return
    name = f"journal_test_{secrets.token_hex(4)}"
    base = sa.make_url(request.getfixturevalue("postgres_url")).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(base, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield base.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    opened = Journal.open(url)
    yield opened
    opened.close()


@pytest.fixture
def lease(journal: Journal) -> Lease:
    taken = journal.take_lease(account="paper", holder="first", host="thread", pid=1, code_hash="c0de", now=NOW)
    assert taken is not None
    return taken
