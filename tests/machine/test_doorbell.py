"""A ring wakes who waits; nothing is lost or broken where nobody does."""

import os
import stat
import threading
import time
from pathlib import Path

import pytest

from trader.machine.doorbell import Doorbell, open_doorbell, ring


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "paper.bell"


def test_a_ring_wakes_who_waits(place: Path) -> None:
    bell = Doorbell(place)
    threading.Timer(0.05, ring, [place]).start()
    begun = time.monotonic()
    bell.wait(30)
    assert time.monotonic() - begun < 20
    bell.close()


def test_rings_before_the_wait_count_once(place: Path) -> None:
    bell = Doorbell(place)
    for _ in range(5):
        ring(place)
    bell.wait(30)
    begun = time.monotonic()
    bell.wait(0.05)
    assert time.monotonic() - begun >= 0.04
    bell.close()


@pytest.mark.parametrize("text", ["", "x", "70000", "-1", "9" * 400])
def test_a_place_that_names_no_port_is_nobody(place: Path, text: str) -> None:
    ring(place)
    place.write_text(text)
    ring(place)


def test_only_its_own_place_is_cleared(place: Path) -> None:
    old, new = Doorbell(place), Doorbell(place)
    old.close()
    ring(place)
    new.wait(30)
    if os.name == "posix":
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
    new.close()
    assert list(place.parent.iterdir()) == []
    new.wait(0)  # closed: returns


def test_without_a_place_there_is_no_bell(tmp_path: Path) -> None:
    assert open_doorbell(tmp_path / "missing" / "paper.bell") is None
