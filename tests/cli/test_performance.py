"""`performance`: figures of finished runs, parted and filtered, for people and for programs."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from tests.desk.analytics.past_runs import renamed
from tests.engine.scene import D, done
from trader.cli.app import app
from trader.engine import records as rec
from trader.journal import Journal


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADER_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    journal = Journal.open(f"sqlite:///{tmp_path}/home/journal.db")
    for number, pnl in enumerate(("4", "-2", "1.5")):
        records: list[rec.AnyRecord] = []
        for one in renamed(done().records, f"r{number}"):
            if isinstance(one, rec.RunFinished):
                one = replace(one, realized_pnl=D(pnl))
            elif isinstance(one, rec.RunCreated):
                one = replace(one, account="paper", preset=f"p{number % 2}")
            records.append(one)
        journal.append(records, lease=None)
    journal.close()


def told(*arguments: str, code: int = 0) -> str:
    found = CliRunner().invoke(app, ["performance", *arguments])
    assert found.exit_code == code, found.output
    return found.output


def test_the_figures_are_told_in_words() -> None:
    text = told()
    assert "3 over 1 days, 2 won, 1 lost" in text and "+3.50 USD" in text and "needs --capital" in text


def test_they_are_parted_by_preset_with_a_row_each() -> None:
    lines = told("--by", "preset").splitlines()
    assert [line.split()[:2] for line in lines if line.startswith(("p0", "p1"))] == [["p0", "2"], ["p1", "1"]]


def test_programs_get_all_of_it_as_json() -> None:
    found: dict[str, Any] = json.loads(told("--json", "--capital", "100", "--by", "exit"))
    assert found["figures"]["total"] == "3.5" and found["groups"][0]["label"] == "manual"
    assert found["days"][-1]["equity"] == "103.5" and found["missing"] == 0


def test_a_filter_that_fits_none_says_so() -> None:
    assert "No run that has ended and traded" in told("--preset", "nosuch")
    assert "No run that has ended and traded" in told("--kinds", "orders")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "yesterday"), "--since must be a day like 2026-03-02, was 'yesterday'"),
        (("--since", "2026-03-02", "--until", "2026-03-01"), "until: 2026-03-01 lies before since"),
        (("--capital", "lots"), "--capital must be an amount in USD, was 'lots'"),
        (("--capital", "0"), "capital: must be above 0 USD, was 0"),
        (("--by", "moon"), "by: must be one of preset"),
        (("--kinds", "moon"), "--kinds must be one of runs, orders, all, was 'moon'"),
        (("--outcome", "even"), "--outcome must be one of won, lost, was 'even'"),
        (("--since", "0001-01-01"), "since, until: a range of at most 36,600 days, was"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(arguments: tuple[str, ...], words: str) -> None:
    assert words in str(CliRunner().invoke(app, ["performance", *arguments]).exception)
