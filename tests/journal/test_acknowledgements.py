"""Acknowledging is a command row: whoever reads the journal sees the same alerts open, with or without a runner."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from trader.engine.records import AlertRaised
from trader.journal import Acknowledgements, Command, Journal
from trader.journal.alerts import needs_acknowledging
from trader.journal.verifying import verify

T0 = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    made = Journal.open(f"sqlite:///{tmp_path / 'home' / 'journal.db'}")
    yield made
    made.close()


def raise_alert(journal: Journal, level: str = "error", account: str = "paper") -> int:
    alert = AlertRaised(run_id="", wall=T0, level=level, code="c", text="t")
    return journal.append([alert], lease=None, account=account)


def ack(journal: Journal, body: dict[str, Any], *, minutes: int = 0, number: str = "a") -> None:
    at = T0 + timedelta(minutes=minutes)
    journal.submit_command(
        Command(command_id=number, account="paper", kind="ack", issued_at=at, issued_by="cli", body=body)
    )


def told(journal: Journal) -> dict[int, Any]:
    acks = Acknowledgements()
    for row_id, row in journal.commands_of_kind("paper", "ack"):
        acks.add(row_id, row)
    return {alert.seq: acks.told(alert) for alert in journal.alerts(account="paper")}


def test_one_alert_is_acknowledged_by_its_number_with_who_and_when(journal: Journal) -> None:
    first, second = raise_alert(journal), raise_alert(journal)
    ack(journal, {"alerts": [first], "who": "asha"})
    seen = told(journal)
    assert (seen[first].acked_by, seen[first].acked_at) == ("asha (cli)", T0)
    assert needs_acknowledging(seen[second]) and not needs_acknowledging(seen[first])


def test_all_means_all_there_were_and_no_later_one(journal: Journal) -> None:
    first, second = raise_alert(journal), raise_alert(journal)
    ack(journal, {"up_to": second})
    third = raise_alert(journal)
    assert [seq for seq, alert in told(journal).items() if needs_acknowledging(alert)] == [third]
    assert first in told(journal)


def test_the_first_acknowledgement_counts_and_a_refused_one_does_not(journal: Journal) -> None:
    seq = raise_alert(journal)
    ack(journal, {"alerts": [seq], "who": "refused"}, number="r")
    journal.mark_command("r", "refused", "no")
    assert needs_acknowledging(told(journal)[seq])
    ack(journal, {"up_to": seq, "who": "first"}, minutes=1, number="b")
    ack(journal, {"alerts": [seq], "who": "second"}, minutes=2, number="c")
    assert told(journal)[seq].acked_by == "first (cli)"


def test_information_asks_for_nothing(journal: Journal) -> None:
    seq = raise_alert(journal, "info")
    assert not needs_acknowledging(told(journal)[seq])


def test_what_the_account_has_to_tell_leaves_the_journal_whole_and_belongs_to_its_account(journal: Journal) -> None:
    mine, other = raise_alert(journal), raise_alert(journal, account="testnet")
    assert set(told(journal)) == {mine} and other not in told(journal)
    assert all(finding.ok for finding in verify(f"sqlite:///{journal.place}").findings)


def test_alerts_can_be_asked_for_by_level(journal: Journal) -> None:
    loud, quiet = raise_alert(journal), raise_alert(journal, "info")
    assert [a.seq for a in journal.alerts(levels=("error",))] == [loud]
    assert [a.seq for a in journal.alerts()] == [quiet, loud]
