"""What a running process takes: memory, threads, descriptors; sampled, and judged after a warm-up."""

import statistics
from dataclasses import dataclass, field
from pathlib import Path

from bench.measuring import cpu_secs, rss_mb


@dataclass
class Sample:
    at: float
    rss_mb: float
    threads: int
    descriptors: int


@dataclass
class Watched:
    """One process over time. `at` counts seconds since the flood began."""

    name: str
    pid: int
    samples: list[Sample] = field(default_factory=list)
    cpu_before: float = 0.0

    def __post_init__(self) -> None:
        self.cpu_before = cpu_secs(self.pid)

    def sample(self, at: float) -> None:
        threads = len(list(Path(f"/proc/{self.pid}/task").iterdir()))
        descriptors = len(list(Path(f"/proc/{self.pid}/fd").iterdir()))
        self.samples.append(Sample(at, rss_mb(self.pid), threads, descriptors))

    def cpu_pct(self, secs: float) -> float:
        """Mean share of one core since it was watched."""
        return round((cpu_secs(self.pid) - self.cpu_before) / secs * 100, 1)

    def figures(self, warm_secs: float) -> dict[str, float]:
        """After the warm-up: growth between the first and the last tenth (medians), and the most of everything."""
        warm = [sample for sample in self.samples if sample.at >= warm_secs]
        part = max(1, len(warm) // 10)
        half = max(1, len(warm) // 2)
        begin = statistics.median(s.rss_mb for s in warm[:part])
        end = statistics.median(s.rss_mb for s in warm[-part:])
        return {
            "rss_first_mb": round(self.samples[0].rss_mb, 1),
            "rss_warm_mb": round(begin, 1),
            "rss_last_mb": round(end, 1),
            "rss_most_mb": round(max(s.rss_mb for s in self.samples), 1),
            "rss_growth_mb": round(end - begin, 2),
            "threads": max(s.threads for s in warm),
            "threads_growth": max(s.threads for s in warm[half:] or warm) - max(s.threads for s in warm[:half]),
            "descriptors": max(s.descriptors for s in warm),
            "descriptors_growth": max(s.descriptors for s in warm[half:] or warm)
            - max(s.descriptors for s in warm[:half]),
        }


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; a file that vanishes meanwhile counts as nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total
