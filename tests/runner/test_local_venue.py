"""One local exchange per home, whatever is started when: found, waited for, brought back, and ended by the last who uses it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trader.config.announced import is_itself, lock_beside, refuse_stranger, who_answers
from trader.config.connection import VenueAnnouncement, announcement_path, read_announcement
from trader.config.settings import Settings, load_settings
from trader.domain.errors import ConfigError
from trader.machine.locks import ProcessLock
from trader.runner import local_venue
from trader.runner.local_venue import LocalVenue
from trader.runner.notices import Note
from trader.runner.venue_process import AnotherWasFirst

BODY = {
    "rest_url": "http://127.0.0.1:7001",
    "ws_public_url": "ws://127.0.0.1:7002",
    "ws_private_url": "ws://127.0.0.1:7003",
    "api_key": "k",
    "api_secret": "s",
    "pid": 4_194_999,  # above any that Linux gives out
    "instance": "the first",
}


def settings_of(home: Path) -> Settings:
    return load_settings(environ={"TRADER_HOME": str(home)})


def announce(home: Path, **changes: object) -> VenueAnnouncement:
    home.mkdir(mode=0o700, exist_ok=True)
    announcement_path(home).write_text(json.dumps(BODY | changes))
    found = read_announcement(home)
    assert found is not None
    return found


@pytest.fixture
def made() -> Iterator[Callable[..., LocalVenue]]:
    """Local venues, each as its own host would have it; whatever they started is ended."""
    all_of_them: list[LocalVenue] = []

    def make(home: Path, *callbacks: Callable[[Note], None]) -> LocalVenue:
        all_of_them.append(LocalVenue(settings_of(home), *callbacks))
        return all_of_them[-1]

    yield make
    for venue in all_of_them:
        venue.stop()
        process = venue._process
        if isinstance(process, SimpleNamespace) or process is None:
            continue
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait(10)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_venue, "_LOOK_SECS", 0.05)
    monkeypatch.setattr(local_venue, "_POLL_SECS", 0.02)
    monkeypatch.setattr(local_venue, "_AGAIN_SECS", 0.05)


def pid_of(venue: LocalVenue) -> int:
    assert venue._known is not None and venue._known.pid is not None
    return venue._known.pid


def wait_for(condition: Callable[[], Any], secs: float = 30) -> None:
    deadline = time.monotonic() + secs
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# ---------------------------------------------------------------- with real exchanges


def test_two_starts_at_once_never_make_two_local_exchanges_and_the_last_user_ends_it(
    tmp_path: Path, made: Callable[..., LocalVenue], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [made(tmp_path / "home"), made(tmp_path / "home")]
    started: list[int] = []
    at_once = threading.Barrier(2)
    real = local_venue.start_venue

    def start_together(*given: Any, **named: Any) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):
            at_once.wait(5)  # neither starts one before the other has found none
        started.append(1)
        return real(*given, **named)

    monkeypatch.setattr(local_venue, "start_venue", start_together)
    starting = [threading.Thread(target=venue.start) for venue in both]
    for thread in starting:
        thread.start()
    for thread in starting:
        thread.join(60)
    assert len(started) == 2 and pid_of(both[0]) == pid_of(both[1])
    first, other = sorted(both, key=lambda venue: venue._process is None)  # the one that started it goes first
    assert first._process is not None and other._process is None
    first.stop()
    announced = read_announcement(tmp_path / "home")
    assert announced is not None and is_itself(announced)  # the other host uses it still
    other.stop()
    assert first._process.wait(10) == 0
    assert not announcement_path(tmp_path / "home").exists()


def test_a_start_while_the_exchange_is_stopped_waits_for_it_instead_of_making_a_second_one(
    tmp_path: Path, made: Callable[..., LocalVenue], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = made(tmp_path / "home"), made(tmp_path / "home")
    first.start()
    os.kill(pid_of(first), signal.SIGSTOP)
    monkeypatch.setattr(local_venue, "PATIENCE_SECS", 1.0)
    with pytest.raises(ConfigError, match=rf"process {pid_of(first)}.*continue it"):
        second.start()
    monkeypatch.setattr(local_venue, "PATIENCE_SECS", 60.0)
    starting = threading.Thread(target=second.start)
    starting.start()
    os.kill(pid_of(first), signal.SIGCONT)
    starting.join(60)
    assert pid_of(second) == pid_of(first) and second._process is None


@pytest.mark.parametrize("for_good", [False, True])
def test_an_exchange_that_dies_while_its_port_is_busy_is_brought_back_there_or_elsewhere(
    for_good: bool, tmp_path: Path, made: Callable[..., LocalVenue], quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard of a host that had only found it; its thread used to end with AttributeError."""
    told: list[str] = []
    moved: list[str] = []
    owner = made(tmp_path / "home")
    owner.start()
    user = made(tmp_path / "home", lambda note: told.append(note.code), lambda note: moved.append(note.code))
    user.start()
    before = user._known
    assert before is not None and owner._process is not None
    owner._stopping.set()  # its host is killed with the exchange: it brings nothing back
    owner._guard.join(5)
    port = int(before.rest_url.rpartition(":")[2])
    real = local_venue.start_venue
    squatters: list[socket.socket] = []

    def start_beside_a_squatter(*given: Any, **named: Any) -> Any:
        if not squatters:
            squatters.append(socket.create_server(("127.0.0.1", port)))
        return real(*given, **named)

    monkeypatch.setattr(local_venue, "start_venue", start_beside_a_squatter)
    owner._process.kill()
    owner._process.wait()
    wait_for(lambda: told or moved)
    assert told[0] == "venue_not_restarted" and user._guard.alive
    if not for_good:
        squatters[0].close()
    wait_for(lambda: moved if for_good else "venue_restarted" in told)
    squatters[0].close()
    after = user._known
    assert after is not None and is_itself(after) and after.pid != before.pid
    assert (local_venue._place(after) != local_venue._place(before)) is for_good
    assert after.api_key == before.api_key
    assert moved == (["venue_restarted"] if for_good else [])


def test_a_copy_of_a_home_gets_an_exchange_of_its_own(tmp_path: Path, made: Callable[..., LocalVenue]) -> None:
    """Its announcement is copied too, and the exchange that answers there is the one that wrote it: the other home's."""
    first = made(tmp_path / "home")
    first.start()
    shutil.copytree(tmp_path / "home", tmp_path / "copy")
    second = made(tmp_path / "copy")
    second.start()
    assert pid_of(second) != pid_of(first)
    assert first._known is not None and is_itself(first._known)


# ---------------------------------------------------------------- what is found


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[VenueAnnouncement | None]:
    """What each new exchange was given of the one before; none is really started."""
    given: list[VenueAnnouncement | None] = []

    def start_venue(settings: Settings, before: VenueAnnouncement | None, **_: object) -> Any:
        given.append(before)
        return SimpleNamespace(pid=2, poll=lambda: 0, returncode=0), announce(
            settings.home, instance="the new one", pid=2
        )

    monkeypatch.setattr(local_venue, "start_venue", start_venue)
    return given


@pytest.mark.parametrize("content", ["", "{", '{"rest_url": "http', "[]", "\x00\x01", '{"rest_url": 5}', None])
def test_an_announcement_that_cannot_be_read_keeps_nothing_from_starting(
    content: str | None, tmp_path: Path, made: Callable[..., LocalVenue], spawned: list[Any]
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    if content is not None:
        announcement_path(home).write_text(content)
    made(home).start()
    assert spawned == [None]


def test_a_number_that_is_another_process_by_now_is_no_exchange(
    tmp_path: Path, made: Callable[..., LocalVenue], spawned: list[Any]
) -> None:
    """The announcement of a killed exchange names a process that lives, and somebody listens on its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        left = announce(tmp_path / "home", pid=os.getpid(), rest_url=f"http://127.0.0.1:{server.getsockname()[1]}")
        made(tmp_path / "home").start()
    assert spawned == [left]  # its keys are kept


@contextlib.contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[str]:
    """A program that answers every request with this."""
    import http.server

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b'{"instance": "the first"}', 200, "the first"),
        (b'{"instance": "another"}', 200, "another"),
        (b'{"instance": 5}', 200, ""),
        (b'["the first"]', 200, ""),
        (b'{"success": true, "result": {}}', 404, ""),
        (b"<html>", 200, ""),
        (b"\xff\xfe", 200, ""),
    ],
)
def test_a_strangers_exchange_on_the_announced_port_is_never_taken_for_ours(
    body: bytes, status: int, told: str, tmp_path: Path, made: Callable[..., LocalVenue], quick: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(local_venue, "PATIENCE_SECS", 0.2)
    lock = ProcessLock(lock_beside(announcement_path(tmp_path / "home")))
    with answering(body, status) as url:
        announced = announce(tmp_path / "home", rest_url=url)
        assert who_answers(url) == told
        assert is_itself(announced) is (told == "the first")
        assert not is_itself(announced.model_copy(update={"instance": ""}))
        assert lock.take()  # our exchange lives, and is stopped
        venue = made(tmp_path / "home")
        if told == "the first":
            venue.start()
            refuse_stranger(tmp_path / "home")
        else:
            with pytest.raises(ConfigError, match="does not answer"):
                venue.start()
            with pytest.raises(ConfigError, match="another program answers"):
                refuse_stranger(tmp_path / "home")
        venue._known = None  # nothing here is to be ended
    lock.release()
    refuse_stranger(tmp_path / "home")  # nobody answers: whoever asks there says so


def test_who_is_asked_is_this_machine_only() -> None:
    for url in (
        "http://example.com:80",
        "http://127.0.0.1.example.com:1",
        "nonsense",
        "http://[::1",
        "http://127.0.0.1:x",
    ):
        assert who_answers(url) is None


def test_a_start_that_was_second_waits_for_the_first_one_to_announce_itself(
    tmp_path: Path, made: Callable[..., LocalVenue], quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    winner = ProcessLock(lock_beside(announcement_path(home)))

    def second(*_: object, **__: object) -> Any:
        assert winner.take()  # it holds the lock before it serves
        announce(home)
        raise AnotherWasFirst

    monkeypatch.setattr(local_venue, "start_venue", second)
    asked: list[int] = []
    monkeypatch.setattr(local_venue, "is_itself", lambda _announced: asked.append(1) or len(asked) > 2)
    venue = made(home)
    venue.start()
    assert venue._process is None and venue._known is not None and venue._known.instance == "the first"
    venue._known = None
    winner.release()


def test_a_start_that_is_given_up_while_it_waits_ends_at_once(
    tmp_path: Path, made: Callable[..., LocalVenue], quick: None
) -> None:
    lock = ProcessLock(lock_beside(announcement_path(tmp_path)))
    assert lock.take()
    venue = made(tmp_path)
    threading.Timer(0.1, venue.give_up).start()
    began = time.monotonic()
    with pytest.raises(ConfigError, match="start was ended"):
        venue.start()
    assert time.monotonic() - began < 5
    lock.release()


def test_the_guard_of_a_host_follows_the_exchange_that_another_host_has_brought_back(
    tmp_path: Path, made: Callable[..., LocalVenue], quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = ProcessLock(lock_beside(announcement_path(tmp_path)))
    assert lock.take()
    announce(tmp_path)
    monkeypatch.setattr(local_venue, "is_itself", lambda _announced: True)
    told: list[Note] = []
    venue = made(tmp_path, told.append, told.append)
    venue.start()
    announce(tmp_path, instance="the second", ws_private_url="ws://127.0.0.1:8003")
    wait_for(lambda: told)
    assert "It is at" in told[0].text
    assert venue._known is not None and venue._known.instance == "the second"
    venue._known = None
    lock.release()
