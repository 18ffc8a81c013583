"""Fuzz the parsers for as long as you like: ``python -m tests.fuzz --cases 1000000 [--seed N] [--case N]``."""

import argparse
import sys

from tests.fuzz.campaign import Defect, campaign

_CHUNK = 50_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="how many damaged payloads [1000000]")
    parser.add_argument("--seed", type=int, default=1, help="which sequence of them [1]")
    parser.add_argument("--case", type=int, help="only this one, to see it again")
    asked = parser.parse_args()
    first, last = (0, asked.cases) if asked.case is None else (asked.case, asked.case + 1)
    read = refused = 0
    secs = 0.0
    try:
        for begin in range(first, last, _CHUNK):
            report = campaign(min(_CHUNK, last - begin), seed=asked.seed, first=begin)
            read, refused, secs = read + report.read, refused + report.refused, secs + report.secs
            done = read + refused
            print(f"{done:>9,} cases, {read:,} read, {refused:,} refused, {done / secs:,.0f}/s", flush=True)
    except Defect as defect:
        print(defect, file=sys.stderr)
        return 1
    print("no uncaught error, no NaN or infinity, no negative size past a parser")
    return 0


if __name__ == "__main__":
    sys.exit(main())
