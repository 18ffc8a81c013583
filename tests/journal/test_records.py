"""Appending and reading back: order, all or nothing, append-only, exact numbers."""

import itertools
import typing
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.journal import samples_of_records as s
from trader.domain.errors import JournalError
from trader.engine import records as r
from trader.engine.record_kinds import KINDS
from trader.journal import Journal, Lease
from trader.journal import tables as t


def test_records_when_read_are_equal_and_in_writing_order(journal: Journal, lease: Lease) -> None:
    written = s.one_of_each("r1")
    last = journal.append(written[:5], lease=lease)
    assert last == 5
    assert journal.append(written[5:], lease=lease) == len(written)
    assert journal.records("r1") == list(enumerate(written, start=1))


def test_record_kinds_each_have_a_table_and_a_sample_here() -> None:
    kinds = set(typing.get_args(r.AnyRecord))
    assert set(KINDS) == kinds
    assert {type(record) for record in s.one_of_each("r1")} == kinds


def test_records_of_two_runs_share_one_sequence(journal: Journal, lease: Lease) -> None:
    journal.append([s.run_created("a")], lease=lease)
    journal.append([s.run_created("b")], lease=lease)
    journal.append([s.phase("a", r.Phase.ENTERING)], lease=lease)
    assert [(seq, record.run_id) for seq, record in journal.records()] == [(1, "a"), (2, "b"), (3, "a")]
    assert [seq for seq, _ in journal.records("a")] == [1, 3]
    assert [seq for seq, _ in journal.records(after_seq=2)] == [3]


def test_append_when_one_record_is_a_duplicate_writes_none_and_keeps_the_sequence(
    journal: Journal, lease: Lease
) -> None:
    journal.append([s.run_created("a"), s.fill_recorded("a", "f1")], lease=lease)
    with pytest.raises(JournalError, match="already holds"):
        journal.append([s.phase("a", r.Phase.HOLDING), s.fill_recorded("a", "f1")], lease=lease)
    assert len(journal.records()) == 2
    assert journal.append([s.phase("a", r.Phase.HOLDING)], lease=lease) == 3


def test_append_when_the_order_intent_is_already_there_is_refused(journal: Journal, lease: Lease) -> None:
    journal.append([s.run_created("a"), s.order_intended("a", "o1")], lease=lease)
    with pytest.raises(JournalError, match="already holds"):
        journal.append([s.order_intended("a", "o1")], lease=lease)


def test_append_when_a_denial_names_an_intended_order_is_taken(journal: Journal, lease: Lease) -> None:
    denied = r.OrderDenied(run_id="a", wall=s.WALL, intent=s.intent("a", "o1"), code="RATE", detail="6 in a second")
    journal.append([s.run_created("a"), s.order_intended("a", "o1"), denied], lease=lease)
    assert len(journal.records("a")) == 3


def test_append_without_lease_finds_the_account_of_the_run(journal: Journal, url: str) -> None:
    journal.append([s.run_created("a")], lease=None)
    other = Journal.open(url)
    other.append([s.alert("a", "later")], lease=None)
    assert [row.text for row in other.alerts(account="paper")] == ["later"]
    other.close()


@pytest.mark.parametrize("table", [*(t.name for t in t.RECORD_TABLES), "samples", "configurations", "meta"])
@pytest.mark.parametrize("verb", ["update", "delete"])
def test_rows_once_written_cannot_be_changed(journal: Journal, lease: Lease, table: str, verb: str) -> None:
    from trader.journal import Sample

    journal.append(s.one_of_each("r1"), lease=lease)
    journal.sample([Sample(run_id="r1", wall=s.WALL, pnl=Decimal(1))])
    column = {"configurations": "body", "meta": "value", "samples": "pnl"}.get(table, "body")
    statement = f"UPDATE {table} SET {column} = 'x'" if verb == "update" else f"DELETE FROM {table}"
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), journal._engine.begin() as connection:
        connection.execute(sa.text(statement))


def test_instants_of_other_zones_are_the_same_instants(journal: Journal, lease: Lease) -> None:
    ist = timezone(timedelta(hours=5, minutes=30))
    record = r.AlertRaised(run_id="", wall=s.WALL.astimezone(ist), level="info", code="x", text="y")
    journal.append([record], lease=lease)
    assert journal.records()[0][1].wall == s.WALL
    assert journal.records()[0][1].wall.utcoffset() is not None


def test_naive_instants_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        t.instant_text(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


def test_the_configuration_is_pinned_once(journal: Journal, lease: Lease) -> None:
    journal.append([s.run_created("a")], lease=lease)
    journal.append([s.run_created("b")], lease=lease)
    with journal._engine.connect() as connection:
        rows = connection.execute(sa.select(t.configurations.c.hash, t.configurations.c.body)).all()
    assert [tuple(row) for row in rows] == [("0123456789abcdef", '{"strategy":{"quantity":10}}')]


def test_installation_is_four_characters_and_stays(journal: Journal, url: str) -> None:
    name = journal.installation()
    assert len(name) == 4 and set(name) <= set("abcdefghijklmnopqrstuvwxyz234567")
    again = Journal.open(url)
    assert again.installation() == name
    again.close()


numbers = itertools.count()
money = st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**12), max_value=10**12)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pnl=money, fees=money)
def test_decimals_come_back_exactly(journal: Journal, pnl: Decimal, fees: Decimal) -> None:
    run_id = f"run-{next(numbers)}"
    finished = r.RunFinished(run_id=run_id, wall=datetime.now(UTC), exit_reason="time", realized_pnl=pnl, fees=fees)
    journal.append([s.run_created(run_id), finished], lease=None)
    found = journal.run(run_id)
    assert found is not None and found.realized_pnl is not None
    assert found.realized_pnl.as_tuple() == pnl.as_tuple()
    assert journal.records(run_id)[1][1] == finished
