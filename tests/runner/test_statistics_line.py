"""The connection's figures in the log: once per status interval, the shortest that an unfinished run has."""

import logging
from datetime import timedelta
from typing import Any, cast

import pytest
from msgspec.structs import replace

from tests.desk.books.test_statistics import FIGURES
from tests.desk.conftest import picture
from tests.engine.scene import OPENING, Scene, preset
from trader.runner.publishing import Publisher


def told(caplog: pytest.LogCaptureFixture, scene: Scene, minutes: list[float]) -> list[float]:
    """At which of these minutes a line is logged."""
    nothing = cast(Any, None)
    publisher = Publisher(nothing, nothing, nothing, nothing, "paper", "thread")
    found = []
    for minute in minutes:
        snapshot = picture(OPENING + timedelta(minutes=minute))
        caplog.clear()
        publisher._tell_statistics(scene.state, replace(snapshot, ops=replace(snapshot.ops, client=FIGURES)))
        found += [minute] * sum("statistics: 12 orders sent" in line for line in caplog.messages)
    return found


def test_by_default_every_five_minutes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert told(caplog, Scene(), [0, 1, 4.9, 5, 6, 9.9, 10]) == [5, 10]


def test_as_often_as_an_open_run_reports(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene = Scene()
    scene.start(preset(system={"status_report_mins": 2}))
    assert told(caplog, scene, [0, 1, 2, 3, 4]) == [2, 4]
