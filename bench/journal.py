"""Journal commits per second, of one record and of ten, beside the disk's own `fdatasync` in alternating rounds.

The journal is SQLite as the product opens it, with its lease checked in every commit.
"""

import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import held
from bench.measuring import Figures, main, median, percentile
from trader.engine import records as rec
from trader.journal import Journal

_PAGE = b"x" * 4096


def _per_second(secs: float, work: Callable[[], object]) -> tuple[float, list[float]]:
    took: list[float] = []
    begin = last = time.perf_counter()
    while last - begin < secs:
        work()
        now = time.perf_counter()
        took.append(now - last)
        last = now
    return len(took) / (last - begin), took


def measure(secs: float, rounds: int) -> Figures:
    """Commits per second of each kind; the folder is the system's temporary one unless TMPDIR says otherwise."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        journal = Journal.open(f"sqlite:///{folder / 'journal.db'}")
        lease = journal.take_lease(
            account="paper", holder="bench", host="process", pid=os.getpid(), code_hash="bench", ttl_secs=3600,
            now=datetime.now(UTC),
        )  # fmt: skip
        journal.append(held.records(), lease=lease)
        record = rec.Trailed(run_id=held.RUN, wall=held.BEGIN, peak_pnl=1, peak_pct=1, level_pct=None)  # type: ignore[arg-type]
        handle = os.open(folder / "plain", os.O_CREAT | os.O_WRONLY)

        def sync() -> None:
            os.write(handle, _PAGE)
            os.fdatasync(handle)

        disk, ones, tens, took = [], [], [], []
        for _ in range(rounds):
            disk.append(_per_second(secs, sync)[0])
            rate, seconds = _per_second(secs, lambda: journal.append([record], lease=lease))
            ones.append(rate)
            took += seconds
            tens.append(_per_second(secs, lambda: journal.append([record] * 10, lease=lease))[0])
        reads, _ = _per_second(secs, lambda: journal.pending_commands("paper"))
        os.close(handle)
        journal.close()
    return {
        "fdatasync_per_sec": round(median(disk)),
        "commits_of_1_per_sec": round(median(ones)),
        "commits_of_10_per_sec": round(median(tens)),
        "records_in_tens_per_sec": round(median(tens) * 10),
        "ratio": round(median([o / d for o, d in zip(ones, disk, strict=True)]), 2),
        "commit_p50_ms": round(percentile(took, 0.5) * 1000, 2),
        "commit_p99_ms": round(percentile(took, 0.99) * 1000, 2),
        "command_polls_per_sec": round(reads),
    }


if __name__ == "__main__":
    main("journal", __doc__, measure, secs=1.0, rounds=3)
