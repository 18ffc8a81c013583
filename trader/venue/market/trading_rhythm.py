"""How often the synthetic market's own participants trade, how much, and what they hold. Pure in seed, contract and slot.

Time is cut into slots; a slot may hold one trade, at a hashed instant inside it, at the best price of the book of that
instant. Near the money more slots do than in the wings.
"""

from math import exp, log

from trader.venue.market.noise import drift_noise, gaussian, uniform

OPTION_SLOT_STEPS = 15  # steps of the price grid: one minute
PERPETUAL_CHANCE = 0.85  # of every step of the grid
# Long before the market's start a perpetual's trades are told in fewer, larger ones: nobody looks at those seconds.
LONG_AGO_STEPS, LONG_AGO_EVERY = -10 * 86_400 // 4, 10
WILLING, INSTANT, SELLER, SIZE = 20, 21, 22, 23  # streams of a contract's numbers
OPTION_SIZE, PERPETUAL_SIZE = 40.0, 150.0  # mean contracts of a trade
OPEN_INTEREST = 8000  # contracts of an option people neither like nor dislike, near the money


def activity(key: int) -> float:
    """Chance that a slot of an option could hold a trade at all: some contracts are liked better than others."""
    return min(0.9, 0.5 * exp(0.5 * gaussian(key, 19)))


def likely(limit: float, otm_delta: float) -> float:
    """Chance that a slot of an option of that `activity` holds a trade."""
    return limit * min(1.0, 0.02 + 4 * otm_delta)


def size_of(key: int, slot: int, mean: float) -> int:
    """Contracts of the slot's trade."""
    return 1 + int(-mean * log(uniform(key, SIZE, slot)))


def appetite(key: int) -> float:
    """How much people like to hold an option."""
    return exp(1.2 * gaussian(key, 8))


def open_interest(key: int, otm_delta: float, second: float) -> int:
    """Contracts of an option held."""
    liked = appetite(key) * min(1.0, 0.05 + 4 * otm_delta)
    return max(0, int(OPEN_INTEREST * liked * (1 + 0.2 * drift_noise(key, second / 86400))))


def perpetual_open_interest(key: int) -> int:
    """Contracts of a perpetual held."""
    return int(200_000 + 800_000 * uniform(key, 8))
