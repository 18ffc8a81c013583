"""Whose contracts they are. A position at the exchange is the account's; every unfinished run has a share of it.

A share is what the run's own fills have made, as far as the exchange still shows it. Where it shows less, somebody has closed
part of it: the oldest run keeps its own first, so that no two runs ever close the same contracts. Where it shows more, each run
sees the rest beside its own: it may be an order of any of them that was lost, or somebody else's, and none of them closes it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from trader.engine.records import Phase
from trader.engine.state import Run, State


def signed(run: Run, key: str) -> int:
    """The position a run's own fills make on a leg, negative = short."""
    return run.open_quantity(key) * run.leg(key).side.sign


def signed_in(run: Run, symbol: str) -> int:
    """The same by contract; 0 where the run has no leg in it."""
    return sum(signed(run, leg.key) for leg in run.legs if leg.symbol == symbol)


def done_in(run: Run, symbol: str) -> int:
    """The same with what orders have filled by their own word, of which no fill is held yet: a position that was read knows it."""
    orders = (o for coid in run.unsettled if (o := run.orders[coid]).intent.symbol == symbol)
    return signed_in(run, symbol) + sum(o.untold_qty * o.intent.side.sign for o in orders)


def explained(state: State, symbol: str) -> int:
    """The position that the fills of all unfinished runs make in a contract."""
    return sum(signed_in(run, symbol) for run in state.unresolved)


def share_of(state: State, run: Run, symbol: str, seen: int) -> int:
    """What of a position shown at the exchange is a run's, with whatever nobody's fills explain."""
    runs = [other for other in state.runs.values() if other.phase is not Phase.DONE or other.run_id == run.run_id]
    return _divided(runs, symbol, seen)[run.run_id]


def _divided(runs: Sequence[Run], symbol: str, seen: int) -> dict[str, int]:
    return dict(zip([run.run_id for run in runs], shares(seen, [done_in(run, symbol) for run in runs]), strict=True))


class Shares:
    """The same of all unfinished runs in one read: divided once for all of them, and again when a run has changed meanwhile."""

    __slots__ = ("_found", "_runs")

    def __init__(self) -> None:
        self._runs: dict[str, Run] | None = None
        self._found: dict[tuple[str, int], dict[str, int]] = {}

    def of(self, state: State, run: Run, symbol: str, seen: int) -> int:
        """A run's share of so many contracts."""
        if state.runs is not self._runs:
            self._runs, self._found = state.runs, {}
        if (symbol, seen) not in self._found:
            self._found[symbol, seen] = _divided(state.unresolved, symbol, seen)
        return self._found[symbol, seen][run.run_id]

    def observed(self, state: State) -> None:
        """The last change of a run was an observation, which changes no share."""
        self._runs = state.runs


def shares(seen: int, held: Sequence[int]) -> list[int]:
    """The share of each run in a position of `seen` contracts, by what their fills make, the oldest run first."""
    sign = -1 if seen < 0 else 1
    left, found = abs(seen), []
    for size in held:
        kept = min(max(size * sign, 0), left)
        left -= kept
        found.append(kept)
    return [sign * (kept + left) for kept in found]


def newest_fill_at(state: State, symbol: str) -> datetime | None:
    """When (wall) the newest fill in a contract was heard, whichever run's it is."""
    heard = [
        at
        for run in state.runs.values()
        for leg in run.legs
        if leg.symbol == symbol and (at := run.last_fill_at(leg.key)) is not None
    ]
    return max(heard, default=None)


def split(quantity: int, open_: Sequence[int]) -> list[int]:
    """How many of the contracts that the exchange closed by itself are each run's, the first served first; what is left over
    is somebody else's."""
    parts = []
    for size in open_:
        part = min(max(size, 0), quantity)
        quantity -= part
        parts.append(part)
    return parts


def others_in(state: State, run: Run, symbol: str) -> Iterable[Run]:
    """Other unfinished runs that have a leg in a contract."""
    for other in state.unresolved:
        if other.run_id == run.run_id:
            continue
        for leg in other.legs:
            if leg.symbol == symbol:
                yield other
                break
