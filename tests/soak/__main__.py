"""`python -m tests.soak --secs 3600`: the runner and the venue under a flood; JSON on stdout, exit code 1 when anything is lost."""

import argparse
import json
import signal
import sys

from tests.soak.soak import Limits, soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--secs", type=float, default=3600.0, help="how long the flood lasts [3600]")
    parser.add_argument("--rate", type=float, default=1000.0, help="market messages per second to the runner [1000]")
    parser.add_argument("--p99-ms", type=float, default=10.0, help="frame to decision, 99 of 100; 0 is not judged [10]")
    parser.add_argument("--quiet", action="store_true", help="only the result, no progress on stderr")
    options = parser.parse_args()

    def tell(line: str) -> None:
        if not options.quiet:
            print(line, file=sys.stderr, flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the processes of the soak end with it
    judged = options.p99_ms > 0  # on a machine that others use too, latency says nothing about us
    limits = Limits(p99_ms=options.p99_ms if judged else None, stop_p99_ms=500.0 if judged else None)
    figures = soak(options.secs, options.rate, limits, tell)
    print(json.dumps(figures, indent=2))
    print(f"verdict: {'; '.join(figures['violations']) or 'nothing lost, nothing grew'}", file=sys.stderr)
    return 1 if figures["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
