"""Starts the local exchange as a process of its own and waits until it has announced itself and answers."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from trader.config.announced import is_itself
from trader.config.connection import VenueAnnouncement, announcement_path, read_announcement
from trader.config.settings import Settings
from trader.domain.errors import ConfigError

READY_SECS = 60.0  # a machine that does other things too takes its time
_LINGER_SECS = 600.0  # without a parent and without clients it ends itself after this
_ALREADY_SERVED = 3  # its exit code when another exchange of this home was first


class AnotherWasFirst(Exception):
    """The exchange of another start serves this home."""


def announced_in(home: Path) -> VenueAnnouncement | None:
    """What the home's exchange announces; None when there is nothing that can be read. A broken file is written again by the
    exchange that lives, and replaced by the next one otherwise."""
    with contextlib.suppress(ConfigError):
        return read_announcement(home)
    return None


def start_venue(
    settings: Settings, before: VenueAnnouncement | None, *, same_place: bool, stopping: Callable[[float], bool]
) -> tuple["subprocess.Popen[bytes]", VenueAnnouncement]:
    """A new exchange process, once it answers. It keeps the keys announced before, with `same_place` the ports too.
    `stopping` waits for some seconds, and is True when this start is to be given up.

    Raises:
        AnotherWasFirst: There is an exchange already.
        ConfigError: It did not come up; the sentence says why.
    """
    ports = [] if before is None or not same_place else _ports_of(before)
    _require_free(ports)
    log_path = settings.home / "logs" / "venue.log"
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        log_path.parent.mkdir(exist_ok=True, mode=0o700)
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
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:  # its end is told below
            pipe.write(msgspec.json.encode(venue_options(settings, before, ports)))
    except OSError as error:
        raise ConfigError(f"The local venue could not be started ({error.filename or 'process'}: {error})") from None
    try:
        return process, _await_ready(process, settings.home, log_path, log_from, stopping)
    except BaseException:
        end_process(process)
        raise


def end_process(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end and wait; one that is stopped ends when it is continued."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)


def _ports_of(announced: VenueAnnouncement) -> list[int]:
    """REST, public and private socket."""
    urls = (announced.rest_url, announced.ws_public_url, announced.ws_private_url)
    return [urlsplit(url).port or 0 for url in urls]


def _require_free(ports: list[int]) -> None:
    """Said before a process is started for nothing; the process finds out all the same what happens in between."""
    for port in ports:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as error:
            raise ConfigError(f"Port {port} on 127.0.0.1 is used by another program ({error.strerror})") from None


def venue_options(settings: Settings, before: VenueAnnouncement | None, ports: list[int]) -> dict[str, object]:
    """What the process is told on its standard input; without `ports` it takes any that are free."""
    name = f"venue-{settings.venue_market}"
    if settings.venue_recording is not None:
        name += f"-{settings.venue_recording.stem}"
    options: dict[str, object] = {
        "market": settings.venue_market,
        "mode": settings.venue_mode,
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
    if ports:  # restarted under a live runner: it knows these
        options["rest_port"], options["ws_public_port"], options["ws_private_port"] = ports
    return options


def _await_ready(
    process: "subprocess.Popen[bytes]", home: Path, log_path: Path, log_from: int, stopping: Callable[[float], bool]
) -> VenueAnnouncement:
    deadline = time.monotonic() + READY_SECS
    while time.monotonic() < deadline:
        if process.poll() == _ALREADY_SERVED:
            raise AnotherWasFirst
        if process.poll() is not None:
            said = log_path.read_bytes()[log_from:].decode(errors="replace").strip().splitlines()
            raise ConfigError(f"The local venue did not start: {said[-1] if said else 'it gave no reason'}")
        announced = announced_in(home)
        if announced is not None and announced.pid == process.pid and is_itself(announced):
            return announced
        if stopping(0.05):
            raise ConfigError("The start was ended before the local venue was ready.")
    raise ConfigError(f"The local venue did not answer within {READY_SECS:.0f} s; see {log_path}")
