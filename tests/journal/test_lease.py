"""One runner per account: taking, standing by, taking over, fencing."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.journal import samples_of_records as s
from tests.journal.conftest import NOW
from trader.domain.errors import JournalError
from trader.engine import records as r
from trader.journal import CommandMark, Journal, Lease, LeaseLost


def take(journal: Journal, holder: str, after_secs: float, account: str = "paper") -> Lease | None:
    now = NOW + timedelta(seconds=after_secs)
    return journal.take_lease(account=account, holder=holder, host="thread", pid=2, code_hash="c0de", now=now)


def test_lease_when_alive_is_not_given_to_another(journal: Journal, lease: Lease) -> None:
    assert take(journal, "second", 9.9) is None
    assert journal.lease_row("paper") == lease


def test_lease_when_expired_goes_to_another_with_a_higher_epoch(journal: Journal, lease: Lease) -> None:
    second = take(journal, "second", 10)
    assert second is not None
    assert (lease.epoch, second.epoch) == (1, 2)
    assert journal.lease_row() == second


def test_append_when_the_lease_is_lost_writes_nothing(journal: Journal, lease: Lease) -> None:
    journal.append([s.run_created("a")], lease=lease)
    second = take(journal, "second", 11)
    with pytest.raises(LeaseLost, match="nothing was written"):
        journal.append([s.order_intended("a", "o1")], lease=lease)
    assert len(journal.records()) == 1
    journal.append([s.order_intended("a", "o1")], lease=second)
    assert len(journal.records()) == 2


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # the other keeps no file of ours to fill
def test_a_lost_lease_is_found_out_on_a_full_disk_too(journal: Journal, lease: Lease) -> None:
    second = take(journal, "second", 11)
    assert second is not None

    @event.listens_for(journal._engine, "checkout")
    def _full(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA max_page_count=1")  # means: not one page more than there is

    with pytest.raises(JournalError, match="full"):
        journal.append([s.run_created("a"), *(s.order_intended("a", f"o{n}") for n in range(2000))], lease=second)
    assert not journal.renew_lease(lease, NOW + timedelta(seconds=12))


def test_append_when_expired_but_not_taken_still_writes(journal: Journal, lease: Lease) -> None:
    # Safety rests on the epoch, not on clocks: nobody else can have sent anything.
    journal.append([s.run_created("a")], lease=lease)
    assert len(journal.records()) == 1


def test_renewal_keeps_others_out_and_says_when_it_is_lost(journal: Journal, lease: Lease) -> None:
    assert journal.renew_lease(lease, NOW + timedelta(seconds=8))
    assert take(journal, "second", 17.9) is None
    assert take(journal, "second", 18) is not None
    assert not journal.renew_lease(lease, NOW + timedelta(seconds=19))


def test_release_lets_the_next_one_in_at_once_and_ends_the_old_one(journal: Journal, lease: Lease) -> None:
    journal.release_lease(lease)
    row = journal.lease_row("paper")
    assert row is not None and not row.alive(NOW)
    with pytest.raises(LeaseLost):
        journal.append([s.run_created("a")], lease=lease)
    second = take(journal, "second", 0.1)
    assert second is not None and second.epoch == 2
    journal.release_lease(lease)  # lost already: nothing happens
    assert journal.lease_row("paper") == second


def test_taking_again_by_the_same_holder_raises_the_epoch(journal: Journal, lease: Lease) -> None:
    again = take(journal, "first", 1)
    assert again is not None and again.epoch == 2
    with pytest.raises(LeaseLost):
        journal.append([s.run_created("a")], lease=lease)


def test_accounts_have_leases_of_their_own(journal: Journal, lease: Lease) -> None:
    other = take(journal, "second", 0, account="testnet-1a2b3c4d")
    assert other is not None and other.epoch == 1
    assert journal.lease_row("paper") == lease


def test_a_clock_that_stepped_back_an_hour_does_not_block_the_account(journal: Journal, lease: Lease) -> None:
    second = take(journal, "second", -3600)
    assert second is not None and second.epoch == 2


def test_two_takers_at_once_give_one_holder(url: str, journal: Journal) -> None:
    from concurrent.futures import ThreadPoolExecutor

    others = [Journal.open(url) for _ in range(4)]

    def attempt(index: int) -> Any:
        return take(others[index], f"runner-{index}", 0)

    with ThreadPoolExecutor(4) as pool:
        taken = [lease for lease in pool.map(attempt, range(4)) if lease is not None]
    assert len(taken) == 1
    assert journal.lease_row("paper") == taken[0]
    for other in others:
        other.close()


def test_a_lost_lease_cannot_answer_a_command_either(journal: Journal, lease: Lease) -> None:
    from tests.journal.test_commands import start_command

    journal.submit_command(start_command("c1"))
    take(journal, "second", 11)
    with pytest.raises(LeaseLost):
        journal.append(
            [s.phase("a", r.Phase.ENTERING)],
            lease=lease,
            done_command=CommandMark(command_id="c1", status="done"),
        )
    row = journal.command("c1")
    assert row is not None and row.status == "new"
