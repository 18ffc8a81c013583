"""Many sessions: run them over processes, add up what happened, name the worst."""

import gc
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b
from typing import TypeVar

import msgspec

from trader.simulation.evidence import Violation
from trader.simulation.plan import draw
from trader.simulation.session import SessionResult, run_plan
from trader.simulation.workers import in_order

T = TypeVar("T")

_CHUNK = 50


class Part(msgspec.Struct):
    """Some sessions added up."""

    sessions: int = 0
    counts: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    several: Counter[str] = msgspec.field(default_factory=Counter)
    commands: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    limits: Counter[str] = msgspec.field(default_factory=Counter)
    violations: list[Violation] = []
    hashes: list[str] = []
    steps: int = 0
    secs: float = 0.0

    def add(self, result: SessionResult) -> None:
        """One session more."""
        self.sessions += 1
        self.counts.update(result.counts)
        self.several.update(result.several)
        self.commands.update(result.commands)
        self.limits.update(result.limits)
        self.violations += result.violations
        self.hashes.append(result.trace_hash)
        self.steps += result.steps
        self.secs += result.secs


class Campaign(msgspec.Struct, kw_only=True):
    """The outcome of a campaign. `faults` counts per id and phase, `commands` those answered per kind
    and phase, `several` both beside more than one run; `limits` what the specification itself cannot keep;
    `worst_seed` is the one with most violations, None when there is none."""

    sessions: int
    seed: int
    faults: dict[str, dict[str, int]]
    several: dict[str, int]
    commands: dict[str, dict[str, int]]
    violations: list[Violation]
    limits: dict[str, int]
    sessions_per_s: float
    virtual_hours: float
    steps: int
    trace_hash: str
    worst_seed: int | None


def run_seeds(first: int, count: int) -> Part:
    """The sessions of `count` consecutive seeds."""
    part = Part()
    with _collected_at_the_end():
        for seed in range(first, first + count):
            try:
                part.add(run_plan(draw(seed)))
            except Exception as error:  # noqa: BLE001 - one session that cannot be simulated must not end a campaign
                text = f"{type(error).__name__}: {error}"
                where = tuple(line.strip() for line in traceback.format_exc().splitlines()[-7:-1])
                part.violations.append(Violation(seed, "CRASH", 0.0, text, where))
    return part


@contextmanager
def _collected_at_the_end() -> Iterator[None]:
    """No garbage collection between: a session's objects live as long as it does, so looking through them again and again
    finds nothing and takes a quarter of the time. What a chunk leaves behind is some ten megabytes."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
        gc.collect()


def run_campaign(
    sessions: int,
    seed: int,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, violations: None,
    found: Callable[[Violation], None] = lambda violation: None,
) -> Campaign:
    """Sessions of the seeds `seed`, `seed` + 1, ...; the same whatever `jobs` is. `progress` hears of each chunk, `found`
    of each violation at once. A Ctrl-C ends it with what has been done so far: `sessions` of the answer says how many."""
    started = time.perf_counter()
    digest, total = blake2b(digest_size=16), Part()
    for part in unless_interrupted(_parts(sessions, seed, jobs)):
        total.sessions += part.sessions
        total.counts.update(part.counts)
        total.several.update(part.several)
        total.commands.update(part.commands)
        total.limits.update(part.limits)
        total.violations += part.violations
        for violation in part.violations:
            found(violation)
        total.steps += part.steps
        total.secs += part.secs
        for text in part.hashes:
            digest.update(text.encode())
        progress(total.sessions, len(total.violations))
    elapsed = time.perf_counter() - started
    worst = Counter(v.seed for v in total.violations).most_common(1)
    return Campaign(
        sessions=total.sessions,
        seed=seed,
        faults=by_phase(total.counts),
        several=dict(total.several),
        commands=by_phase(total.commands),
        violations=total.violations,
        limits=dict(sorted(total.limits.items())),
        sessions_per_s=total.sessions / elapsed if elapsed > 0 else 0.0,
        virtual_hours=total.secs / 3600,
        steps=total.steps,
        trace_hash=digest.hexdigest(),
        worst_seed=worst[0][0] if worst else None,
    )


def by_phase(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Counts of (name, phase) as the rows of a table."""
    rows: dict[str, dict[str, int]] = {}
    for (name, phase), count in sorted(counts.items()):
        rows.setdefault(name, {})[phase] = count
    return rows


def unless_interrupted(parts: Iterator[T]) -> Iterator[T]:
    """The parts up to a Ctrl-C, which is not an error: what was found until then counts."""
    try:
        yield from parts
    except KeyboardInterrupt:
        return


def _parts(sessions: int, seed: int, jobs: int) -> Iterator[Part]:
    chunks = ((first, min(_CHUNK, seed + sessions - first)) for first in range(seed, seed + sessions, _CHUNK))
    return in_order((partial(run_seeds, first, count) for first, count in chunks), jobs)
