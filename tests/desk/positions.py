"""Positions of any structure, priced by Black-76 with a spread, for the tests of their figures."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trader.config.preset import Exits
from trader.desk import HeldLeg, Levels, Position
from trader.desk.position import payoff_leg
from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.engine.liquidation import Limit
from trader.pricing.black76 import price, year_fraction
from trader.pricing.fees import option_commission
from trader.pricing.payoff import basis

D = Decimal
NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
EXPIRY = NOW + timedelta(hours=32)
SPOT = D(80_000)
VOL = 0.45

C, P = Kind.CALL, Kind.PUT
STRANGLE = ((C, 82_000, -10), (P, 78_000, -10))
CONDOR = ((P, 76_000, 10), (P, 78_000, -10), (C, 82_000, -10), (C, 84_000, 10))
RATIO = ((C, 81_000, 10), (C, 82_000, -20), (P, 78_000, -10))
STRADDLE = ((C, 80_000, -10), (P, 80_000, -10))
FLY = ((P, 78_000, 10), (P, 80_000, -10), (C, 80_000, -10), (C, 82_000, 10))
LONG_PUT = ((P, 79_000, 10),)
STRUCTURES = {
    "strangle": STRANGLE, "condor": CONDOR, "ratio": RATIO, "straddle": STRADDLE, "fly": FLY, "long put": LONG_PUT,
}  # fmt: skip


def leg(
    number: int, kind: Kind, strike: int, contracts: int, *, spot: Decimal, vol: float, half: float, fees: bool
) -> HeldLeg:
    worth = price(float(spot), float(strike), vol, year_fraction(NOW, EXPIRY), kind)
    side = Side.BUY if contracts > 0 else Side.SELL
    bid, ask = D(str(round(max(worth - half, 0.0), 4))), D(str(round(worth + half, 4)))
    return HeldLeg(
        key=f"L{number}", symbol=f"{kind.value[0].upper()}-BTC-{strike}-020626", kind=kind, side=side, strike=D(strike),
        expiry=EXPIRY, quantity=abs(contracts), contract_value=D("0.001"), price=ask if contracts > 0 else bid,
        closing_px=bid if contracts > 0 else ask, iv=vol, fee_rate=D("0.0001") if fees else D(0),
        fee_cap=D("0.035") if fees else None, margin_pct=D(1), mark=D(str(round(worth, 4))),
        limit=None if contracts > 0 else Limit(entry=bid, price=bid + D("0.005") * spot, guard=None, told=False),
    )  # fmt: skip


def fee(one: HeldLeg, at: Decimal, spot: Decimal) -> Decimal:
    return option_commission(
        rate=one.fee_rate,
        cap=one.fee_cap,
        spot=spot,
        price=at,
        quantity=one.quantity,
        contract_value=one.contract_value,
    )


def position(
    legs: tuple[tuple[Kind, int, int], ...],
    *,
    spot: Decimal = SPOT,
    vol: float = VOL,
    half: float = 2.0,
    fees: bool = True,
    exits: Exits | None = None,
    hours: float = 8.0,
) -> Position:
    """Just traded: at the touch, fees paid."""
    held = tuple(leg(number, *one, spot=spot, vol=vol, half=half, fees=fees) for number, one in enumerate(legs))
    banked = sum((-one.price * one.units - fee(one, one.price, spot) for one in held), D(0))
    back = sum((one.closing_px * one.units - fee(one, one.closing_px, spot) for one in held), D(0))
    of = basis([payoff_leg(one) for one in held])
    assert of is not None
    return Position(
        held=True, underlying="BTC", legs=held, spot=spot, market=NOW, exit_at=NOW + timedelta(hours=hours),
        pnl=banked + back, banked=banked, basis=of, exits=Levels.of(exits or Exits()),
    )  # fmt: skip
