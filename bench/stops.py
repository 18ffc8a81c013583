"""How far a maximum loss may lie before a leg is liquidated first: each built-in preset on recorded option chains.

`TRADER_DATA=... python -m bench.stops`: of every chain recorded near the entry time, the legs the preset would sell, what they
bring, and the largest `exits.max_loss_pct` that fires before any of them is liquidated (`trader.engine.liquidation`).
"""

import argparse
import os
from math import inf
from pathlib import Path
from typing import NamedTuple

from bench import chains
from trader.config.builtin import BUILT_IN
from trader.config.preset import Preset
from trader.desk.market import Board
from trader.engine.entry_cost import EntryCost, entry_cost
from trader.engine.liquidation import Taken, liquidations
from trader.engine.schedule import exit_after, exit_before_expiry
from trader.engine.selection import choose_legs

_HOURS = range(9)  # UTC, of the exchange's clock: two of the four chains a day, around the entry at 04:00
_SHARES = (5, 10, 25, 50, 75)


def near_the_entry(source: Path, underlying: str) -> list[Board]:
    """Each chain recorded around the entry time."""
    found = chains.boards(source, "deribit-chain", underlying)
    return [board for board in found if board.market is not None and board.market.hour in _HOURS]


def sold(preset: Preset, board: Board) -> tuple[EntryCost, list[Taken]] | None:
    """What a preset would sell on a chain, and each leg at its liquidation; None where it would sell nothing."""
    if board.market is None or board.spot is None:
        return None
    found = choose_legs(preset, board.instruments, board.quotes, board.market, board.spot)
    cost = entry_cost(preset, found.legs, board.quotes, board.spot) if found.legs and found.expiry else None
    if cost is None or found.expiry is None or cost.basis <= 0:
        return None
    out = exit_before_expiry(preset.schedule, exit_after(preset.schedule, board.market), found.expiry)
    if out <= board.market:
        return None
    taken = liquidations(preset, found.legs, board.quotes, cost, board.spot, board.market, out)
    return None if isinstance(taken, str) else (cost, taken)


def largest_stop(taken: list[Taken]) -> float:
    """The largest maximum loss (% of the basis) that fires before any leg is liquidated; infinite where none is within reach."""
    return min((one.lost_pct for one in taken), default=inf)


class Line(NamedTuple):
    """A preset on all chains: how many it sold on, the premium (% of spot, median), the largest stops at the shares of chains,
    and on how many (%) the preset's own comes first."""

    name: str
    chains: int
    premium_pct: float
    stops: list[float]
    first_pct: float


def line(preset: Preset, boards: list[Board]) -> Line | None:
    made = [(board, found) for board in boards if (found := sold(preset, board)) is not None]
    if not made:
        return None
    stops = sorted(largest_stop(taken) for _, (_, taken) in made)
    units = [board.instruments[0].contract_value * preset.strategy.quantity for board, _ in made]
    shares = sorted(
        float(abs(cost.premium) / each / (board.spot or 1) * 100)
        for each, (board, (cost, _)) in zip(units, made, strict=True)
    )
    own = float(preset.exits.max_loss_pct)
    return Line(
        preset.name,
        len(made),
        shares[len(shares) // 2],
        [stops[min(len(stops) * share // 100, len(stops) - 1)] for share in _SHARES],
        sum(stop >= own for stop in stops) / len(stops) * 100,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.stops", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--underlying", nargs="*", default=["BTC", "ETH"])
    parser.add_argument("--file", default="", help="only this month, as in its name: 2026-03")
    asked = parser.parse_args()
    folder = Path(os.environ["TRADER_DATA"]) / "deribit_chain_6h"
    print(
        f"{'preset':<20}{'chains':>7}{'premium %':>11}"
        + "".join(f"{f'p{share}':>8}" for share in _SHARES)
        + f"{'stop':>8}{'first %':>9}"
    )
    for underlying in asked.underlying:
        place = folder / f"{underlying}_{asked.file}.parquet" if asked.file else folder
        boards = near_the_entry(place, underlying)
        for preset in BUILT_IN.values():
            here = preset.model_copy(update={"strategy": preset.strategy.model_copy(update={"underlying": underlying})})
            found = line(here, boards)
            if found is not None:
                stops = "".join(f"{stop:>8.0f}" for stop in found.stops)
                print(
                    f"{underlying + ' ' + found.name:<20}{found.chains:>7}{found.premium_pct:>11.2f}{stops}"
                    f"{preset.exits.max_loss_pct:>8}{found.first_pct:>9.0f}"
                )


if __name__ == "__main__":
    main()
