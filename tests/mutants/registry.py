"""All mutants, in order, and the parts of rows that have nothing here to be built into."""

from tests.mutants import (
    adapters,
    books,
    calendars,
    commanding,
    costs,
    cushions,
    doors,
    exits,
    guarding,
    hosting,
    legs,
    limiting,
    liquidating,
    losing,
    manners,
    margining,
    pausing,
    paying,
    reckoning,
    rules,
    sent,
    settings,
    several,
    slices,
    stopping,
    stores,
    strangers,
    tickets,
    watching,
)
from tests.mutants.mutant import Mutant

ROWS = (
    *(f"A{number:02d}" for number in range(1, 8)),  # of legs worked in slices
    *(f"B{number:02d}" for number in range(1, 4)),  # of the stop at breakeven
    *(f"C{number:02d}" for number in range(1, 5)),  # of what an entry costs
    *(f"E{number:02d}" for number in range(1, 5)),  # of entries that pause, and of single contracts
    *(f"G{number:02d}" for number in range(1, 5)),  # of the spread guard
    *(f"H{number:02d}" for number in range(1, 5)),  # of days and expiries
    *(f"K{number:02d}" for number in range(1, 32)),  # of single orders
    *(f"L{number:02d}" for number in range(1, 11)),  # of structures of legs
    *(f"M{number:02d}" for number in (*range(1, 71), *range(81, 92))),
    *(f"O{number:02d}" for number in range(1, 8)),  # of losses that count what is open
    *(f"Q{number:02d}" for number in range(1, 8)),  # of liquidation
    *(f"R{number:02d}" for number in range(1, 16)),  # of several runs on one account
    *(f"T{number:02d}" for number in range(1, 5)),  # of margin modes
    *(f"W{number:02d}" for number in range(1, 8)),  # of the wallet
)

_PARTS = (
    adapters,
    books,
    calendars,
    commanding,
    costs,
    cushions,
    doors,
    exits,
    guarding,
    hosting,
    legs,
    limiting,
    liquidating,
    losing,
    manners,
    margining,
    pausing,
    paying,
    reckoning,
    rules,
    sent,
    settings,
    several,
    slices,
    stopping,
    stores,
    strangers,
    tickets,
    watching,
)

MUTANTS: dict[str, Mutant] = {
    mutant.name: mutant for mutant in sorted((m for part in _PARTS for m in part.MUTANTS), key=lambda m: m.name)
}

# Parts of rows that the product has no place for yet; the rest of each of these rows is above.
NOT_APPLICABLE = {
    "M66": "“.env values in the repository” is a defect of files, not of the program; there is nothing to patch.",
    "M67": "“default password” and “open registration”: the panel serves this machine only and has no users to log in.",
    "M70": "“a reused flag”: the program has no feature flags.",
}
