"""Best quotes of an option at many instants: the numpy twin of `book_shape.option_depth`'s first level."""

import numpy as np
from numpy.typing import NDArray

from trader.venue.market.book_shape import (
    BID_REVIEW_BEATS,
    DELTA_LEAST,
    DESERTED_CHANCE,
    DESERTED_DELTA,
    SPREAD_AT_ONE,
    SPREAD_BY_LOG,
    SPREAD_OF_WORTH,
    WIDTH_REVIEW_BEATS,
)
from trader.venue.market.noise_arrays import Floats, gaussians, uniforms

Beats = NDArray[np.int64]


def best_quotes(
    *, mark: Floats, time_value: Floats, otm_delta: Floats, unrest: Floats, tick: float, key: int, beats: Beats
) -> tuple[Beats, Beats]:
    """Best bids and asks in ticks; a bid of 0 is nobody's."""
    width = 0.7 + 0.7 * uniforms(key, 1, beats // WIDTH_REVIEW_BEATS)
    ratio = SPREAD_AT_ONE - SPREAD_BY_LOG * np.log(np.maximum(otm_delta, DELTA_LEAST))
    usual = time_value * ratio + SPREAD_OF_WORTH * np.maximum(0.0, mark - time_value)  # usual_spread
    spread = np.maximum(tick, usual * width * (1 + unrest))
    middle = mark + 0.12 * spread * np.clip(gaussians(key, 2, beats), -2.0, 2.0)
    bids = np.floor((middle - spread / 2) / tick + 1e-9).astype(np.int64)
    asks = np.maximum(np.ceil((middle + spread / 2) / tick - 1e-9).astype(np.int64), np.maximum(bids + 1, 1))
    deserted = (otm_delta < DESERTED_DELTA) & (uniforms(key, 3, beats // BID_REVIEW_BEATS) < DESERTED_CHANCE)
    return np.where((bids < 1) | deserted, 0, bids), asks
