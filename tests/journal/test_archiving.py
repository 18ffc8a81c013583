"""Old runs put away: the file has everything, the journal keeps its records and its guard, and nothing is lost on the way."""

import gzip
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from tests.journal import samples_of_records as s
from tests.journal.conftest import NOW
from trader.domain.errors import JournalError
from trader.journal import Journal, Lease, Sample, archiving
from trader.journal.archiving import archive
from trader.journal.verifying import verify

AFTER = s.WALL + timedelta(days=1)
LATER = NOW + timedelta(days=30)


@pytest.fixture
def filled(journal: Journal) -> Journal:
    """Run a and b have ended, c has not; each has a series."""
    for name in "abc":
        journal.append([s.run_created(name)], lease=None)
        journal.sample([Sample(run_id=name, wall=s.WALL + timedelta(seconds=i), pnl=Decimal(i)) for i in range(5)])
    journal.append([s.run_finished("a", "0"), s.run_finished("b", "0")], lease=None)
    return journal


def points(journal: Journal) -> list[int]:
    return [len(journal.samples(name)) for name in "abc"]


def test_the_file_has_everything_and_the_series_have_left_the_journal(
    filled: Journal, url: str, tmp_path: Path
) -> None:
    wanted = filled.leg_samples("a")
    records = filled.records()
    done = archive(url, AFTER, tmp_path / "old.gz", LATER)
    assert (done.runs, done.records, done.samples) == (2, 4, 10) and points(filled) == [0, 0, 5]
    assert filled.records() == records and (tmp_path / "old.gz").stat().st_mode & 0o077 == 0
    lines = [json.loads(line) for line in gzip.decompress((tmp_path / "old.gz").read_bytes()).splitlines()]
    assert [line["kind"] for line in lines if "kind" in line] == ["run_created", "run_finished"] * 2
    assert [line["sample"]["pnl"] for line in lines if "sample" in line][:5] == [str(one.pnl) for one in wanted]


def test_the_journal_refuses_to_delete_as_before(filled: Journal, url: str, tmp_path: Path) -> None:
    archive(url, AFTER, tmp_path / "old.gz", LATER)
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM samples WHERE run_id = 'c'")
    engine.dispose()
    filled.sample([Sample(run_id="c", wall=s.WALL, pnl=Decimal(9))])
    assert points(filled) == [0, 0, 6]


def test_a_second_time_there_is_nothing_left(filled: Journal, url: str, tmp_path: Path) -> None:
    archive(url, AFTER, tmp_path / "old.gz", LATER)
    with pytest.raises(JournalError, match="nothing was archived"):
        archive(url, AFTER, tmp_path / "older.gz", LATER)
    assert not (tmp_path / "older.gz").exists()


def test_what_ended_later_stays(filled: Journal, url: str, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="nothing was archived"):
        archive(url, s.WALL, tmp_path / "old.gz", LATER)
    assert points(filled) == [5, 5, 5]


def test_nothing_is_touched_while_a_runner_lives(filled: Journal, url: str, tmp_path: Path, lease: Lease) -> None:
    with pytest.raises(JournalError, match="A runner is alive on account paper; stop it first"):
        archive(url, AFTER, tmp_path / "old.gz", NOW + timedelta(seconds=1))
    assert points(filled) == [5, 5, 5] and not (tmp_path / "old.gz").exists()


@pytest.mark.parametrize("fault", ["torn", "short", "there"])
def test_a_file_that_does_not_read_back_deletes_nothing(
    filled: Journal, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    target = tmp_path / "old.gz"
    write = archiving._write

    def spoiled(*asked: object) -> object:
        counted = write(*asked)  # type: ignore[arg-type]
        if fault == "torn":
            target.write_bytes(target.read_bytes()[:-20])
        else:
            whole = gzip.decompress(target.read_bytes()).splitlines(keepends=True)
            target.write_bytes(gzip.compress(b"".join(whole[:-1])))
        return counted

    if fault == "there":
        target.write_text("mine")
    else:
        monkeypatch.setattr(archiving, "_write", spoiled)
    with pytest.raises(JournalError, match="Nothing was deleted"):
        archive(url, AFTER, target, LATER)
    assert points(filled) == [5, 5, 5]
    assert fault != "there" or target.read_text() == "mine"


def test_a_death_between_two_runs_leaves_each_whole_or_gone(
    filled: Journal, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove, calls = archiving._remove, []

    def dies(*asked: object) -> int:
        calls.append(asked)
        gone = remove(*asked)  # type: ignore[arg-type]
        if len(calls) == 2:
            raise RuntimeError("killed")
        return gone

    monkeypatch.setattr(archiving, "_remove", dies)
    with pytest.raises(RuntimeError):
        archive(url, AFTER, tmp_path / "old.gz", LATER)
    assert points(filled) == [0, 5, 5]
    monkeypatch.undo()
    assert archive(url, AFTER, tmp_path / "rest.gz", LATER).runs == 1 and points(filled) == [0, 0, 5]


def test_verify_finds_the_journal_whole_afterwards(url: str, tmp_path: Path) -> None:
    journal = Journal.open(url)
    created = s.run_created("run-0000000001")
    created = replace(created, config={})
    journal.append([created], lease=None)
    journal.sample([Sample(run_id="run-0000000001", wall=s.WALL, pnl=Decimal(1))])
    journal.append([s.run_finished("run-0000000001", "0")], lease=None)
    journal.close()
    before = verify(url)
    archive(url, AFTER, tmp_path / "old.gz", LATER)
    assert verify(url) == before
