"""Volatility and returns of the synthetic market, cell by cell: pure functions of seed and the cell's number.

A cell's shocks are hashed: what all underlyings have in common (part of the return, news of volatility, a jump) and what is
their own. Volatility of a cell is a sum of exponentially fading memories of the shocks before it, never of those to come,
and its return is its shock times its volatility. So the market clusters, falls raise volatility, and any cell can be
computed without simulating from the beginning: memories reach back a hundred days, and are added up by blocks of cells.
"""

from math import exp, sqrt

import msgspec

from trader.pricing.black76 import SECS_PER_YEAR
from trader.venue.market.noise import gaussian, stream_key, uniform
from trader.venue.market.temper import (
    BLOCK_CELLS,
    CELL_SECS,
    FALL,
    GAINS,
    JUMP_MEAN,
    JUMP_SPREAD,
    KEPT,
    MOVE,
    NEWS,
    VOL_RATIOS,
    Temper,
)

_COMMON = 0.9  # share of a shock that all underlyings have in common: their returns correlate by its square
_OWN = sqrt(1 - _COMMON**2)
_BLOCKS_REMEMBERED = 66  # a hundred days, four times the longest memory
_KEPT_BLOCK = tuple(kept**BLOCK_CELLS for kept in KEPT)
Memories = tuple[float, float, float]


class Shock(msgspec.Struct, frozen=True):
    """What is common to all underlyings in a cell. `jump` is in deviations of the cell, 0 = none, at second `jump_at`."""

    move: float
    news: float
    jump: float
    jump_at: int


class Shocks:
    """The common shocks of a seed."""

    def __init__(self, seed: int, temper: Temper) -> None:
        self._moves = stream_key(seed, "common moves")
        self._news = stream_key(seed, "volatility news")
        self._jumps = stream_key(seed, "common jumps")
        self._chance = temper.jump_chance
        self._known: dict[int, list[Shock]] = {}

    def block(self, block: int) -> list[Shock]:
        """Those of a block's cells."""
        known = self._known.get(block)
        if known is None:
            first = block * BLOCK_CELLS
            known = self._known[block] = [self._shock(cell) for cell in range(first, first + BLOCK_CELLS)]
        return known

    def _shock(self, cell: int) -> Shock:
        jump, at = 0.0, CELL_SECS
        if uniform(self._jumps, cell, 0) < self._chance:
            jump = JUMP_MEAN + JUMP_SPREAD * gaussian(self._jumps, cell, 2)
            at = 1 + int(uniform(self._jumps, cell, 1) * (CELL_SECS - 1))
        return Shock(gaussian(self._moves, cell), gaussian(self._news, cell), jump, at)


class Cell(msgspec.Struct, frozen=True):
    """A cell of one underlying. `start` is its log price relative to the market's start; `deviation` that of its diffusion,
    `gain` the diffusion's log return, `drift` the sure part of it; `jump` a log size, `jump_at` its second."""

    start: float
    deviation: float
    gain: float
    drift: float
    jump: float
    jump_at: int
    news: float
    memories: Memories

    @property
    def end(self) -> float:
        """Log price where the next cell begins."""
        return self.start + self.gain + self.jump


class Cells:
    """The cells of one underlying, before the market's start included (negative numbers)."""

    def __init__(self, *, seed: int, underlying: str, temper: Temper, shocks: Shocks) -> None:
        self.temper = temper
        self.typical_vol = temper.typical_vol * VOL_RATIOS.get(underlying, 1.0)
        self._own = stream_key(seed, f"{underlying}/moves")
        self._shocks = shocks
        self._moves: dict[int, list[float]] = {}
        self._sums: dict[int, Memories] = {}
        self._blocks: dict[int, list[Cell]] = {}

    def cell(self, number: int) -> Cell:
        """The cell that begins `number * CELL_SECS` seconds after the market's start."""
        block, place = divmod(number, BLOCK_CELLS)
        found = self._blocks.get(block)
        return (self.block(block) if found is None else found)[place]

    def block(self, block: int) -> list[Cell]:
        """The cells of a block. A block's first price follows from its neighbour nearer to the market's start."""
        nearest = min(self._blocks, key=lambda known: abs(known - block), default=None)
        if nearest is None:
            self._blocks[0], nearest = self._chain(0, 0.0), 0
        step = 1 if block > nearest else -1
        while block not in self._blocks:
            nearest += step
            if step > 0:
                self._blocks[nearest] = self._chain(nearest, self._blocks[nearest - 1][-1].end)
                continue
            shape = self._chain(nearest, 0.0)
            offset = self._blocks[nearest + 1][0].start - shape[-1].end
            self._blocks[nearest] = [msgspec.structs.replace(each, start=each.start + offset) for each in shape]
        return self._blocks[block]

    def _chain(self, block: int, start: float) -> list[Cell]:
        """A block's cells, the first beginning at log price `start`."""
        temper, cells = self.temper, []
        memories = self._memories_before(block)
        width = self.typical_vol * sqrt(CELL_SECS / SECS_PER_YEAR)
        for move, shock in zip(self._moves_of(block), self._shocks.block(block), strict=True):
            deviation = width * exp(sum(size * memory for size, memory in zip(temper.wander, memories, strict=True)))
            # So that the expected price stays where it is, jumps included.
            drift = -0.5 * deviation**2 * temper.jumpiness**2 - deviation * JUMP_MEAN * temper.jump_chance
            cell = Cell(
                start, deviation, deviation * move + drift, drift, deviation * shock.jump, shock.jump_at, shock.news,
                memories,
            )  # fmt: skip
            cells.append(cell)
            start = cell.end
            memories = self.later(memories, 1.0, move + shock.jump, shock.news)
        return cells

    def later(self, memories: Memories, share: float, moved: float, news: float) -> Memories:
        """Memories when `share` of a cell has passed in which the price has moved by `moved` deviations, jump included."""
        shock = FALL * moved + MOVE * abs(moved) + NEWS * share * news - sqrt(share) * self.temper.mean_response
        one, two, three = (
            memory * kept**share + gain * shock for memory, kept, gain in zip(memories, KEPT, GAINS, strict=True)
        )
        return one, two, three

    def _memories_before(self, block: int) -> Memories:
        """What the blocks before have left."""
        found = [0.0, 0.0, 0.0]
        for earlier in range(block - _BLOCKS_REMEMBERED, block):
            left = self._left_by(earlier)
            found = [old * kept + new for old, kept, new in zip(found, _KEPT_BLOCK, left, strict=True)]
        return found[0], found[1], found[2]

    def _left_by(self, block: int) -> Memories:
        """What a block alone leaves in the memories at its end."""
        known = self._sums.get(block)
        if known is None:
            known = (0.0, 0.0, 0.0)
            for move, shock in zip(self._moves_of(block), self._shocks.block(block), strict=True):
                known = self.later(known, 1.0, move + shock.jump, shock.news)
            self._sums[block] = known
        return known

    def _moves_of(self, block: int) -> list[float]:
        """The diffusion's returns in deviations."""
        known = self._moves.get(block)
        if known is None:
            first, common = block * BLOCK_CELLS, self._shocks.block(block)
            known = self._moves[block] = [
                _COMMON * shock.move + _OWN * gaussian(self._own, first + place) for place, shock in enumerate(common)
            ]
        return known
