"""The watchdog as a process: one per account, until it is stopped. Each channel has a thread of its own, so that a slow one holds
up no other, and nothing of it is in the runner's process."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from msgspec.structs import replace

from trader.config.channels import Channel
from trader.config.settings import Settings
from trader.desk import Desk
from trader.domain.errors import ConfigError, JournalError, TraderError
from trader.journal import Journal
from trader.journal.outbox import Message, Outbox
from trader.journal.watchers import Watcher, hold
from trader.machine.locks import ProcessLock
from trader.machine.threads import LastingThread
from trader.notify.delivery import Courier
from trader.notify.sending import send
from trader.runner.process import is_running
from trader.watch.watching import Watch

_STEP_SECS = 1.0
_HEARD_EVERY_SECS = 5.0
_KEPT = timedelta(days=30)
_log = logging.getLogger(__name__)


def watch(settings: Settings, ended: threading.Event, beside: int | None = None) -> None:
    """Watch until `ended` is set; beside a process also until that one is gone and nobody has to be told for its sake.

    Raises:
        ConfigError: Another process of this TRADER_HOME watches this account.
        JournalError: The journal cannot be opened.
    """
    channels, quiet = settings.channels, settings.quiet
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    desk = Desk(settings)
    lock = ProcessLock(settings.home / f"watch-{desk.account}.lock")
    if not lock.take():
        desk.close()
        raise ConfigError(f"Another process watches the account {desk.account} already.")
    journal = Journal.open(settings.journal_url)
    me = _myself(desk.account, settings)
    try:
        if not _alone(journal, me, ended, beside):
            return
        outbox, now = Outbox(journal, desk.account), _now()
        left = outbox.take_over([channel.name for channel in channels], now, now - _KEPT)
        _log.info("watch_began account=%s channels=%d undelivered=%d", desk.account, len(channels), left)
        threads = [
            LastingThread(channel.name, partial(_deliver, outbox, channel, desk, ended), ended) for channel in channels
        ]
        for thread in threads:
            thread.start()
        dog = Watch(desk, journal, channels, quiet, _now, _direct)
        told = time.monotonic()
        while not ended.wait(_STEP_SECS):
            if time.monotonic() - told >= _HEARD_EVERY_SECS:
                told = time.monotonic()
                if not _held(journal, me):
                    raise ConfigError(
                        f"Another process watches the account {desk.account} since this one was not heard."
                    )
            _guarded(dog.step, "watchdog")
            if beside is not None and not is_running(beside) and not dog.is_needed:
                break
        ended.set()
        for thread in threads:
            thread.join(2 * _STEP_SECS)
    finally:
        ended.set()
        journal.close()
        desk.close()
        lock.release()


def _myself(account: str, settings: Settings) -> Watcher:
    machine = socket.gethostname()
    return Watcher(
        account=account,
        holder=f"{machine}:{settings.home}",
        machine=machine,
        pid=os.getpid(),
        since=_now(),
        seen_at=_now(),
    )


def _alone(journal: Journal, me: Watcher, ended: threading.Event, beside: int | None) -> bool:
    """Wait until no other machine's watchdog is heard; False when asked to end meanwhile, or the process it is beside is gone: another
    watches."""
    said = False
    while not hold(journal, replace(me, seen_at=_now())):
        if not said:
            _log.info("watch_stands_by account=%s", me.account)
        said = True
        if ended.wait(_STEP_SECS) or (beside is not None and not is_running(beside)):
            return False
    return True


def _held(journal: Journal, me: Watcher) -> bool:
    """Say that this one lives; False when another has taken its place. What cannot be written is no proof of that."""
    try:
        return hold(journal, replace(me, seen_at=_now()))
    except JournalError as error:
        _log.warning("watch_journal part=heartbeat %s", error)
        return True


def _deliver(outbox: Outbox, channel: Channel, desk: Desk, ended: threading.Event) -> None:
    courier = Courier(outbox, channel, send, _now, lambda rows: desk.links.lines(rows, channel.name))
    while not ended.wait(_STEP_SECS / 2):
        _guarded(courier.step, channel.name)


def _guarded(step: Callable[[], object], name: str) -> None:
    """The edge of a loop that must live. What fails here is told by the log, and to a person by the watchdog's silence elsewhere: the
    page shows when it was heard last."""
    try:
        step()
    except JournalError as error:
        _log.warning("watch_journal part=%s %s", name, error)
    except Exception:  # noqa: BLE001
        _log.exception("watch_failed part=%s", name)


def _direct(channel: Channel, message: Message) -> None:
    try:
        answer = send(channel.url, message.severity, message.title, message.body)
        _log.info("watch_direct channel=%s %s", channel.name, answer.outcome)
    except TraderError as error:
        _log.warning("watch_direct channel=%s %s", channel.name, error)


def _now() -> datetime:
    return datetime.now(UTC)
