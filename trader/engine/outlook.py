"""What time alone has done to a run, and what it would still do until the exit time."""

from decimal import Decimal

from trader.domain.clock import Now
from trader.engine.corridor import Curves
from trader.engine.records import Phase
from trader.engine.shown import money_digits
from trader.engine.state import HUNDRED, ZERO, Run
from trader.engine.view import LegView, Outlook
from trader.pricing.black76 import price, year_fraction
from trader.pricing.implied_vol import credible_vol


def outlook(run: Run, legs: tuple[LegView, ...], now: Now, curves: Curves | None) -> Outlook | None:
    """What time alone has done to a run and would still do; None while nothing is open."""
    held = [leg for leg in legs if leg.open_quantity > 0]
    if not held or run.phase is Phase.DONE:
        return None
    still = best = None
    if curves is not None and curves.at_exit is not None:
        basis = float(curves.basis)
        at_exit = curves.at_exit(curves.standing.spot)
        still = Decimal(f"{at_exit:.{money_digits(basis)}f}")
        if not curves.standing.has_no_best:
            best = round(max(curves.at_exit.peak[1], at_exit) / basis * 100, 2)
    return Outlook(
        decayed_pct=_decayed_pct(run, held),
        by_time_pct=_by_time_pct(run, held, now),
        still_pnl=still,
        best_pct=best,
        exit_at=run.exit_at,
    )


def _decayed_pct(run: Run, held: list[LegView]) -> float | None:
    """How much of what the open contracts were sold for, net of what was bought, has gone from their mark prices."""
    worth, premium = ZERO, _open_premium(run, held)
    for leg in held:
        if leg.mark is None or not leg.fresh:
            return None
        terms = run.leg(leg.key)
        worth -= terms.side.sign * leg.mark * leg.open_quantity * terms.contract_value
    return round(float((premium - worth) / premium * HUNDRED), 2) if premium > 0 else None


def _by_time_pct(run: Run, held: list[LegView], now: Now) -> float | None:
    """What would have gone by now had spot and implied volatilities stayed as they were when the strikes were chosen."""
    premium, spot = float(_open_premium(run, held)), float(run.spot_at_entry or 0)
    if now.market is None or spot <= 0 or premium <= 0:
        return None
    gone = 0.0
    for leg in held:
        sold_at, vol, terms = run.sold_at(leg.key), credible_vol(leg.iv_at_entry), run.leg(leg.key)
        if sold_at is None or vol is None:
            return None
        strike, size = float(leg.strike), -terms.side.sign * leg.open_quantity * float(terms.contract_value)
        before = price(spot, strike, vol, year_fraction(sold_at, leg.expiry), terms.kind)
        after = price(spot, strike, vol, year_fraction(max(now.market, sold_at), leg.expiry), terms.kind)
        gone += (before - after) * size
    return round(gone / premium * 100, 2)


def _open_premium(run: Run, held: list[LegView]) -> Decimal:
    """USD that the contracts still open were sold for, net of what was paid for long ones, at the average price of their leg."""
    total = ZERO
    for leg in held:
        terms = run.leg(leg.key)
        total -= terms.side.sign * (leg.avg_px or ZERO) * leg.open_quantity * terms.contract_value
    return total
