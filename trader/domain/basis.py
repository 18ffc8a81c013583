"""What percentages of profit and loss are of, and what it is called: the net credit, or the most that can be lost."""

from typing import Final, Literal

BasisName = Literal["credit", "max loss"]
CREDIT: Final = "credit"
MAX_LOSS: Final = "max loss"


def basis_words(name: str) -> str:
    """In a sentence. A run that has no basis yet is named as one with a credit."""
    return "the most that can be lost" if name == MAX_LOSS else "the net credit"


def basis_short(name: str) -> str:
    """Beside a figure or an axis, where there is little room."""
    return "max loss" if name == MAX_LOSS else "net credit"
