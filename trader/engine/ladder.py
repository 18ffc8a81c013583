"""The exit ladder: every exit with its distance, in money, in percent and in terms of where spot would have to be."""

from decimal import Decimal

from trader.engine.corridor import Curves
from trader.engine.records import Phase
from trader.engine.shown import rounded, spot_digits
from trader.engine.spot_curve import Curve
from trader.engine.state import HUNDRED, Run
from trader.engine.valuation import Valuation
from trader.engine.view import Rung


def build_ladder(run: Run, basis: Decimal, valuation: Valuation | None, curves: Curves | None) -> tuple[Rung, ...]:
    """All exits of a run, as they are asked; distances are None while P&L is unknown. Nothing once the run is closing."""
    if run.phase not in (Phase.WAITING, Phase.ENTERING, Phase.HOLDING):
        return ()
    exits = run.preset.exits
    rungs = [_rung(basis, valuation, curves, "max loss", "max_loss", -exits.max_loss_pct)]
    first = exits.trailing_tiers[0] if exits.trailing_enabled and exits.trailing_tiers else None
    if run.level_pct is not None:
        rungs.append(_rung(basis, valuation, curves, "trailing stop", "trailing_stop", run.level_pct))
    elif first is not None:
        name = f"trailing stop (arms at {first.peak_pct} %)"
        rungs.append(_rung(basis, valuation, curves, name, "trailing_stop", first.peak_pct, armed=False))
    rungs.append(_rung(basis, valuation, curves, "max profit", "max_profit", exits.max_profit_pct))
    rungs.append(Rung(name="exit time", code="time", armed=True, at_time=run.exit_at))
    if run.legs:
        rungs.append(Rung(name="expiry", code="expiry", armed=True, at_time=min(leg.expiry for leg in run.legs)))
    return tuple(rungs)


def _rung(
    basis: Decimal,
    valuation: Valuation | None,
    curves: Curves | None,
    name: str,
    code: str,
    pct: Decimal,
    *,
    armed: bool = True,
) -> Rung:
    """An exit that fires at a P&L of `pct` % of the basis or, not `armed`, is armed there."""
    level = basis * pct / HUNDRED if basis > 0 else None
    low, high = (None, None) if curves is None else _spots(curves, level, curves.now)
    exit_low, exit_high = (None, None) if curves is None else _spots(curves, level, curves.before_exit)
    return Rung(
        name=name,
        code=code,
        armed=armed,
        at_pnl=level if armed else None,
        at_pct=pct if armed else None,
        arms_at_pct=None if armed else pct,
        distance_usd=level - valuation.pnl if level is not None and valuation is not None else None,
        distance_pct=pct - valuation.pct if valuation is not None else None,
        spot_low=low,
        spot_high=high,
        exit_low=exit_low,
        exit_high=exit_high,
    )


def _spots(curves: Curves, level: Decimal | None, curve: Curve | None) -> tuple[float | None, float | None]:
    """Between which spots P&L is at least `level`."""
    if level is None or curve is None:
        return None, None
    low, high = curve.range_above(float(level))
    digits = spot_digits(curves.standing.spot)
    return rounded(low, digits), rounded(high, digits)
