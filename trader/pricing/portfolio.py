"""Portfolio margin: the worst loss of everything held over a matrix of price and volatility shocks, with floors.

Source: exchange documentation of the ``portfolio_margins`` channel for the quantities; the scenario set (29 shocks for
BTC), its spans and the option floors as third parties reproduced them within about 5 %. Floats inside: the shocks are
statistics; the sums come back as Decimal to 8 places. The local exchange computes with this module as well.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from math import fsum

import msgspec

from trader.domain.instrument import Kind
from trader.pricing.black76 import price

_NAUGHT = Decimal(0)
_EIGHT = Decimal("0.00000001")
_MAINTENANCE_SHARE = Decimal("0.8")
_STEPS = (0.0, 1 / 3, -1 / 3, 1 / 2, -1 / 2, 2 / 3, -2 / 3, 1.0, -1.0)
_EXTREME_SPANS, _EXTREME_WEIGHT = 3.0, 1 / 3
_SPAN_MIN, _SPAN_MAX, _SPAN_SLOPE, _SPAN_FREE_NOTIONAL = 0.01, 0.10, 4e-8, 100_000.0
_VOL_UP = (0.09, 0.45)  # smallest and largest shock of implied volatility, as a fraction of it
_VOL_DOWN = (0.06, 0.30)
_PREMIUM_FLOOR = 0.05
_SHORT_FLOOR, _SHORT_FLOOR_MAX, _SHORT_FLOOR_NOTIONAL = 0.005, 0.02, 200_000.0
_FUTURES_FLOOR = 0.0025


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One shock: `pnl` is USD (weighted), `price_shock` a fraction of spot, `volatility` unchanged, up or down."""

    price_shock: float
    volatility: str
    pnl: float


class PortfolioMargin(msgspec.Struct, frozen=True, kw_only=True):
    """USD. `ucf` is what the options would bring at mark (shorts negative) and the futures' open profit."""

    balance: Decimal
    risk_margin: Decimal
    futures_floor: Decimal
    long_options_floor: Decimal
    short_options_floor: Decimal
    ucf: Decimal
    commission: Decimal
    scenarios: tuple[Scenario, ...]

    @property
    def floor(self) -> Decimal:
        return self.futures_floor + self.long_options_floor + self.short_options_floor

    @property
    def im_without_ucf(self) -> Decimal:
        return max(self.risk_margin, self.floor)

    @property
    def im_with_ucf(self) -> Decimal:
        return max(_NAUGHT, self.im_without_ucf - self.ucf)

    @property
    def mm_without_ucf(self) -> Decimal:
        return self.im_without_ucf * _MAINTENANCE_SHARE

    @property
    def mm_with_ucf(self) -> Decimal:
        return max(_NAUGHT, self.mm_without_ucf - self.ucf)

    @property
    def required(self) -> Decimal:
        """What new business must leave covered: initial margin and commissions."""
        return self.im_with_ucf + self.commission

    @property
    def blocked(self) -> Decimal:
        """The requirement where the balance suffices, otherwise what there is to block."""
        return min(self.required, max(self.balance, _NAUGHT))

    @property
    def at_risk(self) -> bool:
        return self.blocked < self.required

    @property
    def under_liquidation(self) -> bool:
        return self.blocked < self.mm_with_ucf


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One contract as its repricing needs it. `units` of the underlying are signed; `mark` and `entry` USD per unit; `vol` a
    fraction per year. A perpetual has no strike, volatility and years, an option no entry."""

    kind: Kind
    units: float
    mark: float
    strike: float = 0.0
    vol: float = 0.0
    years: float = 0.0
    entry: float = 0.0


def portfolio_of(
    books: Iterable[tuple[float, Sequence[Line]]], *, balance: Decimal = _NAUGHT, commission: Decimal = _NAUGHT
) -> PortfolioMargin:
    """The margin of what is held on each underlying: its spot (USD) and its lines. Underlyings are not netted."""
    risk = ucf = futures = shorts = 0.0
    scenarios: tuple[Scenario, ...] = ()
    for spot, lines in books:
        shocks = _shocks(lines, spot)
        scenarios = shocks if len(shocks) > len(scenarios) else scenarios
        risk += max(0.0, -min(s.pnl for s in shocks))
        ucf += fsum(line.units * (line.mark - line.entry) for line in lines)
        for line in lines:
            notional = abs(line.units) * spot
            if line.kind is Kind.PERPETUAL:
                futures += _FUTURES_FLOOR * notional
            elif line.units < 0:
                excess = max(0.0, notional - _SHORT_FLOOR_NOTIONAL) / _SHORT_FLOOR_NOTIONAL
                rate = min(_SHORT_FLOOR_MAX, _SHORT_FLOOR * (1 + excess))
                shorts += max(_PREMIUM_FLOOR * line.mark * abs(line.units), rate * notional)
    return PortfolioMargin(
        balance=balance,
        risk_margin=_money(risk),
        futures_floor=_money(futures),
        long_options_floor=_NAUGHT,
        short_options_floor=_money(shorts),
        ucf=_money(ucf),
        commission=commission,
        scenarios=scenarios,
    )


def _shocks(lines: Sequence[Line], spot: float) -> tuple[Scenario, ...]:
    """Profit of the lines in every scenario; the extreme moves count a third."""
    notional = fsum(abs(line.units) for line in lines) * spot
    excess = max(0.0, notional - _SPAN_FREE_NOTIONAL)
    span = min(_SPAN_MAX, _SPAN_MIN + _SPAN_SLOPE * excess)
    size = (span - _SPAN_MIN) / (_SPAN_MAX - _SPAN_MIN)
    volatilities = {
        "unchanged": 0.0,
        "up": _VOL_UP[0] + size * (_VOL_UP[1] - _VOL_UP[0]),
        "down": -(_VOL_DOWN[0] + size * (_VOL_DOWN[1] - _VOL_DOWN[0])),
    }
    found = [
        Scenario(price_shock=step * span, volatility=name, pnl=_pnl(lines, spot, step * span, shock))
        for name, shock in volatilities.items()
        for step in _STEPS
    ]
    for sign in (1.0, -1.0):
        move = sign * _EXTREME_SPANS * span
        found.append(
            Scenario(price_shock=move, volatility="unchanged", pnl=_EXTREME_WEIGHT * _pnl(lines, spot, move, 0.0))
        )
    return tuple(found)


def _pnl(lines: Sequence[Line], spot: float, move: float, vol_shock: float) -> float:
    return fsum(_change(line, spot, move, vol_shock) for line in lines)


def _change(line: Line, spot: float, move: float, vol_shock: float) -> float:
    """USD that one line gains in a scenario."""
    if line.kind is Kind.PERPETUAL:
        return line.units * line.mark * move
    days = max(line.years * 365, 1 / 24)
    vol = line.vol * (1 + vol_shock * (30 / days) ** 0.3)
    # Both sides by the model, so that a mark that differs from it is no profit of the scenario.
    before = price(spot, line.strike, line.vol, line.years, line.kind)
    return line.units * (price(spot * (1 + move), line.strike, max(vol, 0.0), line.years, line.kind) - before)


def _money(value: float) -> Decimal:
    return Decimal(value).quantize(_EIGHT)
