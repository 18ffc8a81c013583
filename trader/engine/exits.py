"""The exit rules on a valuation: max loss, max profit, tiered trailing stop. Pure arithmetic on percents of the basis."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from trader.config.preset import Exits
from trader.domain.exit_reason import ExitReason

ZERO = Decimal(0)
PEAK_STEP_PCT = Decimal("0.1")  # a peak is recorded in steps of this, so that a slow climb does not write every tick


_HIGHEST_PCT = Decimal(10**9)  # what an absurd print makes of a long leg has no end


class Trail(msgspec.Struct, frozen=True):
    """The peak so far and the level the stop stands at, % of the basis. `level` None = not armed yet; 0 = breakeven."""

    peak: Decimal
    level: Decimal | None


def trailing_level(exits: Exits, peak: Decimal) -> Decimal | None:
    """Where the trailing stop stands after profit has peaked at `peak` (% of the basis); None before the first tier.

    Beyond the last tier the stop keeps rising: each further `trailing_step_peak_pct` of peak lifts it by
    `trailing_step_stop_pct`.
    """
    if not exits.trailing_enabled:
        return None
    level: Decimal | None = None
    for tier in exits.trailing_tiers:
        if peak >= tier.peak_pct:
            level = tier.stop_pct
    if level is None or not exits.trailing_tiers:
        return level
    last = exits.trailing_tiers[-1]
    if peak >= last.peak_pct and exits.trailing_step_stop_pct > 0:
        steps = (peak - last.peak_pct) // exits.trailing_step_peak_pct
        level = last.stop_pct + steps * exits.trailing_step_stop_pct
    return level


def ratchet(
    exits: Exits, trail: Trail | None, pct: Decimal, closing_pct: Callable[[], Decimal] = lambda: ZERO
) -> Trail | None:
    """The trail after profit of `pct`; None when it did not rise by a recordable step. The level never falls. `closing_pct` tells
    what closing costs now (spread and fees, % of the basis): asked when the stop comes to breakeven."""
    old_peak = trail.peak if trail is not None else None
    peak = (min(pct, _HIGHEST_PCT) // PEAK_STEP_PCT) * PEAK_STEP_PCT if pct > 0 else None
    if peak is None or (old_peak is not None and peak <= old_peak):
        return None
    level = trailing_level(exits, peak)
    if level == 0 and (trail is None or trail.level is None):
        level = cushion(exits, peak, closing_pct)
    if trail is not None and trail.level is not None and (level is None or level < trail.level):
        level = trail.level
    return Trail(peak, level)


def cushion(exits: Exits, peak: Decimal, closing_pct: Callable[[], Decimal]) -> Decimal:
    """Where a stop at breakeven stands, % of the basis: prices move until the exit is filled, so it lies above 0, but never above
    half of the profit that armed it."""
    if exits.breakeven_cushion == "none":
        return ZERO
    wanted = exits.breakeven_cushion_pct if exits.breakeven_cushion == "pct" else max(closing_pct(), ZERO)
    return min(wanted, peak / 2).quantize(PEAK_STEP_PCT)


def triggered(
    exits: Exits, level: Decimal | None, pct: Decimal, basis: str = "premium", peak: Decimal | None = None
) -> dict[ExitReason, str]:
    """The price rules that are true at `pct` (% of the basis, named in words), the weightiest first, with the numbers in words.
    A loss beyond the maximum has also fallen below the trailing level: whichever of them is confirmed first closes. `peak` tells
    whether the level is that of a breakeven tier with its cushion."""
    true: dict[ExitReason, str] = {}
    if pct <= -exits.max_loss_pct:
        true["max_loss"] = f"P&L {pct:.1f} % of {basis} reached the maximum loss of {exits.max_loss_pct} %"
    if pct >= exits.max_profit_pct:
        true["max_profit"] = f"P&L {pct:.1f} % of {basis} reached the maximum profit of {exits.max_profit_pct} %"
    if level is not None and pct <= level:
        is_even = level == 0 or (peak is not None and trailing_level(exits, peak) == 0)
        name: ExitReason = "breakeven" if is_even else "trailing_stop"
        true[name] = f"P&L {pct:.1f} % of {basis} fell back to the trailing level of {level} %"
    return true
