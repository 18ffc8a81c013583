"""One watchdog: what was recorded becomes messages, what is dangerous is told, and what nobody acknowledged is told again."""

import logging
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from trader.config.channels import Channel
from trader.config.quiet_hours import Quiet
from trader.desk import Desk, Status
from trader.domain.errors import JournalError
from trader.domain.severity import Severity
from trader.domain.wording import counted
from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.journal import Journal
from trader.journal.alerts import CRITICAL
from trader.journal.outbox import Message, Outbox
from trader.notify.composing import News, news_of
from trader.watch.dangers import Danger, Look, dangers
from trader.watch.day_telling import DayTeller

AGAIN = timedelta(minutes=10)  # of a danger that lasts
_NAMED = 3
_ACKED = 30  # so many a message's link acknowledges
_log = logging.getLogger(__name__)


class Watch:
    """Of one account. One thread only; `step` is to be called about once a second. `direct` sends past the outbox: what is critical while
    the outbox takes nothing."""

    def __init__(
        self,
        desk: Desk,
        journal: Journal,
        channels: Sequence[Channel],
        quiet: Quiet,
        clock: Callable[[], datetime],
        direct: Callable[[Channel, Message], None],
        disk_free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        self._remind_every = timedelta(minutes=desk.settings.notify_repeat_mins)
        self._desk = desk
        self._journal = journal
        self._outbox = Outbox(journal, desk.account)
        self._channels = channels
        self._quiet = quiet
        self._clock = clock
        self._direct = direct
        self._disk_free = disk_free
        self._lasting: dict[str, tuple[Danger, datetime, datetime]] = {}  # by code: since when, and told last
        self._days = DayTeller(desk)
        self._reminded: datetime | None = None
        self._alone = True
        self._unsaid: list[Message] = []  # what could not be put into the outbox

    @property
    def is_needed(self) -> bool:
        """Whether something is open that no runner looks after, as it was seen last; also while nothing could be seen."""
        return self._alone

    def step(self) -> None:
        """Look once. What cannot be written is kept and written as soon as it can."""
        now = self._clock()
        look = self._look(now)
        self._alone = bool(look.unread) or (bool(look.open_words) and not look.runner_alive)
        self._tell_danger(look, now)
        try:
            self._put([], None)
            day = self._days.step(now, is_first=self._outbox.position() is None)
            self._put([] if day is None else self._messages(day, now), None)
            self._tell_news(now)
            self._remind(now)
        except JournalError as error:
            _log.warning("watch_journal %s", error)

    # ------------------------------------------------------------ what was recorded

    def _tell_news(self, now: datetime) -> None:
        journal, position = self._journal, self._outbox.position()
        newest = journal.newest().record
        if position is None:  # what happened before the watchdog's first start is no news
            self._put([], newest)
        elif newest > position:
            records = journal.records(after_seq=position)
            found = [news_of(seq, record, journal.run) for seq, record in records]
            messages = [message for news in found if news is not None for message in self._messages(news, now)]
            self._put(messages, records[-1][0] if records else newest)

    def _messages(self, news: News, now: datetime) -> list[Message]:
        goes = self._quiet.until(news.severity, now)
        return [
            Message(
                key=news.key,
                channel=channel.name,
                severity=news.severity,
                title=news.title,
                body=news.body,
                made_at=now,
                next_at=goes,
                run_id=news.run_id,
                alerts=news.alerts,
            )
            for channel in self._wanting(news.severity)
        ]

    def _wanting(self, severity: Severity) -> list[Channel]:
        return [channel for channel in self._channels if severity in channel.severities]

    def _put(self, messages: Sequence[Message], last_seq: int | None) -> None:
        self._unsaid += messages
        if self._unsaid or last_seq is not None:
            self._outbox.put(self._unsaid, last_seq)
            self._unsaid = []

    def _remind(self, now: datetime) -> None:
        """Critical alerts that nobody has acknowledged, as often as TRADER_NOTIFY_REPEAT_MINS says."""
        standing = [one for one in self._desk.alerts(200, open_only=True) if one.level == CRITICAL]
        old = [one for one in standing if now - one.wall >= self._remind_every]
        if not old or (self._reminded is not None and now - self._reminded < self._remind_every):
            return
        self._reminded = now
        first = "\n".join(one.text for one in old[:_NAMED])
        more = f"\nand {len(old) - _NAMED} more" if len(old) > _NAMED else ""
        many = "A critical alert is" if len(old) == 1 else f"{len(old)} critical alerts are"
        key = f"again:{now:%Y-%m-%dT%H:%M}"
        numbers = tuple(one.seq for one in old[:_ACKED])
        news = News(key=key, severity="critical", title=f"{many} not acknowledged", body=first + more, alerts=numbers)
        self._say(news, now)

    # ------------------------------------------------------------ what is dangerous

    def _look(self, now: datetime) -> Look:
        free = self._free()
        try:
            status = self._desk.status()
        except JournalError as error:
            return Look(at=now, unread=str(error), disk_free=free)
        age, ops = status.runner.heartbeat_age_s, status.ops
        return Look(
            at=now,
            open_words=open_words(status),
            runner_alive=status.runner.alive,
            heard=None if age is None else now - timedelta(seconds=age),
            silence=next(iter(status.situation), "") if not status.runner.alive else "",
            price_age_secs=None if ops is None else ops.price_age_s,
            journal_fault="" if ops is None else ops.journal_fault,
            disk_free=free,
        )

    def _free(self) -> int | None:
        try:
            return self._disk_free(self._desk.settings.home)
        except OSError:
            return None

    def _tell_danger(self, look: Look, now: datetime) -> None:
        found = {one.code: one for one in dangers(look)}
        for code, danger in found.items():
            before = self._lasting.get(code)
            since, told = (now, None) if before is None else before[1:]
            if told is None or now - told >= AGAIN:
                self._say(
                    News(
                        key=f"{code}:{now.isoformat()}", severity=danger.severity, title=danger.title, body=danger.body
                    ),
                    now,
                )
                told = now
            self._lasting[code] = (danger, since, told)
        for code in [code for code in self._lasting if code not in found]:
            danger, since, _ = self._lasting.pop(code)
            words = f"It lasted {round((now - since).total_seconds())} s."
            # As grave as the beginning: somebody who was called by night wants to know.
            over = News(
                key=f"{code}:over:{now.isoformat()}",
                severity=danger.severity,
                title=f"Over: {danger.title}",
                body=words,
            )
            self._say(over, now)

    def _say(self, news: News, now: datetime) -> None:
        messages = self._messages(news, now)
        try:
            self._put(messages, None)
        except JournalError as error:
            _log.warning("watch_journal %s", error)
            if news.severity == "critical":  # the rest is kept, and put there as soon as it can be
                self._unsaid = [one for one in self._unsaid if one not in messages]
                for channel, message in zip(self._wanting(news.severity), messages, strict=True):
                    self._direct(channel, message)


def open_words(status: Status) -> str:
    """What is open, as the subject of a sentence: ``2 runs and 1 order are``; empty while nothing is."""
    runs = sum(_is_open(run) for run in status.runs)
    orders = sum(ticket.phase is not Phase.DONE for ticket in status.tickets)
    parts = [counted(count, name) for count, name in ((runs, "run"), (orders, "order")) if count]
    return f"{' and '.join(parts)} {'is' if runs + orders == 1 else 'are'}" if parts else ""


def _is_open(run: RunView) -> bool:
    return run.phase is not Phase.DONE and (
        run.phase is not Phase.WAITING or any(leg.open_quantity for leg in run.legs)
    )
