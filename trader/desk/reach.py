"""Which winning exits time alone can reach by the exit time, in one sentence for every face. Pure."""

from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from trader.config.preset import Preset
from trader.desk.values import Preview
from trader.domain.basis import basis_words
from trader.domain.expiry import IST, ist_date
from trader.engine.view import RunView

_Goal = tuple[str, Decimal]  # what it is called, % of the basis
_NEAR = 1  # points: this near a goal the best case is told with a decimal
MINUS = "\u2212"
NBSP = "\u00a0"


def reach_of_preview(preset: Preset, seen: Preview) -> str:
    """For what a preset would sell now; empty where it would sell nothing."""
    if not seen.legs or seen.reasons:
        return ""
    exits = preset.exits
    goals: list[_Goal] = []
    if exits.trailing_enabled and exits.trailing_tiers:
        peak = exits.trailing_tiers[0].peak_pct
        goals.append((f"trailing (arms at {_pct(peak)})", peak))
    goals.append((f"max profit ({_pct(exits.max_profit_pct)})", exits.max_profit_pct))
    basis, is_known = "" if seen.basis is None else seen.basis.name, seen.still_pct is not None
    return _sentence(seen.best_pct, seen.exit_at, seen.market, goals, basis, is_known=is_known)


def reach_of_run(run: RunView) -> str:
    """For what is open; empty while nothing is. A trailing stop that is armed is no goal any more."""
    if run.outlook is None:
        return ""
    goals: list[_Goal] = []
    for rung in run.ladder:
        if rung.code == "trailing_stop" and rung.arms_at_pct is not None:
            goals.append((f"trailing (arms at {_pct(rung.arms_at_pct)})", rung.arms_at_pct))
        elif rung.code == "max_profit" and rung.at_pct is not None:
            goals.append((f"max profit ({_pct(rung.at_pct)})", rung.at_pct))
    if not goals:
        return ""
    seen, is_known = run.outlook, run.outlook.still_pnl is not None
    return _sentence(seen.best_pct, seen.exit_at, run.market_at, goals, run.basis_name, is_known=is_known)


def _sentence(
    best_pct: float | None,
    exit_at: datetime | None,
    market: datetime | None,
    goals: list[_Goal],
    basis: str,
    *,
    is_known: bool,
) -> str:
    by = _by(exit_at, market)
    if best_pct is None and is_known:
        return f"More is bought than sold: the best case {by} has no bound, it lies as far as spot moves."
    if best_pct is None:
        return f"The best case {by} is not known: prices or implied volatilities are missing."
    best = Decimal(str(best_pct))
    near = any(abs(best - pct) < _NEAR for _, pct in goals)
    shown = best.quantize(Decimal("0.1" if near else "1"), ROUND_FLOOR)
    within = [name for name, pct in goals if best >= pct]
    beyond = [name for name, pct in goals if best < pct]
    said = []
    if within:
        said.append(f"{_and(within)} {'are' if len(within) > 1 else 'is'} within reach")
    if beyond:
        said.append(f"{_and(beyond)} {'need' if len(beyond) > 1 else 'needs'} implied volatility to fall")
    return f"Best case {by} at today's volatility is {_pct(shown)} of {basis_words(basis)}: {', '.join(said)}."


def _by(exit_at: datetime | None, market: datetime | None) -> str:
    if exit_at is None:
        return "by the exit time"
    local = exit_at.astimezone(IST)
    if market is None or ist_date(market) == local.date():
        return f"by {local:%H:%M} IST"
    return f"by {local:%H:%M} IST on {local:%d %b}"


def _and(names: list[str]) -> str:
    return " and ".join(names)


def _pct(value: Decimal) -> str:
    """``+24 %``, with no more digits than there are."""
    text = f"{abs(value).normalize():f}"
    sign = "" if value == 0 else MINUS if value < 0 else "+"
    return f"{sign}{text}{NBSP}%"
