"""PostgreSQL: a runner that is stopped inside a transaction (its process, its machine) keeps the lease's row locked only for a while."""

from datetime import timedelta

import pytest

from tests.e2e.rig import await_value
from tests.journal.conftest import NAMED, NOW
from trader.domain.errors import JournalError
from trader.journal import Journal, Lease
from trader.journal.lease import read_lease

pytestmark = [] if NAMED else [pytest.mark.t1]


@pytest.fixture(params=["postgresql"])
def url(request: pytest.FixtureRequest, url: str) -> str:
    return url


def test_another_runner_gets_the_account_and_the_stopped_one_writes_nothing_more(
    journal: Journal, lease: Lease, url: str
) -> None:
    other = Journal.open(url)

    def take() -> Lease | None:
        try:
            return other.take_lease(
                account="paper", holder="second", host="process", pid=2, code_hash="c0de", now=NOW + timedelta(hours=1)
            )
        except JournalError:  # its statement waits for the row, at most two seconds
            return None

    with pytest.raises(JournalError), journal._write() as connection:
        assert read_lease(connection, "paper", for_update=True) == lease
        taken = await_value(take, 30, "the lease, though its row was locked")
    assert taken.epoch == lease.epoch + 1
    assert journal.lease_row("paper") == taken
    other.close()
