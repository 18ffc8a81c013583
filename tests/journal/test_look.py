"""Several reads as one look: one transaction, one instant, this thread's alone."""

import threading

import pytest
import sqlalchemy as sa

from tests.journal import samples_of_records as s
from trader.domain.errors import JournalError
from trader.journal import Journal, Lease


def test_reads_of_one_look_are_of_one_instant(sqlite_url: str) -> None:
    journal = Journal.open(sqlite_url)
    lease = journal.take_lease(account="paper", holder="a", host="thread", pid=1, code_hash="c", now=s.WALL)
    journal.append([s.run_created("a")], lease=lease)
    with journal.look():
        assert journal.unresolved_runs("paper") == ["a"]
        journal.append([s.run_created("b")], lease=lease)
        assert journal.unresolved_runs("paper") == ["a"]
        assert len(journal.records()) == 1
    assert journal.unresolved_runs("paper") == ["a", "b"]
    journal.close()


def test_another_thread_does_not_look_along(sqlite_url: str) -> None:
    journal = Journal.open(sqlite_url)
    lease = journal.take_lease(account="paper", holder="a", host="thread", pid=1, code_hash="c", now=s.WALL)
    seen: list[list[str]] = []
    with journal.look():
        assert journal.unresolved_runs("paper") == []
        journal.append([s.run_created("a")], lease=lease)
        other = threading.Thread(target=lambda: seen.append(journal.unresolved_runs("paper")))
        other.start()
        other.join()
        assert journal.unresolved_runs("paper") == []
    assert seen == [["a"]]
    journal.close()


def test_a_look_within_a_look_is_the_same_one(journal: Journal, lease: Lease) -> None:
    begun = _begun(journal)
    with journal.look():
        with journal.look():
            journal.lease_row("paper")
        journal.snapshot("paper")
        journal.alerts(5, account="paper")
    assert len(begun) == 1


def test_what_goes_wrong_within_a_look_is_told_in_words_and_ends_it(journal: Journal, lease: Lease) -> None:
    with pytest.raises(JournalError), journal.look(), journal._read() as connection:
        connection.execute(sa.text("SELECT nonsense FROM nowhere"))
    assert journal.unresolved_runs("paper") == []


def _begun(journal: Journal) -> list[object]:
    """Grows by one for each transaction."""
    begun: list[object] = []
    sa.event.listen(journal._engine, "begin", lambda connection: begun.append(connection))
    return begun
