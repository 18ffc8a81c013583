"""What a record has to tell, in the words a phone shows."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.engine.scene import done
from tests.journal import samples_of_records as s
from trader.engine import records as rec
from trader.journal import Journal
from trader.notify.composing import News, news_of

D = Decimal


def told(path: Path, records: list[rec.AnyRecord]) -> list[News]:
    journal = Journal.open(f"sqlite:///{path}/journal.db")
    try:
        journal.append(records, lease=None, account="acc")
        return [news for seq, one in journal.records() if (news := news_of(seq, one, journal.run)) is not None]
    finally:
        journal.close()


def test_an_entry_and_its_end_are_told_with_what_was_made(tmp_path: Path) -> None:
    records = [
        replace(one, realized_pnl=D("-12.31")) if isinstance(one, rec.RunFinished) else one for one in done().records
    ]
    found = [one for one in told(tmp_path, records) if one.severity == "notice"]
    entered, ended = found
    assert entered.title == "default BTC [paper]: open for $0.8000"
    assert entered.body == "C-BTC-104000-160125, P-BTC-96000-160125"
    assert ended.title == "default BTC [paper]: closed, -$12.31"
    assert ended.body.startswith("Stop & Exit (-1538.8 % of the credit); fees $0.0400; C-BTC-104000")


def test_a_run_that_never_traded_has_nothing_to_tell_at_its_end(tmp_path: Path) -> None:
    end = next(one for one in s.one_of_each("a") if isinstance(one, rec.RunFinished))
    assert told(tmp_path, [s.run_created("a"), end]) == []


@pytest.mark.parametrize(("level", "severity"), [("error", "critical"), ("warning", "warning"), ("info", None)])
def test_an_alert_is_as_grave_as_its_level(tmp_path: Path, level: str, severity: str | None) -> None:
    alert = rec.AlertRaised(run_id="a", wall=s.WALL, level=level, code="naked_leg", text="Only the call is sold.")
    found = told(tmp_path, [s.run_created("a"), alert])
    assert [one.severity for one in found] == ([] if severity is None else [severity])
    if found:
        assert (found[0].title, found[0].body) == ("default BTC [paper]: Naked leg", "Only the call is sold.")


def test_an_alert_of_the_account_names_no_run(tmp_path: Path) -> None:
    alert = rec.AlertRaised(run_id="", wall=s.WALL, level="error", code="disk_full:journal", text="The disk is full.")
    assert [one.title for one in told(tmp_path, [alert])] == ["Disk full"]


def test_the_level_of_the_account_is_told_with_who_and_why(tmp_path: Path) -> None:
    changed = rec.LevelChanged(
        run_id="", wall=s.WALL, account="acc", level=rec.Level.PAUSED, reason="lunch", issued_by="asha (cli)"
    )
    (news,) = told(tmp_path, [changed])
    assert (news.severity, news.title, news.body) == ("warning", "Account PAUSED by asha (cli)", "lunch")
