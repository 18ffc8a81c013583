"""What the watchdog tells, as it arrives at a real server: entry, exit with its result, alerts until acknowledged, a runner that is dead."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from tests.desk.conftest import RunnersHand
from tests.engine.scene import done, holding
from tests.notify.test_sending import Web
from trader.config.quiet_hours import read_quiet
from trader.config.settings import Settings
from trader.desk import Desk
from trader.engine import records as rec
from trader.journal import Journal
from trader.journal.outbox import Outbox
from trader.notify.delivery import APART, Courier
from trader.notify.sending import send
from trader.watch.watching import Watch

PUBLIC = "https://desk.example.org"
_TOKEN = re.compile(rf"{PUBLIC}/api/link/(\S+)")


class Phone:
    """One channel at a server of this machine, with the watchdog and courier that serve it, on a clock that is moved by hand."""

    def __init__(self, settings: Settings, journal: Journal, web: Web) -> None:
        urls = SecretStr(f"json://127.0.0.1:{web.port}/hook")
        on = {"notify_urls": urls, "reply_links": True, "public_url": PUBLIC}
        self.desk = Desk(settings.model_copy(update=on))
        self.journal, self.web = journal, web
        self.shift = timedelta(0)
        (channel,) = self.desk.settings.channels
        self.watch = Watch(
            self.desk, journal, (channel,), read_quiet(""), self.now, lambda *_: None, lambda _: 10_000_000_000
        )
        outbox = Outbox(journal, self.desk.account)
        self.courier = Courier(outbox, channel, send, self.now, lambda rows: self.desk.links.lines(rows, channel.name))
        self.watch.step()  # what was there before is no news

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def write(self, *records: rec.AnyRecord) -> None:
        of_paper = [replace(one, account="paper") if isinstance(one, rec.RunCreated) else one for one in records]
        self.journal.append(of_paper, lease=None, account="paper")

    def alert(self, text: str) -> None:
        self.write(rec.AlertRaised(run_id="", wall=self.now(), level="error", code="naked_leg", text=text))

    def told(self) -> list[dict[str, Any]]:
        """What arrives now, one after another."""
        before = len(self.web.got)
        self.watch.step()
        while self.courier.step():
            self.shift += APART
        self.shift += APART
        return [body for _, body in self.web.got[before:]]

    def words(self) -> str:
        return "\n".join(f"{one['title']}\n{one['message']}" for one in self.told())


@pytest.fixture
def web() -> Iterator[Web]:
    with closing(Web()) as server:
        yield server


@pytest.fixture
def phone(settings: Settings, journal: Journal, web: Web) -> Iterator[Phone]:
    made = Phone(settings, journal, web)
    yield made
    made.desk.close()


def test_entry_and_exit_arrive_with_what_was_made(phone: Phone, runner: RunnersHand) -> None:
    records = done().records
    runner.live()
    phone.write(*records[: [type(one) for one in records].index(rec.RunFinished)])
    assert "default BTC [paper]: open for $0.8000" in phone.words()
    phone.write(*records[[type(one) for one in records].index(rec.RunFinished) :])
    (told,) = phone.told()
    assert told["title"].startswith("default BTC [paper]: closed, ") and "Stop & Exit" in told["message"]
    assert told["type"] == "success" and "/api/link/" not in told["message"]


def test_a_runner_that_is_dead_while_a_run_is_open_is_told_with_a_link(phone: Phone, runner: RunnersHand) -> None:
    held = holding()
    runner.live()
    phone.write(*held.records)
    phone.told()
    runner.live(held.view, age_secs=60, lease_age_secs=60)
    words = phone.words()
    assert (
        "No runner is alive and 1 run is open" in words and "Stop & Exit everything: https://desk.example.org" in words
    )


def by_link(phone: Phone, words: str) -> None:
    tokens = _TOKEN.findall(words)
    phone.desk.links.use(tokens[1])


HANDS = {
    "panel": lambda phone, words: phone.desk.acknowledge(None, issued_by="panel"),
    "cli": lambda phone, words: phone.desk.acknowledge(None, issued_by="cli", who="asha"),
    "api": lambda phone, words: phone.desk.acknowledge(None, issued_by="api", who="bot"),
    "link": by_link,
}


@pytest.mark.parametrize("hand", HANDS)
def test_a_critical_alert_is_sent_again_until_somebody_acknowledges_it(phone: Phone, hand: str) -> None:
    phone.alert("Only the call is sold.")
    first = phone.words()
    assert "Naked leg\nOnly the call is sold." in first and phone.told() == []
    every = timedelta(minutes=phone.desk.settings.notify_repeat_mins)
    for _ in range(2):
        phone.shift += every
        again = phone.words()
        assert "A critical alert is not acknowledged\nOnly the call is sold." in again and phone.told() == []
    HANDS[hand](phone, again)
    phone.shift += 2 * every
    assert phone.told() == []
    (acked,) = phone.desk.alerts()
    assert acked.acked_by.endswith({"panel": "panel", "cli": "asha (cli)", "api": "bot (api)", "link": "(link)"}[hand])


def test_how_often_it_is_sent_again_is_a_setting(settings: Settings, journal: Journal, web: Web) -> None:
    phone = Phone(settings.model_copy(update={"notify_repeat_mins": 60.0}), journal, web)
    phone.alert("Only the call is sold.")
    phone.told()
    phone.shift += timedelta(minutes=59)
    assert phone.told() == []
    phone.shift += timedelta(minutes=2)
    assert len(phone.told()) == 1
    phone.desk.close()


def test_what_lies_in_the_outbox_holds_no_link(phone: Phone) -> None:
    phone.alert("Only the call is sold.")
    assert len(_TOKEN.findall(phone.words())) == 2
    (row,) = Outbox(phone.journal, "paper").newest()
    assert row.state == "sent" and "/api/link/" not in repr(row) and row.alerts
