"""Portfolio margin: the worst loss of everything held over a matrix of price and volatility shocks, with floors.

Source: exchange documentation of the ``portfolio_margins`` channel for the quantities; the scenario set (29 shocks for
BTC), its spans and the option floors as third parties reproduced them within about 5 %. Floats inside: the shocks are
statistics; the sums come back as Decimal to 8 places.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from trader.domain.instrument import Instrument, Kind
from trader.domain.order import Side
from trader.pricing.black76 import price, year_fraction
from trader.venue.core.account import Account
from trader.venue.core.records import Order
from trader.venue.market.base import MarketSource

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


class _Line(msgspec.Struct):
    """Signed contracts of one instrument with what its repricing needs."""

    instrument: Instrument
    units: float  # signed underlying units
    mark: float
    vol: float
    years: float
    entry: float


def portfolio_margin(
    market: MarketSource,
    live: Mapping[str, Instrument],
    account: Account,
    now: datetime,
    *,
    without: Order | None = None,
    extra: tuple[str, int] | None = None,
    index: str | None = None,
) -> PortfolioMargin:
    """Margin of an account's holdings and resting orders (`without` one of them, with `extra` signed contracts).

    Orders count where they make it worse: all buys, or all sells, or none filled. `index` restricts to one underlying.
    """
    held = {symbol: h.size for symbol, h in account.holdings.items()}
    if extra is not None:
        held[extra[0]] = held.get(extra[0], 0) + extra[1]
    buys, sells, commission = _ordered(market, live, account, without)
    variants = [held, _merged(held, buys), _merged(held, sells)] if buys or sells else [held]
    found = [_of(market, live, account, now, sizes, commission, index) for sizes in variants]
    # Resting orders change neither cash nor what positions would bring, only the margin.
    worst = max(found, key=lambda m: m.im_without_ucf)
    return msgspec.structs.replace(worst, ucf=found[0].ucf)


def _ordered(
    market: MarketSource, live: Mapping[str, Instrument], account: Account, without: Order | None
) -> tuple[dict[str, int], dict[str, int], Decimal]:
    sums: dict[Side, dict[str, int]] = {Side.BUY: {}, Side.SELL: {}}
    commission = sum((h.commission for h in account.holdings.values()), _NAUGHT)
    for order in account.open_orders.values():
        if order is without or order.reduce_only or order.symbol not in live:
            continue
        side = sums[order.side]
        side[order.symbol] = side.get(order.symbol, 0) + order.side.sign * order.unfilled_size
        commission += order.unit_commission * order.unfilled_size
    return sums[Side.BUY], sums[Side.SELL], commission


def _merged(held: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    return {symbol: held.get(symbol, 0) + more.get(symbol, 0) for symbol in held.keys() | more.keys()}


def _of(
    market: MarketSource,
    live: Mapping[str, Instrument],
    account: Account,
    now: datetime,
    sizes: Mapping[str, int],
    commission: Decimal,
    index: str | None,
) -> PortfolioMargin:
    by_underlying: dict[str, list[_Line]] = {}
    for symbol, size in sorted(sizes.items()):
        instrument = live.get(symbol)
        if instrument is not None and size and index in (None, instrument.underlying):
            by_underlying.setdefault(instrument.underlying, []).append(_line(market, account, instrument, size, now))
    risk = ucf = futures = longs = shorts = 0.0
    scenarios: tuple[Scenario, ...] = ()
    for underlying, lines in by_underlying.items():
        spot = float(market.spot(underlying))
        shocks = _shocks(lines, spot)
        scenarios = shocks if len(shocks) > len(scenarios) else scenarios
        risk += max(0.0, -min(s.pnl for s in shocks))
        ucf += sum(line.units * (line.mark - line.entry) for line in lines)
        for line in lines:
            notional = abs(line.units) * spot
            if line.instrument.kind is Kind.PERPETUAL:
                futures += _FUTURES_FLOOR * notional
            elif line.units < 0:
                excess = max(0.0, notional - _SHORT_FLOOR_NOTIONAL) / _SHORT_FLOOR_NOTIONAL
                rate = min(_SHORT_FLOOR_MAX, _SHORT_FLOOR * (1 + excess))
                shorts += max(_PREMIUM_FLOOR * line.mark * abs(line.units), rate * notional)
    return PortfolioMargin(
        balance=account.balance,
        risk_margin=_money(risk),
        futures_floor=_money(futures),
        long_options_floor=_money(longs),
        short_options_floor=_money(shorts),
        ucf=_money(ucf),
        commission=commission,
        scenarios=scenarios,
    )


def _line(market: MarketSource, account: Account, instrument: Instrument, size: int, now: datetime) -> _Line:
    stats = market.option_stats(instrument.symbol)
    holding = account.holdings.get(instrument.symbol)
    entry = 0.0
    if instrument.kind is Kind.PERPETUAL:
        known = holding.entry_price if holding is not None else None
        entry = float(known if known is not None else stats.mark)
    return _Line(
        instrument=instrument,
        units=size * float(instrument.contract_value),
        mark=float(stats.mark),
        vol=stats.mark_iv,
        years=year_fraction(now, instrument.expiry) if instrument.expiry is not None else 0.0,
        entry=entry,
    )


def _shocks(lines: list[_Line], spot: float) -> tuple[Scenario, ...]:
    """Profit of the lines in every scenario; the extreme moves count a third."""
    notional = sum(abs(line.units) for line in lines) * spot
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


def _pnl(lines: list[_Line], spot: float, move: float, vol_shock: float) -> float:
    total = 0.0
    shocked = spot * (1 + move)
    for line in lines:
        if line.instrument.kind is Kind.PERPETUAL:
            total += line.units * line.mark * move
            continue
        assert line.instrument.strike is not None
        days = max(line.years * 365, 1 / 24)
        vol = line.vol * (1 + vol_shock * (30 / days) ** 0.3)
        strike, kind = float(line.instrument.strike), line.instrument.kind
        # Both sides by the model, so that a mark that differs from it is no profit of the scenario.
        before = price(spot, strike, line.vol, line.years, kind)
        total += line.units * (price(shocked, strike, max(vol, 0.0), line.years, kind) - before)
    return total


def _money(value: float) -> Decimal:
    return Decimal(value).quantize(_EIGHT)
