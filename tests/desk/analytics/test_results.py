"""Results of finished runs: made once, kept, and read again by the next process."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.desk.analytics.past_runs import renamed
from tests.e2e.rig import await_value
from tests.engine.scene import done, entering, finish, holding
from trader.desk.analytics.results import VERSION, ResultBook, tell
from trader.engine.records import AnyRecord
from trader.journal import Journal, Sample
from trader.journal.views import LegSample

ACCOUNT = "acc"


@pytest.fixture(scope="module")
def stopped() -> list[AnyRecord]:
    return list(done().records)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(f"sqlite:///{tmp_path}/journal.db")
    yield opened
    opened.close()


def test_runs_are_told_in_the_order_they_ended_and_those_that_never_traded_are_not(
    journal: Journal, stopped: list[AnyRecord]
) -> None:
    scene = entering()
    scene.stop()
    finish(scene, fill=False)
    for name, records in (("rb", stopped), ("rc", scene.records), ("ra", stopped), ("rd", holding().records)):
        journal.append(renamed(records, name), lease=None)
    found = ResultBook(journal, ACCOUNT).results()
    assert [one.result.run_id for one in found.runs] == ["rb", "ra"] and found.missing == 0
    assert found.runs[0].result == replace(found.runs[1].result, run_id="rb")
    assert found.runs[0].parts.pnl == found.runs[0].result.pnl


def test_what_was_kept_is_read_and_not_made_again(
    journal: Journal, stopped: list[AnyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(renamed(stopped, "ra"), lease=None)
    first = ResultBook(journal, ACCOUNT).results()
    monkeypatch.setattr("trader.desk.analytics.results.tell", None)
    assert ResultBook(journal, ACCOUNT).results() == first


def test_a_run_that_ends_later_is_added_by_a_book_that_was_read_before(
    journal: Journal, stopped: list[AnyRecord]
) -> None:
    book, other = ResultBook(journal, ACCOUNT), ResultBook(journal, ACCOUNT)
    journal.append(renamed(stopped, "ra"), lease=None)
    assert len(book.results().runs) == 1
    journal.append(renamed(stopped, "rb"), lease=None)
    assert len(other.results().runs) == 2
    assert [one.result.run_id for one in book.results().runs] == ["ra", "rb"]
    assert book.results() is book.results()


def test_results_of_an_older_arithmetic_are_made_again(
    journal: Journal, stopped: list[AnyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(renamed(stopped, "ra"), lease=None)
    ResultBook(journal, ACCOUNT).results()
    monkeypatch.setattr("trader.desk.analytics.results.VERSION", VERSION + 1)
    assert len(ResultBook(journal, ACCOUNT).results().runs) == 1
    assert len(journal.results(ACCOUNT, VERSION + 1)) == 1 and journal.results(ACCOUNT, VERSION) == []


def test_many_that_are_missing_are_made_aside_while_readers_see_how_many(
    journal: Journal, stopped: list[AnyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trader.desk.analytics.results._LOOK_SECS", 0.001)
    for number in range(20):
        journal.append(renamed(stopped, f"r{number:02}"), lease=None)
    book = ResultBook(journal, ACCOUNT)
    first = book.results()
    assert first.missing > 0 and len(first.runs) + first.missing == 20
    await_value(lambda: None if book.results().missing else True, 20, "all results")
    assert [one.result.run_id for one in book.results().runs] == [f"r{number:02}" for number in range(20)]


def test_a_journal_that_takes_nothing_more_is_told_all_the_same(
    journal: Journal, stopped: list[AnyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trader.domain.errors import JournalError

    def full(*_: object) -> None:
        raise JournalError("The disk is full.")

    journal.append(renamed(stopped, "ra"), lease=None)
    monkeypatch.setattr(journal, "keep_results", full)
    book = ResultBook(journal, ACCOUNT)
    assert len(book.results().runs) == 1 and len(book.results().runs) == 1


def test_samples_make_peak_worst_and_the_attribution(journal: Journal, stopped: list[AnyRecord]) -> None:
    journal.append(renamed(stopped, "ra"), lease=None)
    start = stopped[0].wall
    journal.sample(
        [
            Sample(
                run_id="ra", wall=start + timedelta(seconds=n), market=start + timedelta(seconds=n), spot=Decimal(100_000),
                pnl_pct=Decimal(n - 5),
                legs=tuple(
                    LegSample(key=key, open=2, mark=Decimal(205), iv=0.5, delta=-0.0005, gamma=-1e-8, theta=0.1, vega=-0.02)
                    for key in ("C", "P")
                ),
            )
            for n in range(20)
        ]
    )  # fmt: skip
    told = tell(journal, "ra")
    assert told is not None
    assert (told.result.worst_pct, told.result.peak_pct) == (Decimal(-5), Decimal(14))
    assert told.parts.theta > 0 and told.parts.longest_gap == timedelta(seconds=1)
