"""Paper trading's exchange: the local venue in a process of its own, found or started, and brought back when it dies.

There is one per TRADER_HOME. While it lives it holds the lock `venue.lock`, from before it starts to serve until after it has
ended, also while it is stopped: a new one is started only when that lock is free, and takes it before anything else. Of two
starts at once one wins, and the other uses the winner's exchange. Nothing is believed of the announcement but where to ask:
the exchange must answer there as the one that wrote it.

It outlives a killed panel like a real exchange would: the next start finds it and goes on. When it was stopped, its state
file brings account, positions and market back. The last of the hosts that use it ends it.
"""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable

from trader.config.announced import is_itself, lock_beside, who_answers
from trader.config.connection import VenueAnnouncement, announcement_path
from trader.config.files import private_folder
from trader.config.settings import Settings
from trader.domain.errors import ConfigError
from trader.machine.locks import ProcessLock
from trader.machine.threads import LastingThread
from trader.runner.notices import Note
from trader.runner.process import is_running
from trader.runner.venue_process import AnotherWasFirst, announced_in, end_process, start_venue

logger = logging.getLogger(__name__)

PATIENCE_SECS = 60.0  # for an exchange that lives and does not answer: it is starting, ending, or has been stopped
_LOOK_SECS = 0.25
_POLL_SECS = 0.2
_AGAIN_SECS = 2.0
_SAME_PLACE_TRIES = 3  # then it is started on other ports: the program that has taken one of them keeps it
_ENDED_SECS = 10.0
_STRANGER_SECS = 0.5  # for an answer where a dead exchange was


class LocalVenue:
    """The venue of one TRADER_HOME, used by one host. `start` returns when it answers; `stop` ends it unless another host
    uses it. `note` is told when it died and is back; instead of it `moved`, where its clients have to connect again: it is at
    other ports or has other keys. `lost` is called when another program answers where it was: no price of that is ours."""

    def __init__(
        self,
        settings: Settings,
        note: Callable[[Note], None] = lambda _: None,
        moved: Callable[[Note], None] | None = None,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._note = note
        self._moved = moved or note
        self._lost = lost
        self.is_lost = False  # from `lost` to `moved`
        place = announcement_path(settings.home)
        self._lives = ProcessLock(lock_beside(place))  # held by the exchange
        self._users = ProcessLock(place.with_suffix(".users"))  # shared by the hosts
        self._process: subprocess.Popen[bytes] | None = None  # if this host started it
        self._known: VenueAnnouncement | None = None
        self._stopping = threading.Event()
        self._guard = LastingThread("venue-guard", self._keep_alive, self._stopping)

    def start(self) -> None:
        """Attach to the venue that runs, or start one.

        Raises:
            ConfigError: There is none and none could be started; the sentence says why.
        """
        private_folder(self._settings.home, "The folder TRADER_HOME")
        if not self._users.share(PATIENCE_SECS):
            raise ConfigError("The local exchange is being ended by another process; try again.")
        try:
            self._find_or_start(None, same_place=False)
        except BaseException:
            self._users.release()
            raise
        self._guard.start()

    def give_up(self) -> None:
        """From any thread or a signal's handler: what is waited for is not wanted any more."""
        self._stopping.set()

    def stop(self) -> None:
        self._stopping.set()
        self._guard.join(5)
        self._users.release()
        if self._known is None or not self._users.take():
            return  # another host uses it
        try:
            self._end()
        finally:
            self._users.release()

    def _end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            end_process(self._process)
            return
        known = self._known
        if known is None or known.pid is None or self._lives.is_free() or not is_itself(known):
            return
        try:
            os.kill(known.pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + _ENDED_SECS
        while (not self._lives.is_free() or is_running(known.pid)) and time.monotonic() < deadline:
            time.sleep(_POLL_SECS)

    # ------------------------------------------------------------ the guard's thread

    def _keep_alive(self) -> None:
        tries = 0
        while not self._stopping.wait(_LOOK_SECS):
            known = self._known
            if known is None or self._is_there(known):
                continue
            if not self.is_lost and who_answers(known.rest_url, _STRANGER_SECS) is not None:
                self.is_lost = True
                self._lost()
            logger.error("venue_died pid=%s stranger_in_its_place=%s; starting it again", known.pid, self.is_lost)
            try:
                self._bring_back(known, same_place=tries < _SAME_PLACE_TRIES and not self.is_lost)
                tries = 0
            except ConfigError as error:
                tries += 1
                if self._stopping.is_set():
                    return
                text = f"The local exchange has died and cannot be started again: {error}; this is tried every few seconds."
                self._note(Note("error", "venue_not_restarted", text))
                logger.error("venue_not_restarted: %s", error)
                self._stopping.wait(_AGAIN_SECS)

    def _is_there(self, known: VenueAnnouncement) -> bool:
        """Whether the exchange this host uses lives. One that has been stopped does."""
        if self._process is not None and self._process.poll() is None:
            return True
        if self._lives.is_free():
            return False
        announced = announced_in(self._settings.home)  # another host may have brought it back already
        return announced is None or announced.instance == known.instance

    def _bring_back(self, known: VenueAnnouncement, *, same_place: bool) -> None:
        now = self._find_or_start(known, same_place=same_place)
        text = "The local exchange had died and was started again with its account, positions and market."
        if _place(now) == _place(known) and not self.is_lost:
            self._note(Note("warning", "venue_restarted", text))
            return
        logger.warning("venue_moved url=%s before=%s", now.rest_url, known.rest_url)
        self.is_lost = False
        self._moved(Note("warning", "venue_restarted", f"{text} It is at {now.rest_url} now."))

    # ------------------------------------------------------------ finding and starting

    def _find_or_start(self, before: VenueAnnouncement | None, *, same_place: bool) -> VenueAnnouncement:
        """The exchange that serves this home, once it answers; a new one where there is none. `before` is what this host used.

        Raises:
            ConfigError: None could be started, or the one there is does not answer.
        """
        deadline = time.monotonic() + PATIENCE_SECS
        told = False
        while True:
            announced = announced_in(self._settings.home)
            if self._lives.is_free():
                try:
                    return self._start(before or announced, same_place=same_place)
                except AnotherWasFirst:
                    logger.info("venue_started_elsewhere; waiting for it")
            elif announced is not None and is_itself(announced):
                logger.info("venue_found pid=%s url=%s", announced.pid, announced.rest_url)
                self._process, self._known = None, announced
                return announced
            elif not told:
                told = True
                logger.warning("venue_silent; there is a local exchange that does not answer yet, waiting for it")
            if self._stopping.wait(_POLL_SECS):
                raise ConfigError("The start was ended while it waited for the local exchange.")
            if time.monotonic() >= deadline:
                raise ConfigError(_silent(announced))

    def _start(self, before: VenueAnnouncement | None, *, same_place: bool) -> VenueAnnouncement:
        process, announced = start_venue(self._settings, before, same_place=same_place, stopping=self._stopping.wait)
        self._process, self._known = process, announced
        logger.info("venue_started pid=%d url=%s", process.pid, announced.rest_url)
        return announced


def _place(announced: VenueAnnouncement) -> tuple[str, ...]:
    """What a client has to know of it."""
    keys = (announced.api_key.get_secret_value(), announced.api_secret.get_secret_value())
    return (announced.rest_url, announced.ws_public_url, announced.ws_private_url, *keys)


def _silent(announced: VenueAnnouncement | None) -> str:
    who = "" if announced is None or announced.pid is None else f" (process {announced.pid})"
    return (
        f"A local exchange{who} has this TRADER_HOME and does not answer for {PATIENCE_SECS:.0f} s; a second one would undo "
        "what it has done. If it was stopped, continue it (kill -CONT); otherwise end it"
    )
