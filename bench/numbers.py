"""The figures of docs/numbers.md on recorded data, by the desk's own functions: `TRADER_DATA=... python -m bench.numbers [TABLE]`.

`guard`: profits and stops as the spread guard made them and as they are. `liquidation`: liquidations beside maximum-loss exits of
the built-in presets, as they were and as they are. By default both.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import chains, numbers_guard, numbers_liquidation
from bench.measuring import percentile
from trader.config.builtin import BUILT_IN
from trader.config.preset import Preset
from trader.desk.market import Board

_HALF_HOUR = timedelta(minutes=30)
_ENTRY_HOURS = (
    20,
    24,
)  # UTC of the recorded clock, four hours behind this exchange's: the last chain before the entry at 09:30 IST
_STRANGLES = ("default", "conservative", "aggressive")
_SPOT = ("delta/BTCUSD_1m_*", "spot/binance_BTCUSDT_1m_2023*", "spot/binance_BTCUSDT_1m_2024*")
_LASTING = (1, 2, 5)
_REASONS = ("liquidation", "max_loss", "liquidation_guard", "trailing_stop", "breakeven", "max_profit", "time")


def strangles() -> list[Preset]:
    """The short strangles among the presets with the thresholds they had when this was first measured, each for the expiry of the
    day and of the next, whatever their spread at the entry."""
    old = numbers_liquidation.old_presets(BUILT_IN)
    return [
        old[name].model_copy(
            update={"strategy": old[name].strategy.model_copy(update={"expiry": expiry, "max_spread_pct": 200})}
        )
        for name in _STRANGLES
        for expiry in ("today", "next_day")
    ]


def guard_lines(folder: Path) -> Iterator[str]:
    week = folder / "deribit_other" / "BTC_quotes_30min_2021-06-21_27.parquet"
    boards = list(chains.boards(week, "deribit-30min", "BTC", _HALF_HOUR))
    seen = numbers_guard.figures(strangles(), boards)
    yield f"{seen.strangles} strangles on {len(boards)} half-hourly chains, 21 to 27 June 2021"
    yield f"{'':<44}{'before':>8}{'after':>8}"
    for words, before, after in (
        ("reached the profit target as counted", seen.reached, seen.reached_at_touch),
        ("of them below it at the ask, or without one", seen.below, 0),
        ("reached the maximum loss at the ask", seen.stopped, seen.stopped),
        ("of them never fired", seen.never, 0),
        ("of them fired later", seen.late, seen.waits),
        ("minutes later, median", round(seen.late_minutes), 1),
    ):
        yield f"{words:<44}{before:>8}{after:>8}"
    yield f"{seen.gone} of the {seen.waits} that wait were above the maximum loss again half an hour later"
    yield f"{seen.lasting} of {seen.wide} wide spreads of held legs ({seen.lasting / max(seen.wide, 1):.0%}) were still wide half an hour later"
    days = numbers_liquidation.spot_days(folder, _SPOT)
    for lasting in _LASTING:
        moves = [
            move
            for day in days
            for move in numbers_guard.moves([candle[3] for candle in day.values()], list(day), lasting)
        ]
        shares = ", ".join(f"p{share * 100:g} {percentile(moves, share):.2f} %" for share in (0.5, 0.99, 0.999))
        yield f"spot moves within {lasting} min: {shares}"


def liquidation_lines(folder: Path, each: int, spot: Sequence[str]) -> Iterator[str]:
    near = list(_evenings(folder / "deribit_chain_6h"))
    days = numbers_liquidation.spot_days(folder, spot)
    yield f"{len(near)} chains from {near[0].market:%d %b %Y} to {near[-1].market:%d %b %Y}, each held on {each} of {len(days)} days of spot"
    yield (
        f"{'preset':<24}{'runs':>6}{'refused':>9}"
        + "".join(f"{reason:>{len(reason) + 2}}" for reason in _REASONS)
        + "   mean %  worst %"
    )
    for words, presets, guarded in (
        ("as it was", numbers_liquidation.old_presets(BUILT_IN), False),
        ("as it is", BUILT_IN, True),
    ):
        for name, preset in presets.items():
            yield _line(f"{name}, {words}", numbers_liquidation.outcomes(preset, near, days, each, guarded=guarded))


def _evenings(folder: Path) -> Iterator[Board]:
    """Of each recorded day the chain at which a run would be entered."""
    for path in sorted(folder.glob("BTC_*.parquet")):
        day = datetime.strptime(path.stem, "BTC_%Y-%m").replace(tzinfo=UTC) - timedelta(
            days=2
        )  # a file may begin earlier
        for begin in (day + timedelta(days=number, hours=_ENTRY_HOURS[0]) for number in range(34)):
            end = begin + timedelta(hours=_ENTRY_HOURS[1] - _ENTRY_HOURS[0])
            yield from chains.boards(path, "deribit-chain", "BTC", start=begin, end=end)


def _line(name: str, found: Sequence[numbers_liquidation.Result]) -> str:
    counts = Counter(one.reason for one in found)
    pcts = [one.pct for one in found if one.reason in _REASONS]
    ends = "".join(f"{counts[reason]:>{len(reason) + 2}}" for reason in _REASONS)
    money = f"{sum(pcts) / len(pcts):>9.1f}{min(pcts):>9.0f}" if pcts else ""
    return f"{name:<24}{len(pcts):>6}{counts['refused']:>9}{ends}{money}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.numbers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table", nargs="?", choices=("guard", "liquidation"), help="by default both")
    parser.add_argument("--days", type=int, default=1, help="days of spot that each chain is held on")
    parser.add_argument("--spot", nargs="+", default=_SPOT, help="files of one-minute spot, as patterns")
    asked = parser.parse_args()
    folder = chains.data_folder()
    if folder is None:
        print("The recorded data is not here: set TRADER_DATA to its folder.", file=sys.stderr)
        return 2
    for name, lines in (
        ("guard", guard_lines(folder)),
        ("liquidation", liquidation_lines(folder, asked.days, asked.spot)),
    ):
        if asked.table in (None, name):
            for line in lines:
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
