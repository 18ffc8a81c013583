"""The built-in presets on days of the synthetic market: chosen by the desk's rules on its books, followed every 20 seconds at the
true ask, closed by the engine's exit rules, liquidated by the exchange's."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from bench.market_statistics import Floats
from bench.numbers_liquidation import Held, Result, held
from trader.config.preset import Preset
from trader.desk.market import Board
from trader.domain.instrument import Instrument
from trader.domain.order import Side
from trader.domain.quote import Quote
from trader.engine.exits import Trail, ratchet, triggered
from trader.pricing.fees import GST
from trader.venue.market.book_arrays import best_quotes
from trader.venue.market.noise import stream_key
from trader.venue.market.spot_grid import STEP_SECS
from trader.venue.market.synthetic import BEAT_MS, SyntheticMarket, SyntheticSettings
from trader.venue.market.temper import MarketMode

_EVERY = 20 // STEP_SECS
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_ENTRY = timedelta(hours=4)  # 09:30 IST
_FARTHEST = timedelta(days=2)
_LIQUIDATION_OF_SPOT, _LIQUIDATION_OF_PRICE = 0.0025, 0.5


class Leg(NamedTuple):
    """What a contract costs from the entry on, USD: what closing is paid at, and its mark."""

    closing: Floats
    marks: Floats


def days(presets: Mapping[str, Preset], count: int, per_seed: int, mode: MarketMode) -> Iterator[dict[str, Result]]:
    """How each preset ended on so many days, `per_seed` of each seed."""
    for number in range(count):
        if number % per_seed == 0:
            settings = SyntheticSettings(
                seed=number // per_seed, start=_BEGIN, start_prices={"BTC": 77_000.0}, mode=mode
            )
            market = SyntheticMarket(settings)
        market.advance(_BEGIN + timedelta(days=number % per_seed) + _ENTRY)
        board = _board(market)
        found = {}
        for name, preset in presets.items():
            one = held(preset, board)
            found[name] = Result(one, 0, 0.0) if isinstance(one, str) else _lived(one, market)
        yield found


def _board(market: SyntheticMarket) -> Board:
    now = market._now
    near = [i for i in market.instruments() if i.expiry is not None and i.expiry - now < _FARTHEST]
    quotes = {each.symbol: _quote(market, each, now) for each in near}
    return Board(instruments=tuple(near), quotes=quotes, spot=market.spot("BTC"), market=now)


def _quote(market: SyntheticMarket, contract: Instrument, now: datetime) -> Quote:
    depth, stats = market.depth(contract.symbol), market.option_stats(contract.symbol)
    bid, ask = (side[0] if side else (None, None) for side in (depth.bids, depth.asks))
    return Quote(
        symbol=contract.symbol, mark=stats.mark, bid=bid[0], ask=ask[0], bid_size=bid[1], ask_size=ask[1],
        greeks=stats.greeks, mark_iv=stats.mark_iv, spot=market.spot("BTC"), open_interest=stats.open_interest,
        ts_mark=now, ts_quote=now, ts_greeks=now,
    )  # fmt: skip


def _lived(one: Held, market: SyntheticMarket) -> Result:
    first = int((one.standing.now - _BEGIN).total_seconds()) // STEP_SECS
    last = int((one.out - _BEGIN).total_seconds()) // STEP_SECS
    steps = np.arange(first + 1, last + 1, _EVERY, dtype=np.int64)
    history = market._past()
    spot = history._index("BTC", steps)
    legs, pnl = [], np.full(len(steps), one.standing.banked)
    for leg, open_leg in zip(one.legs, one.standing.legs, strict=True):
        value = history._value(market._listings[leg.symbol].instrument, steps)
        bids, asks = best_quotes(
            mark=value.mark, time_value=value.time_value, otm_delta=value.otm_delta, unrest=value.unrest,
            tick=float(leg.tick_size), key=stream_key(market._settings.seed, leg.symbol),
            beats=steps * (STEP_SECS * 1000 // BEAT_MS),
        )  # fmt: skip
        closing = (asks if leg.side is Side.SELL else bids) * float(leg.tick_size)
        cap = np.inf if leg.fee_cap is None else float(leg.fee_cap) * closing
        fee = np.minimum(float(leg.fee_rate) * spot, cap) * float(1 + GST)
        pnl -= open_leg.size * closing + abs(open_leg.size) * fee  # a size above 0 is owed
        legs.append(Leg(closing, value.mark))
    return _walked(one, legs, pnl / one.basis * 100, spot)


def _walked(one: Held, legs: list[Leg], pcts: Floats, spot: Floats) -> Result:
    """Step by step: what the exchange does first, then the desk's rules."""
    exits = one.preset.exits
    taken, warned = np.full(len(pcts), False), np.full(len(pcts), False)
    for leg, path in zip(one.legs, legs, strict=True):
        if leg.key in one.limits:
            taken |= path.marks >= one.limits[leg.key]
        if leg.key in one.guards:
            warned |= path.marks >= one.guards[leg.key]
    trail: Trail | None = None
    highest, lowest = float(exits.max_profit_pct), -float(exits.max_loss_pct)
    for place, pct in enumerate(pcts.tolist()):
        minutes = place * _EVERY * STEP_SECS // 60
        if taken[place]:
            return Result("liquidation", minutes, pct - _liquidation_fee_pct(one, legs, place, float(spot[place])))
        if warned[place]:
            return Result("liquidation_guard", minutes, pct)
        level = None if trail is None else trail.level
        if pct <= lowest or pct >= highest or (level is not None and pct <= level):
            found = triggered(exits, level, Decimal(repr(pct)), peak=None if trail is None else trail.peak)
            if found:
                return Result(next(iter(found)), minutes, pct)
        if pct > 0 and (trail is None or pct > trail.peak):
            spread = sum(
                abs(own.size) * abs(path.closing[place] - path.marks[place])
                for own, path in zip(one.standing.legs, legs, strict=True)
            )
            closing_pct = Decimal(repr(float(spread / one.basis * 100)))
            trail = ratchet(exits, trail, Decimal(repr(pct)), lambda cost=closing_pct: cost) or trail
    return Result("time", len(pcts) * _EVERY * STEP_SECS // 60, float(pcts[-1]))


def _liquidation_fee_pct(one: Held, legs: list[Leg], place: int, spot: float) -> float:
    """What the exchange charges for taking legs over, % of the basis."""
    usd = 0.0
    for leg, own, path in zip(one.legs, one.standing.legs, legs, strict=True):
        if leg.key in one.limits and path.marks[place] >= one.limits[leg.key]:
            charged = min(_LIQUIDATION_OF_SPOT * spot, _LIQUIDATION_OF_PRICE * path.marks[place])
            usd += abs(own.size) * charged * float(1 + GST)
    return usd / one.basis * 100
