"""Kill points: a first run counts them, later runs die at each of them once, or again while they recover.

A point is a moment at which a process can die with another outcome than a moment before: an event received, a commit
before and after, a request handed to a worker, put on the wire, answered, and the stations of a recovery.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from random import Random

import msgspec

from trader.simulation.campaign import by_phase, unless_interrupted
from trader.simulation.directed import SESSIONS
from trader.simulation.evidence import Violation
from trader.simulation.session import Session
from trader.simulation.workers import in_order

_DOUBLES_CHUNK = 50
_PER_FIRST = 5  # second deaths tried for one first death
_RECOVERY_POINTS = 24  # how many points after a death still count as its recovery


class Case(msgspec.Struct, frozen=True):
    """One session and the points, by number and name, at which it died."""

    session: str
    seed: int
    kills: tuple[int, ...]
    points: tuple[str, ...]


class KillFinding(msgspec.Struct, frozen=True):
    """A promise that a death broke."""

    case: Case
    violation: Violation


class KillPart(msgspec.Struct):
    """Some deaths added up."""

    cases: int = 0
    hashes: list[str] = []
    counts: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    visited: Counter[str] = msgspec.field(default_factory=Counter)
    findings: list[KillFinding] = []


class KillCampaign(msgspec.Struct, kw_only=True):
    """The outcome. `points` counts the visits of each named point, `faults` deaths per id and phase."""

    cases: int
    seed: int
    sessions: int
    points: dict[str, int]
    faults: dict[str, dict[str, int]]
    findings: list[KillFinding]
    cases_per_s: float
    trace_hash: str
    interrupted: bool


def count_points(session: str, seed: int, kills: Sequence[int] = ()) -> list[str]:
    """The points a session passes, in order, when it dies at these."""
    living = Session(SESSIONS[session](seed), kills=frozenset(kills))
    living.run()
    return living.faults.points


def die_at(session: str, seed: int, kills: tuple[int, ...], into: KillPart) -> list[str]:
    """One session with these deaths, added to `into`; the points it passed."""
    dying = Session(SESSIONS[session](seed), kills=frozenset(kills))
    result = dying.run()
    points = dying.faults.points
    died_at = tuple(points[n] for n in kills if n < len(points))
    case = Case(session, seed, kills, died_at)
    into.cases += 1
    into.hashes.append(result.trace_hash)
    into.counts.update(result.counts)
    into.visited.update(died_at)
    into.findings += [KillFinding(case, violation) for violation in result.violations]
    return points


def visit_all(seed: int, session: str, every: int = 1) -> KillPart:
    """Every point of one session once, or each `every`-th."""
    part = KillPart()
    for number in range(0, len(count_points(session, seed)), every):
        die_at(session, seed, (number,), part)
    return part


def visit_doubles(seed: int, count: int) -> KillPart:
    """`count` sessions that die, and die again while they recover from it; drawn from the seed."""
    rng, part, names = Random(f"{seed} doubles"), KillPart(), sorted(SESSIONS)
    while part.cases < count:
        session, of_session = rng.choice(names), rng.randrange(1, 1000)
        first = rng.randrange(len(count_points(session, of_session)))
        after = count_points(session, of_session, (first,))[first + 1 :][:_RECOVERY_POINTS]
        seconds = rng.sample(range(len(after)), min(_PER_FIRST, len(after), count - part.cases))
        for second in seconds:
            die_at(session, of_session, (first, first + 1 + second), part)
    return part


def run_kills(
    *,
    double: bool,
    count: int,
    seed: int,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, found: None,
    every: Mapping[str, int] = {},
) -> KillCampaign:
    """Single deaths at every point of every session for `count` seeds (of the sessions in `every`, at each so many points), or
    `count` double deaths. The same whatever `jobs`."""
    started = time.perf_counter()
    digest, total, parts = blake2b(digest_size=16), KillPart(), 0
    for part in unless_interrupted(_parts(double, count, seed, jobs, every)):
        parts += 1
        total.cases += part.cases
        total.counts.update(part.counts)
        total.visited.update(part.visited)
        total.findings += part.findings
        for text in part.hashes:
            digest.update(text.encode())
        progress(total.cases, len(total.findings))
    elapsed = time.perf_counter() - started
    return KillCampaign(
        cases=total.cases,
        seed=seed,
        sessions=len(SESSIONS),
        points=dict(sorted(total.visited.items())),
        faults=by_phase(total.counts),
        findings=total.findings,
        cases_per_s=total.cases / elapsed if elapsed > 0 else 0.0,
        trace_hash=digest.hexdigest(),
        interrupted=total.cases < count if double else parts < count * len(SESSIONS),
    )


def _parts(double: bool, count: int, seed: int, jobs: int, every: Mapping[str, int]) -> Iterator[KillPart]:
    if double:
        sizes = (min(_DOUBLES_CHUNK, count - done) for done in range(0, count, _DOUBLES_CHUNK))
        chunks = (partial(visit_doubles, seed * 1_000_000 + number, size) for number, size in enumerate(sizes))
        return in_order(chunks, jobs)
    singles = (
        partial(visit_all, seed + number, name, every.get(name, 1)) for number in range(count) for name in SESSIONS
    )
    return in_order(singles, jobs)
