"""What a market is like, in numbers: one arithmetic for the recorded one and the synthetic one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FALL = 0.02
HOURS_PER_YEAR = 8760.0


class Snapshots(NamedTuple):
    """An option chain every few hours: hours since the one before (NaN: too long ago), index, and volatility at the money and at
    a delta of 0.10 of the expiry about a day ahead."""

    hours: Floats
    index: Floats
    at_the_money: Floats
    put_10: Floats
    call_10: Floats


class Seen(NamedTuple):
    """What statistics are made of. `strangles`: P&L of strangles held for seven hours, as a share of the premium; `spreads`: (delta,
    spread as a share of the mark) of out-of-the-money options."""

    minute_kurtosis: list[float]  # of stretches of a month
    hourly: Floats
    daily: Floats
    chains: Snapshots
    strangles: Floats
    spreads: Floats


def kurtosis(values: Floats) -> float:
    """In excess of a normal distribution's."""
    away = values - values.mean()
    return float((away**4).mean() / (away**2).mean() ** 2 - 3)


def echo(values: Floats, lag: int = 1) -> float:
    """Correlation of the size of a move with that of the one `lag` before."""
    sizes = np.abs(values) - np.abs(values).mean()
    return float((sizes[lag:] * sizes[:-lag]).mean() / (sizes**2).mean())


def statistics(seen: Seen) -> dict[str, float]:
    """Every figure by its name."""
    chains = seen.chains
    moves, changes = np.diff(np.log(chains.index)), np.diff(np.log(chains.at_the_money))
    known = np.isfinite(chains.hours[1:])
    fell, rose = known & (moves <= -FALL), known & (moves >= FALL)
    before_fall = np.flatnonzero(fell[1:] & known[:-1])
    implied = np.sqrt((chains.at_the_money**2).mean())
    realised = np.sqrt((moves[known] ** 2).sum() / chains.hours[1:][known].sum() * HOURS_PER_YEAR)
    low, high = np.percentile(chains.at_the_money, [2, 98])
    figures = {
        "kurtosis of a day": kurtosis(seen.daily),
        "kurtosis of an hour": kurtosis(seen.hourly),
        "kurtosis of a minute": float(np.median(seen.minute_kurtosis)),
        "echo of a day's size": echo(seen.daily),
        "echo of an hour's size": echo(seen.hourly),
        "IV after a fall of 2 %": float(np.exp(np.median(changes[fell])) - 1),
        "IV after a rise of 2 %": float(np.exp(np.median(changes[rose])) - 1),
        "IV before a fall of 2 %": float(np.exp(np.median(changes[before_fall])) - 1),
        "IV of a put at delta 0.10 over the money's": float((chains.put_10 / chains.at_the_money).mean()),
        "IV of a call at delta 0.10 over the money's": float((chains.call_10 / chains.at_the_money).mean()),
        "IV, 2 of 100 are lower": float(low),
        "IV, 2 of 100 are higher": float(high),
        "IV less realised volatility": float(implied - realised),
        "strangle of 7 hours, dispersion of P&L": float(seen.strangles.std()),
        "strangle of 7 hours, mean P&L": float(seen.strangles.mean()),
    }
    deltas, spreads = seen.spreads[:, 0], seen.spreads[:, 1]
    for name, least, most in (("0.04-0.12", 0.04, 0.12), ("0.12-0.28", 0.12, 0.28), ("0.28-0.50", 0.28, 0.5)):
        figures[f"spread at delta {name}, share of mark"] = float(
            np.median(spreads[(deltas >= least) & (deltas < most)])
        )
    return figures
