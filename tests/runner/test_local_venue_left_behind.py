"""Who ends the local venue: its own host; or, once that is gone, whoever used it last."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from trader.config.connection import announcement_path
from trader.config.settings import load_settings
from trader.runner import local_venue


@pytest.mark.parametrize("host_dies", [True, False])
def test_a_found_venue_is_ended_only_when_its_own_host_has_died_since(
    host_dies: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        announcement = {
            "rest_url": "http://127.0.0.1:1",
            "ws_public_url": "ws://127.0.0.1:1",
            "ws_private_url": "ws://127.0.0.1:1",
            "api_key": "k",
            "api_secret": "s",
            "pid": 424242,
            "parent_pid": host.pid,
        }
        announcement_path(tmp_path).write_text(json.dumps(announcement))
        ended: list[tuple[int, int]] = []
        monkeypatch.setattr(local_venue, "_answers", lambda _announced: True)
        monkeypatch.setattr(local_venue.os, "kill", lambda pid, number: ended.append((pid, number)))
        monkeypatch.setattr(local_venue, "is_running", lambda _pid: host.poll() is None)
        venue = local_venue.LocalVenue(load_settings(environ={"TRADER_HOME": str(tmp_path)}))
        venue.start()
        if host_dies:
            host.communicate(b"\n")
        venue.stop()
    finally:
        monkeypatch.undo()  # the process below is ended with the same function
        host.kill()
        if host.stdin is not None:
            host.stdin.close()
        host.wait()
    assert ended == ([(424242, signal.SIGTERM)] if host_dies else [])


@pytest.mark.parametrize("host_lives", [True, False])
def test_a_found_venue_that_dies_is_started_again_by_whoever_uses_it_once_its_host_is_gone(
    host_lives: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announcement = {
        "rest_url": "http://127.0.0.1:7001",
        "ws_public_url": "ws://127.0.0.1:7002",
        "ws_private_url": "ws://127.0.0.1:7003",
        "api_key": "k",
        "api_secret": "s",
        "pid": 424242,
        "parent_pid": 434343,
    }
    announcement_path(tmp_path).write_text(json.dumps(announcement))
    running, looked, spawned, told = {424242, 434343}, threading.Event(), threading.Event(), []
    options: list[dict[str, object]] = []

    def is_running(pid: int) -> bool:
        looked.set()
        return pid in running

    def spawn(self: local_venue.LocalVenue, before: Any, *, again: bool = False) -> None:
        options.append(self._options(before, again))
        self._found = before.model_copy(update={"pid": 454545})
        running.add(454545)
        spawned.set()

    monkeypatch.setattr(local_venue, "_answers", lambda _announced: True)
    monkeypatch.setattr(local_venue, "is_running", is_running)
    monkeypatch.setattr(local_venue, "_LOOK_SECS", 0.02)
    monkeypatch.setattr(local_venue.LocalVenue, "_spawn", spawn)
    monkeypatch.setattr(local_venue.os, "kill", lambda pid, number: None)
    venue = local_venue.LocalVenue(load_settings(environ={"TRADER_HOME": str(tmp_path)}), told.append)
    venue.start()
    running.discard(424242)
    if not host_lives:
        running.discard(434343)
    assert spawned.wait(0.5 if host_lives else 5) is not host_lives and looked.is_set()
    venue.stop()
    if not host_lives:
        assert (options[0]["rest_port"], options[0]["api_key"]) == (7001, "k")  # clients find it where it was
        assert [note.code for note in told] == ["venue_restarted"]
