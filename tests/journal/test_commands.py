"""Command rows: idempotent, in order, answered once."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.journal import samples_of_records as s
from trader.domain.errors import JournalError
from trader.journal import Command, CommandMark, Journal, Lease
from trader.journal.tables import commands, instant_text


def start_command(command_id: str, account: str = "paper", quantity: int = 1) -> Command:
    return Command(
        command_id=command_id,
        account=account,
        kind="start",
        issued_at=s.WALL,
        issued_by="cli",
        body={"config": {"strategy": {"quantity": quantity}}, "config_hash": "h", "now": True, "confirm": None},
    )


def test_commands_wait_in_the_order_they_came(journal: Journal) -> None:
    for name in ("c2", "c1", "c3"):
        journal.submit_command(start_command(name))
    journal.submit_command(start_command("other", account="testnet-1a2b3c4d"))
    assert [row.command_id for row in journal.pending_commands("paper")] == ["c2", "c1", "c3"]
    row = journal.command("c1")
    assert row is not None
    assert (row.status, row.issued_at, row.body) == ("new", s.WALL, start_command("c1").body)


def test_submitting_the_same_command_again_is_one_command(journal: Journal) -> None:
    journal.submit_command(start_command("c1"))
    journal.mark_command("c1", "accepted", "run a")
    journal.submit_command(start_command("c1"))
    row = journal.command("c1")
    assert row is not None and row.status == "accepted"
    assert journal.pending_commands("paper") == []


def test_submitting_another_command_under_the_same_id_is_refused(journal: Journal) -> None:
    journal.submit_command(start_command("c1"))
    with pytest.raises(JournalError, match="already has the id c1"):
        journal.submit_command(start_command("c1", quantity=2))


@pytest.mark.parametrize(
    ("first", "then", "allowed"),
    [
        ("accepted", "done", True),
        ("accepted", "refused", True),
        ("accepted", "accepted", True),
        ("done", "done", True),
        ("done", "accepted", False),
        ("done", "refused", False),
        ("refused", "accepted", False),
        ("refused", "done", False),
    ],
)
def test_an_answer_never_goes_back(journal: Journal, first: str, then: str, allowed: bool) -> None:
    journal.submit_command(start_command("c1"))
    journal.mark_command("c1", first, "one")
    if allowed:
        journal.mark_command("c1", then, "two")
    else:
        with pytest.raises(JournalError, match=f"already {first}"):
            journal.mark_command("c1", then, "two")
    row = journal.command("c1")
    assert row is not None
    assert (row.status, row.detail) == ((then, "two") if allowed else (first, "one"))
    assert row.updated_at > row.issued_at + timedelta(seconds=1)


def test_marking_an_unknown_command_is_an_error(journal: Journal) -> None:
    with pytest.raises(JournalError, match="no command nope"):
        journal.mark_command("nope", "done", "")


def test_records_and_answer_are_one_transaction(journal: Journal, lease: Lease) -> None:
    journal.submit_command(start_command("c1"))
    answer = CommandMark(command_id="c1", status="accepted", detail="run a")
    journal.append([s.run_created("a")], lease=lease, done_command=answer)
    with pytest.raises(JournalError, match="no command c9"):
        journal.append([s.run_created("b")], lease=lease, done_command=CommandMark(command_id="c9", status="accepted"))
    assert journal.unresolved_runs("paper") == ["a"]


def test_what_was_asked_cannot_be_rewritten(journal: Journal) -> None:
    journal.submit_command(start_command("c1"))
    for statement in ("UPDATE commands SET body = '{}'", "DELETE FROM commands"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), journal._engine.begin() as connection:
            connection.execute(sa.text(statement))


def test_answer_that_is_none_is_refused(journal: Journal) -> None:
    journal.submit_command(start_command("c1"))
    with pytest.raises(JournalError, match="not with 'maybe'"):
        journal.mark_command("c1", "maybe", "")


@pytest.mark.parametrize("body", ["{not json", "[1]", "null", ""])
def test_a_command_that_cannot_be_read_keeps_no_stop_back(journal: Journal, body: str) -> None:
    at = instant_text(s.WALL)
    row = {"command_id": "c1", "account": "paper", "kind": "start", "issued_at": at, "issued_by": "cli", "body": body}
    with journal._write() as connection:
        connection.execute(sa.insert(commands).values(**row, status="new", detail="", updated_at=at))
    stop = Command(
        command_id="c2", account="paper", kind="stop", issued_at=s.WALL, issued_by="cli", body={"run_id": None}
    )
    journal.submit_command(stop)
    waiting = journal.pending_commands("paper")
    assert [(row.command_id, row.body) for row in waiting] == [("c1", {}), ("c2", {"run_id": None})]
