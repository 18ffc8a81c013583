"""The day report as a message: once a day, after the day has ended, and never that all is well where nothing could be read."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.desk.conftest import RunnersHand
from tests.e2e.rig import await_value
from trader.desk import Audit, DayReport, Desk
from trader.desk.reports.day_values import Verdict
from trader.domain.expiry import at_ist
from trader.notify.composing import News
from trader.watch.day_telling import DayTeller

DAY = date(2026, 3, 2)
MIDNIGHT = at_ist(DAY + timedelta(days=1), time(0))


class Told:
    """Days that were asked for, and what is answered to each."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.asked: list[date] = []
        self._verdicts = list(verdicts)

    def day_report(self, day: date) -> DayReport:
        self.asked.append(day)
        verdict = self._verdicts.pop(0) if len(self._verdicts) > 1 else self._verdicts[0]
        zero = Decimal(0)
        return DayReport(
            account="paper", env="paper", day=day, is_over=True, made_at=MIDNIGHT, verdict="Made +3.10 USD.", is_sound=verdict == "agrees",
            made=Decimal("3.1"), cash=zero, fees=zero, opening=None, closing=None, runs=(), trades=(), orders=(),
            audits=(Audit(name="Wallet", verdict=verdict, sentence="words"),),
        )  # fmt: skip


@pytest.fixture
def made(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(*verdicts: Verdict) -> tuple[DayTeller, Told]:
        told = Told(*verdicts)
        monkeypatch.setattr(desk, "day_report", told.day_report)
        return DayTeller(desk), told

    return make


def steps(teller: DayTeller, start: datetime, secs: int, *, is_first: bool = False) -> list[News]:
    """So many seconds, each look at the exchange waited for."""
    found = []
    for second in range(secs):
        news = teller.step(start + timedelta(seconds=second), is_first=is_first)
        if teller._thread is not None:
            teller._thread.join(5)
        found += [] if news is None else [news]
    return found


def test_a_day_is_told_once_ten_minutes_after_it_has_ended(made: Any) -> None:
    teller, told = made("agrees")
    steps(teller, MIDNIGHT - timedelta(minutes=1), 1, is_first=True)
    assert steps(teller, MIDNIGHT, 590) == []
    (news,) = steps(teller, MIDNIGHT + timedelta(minutes=10), 1200)
    assert told.asked == [DAY]
    assert (news.key, news.severity) == ("report:paper:2026-03-02", "info")
    assert news.title == "Mon 02 Mar 2026 [paper]: +3.10 USD" and "python -m trader report day 2026-03-02" in news.body


def test_what_differs_is_a_warning(made: Any) -> None:
    (news,) = steps(made("differs")[0], MIDNIGHT + timedelta(hours=1), 30)
    assert news.severity == "warning" and "DIFF Wallet" in news.body


def test_an_exchange_that_cannot_be_read_is_asked_again_and_then_told_as_it_is(made: Any) -> None:
    teller, told = made("unread", "unread", "agrees")
    (news,) = steps(teller, MIDNIGHT + timedelta(hours=1), 200)
    assert len(told.asked) == 3 and news.severity == "info"
    teller, told = made("unread")
    (news,) = steps(teller, MIDNIGHT + timedelta(hours=1), 900)
    assert len(told.asked) == 10 and news.severity == "warning" and "? Wallet" in news.body


def test_a_watchdog_that_starts_for_the_first_time_tells_no_day_before(made: Any) -> None:
    teller, told = made("agrees")
    assert steps(teller, MIDNIGHT + timedelta(hours=1), 60, is_first=True) == [] and told.asked == []


def test_the_day_is_the_exchanges(made: Any, desk: Desk, runner: RunnersHand, monkeypatch: pytest.MonkeyPatch) -> None:
    teller, told = made("agrees")
    runner.live()
    monkeypatch.setattr(desk, "market_at", lambda wall: wall + timedelta(days=400))
    steps(teller, MIDNIGHT + timedelta(hours=1), 20)
    assert told.asked == [DAY + timedelta(days=400)]


def test_the_watchdog_puts_it_into_the_outbox(desk: Desk, journal: Any, made: Any) -> None:
    from tests.watch.test_watching import MAIL, Scene

    scene = Scene(desk, journal)
    _, told = made("agrees")
    scene.shift = timedelta(days=1)
    scene.watch = scene.made()  # it starts again, a day later

    def sent() -> bool | None:
        scene.shift += timedelta(seconds=11)
        scene.watch.step()
        return any("+3.10 USD" in title for title in scene.titles(MAIL.name)) or None

    await_value(sent, 20, "the message")
    for _ in range(3):
        scene.shift += timedelta(seconds=61)
        scene.watch.step()
    assert sum("+3.10 USD" in title for title in scene.titles(MAIL.name)) == 1 and len(told.asked) == 1
    assert told.asked[0] <= datetime.now(UTC).date() + timedelta(days=1)
