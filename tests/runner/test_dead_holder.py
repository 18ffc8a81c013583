"""A lease whose holder is provably dead is taken at once; in every other case the takeover waits for the expiry."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trader.journal.store import Journal
from trader.runner.process import identity, is_provably_dead

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are told apart by /proc")


def ended() -> str:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    told = identity(process.pid)
    process.communicate(b"\n")
    return told


def test_a_living_process_is_itself_and_not_dead() -> None:
    mine = identity(os.getpid())
    assert mine == identity(os.getpid()) != ""
    assert not is_provably_dead(mine)


def test_an_ended_process_is_provably_dead_and_has_no_identity_any_more() -> None:
    told = ended()
    assert told and is_provably_dead(told)
    assert identity(int(told.split("/")[2])) == ""


def test_a_number_taken_by_another_process_does_not_make_its_first_owner_live() -> None:
    boot, namespace, number, _ = identity(os.getpid()).split("/")
    assert is_provably_dead(f"{boot}/{namespace}/{number}/1")


@pytest.mark.parametrize("part", [0, 1])
def test_another_boot_or_another_container_proves_nothing(part: int) -> None:
    parts = ended().split("/")
    parts[part] = "somewhere-else"
    assert not is_provably_dead("/".join(parts))


@pytest.mark.parametrize("told", ["", "nonsense", "a/b/c/d", "//12/", "flatten"])
def test_an_identity_that_says_nothing_proves_nothing(told: str) -> None:
    assert not is_provably_dead(told)


def test_only_the_named_holder_and_epoch_can_be_taken_over(tmp_path: Path) -> None:
    journal = Journal.open(f"sqlite:///{tmp_path / 'home' / 'journal.db'}")
    now = datetime.now(UTC)

    def take(holder: str, over: object = None) -> object:
        return journal.take_lease(
            account="paper", holder=holder, host="process", pid=1, code_hash="c", now=now, over=over
        )  # type: ignore[arg-type]

    first = take("first")
    assert take("second") is None
    second = take("second", over=first)
    assert second is not None and second.epoch == first.epoch + 1  # type: ignore[attr-defined]
    assert take("third", over=first) is None  # the lease is not the one that was seen any more
    journal.close()
