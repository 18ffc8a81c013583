"""A lock between processes: one holder, released by the system however the holder ends, kept by one that is stopped."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trader.domain.errors import ConfigError
from trader.machine.locks import ProcessLock

HOLD = (
    "import sys; from pathlib import Path; from trader.machine.locks import ProcessLock;"
    "lock = ProcessLock(Path(sys.argv[1])); print(lock.take(), flush=True); input()"
)


def test_a_lock_is_held_by_one_and_by_several_only_when_shared(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    first, second, third = ProcessLock(path), ProcessLock(path), ProcessLock(path)
    assert first.is_free() and first.take()
    assert not second.take() and not second.share() and not third.is_free()
    first.release()
    assert third.is_free() and second.share() and first.share()
    assert not third.take() and not third.is_free()
    second.release()
    assert not third.take()  # the other one shares it still
    first.release()
    assert third.take() and path.stat().st_mode & 0o777 == 0o600 and path.stat().st_size == 0
    third.release()


def test_a_lock_is_kept_by_a_stopped_process_and_released_by_a_killed_one(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "True\n"
        os.kill(holder.pid, signal.SIGSTOP)
        assert not ProcessLock(path).is_free()
    finally:
        holder.kill()
        holder.communicate()
    assert ProcessLock(path).is_free()


def test_a_lock_whose_file_was_removed_knows_that_it_is_no_longer_there(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    lock = ProcessLock(path)
    assert lock.take() and lock.still_there
    path.rename(tmp_path / "b.lock")
    assert not lock.still_there
    path.touch()
    assert not lock.still_there
    lock.release()


def test_a_lock_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.lock").write_text("no lock of this program at all" * 20)
    for path in (tmp_path / "a.lock", tmp_path / "nowhere" / "b.lock", tmp_path):
        with pytest.raises(ConfigError, match="the lock"):
            ProcessLock(path).take()
