"""What a runner folds at its start: the same limits, days and cash as the one that went before had."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.engine.scene import Scene
from tests.engine.several import config, serve
from tests.engine.test_marking import MIDNIGHT, over_night, sold, until
from tests.engine.test_wallet import ledger
from trader.domain.fill import FillKind
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.fold import evolve
from trader.engine.state import Run, State
from trader.journal.store import Journal
from trader.runner.recovery import read_back


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")
    yield made
    made.close()


def recovered(journal: Journal, scene: Scene) -> State:
    """The records written to a journal, and what a start reads of them folded."""
    journal.append(scene.records, lease=None, account="acc")
    state = State(installation="abcd1234", epoch=1, env="paper", account_key="acc")
    for record in read_back(journal, "acc", scene.wall).records:
        state = evolve(state, record)
    return state


def finish(scene: Scene) -> None:
    scene.stop(scene.run.run_id)
    for _ in range(8):
        scene.prices("210", "210")
        serve(scene)


def day_compared(scene: Scene) -> None:
    scene.records.append(
        rec.DayCompared(
            run_id="", wall=scene.wall, market=scene.market, account="acc", day=MIDNIGHT.date(), until=scene.wall
        )
    )


def wallet_read(scene: Scene, run: Run) -> list[rec.WalletCompared]:
    """The ledger, which lists what was executed and nothing else, is read for a run; what comes of it."""
    before = len(scene.records)
    since = run.created_market
    assert since is not None
    scene.feed(ev.WalletRead, run_id=run.run_id, since=since, changes=ledger(scene))
    return [r for r in scene.records[before:] if isinstance(r, rec.WalletCompared)]


def test_days_runs_and_cash_are_those_of_the_runner_before(journal: Journal) -> None:
    """One run has ended after a midnight, another is open over it, a third has sold nothing."""
    scene = over_night()
    until(scene, MIDNIGHT + timedelta(seconds=1), "300")
    finish(scene)
    scene.start(config(1, strategy={"quantity": 2, "expiry": "today"}))
    sold(scene)
    scene.start(config(2, schedule={"entry_time_ist": "09:00"}), now=False)
    state = recovered(journal, scene)
    for name in ("made_by_day", "marks", "runs_by_day", "flows", "locked_day", "compared"):
        assert getattr(state.account, name) == getattr(scene.state.account, name), name
    assert state.account.runs_by_day and state.account.made_by_day and len(state.account.flows) == 6


def test_cash_is_read_back_from_the_last_day_that_was_compared_on(journal: Journal) -> None:
    scene = over_night()
    finish(scene)
    assert wallet_read(scene, scene.run)
    scene.pass_time(86400)
    day_compared(scene)
    scene.start(config(3))
    assert recovered(journal, scene).account.flows == ()


def test_a_run_that_the_exchange_has_closed_is_read_back_after_its_end(journal: Journal) -> None:
    """Its fill without an order is folded although nothing else of the run is: a start must not fail of it."""
    scene = over_night()
    finish(scene)
    fills = [r for r in scene.records if isinstance(r, rec.FillRecorded)]
    closed = replace(fills[-1].fill, client_order_id=None, kind=FillKind.LIQUIDATION)
    scene.records = [replace(r, fill=closed) if r is fills[-1] else r for r in scene.records]
    scene.pass_time(2 * 86400)
    day_compared(scene)
    state = recovered(journal, scene)
    assert state.account.divided and sum(state.account.made_by_day.values()) == scene.run.finished.realized_pnl  # type: ignore[union-attr]


@pytest.mark.parametrize("hours", [24, 1], ids=["begun lately", "begun longer ago than runs are read back"])
def test_a_run_over_midnight_is_held_against_the_ledger_whole_after_a_restart(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """What it has traded on a day that is compared already is read back, and what another run has that was done by then."""
    monkeypatch.setattr("trader.runner.recovery._HISTORY", timedelta(hours=hours))
    scene = over_night()
    first = scene.run
    scene.start(config(1, strategy={"quantity": 2}))
    sold(scene)
    scene.stop(first.run_id)
    for _ in range(8):
        scene.prices("210", "210")
        serve(scene)
    assert wallet_read(scene, first)
    until(scene, MIDNIGHT + timedelta(seconds=1), "210")
    scene.pass_time(8 * 3600)
    day_compared(scene)
    finish(scene)
    last = scene.run
    scene.state = recovered(journal, scene)
    scene.feed(ev.Booted)
    (compared,) = wallet_read(scene, last)
    assert compared.difference == 0 and compared.lines["cashflow"]


def test_a_run_that_was_held_against_the_ledger_is_not_again(journal: Journal) -> None:
    scene = over_night()
    finish(scene)
    assert wallet_read(scene, scene.run)
    scene.state = recovered(journal, scene)
    scene.feed(ev.Booted)
    assert not wallet_read(scene, scene.run)
