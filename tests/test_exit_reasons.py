"""One vocabulary of exit reasons: what the engine may write is in it, and every face shows it."""

import ast
import typing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.analytics.results import result
from trader.cli.words import one_run
from trader.domain.exit_reason import EXIT_REASONS, ExitReason, exit_label, exit_words
from trader.engine.record_kinds import sentence
from trader.engine.records import ExitDecided, Phase
from trader.engine.view import RunView
from trader.panel import past, words

ROOT = Path(__file__).parent.parent
WRITERS = (ROOT / "trader" / "engine", ROOT / "trader" / "runner")
AT = datetime(2026, 6, 1, tzinfo=UTC)


def written() -> set[str]:
    """Every text in the code that decides exits: the names written are among them."""
    found: set[str] = set()
    for folder in WRITERS:
        for path in folder.rglob("*.py"):
            found |= {
                n.value
                for n in ast.walk(ast.parse(path.read_text()))
                if isinstance(n, ast.Constant) and isinstance(n.value, str)
            }
    return found


def decided() -> set[str]:
    """Names given to `decide_exit` or as the reason of a recorded exit, as far as they stand there as text."""
    found: set[str] = set()
    for folder in WRITERS:
        for path in folder.rglob("*.py"):
            for call in (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)):
                name = getattr(call.func, "attr", getattr(call.func, "id", ""))
                given = [*call.args[1:2]] if name == "decide_exit" else []
                of_record = any(ast.unparse(a).endswith("ExitDecided") for a in (*call.args, call.func))
                given += [k.value for k in call.keywords if k.arg == "reason" and of_record]
                found |= {n.value for n in given if isinstance(n, ast.Constant)}
    return found


def test_the_table_has_every_name_once_with_words_of_its_own() -> None:
    assert set(EXIT_REASONS) == set(typing.get_args(ExitReason))
    assert len({one.label for one in EXIT_REASONS.values()}) == len(EXIT_REASONS)
    assert all(len(one.label) <= 20 for one in EXIT_REASONS.values())


def test_every_reason_that_is_written_is_in_the_table_and_none_is_left_over() -> None:
    assert {"time", "unwind", "flatten", "kill"} <= decided() <= set(EXIT_REASONS)
    assert set(EXIT_REASONS) <= written()


@pytest.mark.parametrize("reason", typing.get_args(ExitReason))
def test_every_face_shows_every_reason_in_the_same_words(reason: ExitReason) -> None:
    label, told = EXIT_REASONS[reason]
    record = ExitDecided(run_id="r", wall=AT, reason=reason, detail="")
    assert sentence(record) == f"exit: {label}"  # timeline, news and log
    assert words.ended_by(reason) == label  # History
    assert words.exit_reason(reason) == told  # headline, result and toasts
    view = RunView(
        run_id="r", env="paper", phase=Phase.DONE, words="", preset="p", config_hash="h", underlying="BTC",
        created_at=AT, stop_requested=False, flat="true", exit_reason=reason,
    )  # fmt: skip
    assert f"exit reason {label}," in one_run(view)[1]
    summary = result(1, Decimal(3), AT, exit_reason=reason)
    assert past.summary_table([summary]).to_csv().count(label)  # the table of runs, and its CSV


def test_a_name_of_a_later_version_is_shown_as_it_is() -> None:
    assert exit_label("margin_call") == exit_words("margin_call") == "margin call"
