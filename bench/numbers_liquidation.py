"""How often a short leg is liquidated before the maximum loss closes: premiums of recorded chains on recorded spot, minute by minute.

No place has both option chains and one-minute spot of the same days, so each chain near the entry time (its strikes, quotes and
volatilities) is held through the minutes of other days, from the same time of day, as returns. P&L is the engine's own curve of
what is held (`trader.engine.spot_curve`: the volatility of each option and what lies between its ask and its mark stay as at the
entry); margin is isolated and not topped up. In a minute in which anything happens its open, low, high and close are walked second by
second: the exchange liquidates at once, the desk's rules have to be true for as long as two prints of both legs take.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from trader.config.preset import Preset
from trader.desk.market import Board
from trader.domain.instrument import Kind
from trader.domain.order import Side
from trader.engine.entry_cost import EntryCost, entry_cost, nonsense
from trader.engine.exits import Trail, ratchet, triggered
from trader.engine.liquidation import limit_of, stop_beyond
from trader.engine.records import LegTerms
from trader.engine.schedule import exit_after, exit_before_expiry
from trader.engine.selection import choose_legs
from trader.engine.spot_curve import Curve, OpenLeg, Standing
from trader.pricing.black76 import price, year_fraction

CONFIRM_SECS = 5  # two fresh marks and quotes of every leg: the exchange tells them every two and up to five seconds
_MINUTE = timedelta(minutes=1)
_LONGEST_GAP = 5  # minutes without a candle through which a day is still followed

# The built-in presets as they were before they were tuned to their liquidation: what differs from a preset's defaults and
# matters here. None of them knew a guard ahead of liquidation, a refusal of such entries, or a cushion.
_UNGUARDED: dict[str, Any] = {"exits": {"breakeven_cushion": "none"}}


class Minute(NamedTuple):
    """One candle, as multiples of the first one's open."""

    open: float
    high: float
    low: float
    close: float


class Result(NamedTuple):
    """How a run ended, after how many minutes, and its P&L then, % of the basis; for a liquidation what the mark had cost by then."""

    reason: str
    minutes: int
    pct: float


class Held(NamedTuple):
    preset: Preset
    legs: tuple[LegTerms, ...]
    standing: Standing
    basis: float
    limits: Mapping[str, float]  # by key of a short leg: the mark at which it is liquidated
    guards: Mapping[str, float]  # and the one at which everything is closed ahead of that
    out: datetime


def held(preset: Preset, board: Board, *, guarded: bool = True) -> Held | str:
    """What a preset sells on a board, or "nothing" or "refused". Not `guarded`: as before the desk knew of liquidation."""
    if board.market is None or board.spot is None:
        return "nothing"
    found = choose_legs(preset, board.instruments, board.quotes, board.market, board.spot)
    cost = entry_cost(preset, found.legs, board.quotes, board.spot) if found.legs else None
    if cost is None or found.expiry is None or cost.basis <= 0:
        return "nothing"
    out = exit_before_expiry(preset.schedule, exit_after(preset.schedule, board.market), found.expiry)
    if out <= board.market:
        return "nothing"
    if guarded and nonsense(preset, found.legs, cost):
        return "refused"
    late = stop_beyond(preset, found.legs, board.quotes, cost, board.spot, board.market, out) if guarded else None
    if late is not None and preset.risk.liquidation == "refuse":
        return "refused"
    return _held(preset, board, found.legs, cost, out, guarded)


def _held(
    preset: Preset, board: Board, legs: tuple[LegTerms, ...], cost: EntryCost, out: datetime, guarded: bool
) -> Held:
    assert board.market is not None and board.spot is not None
    opened, limits, guards = [], {}, {}
    for leg in legs:
        own, vol = cost.legs[leg.key], board.quotes[leg.symbol].mark_iv
        assert vol is not None  # a board has no quote without one
        opened.append(
            OpenLeg(
                kind=leg.kind, strike=float(leg.strike), expiry=leg.expiry, vol=vol,
                size=-leg.side.sign * leg.quantity * float(leg.contract_value), closing=float(own.closing),
                fee_rate=float(leg.fee_rate), fee_cap=None if leg.fee_cap is None else float(leg.fee_cap),
            )
        )  # fmt: skip
        if leg.side is Side.SELL:
            limit = limit_of(preset.exits, leg, own.price, board.spot)
            limits[leg.key] = float(limit.price)
            if guarded and limit.guard is not None:
                guards[leg.key] = float(limit.guard)
    standing = Standing(
        legs=tuple(opened), spot=float(board.spot), banked=float(cost.premium - cost.fees), now=board.market
    )
    return Held(preset, legs, standing, float(cost.basis), limits, guards, out)


def lived(one: Held, minutes: Sequence[Minute]) -> Result:
    """How it ends on this spot."""
    trail: Trail | None = None
    true_for, was = 0, ""
    last = min(len(minutes), int((one.out - one.standing.now) / _MINUTE))
    for number in range(last):
        now = _Instant(one, one.standing.now + (number + 1) * _MINUTE)
        candle = minutes[number]
        level = None if trail is None else trail.level
        if any(now.happens(at, level) for at in (candle.low, candle.high, candle.close)):
            for at in _seconds(candle):
                if now.liquidated(at):
                    return Result("liquidation", number + 1, now.pct(at))
                reason = now.happens(at, level)
                true_for, was = (true_for + 1 if reason == was else 1) if reason else 0, reason
                if reason and true_for >= CONFIRM_SECS:
                    return Result(reason, number + 1, now.pct(at))
        else:
            true_for, was = 0, ""
        closing = partial(now.closing_pct, candle.close)
        trail = ratchet(one.preset.exits, trail, Decimal(repr(now.pct(candle.close))), closing) or trail
    end = _Instant(one, one.out)
    return Result("time", last, end.pct(minutes[last - 1].close))


class _Instant:
    """What is held at one minute, by spot as a multiple of that at the entry."""

    def __init__(self, one: Held, at: datetime) -> None:
        self._one = one
        self._curve = Curve(one.standing, at)
        self._years = [year_fraction(at, leg.expiry) for leg in one.legs]

    def pct(self, at: float) -> float:
        return self._curve(at * self._one.standing.spot) / self._one.basis * 100

    def closing_pct(self, at: float) -> Decimal:
        """What closing takes beside the mark: spread and fees."""
        standing = self._one.standing
        worth = sum(leg.size * self._mark(number, at) for number, leg in enumerate(standing.legs))
        return Decimal(repr((standing.banked - worth) / self._one.basis * 100 - self.pct(at)))

    def liquidated(self, at: float) -> bool:
        return any(self._mark(number, at) >= self._one.limits[leg.key] for number, leg in self._shorts(at))

    def happens(self, at: float, level: Decimal | None) -> str:
        """The first thing that ends it here, empty where nothing does."""
        one = self._one
        for number, leg in self._shorts(at):
            mark = self._mark(number, at)
            if mark >= one.limits[leg.key]:
                return "liquidation"
            if leg.key in one.guards and mark >= one.guards[leg.key]:
                return "liquidation_guard"
        return next(iter(triggered(one.preset.exits, level, Decimal(repr(self.pct(at))))), "")

    def _shorts(self, at: float) -> Iterator[tuple[int, LegTerms]]:
        """Those that spot has moved against: the others' marks have fallen."""
        for number, leg in enumerate(self._one.legs):
            if leg.key in self._one.limits and (at > 1) is (leg.kind is Kind.CALL):
                yield number, leg

    def _mark(self, number: int, at: float) -> float:
        leg = self._one.standing.legs[number]
        return price(at * self._one.standing.spot, leg.strike, leg.vol, self._years[number], leg.kind)


def _seconds(candle: Minute) -> Iterator[float]:
    """A minute second by second: from its open to its close over the end behind it, then the one ahead."""
    rising = candle.close >= candle.open
    corners = (candle.open, *((candle.low, candle.high) if rising else (candle.high, candle.low)), candle.close)
    for begin, end in zip(corners, corners[1:], strict=False):
        for step in range(1, 21):
            yield begin + (end - begin) * step / 20


# ------------------------------------------------------------------------------------------------- recorded spot


def spot_days(folder: Path, names: Sequence[str]) -> list[dict[datetime, tuple[float, float, float, float]]]:
    """One-minute candles by their opening instant, a table for each UTC day that begins within the files."""
    days: dict[Any, dict[datetime, tuple[float, float, float, float]]] = {}
    for name in names:
        for path in sorted(folder.glob(name)):
            table = pq.read_table(path, columns=["ts", "open", "high", "low", "close"])
            for at, *prices in zip(*(table[column].to_pylist() for column in table.column_names), strict=True):
                days.setdefault((path.name, at.date()), {})[at] = tuple(prices)
    return [day for day in days.values() if len(day) > 1000]


def minutes_from(day: Mapping[datetime, tuple[float, float, float, float]], begin: time, count: int) -> list[Minute]:
    """So many minutes of a day from a time of day, relative to the first open; those that are missing stand still. Empty where the
    day has no candle there, ends before, or has a hole."""
    date = next(iter(day)).date()
    at = datetime.combine(date, begin.replace(second=0, microsecond=0), next(iter(day)).tzinfo)
    if at not in day:
        return []
    first, found, last, gap = day[at][0], [], day[at][0], 0
    for _ in range(count):
        candle = day.get(at)
        gap = 0 if candle is not None else gap + 1
        if gap > _LONGEST_GAP:
            return []
        candle = candle or (last, last, last, last)
        last = candle[3]
        found.append(Minute(*(value / first for value in candle)))
        at += _MINUTE
    return found


def outcomes(
    preset: Preset, boards: Sequence[Board], days: Sequence[Mapping[datetime, Any]], each: int, *, guarded: bool = True
) -> list[Result]:
    """A preset entered on every board, each lived through so many days, evenly spread over all of them. What is not entered is told
    once a board, as "nothing" or "refused"."""
    found: list[Result] = []
    for number, board in enumerate(boards):
        one = held(preset, board, guarded=guarded)
        if isinstance(one, str):
            found.append(Result(one, 0, 0.0))
            continue
        count = int((one.out - one.standing.now) / _MINUTE)
        for turn in range(each):
            day = days[(number + turn * len(days) // each) % len(days)]
            minutes = minutes_from(day, one.standing.now.time(), count)
            if minutes:
                found.append(lived(one, minutes))
    return found


def old_presets(built_in: Mapping[str, Preset]) -> dict[str, Preset]:
    """The built-in presets with the numbers they had before."""
    return {name: _as_it_was(built_in[name], OLD[name]) for name in OLD if name in built_in}


def _as_it_was(preset: Preset, changes: Mapping[str, Mapping[str, Any]]) -> Preset:
    body = preset.model_dump()
    for section, fields in (*_UNGUARDED.items(), *changes.items()):
        body[section] = {**body[section], **fields}
    return Preset.model_validate(body)


def _was(
    loss: int, profit: int, low: str, high: str, *tiers: tuple[int, int], **strategy: Any
) -> dict[str, dict[str, Any]]:
    exits = {
        "max_loss_pct": loss, "max_profit_pct": profit,
        "trailing_tiers": [{"peak_pct": peak, "stop_pct": stop} for peak, stop in tiers],
    }  # fmt: skip
    return {"exits": exits, "strategy": {"delta_min": low, "delta_max": high, **strategy}}


OLD: dict[str, dict[str, dict[str, Any]]] = {
    "default": _was(100, 80, "0.10", "0.15", (40, 0), (50, 25)),
    "conservative": _was(60, 60, "0.06", "0.10", (30, 0), (40, 20), (50, 35), max_spread_pct=30),
    "aggressive": _was(150, 90, "0.18", "0.25", (50, 0), (65, 30), max_spread_pct=50),
    "development": _was(100, 80, "0.05", "0.30", (40, 0), (50, 25), max_spread_pct=150),
    "straddle": _was(40, 40, "0.10", "0.15", (15, 0), (25, 12), max_spread_pct=20),
    "iron_condor": _was(100, 50, "0.18", "0.28", (25, 0), (35, 15), max_spread_pct=80, wing_width_usd=2500),
    "iron_fly": _was(40, 25, "0.10", "0.15", (10, 0), (18, 8), max_spread_pct=80, wing_width_usd=2000),
    "ratio": _was(70, 70, "0.10", "0.15", (40, 0), (50, 25)),
}
