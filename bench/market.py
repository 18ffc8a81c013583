"""The synthetic market beside the real one: `python -m bench.market [--days 500] [--mode stress] [--real]`.

First the statistics of both, then how the built-in presets end on so many synthetic days, beside recorded chains held on recorded
spot (`bench.numbers_liquidation`). The recorded side needs the data folder (`TRADER_DATA`); without it only the synthetic is told.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import chains, numbers_liquidation
from bench.market_days import days
from bench.market_real import seen_real
from bench.market_statistics import statistics
from bench.market_synthetic import seen_synthetic
from bench.numbers_liquidation import Result
from trader.config.builtin import BUILT_IN
from trader.venue.market.temper import MarketMode

_SEEDS, _YEAR, _PER_SEED = 8, 365, 50
_NOT_ENTERED = ("nothing", "refused")
_REASONS = (
    "max_profit", "trailing_stop", "breakeven", "time", "max_loss", "liquidation_guard", "liquidation",
)  # fmt: skip
_SPOT = ("delta/BTCUSD_1m_*", "spot/binance_BTCUSDT_1m_2023*", "spot/binance_BTCUSDT_1m_2024*")
_ENTRY_HOURS = range(4)  # UTC on this exchange's clock: the chain recorded last before 09:30 IST
_SPOT_DAYS = 2  # each chain is held on so many


def statistics_lines(folder: Path | None, mode: MarketMode, *, only_real: bool) -> Iterator[str]:
    """A figure a line."""
    columns = {}
    if folder is not None:
        columns["real"] = statistics(seen_real(folder))
    if not only_real:
        columns["synthetic"] = statistics(seen_synthetic(_SEEDS, _YEAR, mode))
    yield f"{'':<45}" + "".join(f"{name:>12}" for name in columns)
    for name in next(iter(columns.values()), {}):
        yield f"{name:<45}" + "".join(f"{found[name]:>12.3f}" for found in columns.values())


def outcome_lines(title: str, found: dict[str, Sequence[Result]]) -> Iterator[str]:
    """A preset a line."""
    yield title
    yield f"{'preset':<14}{'runs':>6}{'none':>6}{'won %':>7}{'mean %':>8}{'worst %':>9}  " + "  ".join(_REASONS)
    for name, results in found.items():
        runs = [one for one in results if one.reason not in _NOT_ENTERED]
        counts, pcts = Counter(one.reason for one in runs), [one.pct for one in runs]
        head = f"{name:<14}{len(runs):>6}{len(results) - len(runs):>6}"
        money = (
            f"{sum(pct > 0 for pct in pcts) / len(pcts) * 100:>7.0f}{sum(pcts) / len(pcts):>8.1f}{min(pcts):>9.0f}"
            if pcts
            else " " * 24
        )
        yield head + money + "  " + "  ".join(f"{counts[reason]:>{len(reason)}}" for reason in _REASONS)


def synthetic_outcomes(count: int, mode: MarketMode) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {name: [] for name in BUILT_IN}
    for day in days(BUILT_IN, count, _PER_SEED, mode):
        for name, result in day.items():
            found[name].append(result)
    return found


def real_outcomes(folder: Path) -> dict[str, list[Result]]:
    boards = chains.boards(folder / "deribit_chain_6h", "deribit-chain", "BTC")
    near = [board for board in boards if board.market is not None and board.market.hour in _ENTRY_HOURS]
    spot = numbers_liquidation.spot_days(folder, _SPOT)
    return {name: numbers_liquidation.outcomes(preset, near, spot, _SPOT_DAYS) for name, preset in BUILT_IN.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.market", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--days", type=int, default=500, help="synthetic days for the presets; 0 leaves them out")
    parser.add_argument("--mode", choices=("normal", "calm", "stress"), default="normal")
    parser.add_argument("--real", action="store_true", help="only the recorded statistics")
    asked = parser.parse_args()
    folder = chains.data_folder()
    print("\n".join(statistics_lines(folder, asked.mode, only_real=asked.real)), flush=True)
    if asked.real or not asked.days:
        return
    title = f"\n{asked.days} days of the synthetic market, mode {asked.mode}"
    print("\n".join(outcome_lines(title, synthetic_outcomes(asked.days, asked.mode))), flush=True)
    if folder is not None:
        title = f"\nrecorded chains of January to May 2026, each held on {_SPOT_DAYS} days of recorded spot"
        print("\n".join(outcome_lines(title, real_outcomes(folder))), flush=True)


if __name__ == "__main__":
    main()
