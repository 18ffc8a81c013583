"""The same benchmark on the code of another commit, in turn with this tree's, in one run on one machine.

The commit's files are laid into a temporary folder with this tree's `bench/` in place of its own, and measured there by a
process of its own: each side runs its own runner, exchange and panel, and both are asked the same things. It works as far back
as the names that `bench` imports from `trader` go.
"""

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree, ignore_patterns, rmtree

from bench.measuring import ROOT, Figures, median


@contextmanager
def tree_of(revision: str) -> Iterator[Path]:
    """A folder with the files of a commit and this tree's benchmarks."""
    packed = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        raise SystemExit(f"--against: {packed.stderr.decode(errors='replace').strip()}")
    with tempfile.TemporaryDirectory(prefix="bench-tree-") as folder:
        tree = Path(folder)
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
            files.extractall(tree, filter="data")
        rmtree(tree / "bench", ignore_errors=True)
        copytree(ROOT / "bench", tree / "bench", ignore=ignore_patterns("__pycache__"))
        yield tree


def measured_in(tree: Path, name: str, options: Sequence[str]) -> Figures:
    """One benchmark's figures of the code in a folder."""
    command = [sys.executable, "-m", f"bench.{name}", "--json", *options]
    told = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, check=True, text=True).stdout
    figures: Figures = json.loads(told.splitlines()[-1])
    return {key: value for key, value in figures.items() if key not in ("bench", "machine")}


def compare(name: str, options: Sequence[str], revision: str, rounds: int) -> Figures:
    """Medians of both sides' figures, and of the ratio this tree / the commit, pair by pair."""
    pairs: list[tuple[Figures, Figures]] = []
    with tree_of(revision) as tree:
        for _ in range(rounds):
            then = measured_in(tree, name, options)
            pairs.append((then, measured_in(ROOT, name, options)))
    return {key: _compared([(then[key], now[key]) for then, now in pairs]) for key in pairs[0][1] if key in pairs[0][0]}


def _compared(pairs: Sequence[tuple[float, float]]) -> Figures:
    ratios = [now / then for then, now in pairs if then]
    return {
        "then": round(median([then for then, _ in pairs]), 4),
        "now": round(median([now for _, now in pairs]), 4),
        "ratio": round(median(ratios), 2) if ratios else None,
    }
