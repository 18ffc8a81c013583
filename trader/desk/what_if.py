"""A position as it would stand at another spot, another implied volatility, a later hour: P&L, each leg, greeks, margin. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from trader.desk.position import HeldLeg, Position, standing
from trader.engine.spot_curve import Curve, Standing
from trader.pricing.black76 import greeks, price, year_fraction
from trader.pricing.margin_mode import OptionHeld, margin_in

SHOCKS = (-20, -10, -5, 0, 5, 10, 20)  # % of spot


class LegThen(msgspec.Struct, frozen=True, kw_only=True):
    """One leg then: its model price (USD per unit), and how its P&L would have changed from now (USD, fees in)."""

    key: str
    symbol: str
    price: float
    change: float


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """`pnl` USD at cost to close then, `pct` of the basis; greeks of the whole position, signed: delta in units of the
    underlying, gamma for 1 USD of spot, theta USD a day, vega USD a point."""

    at: datetime
    spot: float
    iv_points: float
    pnl: float
    pct: float
    legs: tuple[LegThen, ...]
    delta: float
    gamma: float
    theta: float
    vega: float


def what_if(position: Position, *, spot: float | None = None, iv_points: float = 0.0, hours: float = 0.0) -> WhatIf:
    """The position `hours` from now (at most when it ends), at `spot`, with every volatility `iv_points` away."""
    when = min(position.market + timedelta(hours=hours), position.ends)
    there = float(position.spot) if spot is None else spot
    before, after = standing(position), standing(position, iv_points)
    today = [_alone(before, number, position.market, before.spot) for number in range(len(position.legs))]
    then = [_alone(after, number, when, there) for number in range(len(position.legs))]
    pnl = Curve(after, when)(there)
    sums = [0.0, 0.0, 0.0, 0.0]
    for open_leg in after.legs:
        years = year_fraction(when, open_leg.expiry)
        option = greeks(there, open_leg.strike, open_leg.vol, years, open_leg.kind)
        for number, value in enumerate((option.delta, option.gamma, option.theta, option.vega)):
            sums[number] -= open_leg.size * value
    legs = tuple(
        LegThen(
            key=leg.key,
            symbol=leg.symbol,
            price=price(there, open_leg.strike, open_leg.vol, year_fraction(when, open_leg.expiry), open_leg.kind),
            change=after_ - before_,
        )
        for leg, open_leg, before_, after_ in zip(position.legs, after.legs, today, then, strict=True)
    )
    return WhatIf(
        at=when, spot=there, iv_points=iv_points, pnl=pnl, pct=position.pct(pnl), legs=legs,
        delta=sums[0], gamma=sums[1], theta=sums[2], vega=sums[3],
    )  # fmt: skip


def _alone(whole: Standing, number: int, when: datetime, spot: float) -> float:
    """What closing one leg would bring (negative for what is bought back)."""
    return Curve(msgspec.structs.replace(whole, legs=(whole.legs[number],), banked=0.0), when)(spot)


class Shock(msgspec.Struct, frozen=True, kw_only=True):
    """The position with spot `move_pct` % away, now. `margin`: an estimate; `pnl` and `margin` USD."""

    move_pct: int
    spot: float
    pnl: float
    pct: float
    margin: float


def margin_shock(position: Position, moves: Iterable[int] = SHOCKS) -> tuple[Shock, ...]:
    """Margin and P&L at other spots, implied volatilities as they are."""
    legs = standing(position)
    curve = Curve(legs, legs.now)
    found = []
    for move in moves:
        spot = legs.spot * (1 + move / 100)
        pnl = curve(spot)
        margin = float(_margin(position, spot))
        found.append(Shock(move_pct=move, spot=spot, pnl=pnl, pct=position.pct(pnl), margin=margin))
    return tuple(found)


def _margin(position: Position, spot: float) -> Decimal:
    """What the legs would bind in the account's margin mode, at the marks they would have."""

    def mark(leg: HeldLeg) -> Decimal:
        years = year_fraction(position.market, leg.expiry)
        return Decimal(str(price(spot, float(leg.strike), leg.iv, years, leg.kind)))

    legs = [
        OptionHeld(
            kind=leg.kind,
            strike=leg.strike,
            expiry=leg.expiry,
            quantity=leg.side.sign * leg.quantity,
            contract_value=leg.contract_value,
            mark=mark(leg),
            iv=leg.iv,
            margin_pct=leg.margin_pct,
        )
        for leg in position.legs
    ]
    return margin_in(position.margined.mode, legs, spot=Decimal(str(spot)), at=position.market)
