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

    def __init__(
        self,
        seed: int,
        rates: dict[str, float],
        only: frozenset[tuple[str, int]] | None = None,
        kills: frozenset[int] | None = None,
    ) -> None:
        """`only`: these occurrences and no other. `kills`: the points of the program, by number, at which it is killed;
        the names of all points passed are kept then, and nothing is drawn for K1."""
        self._seed = seed
        self._kills = kills
        self.points: list[str] = []
        self._rates = rates
        self._only = only
        self._draws: dict[str, Random] = {}
        self._asked: dict[str, int] = {}
        self.active = True
        self.happened: list[tuple[str, int]] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.several: Counter[str] = Counter()  # struck while more than one run was unfinished
        self.last_of: dict[str, float] = {}
        self.phase: Callable[[], str] = lambda: ""
        self.are_several: Callable[[], bool] = lambda: False
        self.clock: Callable[[], float] = lambda: 0.0

    def hit(self, name: str, factor: float = 1.0) -> bool:
        """Whether this fault happens at this opportunity; `factor` scales its rate here."""
        if name not in self._rates or not self.active:
            return False
        rate = self._rates[name]
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

    def point(self, name: str) -> bool:
        """Whether the process is killed at this point of its program."""
        if self._kills is None:
            return self.hit("K1")
        self.points.append(name)
        return len(self.points) - 1 in self._kills and self._killed(name)

    def _killed(self, name: str) -> bool:
        self.note("K3" if name.startswith("recovery.") else "K1")
        return True

    @property
    def counts_points(self) -> bool:
        """Whether kill points are counted and visited, instead of drawn."""
        return self._kills is not None

    def details(self, name: str) -> Random:
        """A generator for the particulars of the occurrence just struck; the same in a replay."""
        return Random((self._seed * 64 + _NUMBER[name]) * 4096 + self._asked.get(name, 0))

    def note(self, name: str) -> None:
        """Count something that happened without being drawn here (a person's deed, the exchange's own doing). A variant of
        a fault with a rate of its own ("Q2.spot") counts as the fault."""
        name = name.partition(".")[0]
        self.counts[name, self.phase()] += 1
        if self.are_several():
            self.several[name] += 1
        self.last_of[name] = self.clock()
