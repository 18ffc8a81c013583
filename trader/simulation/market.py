"""A market made for speed: one underlying, one expiry, six options, a seeded path with jumps, Black-76 marks, thin books; in some
sessions a perpetual beside them.

The path is a function of the seed and the second alone, so it does not matter when anybody looks.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import exp, sqrt
from random import Random
from typing import Any

from trader.domain.instrument import Instrument, Kind, build_option_symbol
from trader.pricing.black76 import SECS_PER_YEAR, price_and_greeks
from trader.simulation.planned import MarketPlan
from trader.venue.market.base import Depth, Level, OptionStats
from trader.venue.market.stats import perpetual_stats

UNDERLYING = "BTC"
PERPETUAL, PERPETUAL_ID = "BTCUSD", 27
_SPOT = 90_000.0
_DEVIATIONS = (0.9, 1.15, 1.4)  # how far out of the money the listed strikes lie
_TICK = Decimal("0.5")
_LEVELS = 3
_NO_DEPTH: tuple[Level, ...] = ()
_NARROWER = 50  # a perpetual's spread is so many times smaller


class SimMarket:
    """A `MarketSource` on a grid of whole seconds."""

    underlyings: tuple[str, ...] = (UNDERLYING,)

    def __init__(self, plan: MarketPlan) -> None:
        self._plan = plan
        self._random = Random(plan.seed ^ 0x5EED)
        self._second = 0
        self._path = [_SPOT]
        self._jumps = {int(at): size for at, size in plan.jumps}
        self._listed = _list_options(plan) + (() if plan.perpetual is None else (_perpetual(),))
        self._by_symbol = {i.symbol: i for i in self._listed}
        self._strikes = {i.symbol: float(i.strike or 0) for i in self._listed}
        self._secs = {i.symbol: (i.expiry - plan.opening).total_seconds() for i in self._listed if i.expiry is not None}
        self._number = {i.symbol: n for n, i in enumerate(self._listed)}
        self._stats: dict[str, OptionStats] = {}
        self._depths: dict[str, Depth] = {}

    def start(self) -> datetime:
        return self._plan.opening

    def end(self) -> datetime | None:
        return None

    def advance(self, now: datetime) -> None:
        second = int((now - self._plan.opening).total_seconds())
        if second < self._second:
            raise ValueError(f"the market has reached second {self._second}, asked for {second}")
        if second == self._second:
            return
        path, noise, gauss = self._path, self._plan.noise, self._random.gauss
        while len(path) <= second:
            step = gauss(0.0, noise) + self._jumps.get(len(path), 0.0) + self._sliding(len(path))
            path.append(path[-1] * exp(step))
        self._second = second
        self._stats.clear()
        self._depths.clear()

    def _sliding(self, second: int) -> float:
        return sum(by / (until - since) for since, until, by in self._plan.slides if since <= second < until)

    def spot(self, underlying: str) -> Decimal:
        return Decimal(int(self._path[self._second] * 10)) / 10

    def instruments(self) -> Sequence[Instrument]:
        return self._listed

    def option_stats(self, symbol: str) -> OptionStats:
        stats = self._stats.get(symbol)
        if stats is None:
            stats = self._stats[symbol] = self._make_stats(symbol)
        return stats

    def _make_stats(self, symbol: str) -> OptionStats:
        if symbol == PERPETUAL:
            premium = Decimal(str(self._plan.perpetual)) / 100
            return perpetual_stats((self.spot(UNDERLYING) * (1 + premium)).quantize(Decimal("0.01")), 0)
        instrument = self._by_symbol[symbol]
        iv = self._plan.iv
        for at, factor in self._plan.iv_moves:
            if self._second >= at:
                iv *= factor
        years = max(self._secs[symbol] - self._second, 0) / SECS_PER_YEAR
        value, greeks = price_and_greeks(self._path[self._second], self._strikes[symbol], iv, years, instrument.kind)
        mark = Decimal(max(int(value * 10), 1)) / 10
        return OptionStats(
            mark=mark,
            mark_iv=iv,
            greeks=greeks,
            bid_iv=iv,
            ask_iv=iv,
            open_interest=Decimal(1000),
            volume=1.0,
            band_low=_TICK,
            band_high=Decimal(int(mark * 6) + 400) / 2,
        )

    def depth(self, symbol: str) -> Depth:
        depth = self._depths.get(symbol)
        if depth is None:
            depth = self._depths[symbol] = self._make_depth(symbol)
        return depth

    def _make_depth(self, symbol: str) -> Depth:
        mark = float(self.option_stats(symbol).mark)
        wider = max((by for since, until, by in self._plan.wide if since <= self._second < until), default=1.0)
        if symbol == PERPETUAL:
            wider /= _NARROWER
        half = max(mark * self._plan.half_spread_pct * wider / 100, 0.5)
        bid, ask = int((mark - half) * 2), int((mark + half) * 2) + 1
        sizes = self._sizes(symbol)
        bids = tuple((Decimal(bid - n) / 2, sizes[n]) for n in range(_LEVELS) if bid - n > 0)
        asks = tuple((Decimal(ask + 2 * n) / 2, sizes[-1 - n]) for n in range(_LEVELS))
        for since, until, side in self._plan.empty:
            if since <= self._second < until:
                bids = _NO_DEPTH if side != "asks" else bids
                asks = _NO_DEPTH if side != "bids" else asks
        return Depth(bids=bids, asks=asks, version=self._second)

    def _sizes(self, symbol: str) -> tuple[int, ...]:
        base = self._second * 7 + self._number[symbol] * 3
        return tuple(1 + (base + n * 5) % self._plan.level_size for n in range(_LEVELS))

    def settlement_price(self, underlying: str, expiry: datetime) -> Decimal | None:
        return self.spot(underlying)

    def state(self) -> dict[str, Any]:
        return {"second": self._second}

    def restore(self, state: dict[str, Any]) -> None:
        raise ValueError("a simulated market begins at its beginning")


def _list_options(plan: MarketPlan) -> tuple[Instrument, ...]:
    listed = []
    for place, secs in enumerate((plan.expiry_secs, *plan.later)):
        deviation, step = plan.iv * sqrt(secs / SECS_PER_YEAR), 100 if secs > 3600 else 10
        expiry = plan.opening + timedelta(seconds=secs)
        for kind, sign in ((Kind.CALL, 1), (Kind.PUT, -1)):
            for number, out in enumerate((*_DEVIATIONS, *plan.farther)):
                strike = round(_SPOT * exp(sign * out * deviation) / step) * step
                product_id = 1000 * (place + 1) + number + (100 if sign > 0 else 200)
                listed.append(_option(kind, Decimal(strike), expiry, product_id))
    return tuple(listed)


def _option(kind: Kind, strike: Decimal, expiry: datetime, product_id: int) -> Instrument:
    return Instrument(
        symbol=build_option_symbol(kind, UNDERLYING, strike, expiry),
        product_id=product_id,
        underlying=UNDERLYING,
        kind=kind,
        strike=strike,
        expiry=expiry,
        contract_value=Decimal("0.001"),
        tick_size=_TICK,
        taker_rate=Decimal("0.0001"),
        maker_rate=Decimal("0.0001"),
        fee_cap=Decimal("0.035"),
        initial_margin_pct=Decimal(1),
        maintenance_margin_pct=Decimal("0.5"),
    )


def _perpetual() -> Instrument:
    return Instrument(
        symbol=PERPETUAL,
        product_id=PERPETUAL_ID,
        underlying=UNDERLYING,
        kind=Kind.PERPETUAL,
        strike=None,
        expiry=None,
        contract_value=Decimal("0.001"),
        tick_size=_TICK,
        taker_rate=Decimal("0.0005"),
        maker_rate=Decimal("0.0002"),
        fee_cap=None,
        initial_margin_pct=Decimal("0.5"),
        maintenance_margin_pct=Decimal("0.25"),
    )
