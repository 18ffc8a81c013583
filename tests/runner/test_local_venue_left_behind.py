"""Who ends the local venue: its own host; or, once that is gone, whoever used it last."""

import json
import signal
import subprocess
import sys
from pathlib import Path

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
