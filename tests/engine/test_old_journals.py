"""Journals written before legs were data, one in each phase of a short strangle: they fold to the same run, and it goes on.

Each file of `old_journals` holds first what that version's own state said of its run, then its records as it wrote them.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engine.scene import OPENING, Phase, Scene
from trader.domain.order import Side
from trader.engine import records as rec
from trader.engine.events import ClockTicked
from trader.engine.fold import fold
from trader.engine.state import Run, State

JOURNALS = sorted((Path(__file__).parent / "old_journals").glob("*.jsonl"), key=lambda path: path.name)


def read(path: Path) -> tuple[dict[str, Any], list[rec.AnyRecord]]:
    said, *lines = path.read_text().splitlines()
    return json.loads(said), [rec.decode_record(line) for line in lines]


def folded(records: list[rec.AnyRecord]) -> Run:
    (run,) = fold(State(installation="abcd1234", epoch=2, env="paper", account_key="acc"), records).runs.values()
    return run


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_an_old_journal_folds_to_the_same_run(path: Path) -> None:
    said, records = read(path)
    run = folded(records)
    assert said == {
        **said,
        "phase": run.phase.value,
        "entry_at": str(run.entry_at),
        "exit_at": str(run.exit_at),
        "exit_reason": run.exit_reason,
        "premium": str(run.premium),
        "cash_flow": str(run.cash_flow),
        "fees": str(run.fees),
        "uncosted": bool(run.uncosted),
        "entered": {leg.key: run.entered(leg.key) for leg in run.legs},
        "open": {leg.key: run.open_quantity(leg.key) for leg in run.legs},
        "peak_pct": str(run.peak_pct),
        "peak_pnl": str(run.peak_pnl),
        "level_pct": str(run.level_pct),
        "naked_since": str(run.naked_since),
        "kept": sorted(run.kept),
        "live": sorted(o.intent.client_order_id for o in run.live_orders()),
        "realized": str(run.finished.realized_pnl) if run.finished else None,
        "config_hash": run.config_hash,
        "flat": run.flat_by_fills,
    }
    assert run.basis == run.premium and run.basis_name == ("credit" if run.fills else "")
    assert all((leg.side, leg.ratio, leg.rank, leg.why) == (Side.SELL, 1, 0, "") for leg in run.legs)


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_a_run_of_an_old_journal_goes_on_after_the_restart(path: Path) -> None:
    said, records = read(path)
    scene = Scene(
        wall=max(record.wall for record in records), market=max(record.market or OPENING for record in records)
    )
    scene.records = list(records)
    scene.restart(down_secs=1.0)
    before = scene.phase
    assert before.value == said["phase"]
    if before is Phase.DONE:
        return
    scene.feed(ClockTicked)
    for key, price in (("C", "205"), ("P", "205")):
        scene.quotes(scene.around(key, price))
    assert not any(alert.startswith("rules_failed") for alert in scene.alerts())
    assert (scene.run.peak_pct, scene.run.level_pct, scene.run.exit_at) == (
        folded(records).peak_pct,
        folded(records).level_pct,
        folded(records).exit_at,
    )
    assert scene.view.words
