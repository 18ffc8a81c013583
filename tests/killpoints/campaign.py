"""Many cases, two at a time, each with an exchange of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

from tests.killpoints.rig import MANAGING_SECS, Case, Result, venue

Points = tuple[str, ...]

# Deaths during the recovery from an earlier death.
IN_RECOVERY = ("recovery.folded:1", "recovery.booted:1", "read.account.before:1", "read.account.answered:1")


def spread(points: Sequence[str], count: int) -> list[str]:
    """`count` of the points, evenly over their order; all when there are no more."""
    if len(points) <= count:
        return list(points)
    return [points[i * len(points) // count] for i in range(count)]


def first_passes(points: Sequence[str], most: int) -> list[str]:
    """The passes up to the `most`-th of each point."""
    return [point for point in points if int(point.rpartition(":")[2]) <= most]


def run_cases(
    cases: Sequence[Points],
    folder: Path,
    *,
    jobs: int = 2,
    managing_secs: float = MANAGING_SECS,
    faces_every: int = 1,
    tell: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Run them all; results in no particular order. Every `faces_every`-th asks the command line for its figures, too."""
    waiting: SimpleQueue[tuple[int, Points]] = SimpleQueue()
    for number, points in enumerate(cases):
        waiting.put((number, points))

    def work(worker: int) -> list[Result]:
        done: list[Result] = []
        while True:
            try:
                number, points = waiting.get_nowait()
            except Empty:
                return done
            faces = number % faces_every == 0
            with venue(seed=11 + worker) as exchange:
                case = Case(exchange, folder / f"case-{number:04d}", points, managing_secs=managing_secs, faces=faces)
                done.append(case.run())
            tell(done[-1])

    with ThreadPoolExecutor(jobs, thread_name_prefix="kills") as workers:
        return [result for results in workers.map(work, range(jobs)) for result in results]
