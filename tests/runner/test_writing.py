"""What waits while the journal cannot be written is appended first, in order, once; a lost lease or a contradiction ends it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.journal.samples_of_records import intent, run_created
from trader.domain.errors import JournalError
from trader.engine.records import AlertRaised, AnyRecord, OrderIntended
from trader.journal.lease import Lease, LeaseLost
from trader.journal.store import CommitUnknown, Journal, RecordExists
from trader.runner import writing
from trader.runner.writing import Writer


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    opened = Journal.open(f"sqlite:///{tmp_path / 'home' / 'journal.db'}")
    yield opened
    opened.close()


@pytest.fixture
def lease(journal: Journal) -> Lease:
    taken = journal.take_lease(account="paper", holder="me", host="thread", pid=1, code_hash="c", now=datetime.now(UTC))
    assert taken is not None
    return taken


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "RETRY_SECS", 0.0)


def alert(text: str) -> AlertRaised:
    return AlertRaised(run_id="run-1", wall=datetime.now(UTC), level="info", code="x", text=text)


def break_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise JournalError("The journal cannot grow because the disk is full.")

    monkeypatch.setattr(Journal, "append", refuse)


def test_the_first_failure_keeps_nothing_and_later_records_wait_in_order(journal: Journal, lease: Lease) -> None:
    writer = Writer(journal, lease)
    with pytest.MonkeyPatch.context() as patch:
        break_disk(patch)
        assert not writer.commit([alert("decided anew")], None)
        assert "disk is full" in writer.fault
        assert not writer.commit([alert("first")], None)
        assert not writer.commit([alert("second"), alert("third")], None)
        assert not writer.recovered(datetime.now(UTC))
    assert writer.recovered(datetime.now(UTC))
    assert writer.fault == ""
    assert [row.text for _, row in journal.records() if isinstance(row, AlertRaised)] == ["first", "second", "third"]
    assert writer.commit([alert("fourth")], None)
    assert len(journal.records()) == 4


def test_a_lease_lost_meanwhile_is_never_written_over(journal: Journal, lease: Lease) -> None:
    writer = Writer(journal, lease)
    writer.fail(JournalError("gone"))
    writer.commit([alert("late")], None)
    assert journal.take_lease(
        account="paper", holder="other", host="thread", pid=2, code_hash="c", now=datetime.now(UTC), over=lease
    )
    with pytest.raises(LeaseLost):
        writer.recovered(datetime.now(UTC))
    assert journal.records() == []


def test_what_is_there_already_is_a_contradiction(journal: Journal, lease: Lease) -> None:
    order = OrderIntended(run_id="run-1", wall=datetime.now(UTC), intent=intent("run-1", "sdaaaa-1"), reference=None)
    journal.append([run_created("run-1"), order], lease=lease)
    writer = Writer(journal, lease)
    with pytest.raises(RecordExists):
        writer.commit([order], None)
    writer.fail(JournalError("gone"))
    writer.commit([order], None)
    with pytest.raises(RecordExists):
        writer.recovered(datetime.now(UTC))


@contextmanager
def lost_at_commit(*, made: bool) -> Iterator[None]:
    real = Journal.append

    def unknown(self: Journal, *given: Any, **named: Any) -> int:
        if made:
            real(self, *given, **named)
        raise CommitUnknown("The connection was lost.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append", unknown)
        yield


def commit_of_unknown_fate(journal: Journal, writer: Writer, *, made: bool) -> None:
    with lost_at_commit(made=made):
        assert writer.commit([run_created("run-1"), alert("with it")], None), "it may be written: it is gone by"
    assert writer.fault


@pytest.mark.parametrize("made", [True, False])
def test_a_commit_of_unknown_fate_is_written_once_and_what_followed_after_it(
    journal: Journal, lease: Lease, made: bool
) -> None:
    writer = Writer(journal, lease)
    commit_of_unknown_fate(journal, writer, made=made)
    assert not writer.commit([alert("later")], None)
    assert writer.recovered(datetime.now(UTC))
    assert writer.fault == ""
    texts = [row.text if isinstance(row, AlertRaised) else row.run_id for _, row in journal.records()]
    assert texts == ["run-1", "with it", "later"]


@pytest.mark.parametrize("made", [True, False])
def test_what_a_commit_of_unknown_fate_has_written_is_told_once_with_its_numbers(
    journal: Journal, lease: Lease, made: bool
) -> None:
    told: list[tuple[int, AnyRecord]] = []
    writer = Writer(journal, lease, written=lambda seq, record: told.append((seq, record)))
    commit_of_unknown_fate(journal, writer, made=made)
    writer.commit([alert("later")], None)
    assert told == []
    assert writer.recovered(datetime.now(UTC))
    assert told == list(journal.records()) and len(told) == 3


@pytest.mark.parametrize("made", [(True, True), (True, False), (False, True), (False, False)])
def test_what_is_lost_at_commit_again_is_still_written_once(
    journal: Journal, lease: Lease, made: tuple[bool, bool]
) -> None:
    writer = Writer(journal, lease)
    assert writer.commit([alert("before")], None)
    with lost_at_commit(made=made[0]):
        assert writer.commit([alert("first")], None), "nothing of it has a key that would tell"
    with lost_at_commit(made=made[1]):
        assert not writer.commit([alert("second")], None)
        assert not writer.recovered(datetime.now(UTC))
    assert not writer.commit([alert("third")], None)
    assert writer.recovered(datetime.now(UTC))
    texts = [row.text for _, row in journal.records() if isinstance(row, AlertRaised)]
    assert texts == ["before", "first", "second", "third"]


def test_a_real_contradiction_after_a_commit_of_unknown_fate_is_still_one(journal: Journal, lease: Lease) -> None:
    writer = Writer(journal, lease)
    commit_of_unknown_fate(journal, writer, made=True)
    writer.commit([run_created("run-1")], None)
    with pytest.raises(RecordExists):
        writer.recovered(datetime.now(UTC))
