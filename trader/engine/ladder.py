"""The exit ladder: every exit with its distance, in money, in percent and in terms of where spot would have to be."""

from collections.abc import Callable
from decimal import Decimal

from trader.domain.clock import Now
from trader.engine.records import Phase
from trader.engine.state import HUNDRED, Market, Run
from trader.engine.valuation import Valuation
from trader.engine.view import Rung
from trader.pricing.black76 import price, year_fraction

_FARTHEST = 0.5  # spot is searched within half and one and a half times its present price
_BISECTIONS = 24


def build_ladder(run: Run, market: Market, now: Now, valuation: Valuation | None) -> tuple[Rung, ...]:
    """All exits of a run; distances are None while P&L is unknown. Nothing once the run is closing."""
    if run.phase not in (Phase.WAITING, Phase.ENTERING, Phase.HOLDING):
        return ()
    exits = run.preset.exits
    premium = run.premium
    pnl_at = _pnl_by_spot(run, market, now, valuation)
    spot = market.spots.get(run.underlying)
    first = exits.trailing_tiers[0] if exits.trailing_tiers else None
    levels: list[tuple[str, bool, Decimal | None]] = [
        ("max loss", True, -exits.max_loss_pct),
        ("max profit", True, exits.max_profit_pct),
    ]
    if exits.trailing_enabled and first is not None:
        name = "trailing stop" if run.level_pct is not None else f"trailing stop (arms at {first.peak_pct} %)"
        levels.append((name, run.level_pct is not None, run.level_pct))
    rungs = []
    for name, armed, pct in levels:
        at_pnl = premium * pct / HUNDRED if premium > 0 and pct is not None else None
        low, high = (None, None)
        if armed and at_pnl is not None and pnl_at is not None and spot is not None:
            low, high = _spots_for(pnl_at, float(at_pnl), float(spot))
        rungs.append(
            Rung(
                name=name,
                armed=armed,
                at_pnl=at_pnl,
                at_pct=pct,
                distance_usd=at_pnl - valuation.pnl if at_pnl is not None and valuation is not None else None,
                distance_pct=pct - valuation.pct if pct is not None and valuation is not None else None,
                spot_low=low,
                spot_high=high,
            )
        )
    return (*rungs, Rung(name="exit time", armed=True, at_time=run.exit_at))


def _pnl_by_spot(run: Run, market: Market, now: Now, valuation: Valuation | None) -> Callable[[float], float] | None:
    """P&L as a function of spot alone: marks from Black-76 at today's implied volatilities, the rest unchanged."""
    spot = market.spots.get(run.underlying)
    if valuation is None or now.market is None or spot is None or spot <= 0:
        return None
    legs = []
    for leg in run.legs:
        quote = market.quotes.get(leg.symbol)
        if quote is None or quote.mark_iv is None or quote.mark_iv <= 0 or now.market >= leg.expiry:
            return None
        size = run.open_quantity(leg.key) * float(leg.contract_value)
        years = year_fraction(now.market, leg.expiry)
        legs.append((float(leg.strike), quote.mark_iv, years, leg.kind, size))

    def cost(at: float) -> float:
        return sum(price(at, strike, iv, years, kind) * size for strike, iv, years, kind, size in legs)

    here = cost(float(spot))
    return lambda at: float(valuation.pnl) - (cost(at) - here)


def _spots_for(pnl_at: Callable[[float], float], target: float, spot: float) -> tuple[float | None, float | None]:
    """The nearest spot below and above at which P&L crosses `target`; None where it does not within reach."""
    return _cross(pnl_at, target, spot, spot * (1 - _FARTHEST)), _cross(pnl_at, target, spot, spot * (1 + _FARTHEST))


def _cross(pnl_at: Callable[[float], float], target: float, near: float, far: float) -> float | None:
    side = pnl_at(near) >= target
    if (pnl_at(far) >= target) is side:
        return None
    for _ in range(_BISECTIONS):
        middle = (near + far) / 2
        if (pnl_at(middle) >= target) is side:
            near = middle
        else:
            far = middle
    return round(far, 1)
