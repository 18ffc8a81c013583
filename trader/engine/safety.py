"""What stands between a run and a loss: one leg alone and what that may cost, and what would close the position."""

from decimal import Decimal

from trader.domain.clock import Now
from trader.domain.instrument import Kind
from trader.engine.cover import astray
from trader.engine.imbalance import alone_since
from trader.engine.leg_view import greeks_now, usable_quote, usable_vol
from trader.engine.records import LegTerms, Phase
from trader.engine.shown import money_digits
from trader.engine.state import Market, Run, Watch
from trader.engine.valuation import Valuation
from trader.engine.view import NakedView, Safety
from trader.pricing.black76 import price, year_fraction

_MOVE = 0.01  # of spot, against the leg


def naked_view(run: Run, market: Market, now: Now) -> NakedView | None:
    """The short leg that stands without what it belongs with; None while there is none, or all is held until it is settled."""
    since = None if run.phase is Phase.DONE else alone_since(run)
    if since is None or run.is_kept or any(leg.has_expired(now.market) for leg in run.legs):
        return None
    found = astray(run.legs, {leg.key: run.open_quantity(leg.key) for leg in run.legs})
    if not found:
        return None
    key = max(found, key=lambda key: found[key])
    alone, excess = run.leg(key), found[key]
    return NakedView(
        key=alone.key,
        symbol=alone.symbol,
        since=since,
        limit_secs=float(run.preset.risk.naked_leg_secs),
        worst_usd=_worst_usd(run, alone, excess, market, now),
    )


def _worst_usd(run: Run, leg: LegTerms, quantity: int, market: Market, now: Now) -> Decimal | None:
    """What 1 % of spot against a leg would cost, by its implied volatility or, without one, by its delta and gamma."""
    usable, greeks = usable_quote(run, leg, market, now), greeks_now(run, leg, market, now)
    if usable is None:
        return None
    quote, spot = usable[0], float(usable[1])
    move = spot * _MOVE * (1 if leg.kind is Kind.CALL else -1)
    vol = usable_vol(quote)
    if vol is not None and now.market is not None:
        years, strike = year_fraction(now.market, leg.expiry), float(leg.strike)
        dearer = price(spot + move, strike, vol, years, leg.kind) - price(spot, strike, vol, years, leg.kind)
    elif greeks is not None:
        dearer = greeks.delta * move + 0.5 * greeks.gamma * move * move
    else:
        return None
    loss = max(dearer, 0.0) * quantity * float(leg.contract_value)
    return Decimal(f"{-loss:.{money_digits(float(run.basis))}f}")


def safety(run: Run, watch: Watch, valuation: Valuation | None) -> Safety | None:
    """What would close the position; None while there is none."""
    if run.phase is Phase.DONE or not run.fills or run.flat_by_fills:
        return None
    return Safety(
        app_stop=run.phase is Phase.HOLDING and valuation is not None,
        exchange_stops=watch.stops,
        read_at=watch.stops_read,
    )
