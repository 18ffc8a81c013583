"""A campaign: so many damaged payloads through every parser, and the first thing that must not happen."""

import logging
import random
import time
from collections import Counter

import msgspec

from tests.fuzz.mutation import mutate
from tests.fuzz.targets import REFUSALS, TARGETS, impossible


class Defect(AssertionError):
    """A payload that broke a parser, or got something impossible past it."""


class Report(msgspec.Struct):
    """How a campaign went: cases read, refused in words, and by target."""

    cases: int = 0
    read: int = 0
    refused: int = 0
    secs: float = 0.0
    by_target: Counter[str] = msgspec.field(default_factory=Counter)


def run_case(number: int, seed: int) -> tuple[str, bool]:
    """One case; gives its target and whether the payload was still readable.

    Raises:
        Defect: With the number, the target and the payload.
    """
    rng = random.Random(seed * 1_000_003 + number)
    name = rng.choice(_NAMES)
    payload, run = TARGETS[name]
    raw = mutate(rng, payload)
    try:
        values = run(raw)
    except REFUSALS:
        return name, False
    except Exception as error:
        raise Defect(f"case {number} of seed {seed}: {name} raised {type(error).__name__}: {error}\n{raw!r}") from error
    wrong = impossible(values)
    if wrong is not None:
        raise Defect(f"case {number} of seed {seed}: {name} let through: {wrong}\n{raw!r}")
    return name, True


def campaign(cases: int, *, seed: int = 1, first: int = 0) -> Report:
    """Run cases `first` to `first + cases`.

    Raises:
        Defect: The first that is found.
    """
    report = Report()
    logging.disable(logging.CRITICAL)  # parsers rightly log what they have never seen; here that is all there is
    started = time.monotonic()
    try:
        for number in range(first, first + cases):
            name, readable = run_case(number, seed)
            report.cases += 1
            report.read += readable
            report.refused += not readable
            report.by_target[name] += 1
    finally:
        logging.disable(logging.NOTSET)
    report.secs = time.monotonic() - started
    return report


_NAMES = sorted(TARGETS)
