"""Best quotes of an option at many instants: the numpy twin of `book_shape.option_depth`'s first level."""

import numpy as np
from numpy.typing import NDArray

from trader.venue.market.book_shape import (
    BID_REVIEW_BEATS,
    DESERTED_CHANCE,
    DESERTED_DELTA,
    WIDTH_REVIEW_BEATS,
)
from trader.venue.market.noise_arrays import Floats, gaussians, uniforms

Beats = NDArray[np.int64]


def best_quotes(
    *, mark: Floats, time_value: Floats, otm_delta: Floats, tick: float, key: int, beats: Beats
) -> tuple[Beats, Beats]:
    """Best bids and asks in ticks; a bid of 0 is nobody's."""
    width = 0.7 + 0.7 * uniforms(key, 1, beats // WIDTH_REVIEW_BEATS)
    ratio = 0.02 + 0.006 / np.maximum(otm_delta, 0.004)  # spread_ratio
    spread = np.maximum(tick, np.maximum(time_value * ratio * width, 0.00015 * mark))
    middle = mark + 0.12 * spread * np.clip(gaussians(key, 2, beats), -2.0, 2.0)
    bids = np.floor((middle - spread / 2) / tick + 1e-9).astype(np.int64)
    asks = np.maximum(np.ceil((middle + spread / 2) / tick - 1e-9).astype(np.int64), np.maximum(bids + 1, 1))
    deserted = (otm_delta < DESERTED_DELTA) & (uniforms(key, 3, beats // BID_REVIEW_BEATS) < DESERTED_CHANCE)
    return np.where((bids < 1) | deserted, 0, bids), asks
