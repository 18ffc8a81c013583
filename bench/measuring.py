"""What every benchmark shares: the machine's facts, statistics, figures of a process, and how results are printed."""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Figures = dict[str, Any]

ROOT = Path(__file__).parents[1]

_TICKS = os.sysconf("SC_CLK_TCK")


def machine() -> Figures:
    """Cores, interpreter and how busy the machine is right now: without these a figure says nothing."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1))]


def cpu_secs(pid: int) -> float:
    """CPU time a process has used so far, all threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mb(pid: int) -> float:
    """Resident memory of a process, MB (10^6 bytes)."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


def main(
    name: str,
    doc: str | None,
    measure: Callable[..., Figures],
    compare: Callable[..., Figures] | None = None,
    **sizes: float,
) -> None:
    """A benchmark's command line: `--json`, one option per size of `measure`, and `--against` where it can `compare`."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=(doc or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON line instead of words")
    for size, default in sizes.items():
        parser.add_argument(f"--{size}", type=type(default), default=default, help=f"[{default}]")
    if compare is not None:
        parser.add_argument("--against", metavar="REV", help="measure the code of that commit too, in turn with this")
        parser.add_argument("--pairs", type=int, default=2, help="with --against: how often in turn [2]")
    options = vars(parser.parse_args())
    as_json = options.pop("json")
    against, pairs = options.pop("against", None), options.pop("pairs", 0)
    before = machine()
    if compare is not None and against is not None:
        sized = [word for size, value in options.items() for word in (f"--{size}", str(value))]
        figures = compare(name, sized, against, pairs)
    else:
        figures = measure(**options)
    if as_json:
        print(json.dumps({"bench": name, "machine": before, **figures}))
        return
    print(f"{name} on {before['cores']} cores, Python {before['python']}, load {before['load_1min']}")
    if against is not None:
        print(f"  {'':<44}{against[:12]:>14}{'this tree':>14}{'ratio':>10}")
    for key, value in figures.items():
        told = tuple(value.values()) if isinstance(value, dict) else (value,)
        print(f"  {key:<44}" + "".join(_shown(one, 10 if place == 2 else 14) for place, one in enumerate(told)))


def _shown(value: Any, width: int) -> str:
    return f"{value:>{width},}" if isinstance(value, int | float) else f"{value!s:>{width}}"
