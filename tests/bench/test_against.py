"""A benchmark beside another commit's code: which code each side runs, and what is told of both."""

import sys

import pytest

from bench import against, measuring
from bench.measuring import ROOT, Figures


def test_the_other_tree_has_its_own_code_and_this_trees_benchmarks() -> None:
    with against.tree_of("HEAD") as tree:
        assert (tree / "trader" / "panel" / "boot.py").exists()
        assert (tree / ".streamlit" / "config.toml").exists()
        assert (tree / "bench" / "against.py").read_text() == (ROOT / "bench" / "against.py").read_text()
    assert not tree.exists()


def test_both_sides_are_measured_by_a_process_in_their_own_folder() -> None:
    figures = against.compare("engine", ["--steps", "20", "--rounds", "1"], "HEAD", 1)
    told = figures["one_leg_steps_per_sec"]
    assert told["then"] > 0
    assert told["now"] > 0
    assert told["ratio"] == round(told["now"] / told["then"], 2)


def test_figures_are_medians_of_the_pairs_and_only_those_both_sides_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    told = iter([{"ms": 10, "old": 1}, {"ms": 5, "new": 1}, {"ms": 20, "old": 1}, {"ms": 5, "new": 1}])
    monkeypatch.setattr(against, "measured_in", lambda tree, name, options: next(told))
    assert against.compare("any", [], "HEAD", 2) == {"ms": {"then": 15, "now": 5, "ratio": 0.38}}


def test_a_commit_that_is_not_there_is_said_in_a_sentence() -> None:
    with pytest.raises(SystemExit, match=r"--against: .*nosuchrevision"), against.tree_of("nosuchrevision"):
        pass


def test_the_command_line_hands_its_sizes_to_both_sides(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def compare(name: str, options: list[str], revision: str, pairs: int) -> Figures:
        asked.append((name, options, revision, pairs))
        return {"ms": {"then": 15, "now": 5, "ratio": 0.33}}

    monkeypatch.setattr(sys, "argv", ["bench.panel", "--against", "abc1234", "--secs", "3"])
    measuring.main("panel", "words", lambda **sizes: {}, compare, secs=20.0, points=2000)
    assert asked == [("panel", ["--secs", "3.0", "--points", "2000"], "abc1234", 2)]
    shown = capsys.readouterr().out
    assert "abc1234" in shown
    assert shown.splitlines()[-1].split() == ["ms", "15", "5", "0.33"]
