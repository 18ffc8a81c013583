"""`python -m tests.mutants [M27 ...]`: try mutants and say what caught each. `--table` prints docs/mutants.md."""

import logging
import sys
import time
from collections.abc import Sequence

from tests.mutants.mutant import examine
from tests.mutants.registry import MUTANTS
from tests.mutants.table import page


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 when one survives, 2 when there is none of a name."""
    if "--table" in arguments:
        sys.stdout.write(page())
        return 0
    unknown = [name for name in arguments if name not in MUTANTS]
    if unknown:
        print(f"no mutant {', '.join(unknown)}; there are {', '.join(MUTANTS)}", file=sys.stderr)
        return 2
    logging.disable(logging.CRITICAL)
    began, survived = time.perf_counter(), []
    names = list(arguments) or list(MUTANTS)
    for name in names:
        verdict = examine(MUTANTS[name])
        fate = "killed" if verdict.killed else "SURVIVED"
        why = "; ".join(f"without it: {words}" for words in verdict.unclean) or verdict.killed_by
        print(f"{name:<5} {fate:<8} {why[:110]}", flush=True)
        if not verdict.killed:
            survived.append(name)
    print(f"{len(names) - len(survived)} killed, {len(survived)} survived, {time.perf_counter() - began:.1f} s")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
