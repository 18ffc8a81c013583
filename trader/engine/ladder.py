"""The exit ladder: every exit with its distance, in money, in percent and in terms of where spot would have to be."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.engine.corridor import Curves
from trader.engine.liquidation import Limit
from trader.engine.records import Phase
from trader.engine.shown import places, rounded, spot_digits
from trader.engine.spot_curve import Curve, spot_of_mark
from trader.engine.state import HUNDRED, Run
from trader.engine.valuation import Valuation
from trader.engine.view import LegView, Rung
from trader.pricing.smile import Smile

_Ends = tuple[float | None, float | None]
_NOWHERE: _Ends = (None, None)
IN_PORTFOLIO = (
    "portfolio margin: no leg has a liquidation price of its own; the exchange closes positions when the margin of the whole "
    "account does not suffice"
)


def build_ladder(
    run: Run,
    basis: Decimal,
    valuation: Valuation | None,
    curves: Curves | None,
    legs: Sequence[LegView],
    limits: Mapping[str, Limit] | None,
) -> tuple[Rung, ...]:
    """All exits of a run, as they are asked; distances are None while P&L is unknown. Nothing once the run is closing. `limits`:
    where its short legs are liquidated, None in portfolio mode."""
    if run.phase not in (Phase.WAITING, Phase.ENTERING, Phase.HOLDING):
        return ()
    exits = run.preset.exits
    rungs = [_rung(basis, valuation, curves, "max loss", "max_loss", -exits.max_loss_pct)]
    rungs += _liquidations(run, curves, legs, limits)
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
    rung = Rung(
        name=name,
        code=code,
        armed=armed,
        at_pnl=level if armed else None,
        at_pct=pct if armed else None,
        arms_at_pct=None if armed else pct,
        distance_usd=level - valuation.pnl if level is not None and valuation is not None else None,
        distance_pct=pct - valuation.pct if valuation is not None else None,
    )
    if curves is None:
        return rung
    shown = (curves.now, curves.before_exit, curves.moved_now, curves.moved_before_exit)
    return _at(rung, [_spots(curves, level, curve) for curve in shown])


def _at(rung: Rung, ends: Sequence[_Ends]) -> Rung:
    """With its spots: now, shortly before the exit, and both where the smile moves with spot."""
    now, before, moved, moved_before = ends
    return replace(
        rung,
        spot_low=now[0], spot_high=now[1], exit_low=before[0], exit_high=before[1],
        smile_low=moved[0], smile_high=moved[1], smile_exit_low=moved_before[0], smile_exit_high=moved_before[1],
    )  # fmt: skip


def _spots(curves: Curves, level: Decimal | None, curve: Curve | None) -> _Ends:
    """Between which spots P&L is at least `level`."""
    if level is None or curve is None:
        return _NOWHERE
    low, high = curve.range_above(float(level))
    digits = spot_digits(curves.standing.spot)
    return rounded(low, digits), rounded(high, digits)


# ------------------------------------------------------------------------------------------------- liquidation


def _liquidations(
    run: Run, curves: Curves | None, legs: Sequence[LegView], limits: Mapping[str, Limit] | None
) -> list[Rung]:
    """The guard, by the leg that is nearest to it, and the liquidation of each short leg."""
    if limits is None:
        shorts = any(leg.side is Side.SELL for leg in run.held)
        return [Rung(name="liquidation", code="liquidation", armed=False, words=IN_PORTFOLIO)] if shorts else []
    marks = {leg.key: leg.mark for leg in legs}
    guards: list[Rung] = []
    rungs: list[Rung] = []
    for key, limit in limits.items():
        leg = run.leg(key)
        name = f"liquidation of {key} {leg.strike.normalize():,f}"
        rungs.append(_of_mark(curves, name, "liquidation", leg.kind, key, limit, limit.price, marks[key]))
        if limit.guard is not None:
            name = f"liquidation guard ({run.preset.exits.liquidation_guard_pct.normalize():f} % of the way)"
            guards.append(_of_mark(curves, name, "liquidation_guard", leg.kind, key, limit, limit.guard, marks[key]))
    return [_nearest(guards), *rungs] if guards else rungs


def _of_mark(
    curves: Curves | None, name: str, code: str, kind: Kind, key: str, limit: Limit, at: Decimal, mark: Decimal | None
) -> Rung:
    """What fires when a leg's mark rises to `at`."""
    away = None if mark is None else at - mark
    rung = Rung(
        name=name,
        code=code,
        armed=True,
        leg=key,
        at_mark=places(at, 2),
        mark=mark,
        mark_distance=None if away is None else places(away, 2),
        mark_distance_pct=None if away is None or not mark else places(away / mark * HUNDRED, 1),
        gone_pct=None if mark is None else places(limit.gone_pct(mark), 1),
        told=limit.told,
    )
    if curves is None or key not in curves.keys:
        return rung
    standing, smile = curves.standing, curves.standing.smile
    open_leg = standing.legs[curves.keys.index(key)]
    digits = spot_digits(standing.spot)

    def end(when: datetime | None, shape: Smile | None) -> _Ends:
        if when is None:
            return _NOWHERE
        spot = rounded(spot_of_mark(open_leg, standing, when, float(at), shape), digits)
        return (None, spot) if kind is Kind.CALL else (spot, None)

    whens = (standing.now, curves.before)
    moved = [_NOWHERE] * 2 if smile is None else [end(when, smile) for when in whens]
    return _at(rung, [*(end(when, None) for when in whens), *moved])


def _nearest(guards: Sequence[Rung]) -> Rung:
    """The one rule of all legs: by the leg that has gone furthest, with the nearest spot on each side."""

    def end(name: str, nearest: int) -> float | None:
        known = [spot for one in guards if (spot := getattr(one, name)) is not None]
        return (max(known) if nearest < 0 else min(known)) if known else None

    first = max(guards, key=lambda one: one.gone_pct if one.gone_pct is not None else Decimal(-1))
    return _at(
        first,
        [(end(f"{when}_low", -1), end(f"{when}_high", 1)) for when in ("spot", "exit", "smile", "smile_exit")],
    )
