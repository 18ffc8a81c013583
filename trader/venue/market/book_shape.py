"""How a book looks: spread by moneyness, levels behind the best price, sizes. Pure in its inputs.

Proportions follow recorded books of one-day options: some ten levels a side, several thousand contracts each near the
money, tens in the far wings where the bid is often missing.
"""

from decimal import Decimal
from math import ceil, floor, log, pow

from trader.venue.market.base import Depth, Level
from trader.venue.market.noise import gaussian, two_uniforms, uniform

LEVELS_MAX = 8
SPREAD_AT_ONE, SPREAD_BY_LOG, DELTA_LEAST = -0.0022, 0.019, 0.004
SPREAD_OF_WORTH = 0.01  # of what exercise would pay: deep in the money it is that which is quoted
WIDTH_REVIEW_BEATS = 400  # how long a contract keeps its habitual width
DESERTED_DELTA, DESERTED_CHANCE, BID_REVIEW_BEATS = 0.012, 0.4, 2400  # where, how often and how long nobody bids
_LADDER = 0x5DEECE66D  # keeps the ladder's numbers apart from the contract's other ones


def spread_ratio(otm_delta: float) -> float:
    """Bid-ask spread as a share of time value, by the |delta| of the out-of-the-money option of the strike.

    Recorded one-day options are quoted 1.1 % of their volatility wide at every strike; this is that in price: 1 % at the
    money, 4 % at a delta of 0.10.
    """
    return SPREAD_AT_ONE - SPREAD_BY_LOG * log(max(otm_delta, DELTA_LEAST))


def usual_spread(mark: float, time_value: float, otm_delta: float) -> float:
    """Bid-ask spread of an option (USD), before a contract's own habits."""
    return time_value * spread_ratio(otm_delta) + SPREAD_OF_WORTH * max(0.0, mark - time_value)


def option_depth(
    *, mark: float, time_value: float, otm_delta: float, unrest: float, tick: Decimal, key: int, beat: int
) -> Depth:
    """The book of an option around its mark (USD). `beat` counts the book's refreshes and becomes its version; `unrest` is
    by how much of itself the spread is wider than usual."""
    bid, ask = best_quotes(
        mark=mark, time_value=time_value, otm_delta=otm_delta, unrest=unrest, tick=float(tick), key=key, beat=beat
    )
    return depth_behind(bid=bid, ask=ask, otm_delta=otm_delta, tick=tick, key=key, beat=beat)


def depth_behind(*, bid: int | None, ask: int | None, otm_delta: float, tick: Decimal, key: int, beat: int) -> Depth:
    """Finite depth behind given best quotes (in ticks, None = nobody there)."""
    known = ask if bid is None else bid
    width = ask - bid if bid is not None and ask is not None else max(1, (known or 1) // 10)
    scale = _size_scale(otm_delta)
    return Depth(
        bids=() if bid is None else _ladder(bid, -1, width, scale, tick, key, beat),
        asks=() if ask is None else _ladder(ask, 1, width, scale, tick, key, beat),
        version=beat,
    )


def perpetual_depth(*, mark: Decimal, tick: Decimal, key: int, beat: int) -> Depth:
    """A tight, deep book around the index."""
    bid = floor(mark / tick)
    return Depth(
        bids=_ladder(bid, -1, 2, 3000, tick, key, beat),
        asks=_ladder(bid + 1, 1, 2, 3000, tick, key, beat),
        version=beat,
    )


def best_quotes(
    *, mark: float, time_value: float, otm_delta: float, unrest: float, tick: float, key: int, beat: int
) -> tuple[int | None, int]:
    """Best bid and ask in ticks; the bid is None where nobody bids.

    A contract's habitual width changes only every few hundred beats, its middle a little with every beat.
    """
    width = 0.7 + 0.7 * uniform(key, 1, beat // WIDTH_REVIEW_BEATS)
    spread = max(tick, usual_spread(mark, time_value, otm_delta) * width * (1 + unrest))
    middle = mark + 0.12 * spread * max(-2.0, min(2.0, gaussian(key, 2, beat)))
    bid = floor((middle - spread / 2) / tick + 1e-9)
    ask = max(ceil((middle + spread / 2) / tick - 1e-9), bid + 1, 1)
    deserted = otm_delta < DESERTED_DELTA and uniform(key, 3, beat // BID_REVIEW_BEATS) < DESERTED_CHANCE
    return (None if bid < 1 or deserted else bid), ask


def _size_scale(otm_delta: float) -> float:
    """Typical contracts at one level: thousands near the money, tens in the wings."""
    return 25 + 6000 * pow(min(1.0, otm_delta / 0.12), 1.5)


def _ladder(
    best: int, outwards: int, spread_ticks: int, scale: float, tick: Decimal, key: int, beat: int
) -> tuple[Level, ...]:
    """Levels from `best` (in ticks) outwards (-1 for bids, +1 for asks). Bids end above zero."""
    side = 1 if outwards > 0 else 0
    levels: list[Level] = []
    at = best
    for i in range(LEVELS_MAX):
        if at < 1:
            break
        # Deeper levels refresh more slowly: most of a book stands still from one beat to the next.
        when = (beat + i) // (2 + 2 * i)
        of_size, of_gap = two_uniforms(key ^ _LADDER, when << 5 | i << 1 | side)
        size = max(1, int(scale * (0.35 + 0.25 * i) * (0.4 + 1.2 * of_size)))
        levels.append((at * tick, size))
        at += outwards * max(1, int(spread_ticks * (0.25 + 0.15 * i) * (0.6 + 0.8 * of_gap)))
    return tuple(levels)
