"""The registry of records: every kind is entered once, and its entry fits the table it names."""

import typing

import pytest

from tests.journal import samples_of_records as s
from trader.engine import records as r
from trader.engine.record_kinds import KINDS, TableName, Weight, key_columns, kind_of, sentence
from trader.journal import tables as t


def test_every_kind_of_record_has_an_entry_and_no_two_share_a_name() -> None:
    assert set(KINDS) == set(typing.get_args(r.AnyRecord))
    assert len({kind.name for kind in KINDS.values()}) == len(KINDS)


def test_tables_named_in_the_registry_are_those_of_the_journal() -> None:
    assert {table.name for table in t.RECORD_TABLES} == set(typing.get_args(TableName))


@pytest.mark.parametrize("record", s.one_of_each("a"), ids=lambda record: type(record).__name__)
def test_keys_are_columns_of_the_table_and_values_a_database_takes(record: r.AnyRecord) -> None:
    columns = next(table.columns for table in t.RECORD_TABLES if table.name == kind_of(record).table)
    keys = key_columns(record)
    assert set(keys) <= set(columns.keys())
    assert all(value is None or type(value) in (str, int) for value in keys.values()), keys
    required = {c.name for c in columns if not c.nullable} - {
        "seq",
        "account",
        "run_id",
        "kind",
        "wall",
        "cause",
        "body",
    }
    assert required <= set(keys)


@pytest.mark.parametrize("record", s.one_of_each("a"), ids=lambda record: type(record).__name__)
def test_every_record_is_told_in_one_line_with_a_severity(record: r.AnyRecord) -> None:
    told = sentence(record)
    assert told and "\n" not in told and "Decimal" not in told
    assert kind_of(record).severity(record) in ("info", "warning", "error")


@pytest.mark.parametrize(
    ("record", "severity"),
    [
        (
            r.RunFinished(run_id="a", wall=s.WALL, exit_reason="time", realized_pnl=s.Decimal(1), fees=s.Decimal(0)),
            "info",
        ),
        (
            r.RunFinished(
                run_id="a",
                wall=s.WALL,
                exit_reason="time",
                realized_pnl=s.Decimal(1),
                fees=s.Decimal(0),
                foreign="X -3",
            ),
            "warning",
        ),
        (r.LevelChanged(run_id="", wall=s.WALL, account="p", level=r.Level.ACTIVE, reason=""), "info"),
        (r.LevelChanged(run_id="", wall=s.WALL, account="p", level=r.Level.HALTED, reason=""), "warning"),
        (r.AlertRaised(run_id="a", wall=s.WALL, level="error", code="x", text="y"), "error"),
        (r.AlertRaised(run_id="a", wall=s.WALL, level="of a later version", code="x", text="y"), "warning"),
    ],
)
def test_severity_follows_what_the_record_says(record: r.AnyRecord, severity: str) -> None:
    assert kind_of(record).severity(record) == severity


def test_what_ends_a_run_or_binds_the_account_is_a_decision() -> None:
    decisions = {of for of, kind in KINDS.items() if kind.weight is Weight.DECISION}
    of_runs = {r.StopRequested, r.ExitDecided, r.LegReleased, r.RunFinished}
    assert of_runs | {r.LevelChanged, r.LimitsSet, r.LossLocked} <= decisions
    assert not decisions & {r.OrderIntended, r.OrderResolved, r.FillRecorded, r.PositionObserved, r.AlertRaised}
