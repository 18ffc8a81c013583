"""What time alone has done to a run, and what it would still do until the exit time."""

from decimal import Decimal

from trader.domain.clock import Now
from trader.engine.corridor import Curves
from trader.engine.leg_view import average, usable_quote
from trader.engine.records import LegTerms, Phase
from trader.engine.shown import money_digits
from trader.engine.state import HUNDRED, ZERO, Market, Run
from trader.engine.view import Outlook
from trader.pricing.black76 import price, year_fraction


def outlook(run: Run, market: Market, now: Now, curves: Curves | None) -> Outlook | None:
    """What time alone has done to a run and would still do; None while nothing is open."""
    legs = [leg for leg in run.legs if run.open_quantity(leg.key) > 0]
    if not legs or run.phase is Phase.DONE:
        return None
    premium = float(run.premium)
    still = best = None
    if curves is not None and curves.at_exit is not None:
        still = curves.at_exit(curves.standing.spot)
        best = max(curves.at_exit.peak[1], still)
    return Outlook(
        decayed_pct=_decayed_pct(run, legs, market, now),
        by_time_pct=_by_time_pct(run, legs, now),
        still_pnl=None if still is None else Decimal(f"{still:.{money_digits(premium)}f}"),
        best_pct=None if best is None else round(best / premium * 100, 2),
        exit_at=run.exit_at,
    )


def _decayed_pct(run: Run, legs: list[LegTerms], market: Market, now: Now) -> float | None:
    """How much of what the open contracts were sold for has gone from their mark prices."""
    worth = ZERO
    for leg in legs:
        usable = usable_quote(run, leg, market, now)
        if usable is None or usable[0].mark is None:
            return None
        worth += usable[0].mark * run.open_quantity(leg.key) * leg.contract_value
    premium = _open_premium(run, legs)
    return round(float((premium - worth) / premium * HUNDRED), 2) if premium > 0 else None


def _by_time_pct(run: Run, legs: list[LegTerms], now: Now) -> float | None:
    """What would have gone by now had spot and implied volatilities stayed as they were when the strikes were chosen."""
    premium, spot = float(_open_premium(run, legs)), float(run.spot_at_entry or 0)
    if now.market is None or spot <= 0 or premium <= 0:
        return None
    gone = 0.0
    for leg in legs:
        sold_at, vol = run.sold_at(leg.key), leg.iv
        if sold_at is None or vol is None or not vol > 0:
            return None
        strike, size = float(leg.strike), run.open_quantity(leg.key) * float(leg.contract_value)
        before = price(spot, strike, vol, year_fraction(sold_at, leg.expiry), leg.kind)
        after = price(spot, strike, vol, year_fraction(max(now.market, sold_at), leg.expiry), leg.kind)
        gone += (before - after) * size
    return round(gone / premium * 100, 2)


def _open_premium(run: Run, legs: list[LegTerms]) -> Decimal:
    """USD that the contracts still open were sold for, at the average price of their leg."""
    total = ZERO
    for leg in legs:
        fills = [b.fill for b in run.fills.values() if b.leg == leg.key and b.fill.side is leg.side]
        mean = average([(f.price, f.quantity) for f in fills]) or ZERO
        total += mean * run.open_quantity(leg.key) * leg.contract_value
    return total
