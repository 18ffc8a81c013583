"""Faults: which of them happen in this session, what has happened, and in which phase of the run.

Every fault id has a random generator of its own, so one fault's draws do not move another's. In replay only the listed
occurrences (id, n-th opportunity) happen: that is what a scenario file keeps and shrinking removes from.
"""

from collections import Counter
from collections.abc import Callable
from random import Random

from trader.simulation.catalogue import RATES

_NUMBER = {name: number for number, name in enumerate(RATES, start=1)}


class Faults:
    """Asked at every opportunity; remembers what it answered yes to."""

    def __init__(self, seed: int, rates: dict[str, float], only: frozenset[tuple[str, int]] | None = None) -> None:
        self._seed = seed
        self._rates = rates
        self._only = only
        self._draws: dict[str, Random] = {}
        self._asked: dict[str, int] = {}
        self.active = True
        self.happened: list[tuple[str, int]] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.last_of: dict[str, float] = {}
        self.phase: Callable[[], str] = lambda: ""
        self.clock: Callable[[], float] = lambda: 0.0

    def hit(self, name: str, factor: float = 1.0) -> bool:
        """Whether this fault happens at this opportunity; `factor` scales its rate here."""
        if not self.active:
            return False
        rate = self._rates.get(name)
        if rate is None:
            return False
        nth = self._asked[name] = self._asked.get(name, 0) + 1
        if self._only is not None:
            struck = (name, nth) in self._only
        else:
            draw = self._draws.get(name)
            if draw is None:
                draw = self._draws[name] = Random(self._seed * 64 + _NUMBER[name])
            struck = draw.random() < rate * factor
        if struck:
            self.happened.append((name, nth))
            self.note(name)
        return struck

    def details(self, name: str) -> Random:
        """A generator for the particulars of the occurrence just struck; the same in a replay."""
        return Random((self._seed * 64 + _NUMBER[name]) * 4096 + self._asked.get(name, 0))

    def note(self, name: str) -> None:
        """Count something that happened without being drawn here (a person's deed, the exchange's own doing)."""
        self.counts[name, self.phase()] += 1
        self.last_of[name] = self.clock()
