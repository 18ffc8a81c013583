"""`python -m tests.killpoints`: the runner killed at its kill points; `--all` visits every one."""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.killpoints.campaign import IN_RECOVERY, first_passes, run_cases, spread
from tests.killpoints.rig import Result, list_points, venue


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.killpoints", description=__doc__)
    parser.add_argument("--all", action="store_true", help="every point, and deaths during recovery")
    parser.add_argument("--kills", type=int, default=15, help="without --all: how many points, evenly spread")
    parser.add_argument("--passes", type=int, default=2, help="how many passes of each point are visited")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="killpoints-") as name:
        folder = Path(name)
        with venue(seed=11) as exchange:
            points = first_passes(list_points(exchange, folder), options.passes)
        chosen = points if options.all else spread(points, options.kills)
        cases = [(point,) for point in chosen]
        if options.all:
            cases += [(first, second) for first in spread(points, 6) for second in IN_RECOVERY]
        results = run_cases(cases, folder, jobs=options.jobs, tell=_tell)
    violations = [result for result in results if result.violations]
    managing = sorted(secs for result in results for secs in result.managing_secs)
    print(f"{len(set(points))} points, {len(cases)} cases, {sum(r.kills for r in results)} kills, ", end="")
    print(f"{len(violations)} cases with violations, {time.monotonic() - began:.0f} s")
    if managing:
        print(f"managing again after: median {managing[len(managing) // 2]:.1f} s, longest {managing[-1]:.1f} s")
    return 1 if violations else 0


def _tell(result: Result) -> None:
    verdict = "; ".join(result.violations) or "ok"
    managing = ", ".join(f"{secs:.1f}" for secs in result.managing_secs)
    where = " then ".join(result.points)
    print(
        f"{where}: {result.kills} kills, managing again after [{managing}] s, {result.secs:.1f} s: {verdict}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
