"""What a preset would trade now, or what a run holds, as one value that every payoff figure is made from.

A leg is whatever it is: call or put, bought or sold, of any number. Pure.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from trader.config.preset import Exits
from trader.desk.margin import NOT_KNOWN, Margined
from trader.domain.basis import CREDIT, MAX_LOSS
from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.engine.liquidation import Limit
from trader.engine.records import LegTerms, Phase
from trader.engine.spot_curve import OpenLeg, Standing
from trader.engine.view import LegView, RunView
from trader.pricing.black76 import price, year_fraction
from trader.pricing.implied_vol import credible_vol
from trader.pricing.payoff import Basis, PayoffLeg

ZERO = Decimal(0)
POINT = 0.01


class HeldLeg(msgspec.Struct, frozen=True, kw_only=True):
    """One option of a position. Prices are USD per unit of the underlying: `price` what it was (or would be) traded at,
    `closing_px` what a P&L counts closing at now. `quantity` is open contracts, unsigned; `iv` a fraction per year; the margin
    rate is percent of the underlying; `limit` where a short leg is liquidated, None where it stands on no margin of its own."""

    key: str
    symbol: str
    kind: Kind
    side: Side
    strike: Decimal
    expiry: datetime
    quantity: int
    contract_value: Decimal
    price: Decimal
    closing_px: Decimal
    iv: float
    fee_rate: Decimal
    fee_cap: Decimal | None
    margin_pct: Decimal
    mark: Decimal | None = None
    limit: Limit | None = None

    @property
    def units(self) -> Decimal:
        """Units of the underlying, negative for what is short."""
        return self.side.sign * self.quantity * self.contract_value


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """Where a preset's exits stand, % of the basis. `arms_pct`: the peak that arms the trailing stop, None without one."""

    max_loss_pct: Decimal
    max_profit_pct: Decimal
    arms_pct: Decimal | None

    @classmethod
    def of(cls, exits: Exits) -> "Levels":
        """Those of a preset."""
        first = exits.trailing_tiers[0].peak_pct if exits.trailing_enabled and exits.trailing_tiers else None
        return cls(max_loss_pct=exits.max_loss_pct, max_profit_pct=exits.max_profit_pct, arms_pct=first)


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Everything open of one trade. `pnl` is USD at cost to close now; `banked` the USD taken in so far, less what was paid and
    the fees of it. `basis`: what its percentages are of. `level_pct`: where an armed trailing stop stands, % of the basis.
    `margined`: in which mode its margin is counted."""

    held: bool
    underlying: str
    legs: tuple[HeldLeg, ...]
    spot: Decimal
    market: datetime
    exit_at: datetime | None
    pnl: Decimal
    banked: Decimal
    basis: Basis
    exits: Levels
    level_pct: Decimal | None = None
    margined: Margined = NOT_KNOWN

    @property
    def ends(self) -> datetime:
        """The exit time, or the first expiry where there is none or it would come later."""
        first = min(leg.expiry for leg in self.legs)
        return first if self.exit_at is None else max(min(self.exit_at, first), self.market)

    def pct(self, usd: float) -> float:
        """USD as % of the basis."""
        return usd / float(self.basis.usd) * 100


def payoff_legs(position: Position) -> list[PayoffLeg]:
    """The legs for the arithmetic at expiry, fees in: all legs settle at one price, so it does not matter which of them the fees
    and what was realised so far come off."""
    legs = [payoff_leg(leg) for leg in position.legs]
    paid = sum((leg.entry_price * leg.units for leg in legs), ZERO)
    first = legs[0]
    return [replace(first, entry_price=first.entry_price - (position.banked + paid) / first.units), *legs[1:]]


def payoff_leg(leg: HeldLeg) -> PayoffLeg:
    """The leg at the price it was traded at."""
    return PayoffLeg(
        strike=leg.strike,
        kind=leg.kind,
        quantity=leg.side.sign * leg.quantity,
        contract_value=leg.contract_value,
        entry_price=leg.price,
    )


def standing(position: Position, iv_points: float = 0.0) -> Standing:
    """The position for the engine's own curves; with implied volatilities so many points (0.01) away, at least one point.

    What closing costs above the model today stays the same then: a wider spread is nobody's forecast.
    """
    spot = float(position.spot)
    return Standing(
        legs=tuple(_open_leg(leg, spot, position.market, iv_points) for leg in position.legs),
        spot=spot,
        banked=float(position.banked),
        now=position.market,
    )


def _open_leg(leg: HeldLeg, spot: float, now: datetime, iv_points: float) -> OpenLeg:
    vol, closing, strike = leg.iv, float(leg.closing_px), float(leg.strike)
    if iv_points:
        vol = max(vol + iv_points * POINT, POINT)
        years = year_fraction(now, leg.expiry)
        closing += price(spot, strike, vol, years, leg.kind) - price(spot, strike, leg.iv, years, leg.kind)
    return OpenLeg(
        kind=leg.kind,
        strike=strike,
        expiry=leg.expiry,
        vol=vol,
        size=-float(leg.units),
        closing=max(closing, 0.0),
        fee_rate=float(leg.fee_rate),
        fee_cap=None if leg.fee_cap is None else float(leg.fee_cap),
        mark=None if leg.mark is None or iv_points else float(leg.mark),
    )


# ------------------------------------------------------------------------------------------------- of a run


def position_of_run(run: RunView, terms: Sequence[LegTerms], exits: Exits) -> Position | str:
    """What a run holds, from its live picture and the terms it pinned, or one sentence why it cannot be drawn."""
    by_key = {leg.key: leg for leg in terms}
    held = [leg for leg in run.legs if leg.open_quantity > 0 and leg.key in by_key]
    if run.phase is Phase.DONE or not held:
        return "Nothing is open."
    if run.spot is None or run.market_at is None or run.pnl is None:
        return "P&L is not known now, so there is no payoff to draw."
    legs = []
    for view in held:
        leg = _held(view, by_key[view.key], run.market_at)
        if isinstance(leg, str):
            return leg
        legs.append(leg)
    if not run.basis:
        return "There is nothing its percentages could be of."
    back = sum((_closing_cash(view, leg) for view, leg in zip(held, legs, strict=True)), ZERO)
    return Position(
        held=True,
        underlying=run.underlying,
        legs=tuple(legs),
        spot=run.spot,
        market=run.market_at,
        exit_at=run.exit_at,
        pnl=run.pnl,
        banked=run.pnl - back,
        basis=Basis(run.basis, MAX_LOSS if run.basis_name == MAX_LOSS else CREDIT),
        exits=Levels.of(exits),
        level_pct=next((rung.at_pct for rung in run.ladder if rung.code == "trailing_stop" and rung.armed), None),
        margined=Margined(mode=run.margin_mode),
    )


def _held(view: LegView, terms: LegTerms, market: datetime) -> HeldLeg | str:
    vol = credible_vol(view.iv)
    if vol is None:
        return f"{view.symbol} has no implied volatility now, so there is no payoff to draw."
    if view.closing_px is None or view.fee_to_close is None or view.avg_px is None or terms.has_expired(market):
        return f"{view.symbol} cannot be priced now, so there is no payoff to draw."
    return HeldLeg(
        key=terms.key,
        symbol=terms.symbol,
        kind=terms.kind,
        side=terms.side,
        strike=terms.strike,
        expiry=terms.expiry,
        quantity=view.open_quantity,
        contract_value=terms.contract_value,
        price=view.avg_px,
        closing_px=view.closing_px,
        iv=vol,
        fee_rate=terms.fee_rate,
        fee_cap=terms.fee_cap,
        margin_pct=terms.margin_pct,
        mark=view.mark,
        limit=None
        if view.liquidation_px is None
        else Limit(entry=view.avg_px, price=view.liquidation_px, guard=view.guard_px, told=view.liquidation_told),
    )


def _closing_cash(view: LegView, leg: HeldLeg) -> Decimal:
    """USD that closing the leg now would bring: negative for what is bought back."""
    return leg.closing_px * leg.units - (view.fee_to_close or ZERO)
