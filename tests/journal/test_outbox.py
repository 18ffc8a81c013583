"""The outbox and who sends from it, on both databases."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.journal.conftest import NOW
from trader.journal import Journal
from trader.journal.outbox import Message, Outbox
from trader.journal.watchers import GONE_AFTER, Watcher, hold, newest


def message(key: str, channel: str = "json-1", alerts: tuple[int, ...] = (), run_id: str = "") -> Message:
    return Message(key=key, channel=channel, severity="critical", title="t", body="b", made_at=NOW, next_at=NOW,
                   run_id=run_id, alerts=alerts)  # fmt: skip


def test_a_message_keeps_whose_it_is_and_which_alerts_it_tells_of(journal: Journal) -> None:
    outbox = Outbox(journal, "paper")
    outbox.put([message("a", alerts=(7, 12), run_id="run-1"), message("b")])
    first, second = outbox.due("json-1", NOW, 10)
    assert (first.run_id, first.alerts, second.run_id, second.alerts) == ("run-1", (7, 12), "", ())
    found = outbox.of_key("a")
    assert found == first and outbox.of_key("c") is None


def test_the_last_delivery_of_each_channel_is_told(journal: Journal) -> None:
    outbox = Outbox(journal, "paper")
    outbox.put([message("a"), message("b"), message("a", "tgram-2"), message("c", "ntfy-3")])
    for number, row in enumerate([*outbox.due("json-1", NOW, 10), *outbox.due("tgram-2", NOW, 10)]):
        assert outbox.begin([row.id], NOW)
        outbox.finish([row.id], "sent", NOW + timedelta(seconds=number), "")
    assert outbox.last_sent() == {"json-1": NOW + timedelta(seconds=1), "tgram-2": NOW + timedelta(seconds=2)}
    assert Outbox(journal, "other").last_sent() == {}


def watcher(holder: str = "here", pid: int = 7, later: float = 0.0, account: str = "paper") -> Watcher:
    at = NOW + timedelta(seconds=later)
    return Watcher(account=account, holder=holder, machine="vm", pid=pid, since=at, seen_at=at)


@pytest.mark.parametrize(
    ("other", "later", "taken"),
    [
        ("here", 1, True),  # the same home begins again: its lock lets only one live
        ("there", 1, False),
        ("there", GONE_AFTER.total_seconds() - 1, False),
        ("there", GONE_AFTER.total_seconds(), True),
        ("there", -GONE_AFTER.total_seconds(), True),  # heard in the future: a clock that was set back
    ],
)
def test_one_watchdog_has_an_account_until_it_is_heard_no_more(
    journal: Journal, other: str, later: float, taken: bool
) -> None:
    assert newest(journal, "paper") is None
    assert hold(journal, watcher())
    assert hold(journal, watcher(other, 8, later)) is taken
    seen = newest(journal, "paper")
    assert seen is not None and seen.pid == (8 if taken else 7)
    assert hold(journal, watcher("there", 9, later, account="other"))  # another account has its own


def test_one_that_says_it_lives_goes_on_and_one_that_lost_its_place_does_not(journal: Journal) -> None:
    gone = GONE_AFTER.total_seconds()
    assert hold(journal, watcher()) and hold(journal, watcher(later=gone - 1))
    assert not hold(journal, watcher("there", 8, gone + 1))
    assert hold(journal, watcher("there", 8, 2 * gone))
    assert not hold(journal, replace(watcher(), seen_at=NOW + timedelta(seconds=2 * gone + 1)))
