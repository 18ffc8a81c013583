"""`python -m trader limits`: shown, set, put back, to and from a file; nothing is recorded of what cannot be limits."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.journal import samples_of_records as s
from trader.cli.app import main
from trader.config.account_limits import AccountLimits
from trader.engine import records as r
from trader.engine.records import LimitsSet
from trader.journal.store import Journal

Said = pytest.CaptureFixture[str]


@pytest.fixture
def journal(clean_environment: Path) -> Any:
    made = Journal.open(f"sqlite:///{clean_environment / 'journal.db'}")
    yield made
    made.close()


def run(capsys: Said, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def asked(journal: Journal) -> list[dict[str, Any]]:
    return [row.body["limits"] for row in journal.pending_commands("paper") if row.kind == "limits"]


def test_the_limits_in_force_are_the_newest_recorded(journal: Journal, capsys: Said) -> None:
    code, out, _ = run(capsys, "limits", "show", "--json")
    assert code == 0 and json.loads(out) == AccountLimits().document()
    set_ = LimitsSet(run_id="", wall=datetime.now(UTC), account="paper", limits={"schema": 1, "open_runs": 9})
    journal.append([set_], lease=None, account="paper")
    assert json.loads(run(capsys, "limits", "show", "--json")[1])["open_runs"] == 9
    code, out, _ = run(capsys, "limits")
    assert code == 0 and "open_runs_per_underlying" in out and "Most unfinished runs at once." in out


def test_set_and_reset_ask_for_the_whole_document(journal: Journal, capsys: Said) -> None:
    code, out, _ = run(capsys, "limits", "set", "daily_loss_usd=250", "open_runs=4")
    assert code == 0 and "as soon as a runner is alive" in out
    run(capsys, "limits", "reset")
    first, second = asked(journal)
    assert (first["daily_loss_usd"], first["open_runs"], first["open_runs_per_underlying"]) == ("250", 4, 3)
    assert second == AccountLimits().document()


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("open_runs", "'open_runs' is no KEY=VALUE"),
        ("max=3", "the keys are open_runs"),
        ("open_runs=0", "open_runs must be at least 1 runs, was '0'"),
        ("open_runs=2", "open_runs_per_underlying (3) exceeds open_runs (2)"),
        ("daily_loss_usd=lots", "daily_loss_usd"),
    ],
)
def test_what_cannot_be_set_is_one_sentence_and_records_nothing(
    journal: Journal, capsys: Said, pair: str, words: str
) -> None:
    code, _, err = run(capsys, "limits", "set", pair)
    assert code == 1 and words in err and err.count("\n") == 1
    assert asked(journal) == []


def test_a_file_is_written_and_taken_in(journal: Journal, capsys: Said, tmp_path: Path) -> None:
    path = tmp_path / "limits.json"
    assert run(capsys, "limits", "export", str(path))[0] == 0
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "open_runs": 5}))
    assert run(capsys, "limits", "import", str(path))[0] == 0
    assert asked(journal)[-1]["open_runs"] == 5
    for text, words in (("{", "not valid JSON"), ('{"open_run": 1}', "open_run"), ('{"schema": 7}', "schema 7")):
        path.write_text(text)
        code, _, err = run(capsys, "limits", "import", str(path))
        assert code == 1 and words in err and err.count("\n") == 1
    assert run(capsys, "limits", "import", str(tmp_path / "none.json"))[0] == 1
    assert len(asked(journal)) == 1


def test_the_days_are_listed_with_the_wallets_word(journal: Journal, capsys: Said) -> None:
    assert "No day has made anything yet." in run(capsys, "history", "--days")[1]
    now, day = datetime.now(UTC), date(2026, 6, 3)
    at = {"wall": now, "market": datetime(2026, 6, 3, 10, tzinfo=UTC)}
    journal.append(
        [
            replace(s.run_created("a"), wall=now),
            replace(s.fill_recorded("a", "f1"), wall=now),
            r.DayMarked(run_id="a", **at, day=day, pnl=Decimal("-21.5"), carried=Decimal(0)),
        ],
        lease=None,
    )
    compared = r.DayCompared(
        run_id="",
        **at,
        account="paper",
        day=day,
        until=now,
        besides={"deposit": Decimal(500)},
        difference=Decimal("-2.235"),
    )
    journal.append([compared], lease=None, account="paper")
    code, out, _ = run(capsys, "history", "--days")
    assert code == 0
    assert "Wed 03 Jun 2026  -21.50 USD  0     differs by -2.235 USD; besides deposit +500" in out
    document = json.loads(run(capsys, "history", "--days", "--json")[1])["days"]
    assert [(one["made"], one["difference"]) for one in document if one["date"] == "2026-06-03"] == [
        ("-21.5", "-2.235")
    ]
    code, _, err = run(capsys, "history", "--days", "--run", "a")
    assert code == 2 and "--days" in err
