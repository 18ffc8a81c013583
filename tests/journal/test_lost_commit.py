"""PostgreSQL: the connection breaks at COMMIT. Did it happen? The journal looks before it answers."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.journal import samples_of_records as s
from tests.journal.conftest import NAMED
from trader.domain.errors import JournalError
from trader.journal import Journal, Lease

pytestmark = [] if NAMED else [pytest.mark.t1]


@pytest.fixture(params=["postgresql"])
def url(request: pytest.FixtureRequest, url: str) -> str:
    return url


def break_next_commit(journal: Journal, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """The next commit closes the connection, after or instead of committing, and then fails like a lost server."""
    real: Callable[[Any], None] = journal._engine.dialect.do_commit
    broken: list[bool] = []

    def commit(connection: Any) -> None:
        if broken:
            real(connection)
            return
        broken.append(True)
        if after:
            real(connection)
        connection.dbapi_connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(journal._engine.dialect, "do_commit", commit)


def test_commit_whose_answer_was_lost_counts_as_made(
    journal: Journal, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_next_commit(journal, monkeypatch, after=True)
    assert journal.append([s.run_created("a"), s.order_intended("a", "o1")], lease=lease) == 2
    assert len(journal.records("a")) == 2
    assert journal.append([s.alert("a", "on")], lease=lease) == 3


def test_commit_that_was_lost_with_the_connection_is_an_error_and_can_be_repeated(
    journal: Journal, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_next_commit(journal, monkeypatch, after=False)
    with pytest.raises(JournalError):
        journal.append([s.run_created("a")], lease=lease)
    assert journal.records() == []
    assert journal.append([s.run_created("a")], lease=lease) == 1


def test_nobody_knows_when_the_server_is_gone(journal: Journal, lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    break_next_commit(journal, monkeypatch, after=True)

    def gone(*_: Any, **__: Any) -> Any:
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr(journal._engine.pool, "_creator", gone)
    with pytest.raises(JournalError, match="not known whether the last records were written"):
        journal.append([s.run_created("a")], lease=lease)
