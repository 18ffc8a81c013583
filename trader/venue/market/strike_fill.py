"""Adds strikes between recorded ones by interpolating the recorded smile.

Recorded chains may list strikes so far apart that a narrow delta band falls between them, where this exchange would list
more. A filled strike takes its volatility from its two recorded neighbours of the same instant (linear in strike, from the
out-of-the-money side) and its quotes' distances from mark (likewise); its rows are marked as interpolated. Recorded rows are never
changed, and nothing is added outside the recorded range of strikes, or further
out than four standard deviations.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from math import exp, sqrt

from trader.domain.instrument import Kind, build_option_symbol, parse_option_symbol
from trader.pricing.black76 import DAYS_PER_YEAR, SECS_PER_YEAR, price
from trader.venue.market.deribit import to_ticks
from trader.venue.market.instants import from_ms
from trader.venue.market.recording_file import Origin, QuoteRow
from trader.venue.market.stats import money

_REACH_DEVIATIONS = 4.0
_GAP_STEPS_MAX = 8
_Smile = dict[Decimal, dict[Kind, QuoteRow]]


def fill_strikes(
    groups: Iterable[Sequence[QuoteRow]], *, underlying: str, step: Decimal, tick: Decimal, days_max: float
) -> list[QuoteRow]:
    """Rows for the missing multiples of `step`, for expiries at most `days_max` days away.

    Each group holds the quotes of one expiry that were recorded together.
    """
    filled: list[QuoteRow] = []
    for group in groups:
        if not group or (group[0].expiry_ms - group[0].ts_ms) / 86_400_000 > days_max:
            continue
        smile: _Smile = {}
        for row in group:
            smile.setdefault(row.strike, {})[parse_option_symbol(row.symbol).kind] = row
        strikes = sorted(smile)
        lowest, highest = _reach(group)
        for low, high in zip(strikes, strikes[1:], strict=False):
            if high - low > _GAP_STEPS_MAX * step:
                continue  # a neighbour is missing from this group; a smile bends too much over such a stretch
            strike = max(low // step + 1, lowest // step) * step
            while strike < min(high, highest):
                for kind in (Kind.CALL, Kind.PUT):
                    row_ = _between(smile[low], smile[high], kind, strike, underlying, tick)
                    if row_ is not None:
                        filled.append(row_)
                strike += step
    return filled


def _reach(group: Sequence[QuoteRow]) -> tuple[Decimal, Decimal]:
    """The strikes worth filling: within `_REACH_DEVIATIONS` of a day's (or longer) move at the at-the-money volatility."""
    middle = min(group, key=lambda row: abs(float(row.strike) / (row.forward or float(row.index)) - 1))
    forward = middle.forward or float(middle.index)
    days = max(1.0, (middle.expiry_ms - middle.ts_ms) / 86_400_000)
    move = exp(_REACH_DEVIATIONS * middle.mark_iv * sqrt(days / DAYS_PER_YEAR))
    return Decimal(forward / move), Decimal(forward * move)


def _between(
    low: dict[Kind, QuoteRow], high: dict[Kind, QuoteRow], kind: Kind, strike: Decimal, underlying: str, tick: Decimal
) -> QuoteRow | None:
    if kind not in low or kind not in high:
        return None
    left, right = low[kind], high[kind]
    weight = float((strike - left.strike) / (right.strike - left.strike))
    latest = max(left, right, key=lambda row: row.ts_ms)
    forward = latest.forward or float(latest.index)
    informed = Kind.PUT if float(strike) < forward else Kind.CALL
    vol_left, vol_right = low.get(informed, left).mark_iv, high.get(informed, right).mark_iv
    vol = vol_left + (vol_right - vol_left) * weight
    years = (latest.expiry_ms - latest.ts_ms) / 1000 / SECS_PER_YEAR
    mark = price(forward, float(strike), vol, years, kind)
    below = _distance(left.bid, left.mark, right.bid, right.mark, weight)
    above = _distance(left.ask, left.mark, right.ask, right.mark, weight)
    best_bid = None if below is None else to_ticks(Decimal(mark - below), tick, up=False)
    best_ask = None if above is None else to_ticks(Decimal(mark + above), tick, up=True)
    if best_bid is not None and best_ask is not None and best_ask <= best_bid:
        best_ask = best_bid + tick
    return QuoteRow(
        ts_ms=latest.ts_ms,
        symbol=build_option_symbol(kind, underlying, strike, from_ms(latest.expiry_ms)),
        strike=strike,
        expiry_ms=latest.expiry_ms,
        bid=best_bid,
        ask=best_ask,
        mark=money(mark),
        mark_iv=vol,
        forward=latest.forward,
        index=latest.index,
        open_interest=_least(left.open_interest, right.open_interest),
        volume=None,
        origin=Origin.INTERPOLATED,
    )


def _distance(
    left: Decimal | None, left_mark: Decimal, right: Decimal | None, right_mark: Decimal, weight: float
) -> float | None:
    """How far a quote stands from mark between two strikes (USD); None unless both neighbours are quoted."""
    if left is None or right is None:
        return None
    near, far = float(abs(left - left_mark)), float(abs(right - right_mark))
    return near + (far - near) * weight


def _least(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else min(left, right)
