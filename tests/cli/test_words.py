"""What the commands say when they end badly is what happened, in the time that passed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import typer
from msgspec.structs import replace

from tests.desk.test_status import view_of
from tests.engine import boards
from tests.panel.fake_desk import FakeDesk
from trader.cli import runs
from trader.cli.words import run_lines, still_open
from trader.config.preset import Preset
from trader.desk.status_json import status_document
from trader.desk.values import Day, DayResult, RunnerHealth, Status
from trader.engine.records import Phase

ALIVE = RunnerHealth(alive=True, heartbeat_age_s=0.1, host="process", pid=1)
FOREIGN = "Done (Stop & Exit) — NOT FLAT: P-BTC-74200-011226 -3 is not ours"


def status_of(*open_runs: Any, run: Any) -> Status:
    return Status(
        env="paper", account="paper", runner=ALIVE, run=run, runs=open_runs, ops=None, alerts=(), wall=datetime.now(UTC)
    )


def test_somebody_elses_remainder_is_not_said_to_be_worked_on() -> None:
    done = replace(view_of("a", Phase.DONE, "false"), words=FOREIGN, realized_pnl=Decimal(1))
    said = runs._why_not_flat(status_of(run=done), (), 11.2)
    assert said == f"{FOREIGN}. The run has ended and nothing works on it any more."
    other = view_of("b")
    said = runs._why_not_flat(status_of(other, run=done), (other,), 11.2)
    assert "NOT FLAT after 11 s" in said and "keeps working" in said


@pytest.mark.parametrize(
    ("side", "words"), [("sell", "0.6000 USD), peak"), ("buy", "0.6000 USD, the most that can be lost), peak")]
)
def test_a_percentage_is_told_with_what_it_is_of(side: str, words: str) -> None:
    view = replace(
        boards.holding(boards.structured("one_leg", leg_side=side)).view, basis=Decimal("0.6"), premium=Decimal(-9)
    )
    assert any(f"% of {words}" in line for line in run_lines(status_of(view, run=view)))


def test_the_document_has_every_open_run() -> None:
    views = (view_of("a"), view_of("b"))
    document = status_document(status_of(*views, run=views[1]))
    assert [run["run_id"] for run in document["runs"]] == document["open_runs"] == ["a", "b"]
    assert document["runs"][1] == {name: document[name] for name in document["runs"][1]}


def test_a_wait_is_told_as_it_was_and_not_as_it_was_allowed() -> None:
    said = runs._why_not_flat(status_of(view_of("a"), run=view_of("a")), (view_of("a"),), 11.4)
    assert "after 11 s" in said


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every look at the clock is 2 s later."""
    ticks = iter(range(0, 1000, 2))
    monkeypatch.setattr(runs.time, "monotonic", lambda: float(next(ticks)))
    monkeypatch.setattr(runs.time, "sleep", lambda secs: None)
    yield


def test_a_start_whose_run_ends_at_once_says_so_and_after_how_long(
    clock: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = replace(view_of("a", Phase.DONE, "true"), words="Done (entry could not be completed) — flat")

    class OneRun:
        def status(self, run_id: str) -> Status:
            return status_of(run=done)

    class Row:
        command_id = "c"

    monkeypatch.setattr(runs, "_ask_to_start", lambda *_: Row())
    monkeypatch.setattr(runs, "run_of", lambda row: "a")
    with pytest.raises(typer.Exit):
        runs._start_one(OneRun(), Preset(), True, None, None, 50.0, False)  # type: ignore[arg-type]
    said = capsys.readouterr().err
    assert "after 50 s" not in said
    assert "does not hold its position after 4 s: Done (entry could not be completed) — flat." in said


def test_a_leg_held_to_its_settlement_is_still_open_and_says_until_when() -> None:
    run = FakeDesk("holding").status().run
    assert run is not None
    kept = "held to settlement at 22 Nov 17:30 IST: nobody offers it; worth 0.3 USD"
    gone = replace(run.legs[1], open_quantity=0)
    run = replace(run, legs=(replace(run.legs[0], kept=kept), gone))
    assert still_open([run]) == [f"{run.legs[0].symbol} {run.legs[0].open_quantity} {kept}"]


def test_status_tells_the_day_and_how_its_runs_came_out() -> None:
    """A loss was on screen until the next run and then nowhere but in the history."""
    at = datetime(2026, 6, 1, 23, 36, tzinfo=UTC)
    results = tuple(
        DayResult(run_id=f"r{n}", preset="default", underlying="BTC", at=at, reason="max_loss", pnl=Decimal("-13.90"),
                  pnl_pct=Decimal("-22.72"))
        for n in range(5)
    )  # fmt: skip
    day = Day(date=at.date(), realised=Decimal("-27.5"), open=None, runs_made=3, runs_most=3,
              loss_limit=Decimal(500), results=results)  # fmt: skip
    lines = run_lines(replace(status_of(run=view_of("a")), day=day))
    assert "01 Jun: – of the preset's loss limit 500.00 USD (realised -27.50 USD, open –), 3 of 3 runs" in lines
    told = [line for line in lines if "max loss: -13.90 USD (-22.7 %), BTC default, r" in line]
    assert len(told) == 3 and told[0].startswith("Tue 02 Jun 05:06:00 IST  ")


def test_status_says_what_stop_would_do() -> None:
    lines = run_lines(status_of(run=view_of("a", Phase.WAITING)))
    assert "Stop & Exit now: Nothing is sold yet: the wait is cancelled." in lines
    assert not any(line.startswith("Stop & Exit now") for line in run_lines(status_of(run=view_of("a", Phase.DONE))))
