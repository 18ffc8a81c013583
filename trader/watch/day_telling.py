"""The report of each Indian day, once after it has ended. It is made on a thread aside: the exchange is asked, and may be slow."""

import logging
import threading
from datetime import date, datetime, timedelta

from trader.desk import DayReport, Desk
from trader.desk.reports.day_words import day_message, day_title
from trader.domain.errors import TraderError
from trader.domain.expiry import ist_date
from trader.notify.composing import News

_SETTLES = timedelta(minutes=10)  # of the exchange's time after midnight: the ledger's last lines have come by then
_LOOK_SECS = 10.0
_AGAIN_SECS = 60.0  # where the exchange could not be read
_TRIES = 10
_log = logging.getLogger(__name__)


class DayTeller:
    """Of one account; `step` is to be called about once a second. The outbox takes each day once, however often it is made."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._told: date | None = None  # the last day that was told, or that ended before anything was
        self._looked: datetime | None = None
        self._tries = 0
        self._thread: threading.Thread | None = None
        self._made: DayReport | None = None

    def step(self, now: datetime, *, is_first: bool) -> News | None:
        """The report of the day before, where it is due and there by now.

        Args:
            is_first: Nothing was ever told of this account: what was before is no news.

        Raises:
            JournalError: The journal cannot be read.
        """
        if self._thread is not None:
            return None if self._thread.is_alive() else self._take(now)
        wait = _AGAIN_SECS if self._tries else _LOOK_SECS
        if self._looked is not None and (now - self._looked).total_seconds() < wait:
            return None
        self._looked = now
        market = self._desk.market_at(now)
        day = ist_date(market - _SETTLES) - timedelta(days=1)
        if self._told is None and is_first:
            self._told = day
        if self._told is None or day > self._told:
            self._made = None
            self._thread = threading.Thread(target=self._make, args=(day,), name="day report", daemon=True)
            self._thread.start()
        return None

    def _make(self, day: date) -> None:
        try:
            self._made = self._desk.day_report(day)
        except TraderError as error:
            _log.warning("day_report day=%s %s", day, error)

    def _take(self, now: datetime) -> News | None:
        report, self._thread, self._looked = self._made, None, now
        self._tries += 1
        is_read = report is not None and all(one.verdict != "unread" for one in report.audits)
        if not is_read and self._tries < _TRIES:
            return None
        self._tries = 0
        if report is None:  # the journal cannot be read: that is told otherwise
            return None
        self._told = report.day
        return News(
            key=f"report:{report.account}:{report.day}",
            severity="info" if report.is_sound else "warning",
            title=day_title(report),
            body=day_message(report),
        )
