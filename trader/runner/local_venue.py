"""Paper trading's exchange: the local venue in a process of its own, started, found again, and restarted when it dies.

It outlives a killed panel like a real exchange would: the next start finds it by its announcement and goes on. When it was
stopped, its state file brings account, positions and market back.
"""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import requests

from trader.config.connection import VenueAnnouncement, announcement_path, read_announcement
from trader.config.settings import Settings
from trader.domain.errors import ConfigError
from trader.exchange.delta.transport import bare_session
from trader.runner.notes import Note
from trader.runner.process import is_running

logger = logging.getLogger(__name__)

_READY_SECS = 30.0
_LOOK_SECS = 1.0
_AGAIN_SECS = 5.0
_LINGER_SECS = 600.0  # without a parent and without clients it ends itself after this
_USER_AGENT = {"User-Agent": "strangle-desk"}


class LocalVenue:
    """The venue of one TRADER_HOME. `start` returns when it answers; `stop` ends it if this process started it, or found it
    orphaned by a host that was killed. `note` is told when it died."""

    def __init__(self, settings: Settings, note: Callable[[Note], None] = lambda _: None) -> None:
        self._settings = settings
        self._note = note
        self._process: subprocess.Popen[bytes] | None = None
        self._found: VenueAnnouncement | None = None
        self._stopping = threading.Event()
        self._guard: threading.Thread | None = None

    def start(self) -> None:
        """Attach to the venue that runs, or start one.

        Raises:
            ConfigError: It did not come up; the sentence says why.
        """
        announced = read_announcement(self._settings.home)
        if announced is not None and _answers(announced):
            logger.info("venue_found pid=%d url=%s", announced.pid, announced.rest_url)
            self._found = announced
        else:
            self._spawn(announced)
        self._guard = threading.Thread(target=self._keep_alive, name="venue-guard", daemon=True)
        self._guard.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._guard is not None:
            self._guard.join(5)
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        found = self._found  # its host may have died since: asked now, not when it was found
        if found is not None and found.pid is not None and _is_orphan(found) and _answers(found):
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGTERM)

    def _keep_alive(self) -> None:
        """Start the venue again, on the same ports with the same keys, when it has died: ours, or one that was found and
        whose own host is gone. A found one whose host lives is that host's to restart."""
        while not self._stopping.wait(_LOOK_SECS):
            last = self._dead()
            if last is None:
                continue
            logger.error("venue_died pid=%s; starting it again", last.pid)
            try:
                self._spawn(last, again=True)
            except ConfigError as error:
                text = f"The local exchange has died and cannot be started again: {error}. It is tried every 5 s."
                self._note(Note("error", "venue_not_restarted", text))
                logger.error("venue_not_restarted: %s", error)
                self._stopping.wait(_AGAIN_SECS)
            else:
                text = "The local exchange had died and was started again with its account, positions and market."
                self._note(Note("warning", "venue_restarted", text))

    def _dead(self) -> VenueAnnouncement | None:
        """What the venue announced that has died and is ours to start again; None while all is well."""
        if self._process is not None:
            return None if self._process.poll() is None else self._last
        found = self._found
        if found is None or found.pid is None or is_running(found.pid):
            return None
        if found.parent_pid is not None and is_running(found.parent_pid):
            announced = read_announcement(self._settings.home)  # its host may have started it again already
            self._found = announced if announced is not None and announced.pid != found.pid else found
            return None
        return found

    def _spawn(self, before: VenueAnnouncement | None, *, again: bool = False) -> None:
        home = self._settings.home
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        (home / "logs").mkdir(exist_ok=True, mode=0o700)
        log_path = home / "logs" / "venue.log"
        with log_path.open("ab") as log:
            log_from = log.tell()
            process = subprocess.Popen(
                [sys.executable, "-m", "trader.venue"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,  # the announcement line holds the secret; it is read from its 0600 file
                stderr=log,
                cwd=Path(__file__).parents[2],
                start_new_session=True,  # a Ctrl+C in the terminal reaches us; we stop the venue after the runner
            )
        log_path.chmod(0o600)
        assert process.stdin is not None
        with process.stdin as pipe:
            pipe.write(msgspec.json.encode(self._options(before, again)))
        self._process = process
        self._last = self._await_ready(process, log_path, log_from)
        logger.info("venue_started pid=%d url=%s", process.pid, self._last.rest_url)

    def _options(self, before: VenueAnnouncement | None, again: bool) -> dict[str, object]:
        settings = self._settings
        name = f"venue-{settings.venue_market}"
        if settings.venue_recording is not None:
            name += f"-{settings.venue_recording.stem}"
        options: dict[str, object] = {
            "market": settings.venue_market,
            "recording": str(settings.venue_recording) if settings.venue_market == "recording" else None,
            "speed": settings.venue_speed,
            "seed": settings.venue_seed,
            "initial_balance": settings.venue_balance_usd,
            "fees": settings.venue_fees,
            "maker_fee_pct": settings.venue_maker_fee_pct,
            "taker_fee_pct": settings.venue_taker_fee_pct,
            "slippage_pct": settings.venue_slippage_pct,
            "fill_ids": settings.venue_fill_ids,
            "relay_proxy": settings.proxy_url,
            "state_path": str(settings.home / f"{name}-{settings.venue_speed:g}x.db"),
            "announce_path": str(announcement_path(settings.home)),
            "parent_pid": os.getpid(),
            "linger_secs": _LINGER_SECS,
        }
        if before is not None:
            options["api_key"] = before.api_key.get_secret_value()
            options["api_secret"] = before.api_secret.get_secret_value()
            if again:  # restarted under a live runner: it knows these ports
                options["rest_port"] = urlsplit(before.rest_url).port
                options["ws_public_port"] = urlsplit(before.ws_public_url).port
                options["ws_private_port"] = urlsplit(before.ws_private_url).port
        return options

    def _await_ready(self, process: subprocess.Popen[bytes], log_path: Path, log_from: int) -> VenueAnnouncement:
        deadline = time.monotonic() + _READY_SECS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                said = log_path.read_bytes()[log_from:].decode(errors="replace").strip().splitlines()
                raise ConfigError(f"The local venue did not start: {said[-1] if said else 'it gave no reason'}")
            announced = read_announcement(self._settings.home)
            if announced is not None and announced.pid == process.pid and _answers(announced):
                return announced
            time.sleep(0.05)
        process.terminate()
        raise ConfigError(f"The local venue did not answer within {_READY_SECS:.0f} s; see {log_path}")


def _is_orphan(announced: VenueAnnouncement) -> bool:
    """True when a host started the venue and is gone."""
    return announced.parent_pid is not None and not is_running(announced.parent_pid)


def _answers(announced: VenueAnnouncement) -> bool:
    """Whether the announced venue is there. The address comes from a file, so only loopback is asked."""
    if urlsplit(announced.rest_url).hostname != "127.0.0.1":
        return False
    with contextlib.suppress(requests.RequestException), bare_session() as session:
        answer = session.get(f"{announced.rest_url}/v2/settings", headers=_USER_AGENT, timeout=2, allow_redirects=False)
        return answer.status_code == 200
    return False
