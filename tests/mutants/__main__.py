"""`python -m tests.mutants [M27 ...]`: try mutants and say what caught each. `--table` prints docs/mutants.md.

`--fresh N [--seed S]` asks of those that simulated sessions catch whether a campaign would have met them: sessions as drawn from
the seeds S, S + 1, ... until one breaks a promise of the mutant's, at most N. `--random N [--seed S]` tries N random small changes
of the engine instead of the known defects.
"""

import argparse
import logging
import sys
import time
from collections.abc import Sequence

from tests.mutants import random_ones
from tests.mutants.fresh import first_caught
from tests.mutants.mutant import Mutant, Sessions, examine
from tests.mutants.registry import MUTANTS
from tests.mutants.table import page


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 when one survives."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("names", nargs="*", metavar="M27", help="which ones; all of them when none is named")
    parser.add_argument("--table", action="store_true", help="print docs/mutants.md")
    parser.add_argument("--fresh", type=int, metavar="N", help="sessions as a campaign draws them, at most N a mutant")
    parser.add_argument(
        "--random", type=int, metavar="N", help="random changes of the engine, on sessions and its tests"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="the first of the fresh seeds; what the random ones are drawn with"
    )
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in MUTANTS]
    if unknown:
        parser.error(f"no mutant {', '.join(unknown)}; there are {', '.join(MUTANTS)}")
    if given.table:
        sys.stdout.write(page())
        return 0
    logging.disable(logging.CRITICAL)
    if given.random:
        return _random(given.random, given.seed)
    chosen = [MUTANTS[name] for name in given.names or MUTANTS]
    if given.fresh:
        chosen = [mutant for mutant in chosen if isinstance(mutant.check, Sessions)]
    began, survived = time.perf_counter(), 0
    for mutant in chosen:
        killed, why = _fresh(mutant, given.seed, given.fresh) if given.fresh else _stored(mutant)
        survived += not killed
        print(f"{mutant.name:<5} {'killed' if killed else 'SURVIVED':<8} {why[:110]}", flush=True)
    print(f"{len(chosen) - survived} killed, {survived} survived, {time.perf_counter() - began:.1f} s")
    return 1 if survived else 0


def _stored(mutant: Mutant) -> tuple[bool, str]:
    verdict = examine(mutant)
    return verdict.killed, "; ".join(f"without it: {words}" for words in verdict.unclean) or verdict.killed_by


def _random(count: int, seed: int) -> int:
    """The exit code: 1 when fewer than nine in ten are seen."""
    began, seen = time.perf_counter(), 0
    picked = random_ones.chosen(count, seed)
    for change in picked:
        by = random_ones.fate_of(change, seeds=40)
        seen += bool(by)
        place = f"{change.module.removeprefix('trader.engine.')}.{change.function}"
        print(f"{by or 'SURVIVED':<15} {place} {change.words[:110]}", flush=True)
    print(f"{seen} of {len(picked)} seen, {time.perf_counter() - began:.1f} s")
    return 0 if seen >= 0.9 * len(picked) else 1


def _fresh(mutant: Mutant, seed: int, most: int) -> tuple[bool, str]:
    caught = first_caught(mutant, seed, most)
    return caught is not None, "" if caught is None else f"session {caught.number}, seed {caught.seed}: {caught.words}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
