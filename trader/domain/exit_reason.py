"""Why a run was closed: the one vocabulary, for the engine that decides and for every face that tells it.

The engine writes the name; faces show the label where there is little room and the words in a sentence.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

ExitReason = Literal[
    "time",
    "max_loss",
    "liquidation_guard",
    "max_profit",
    "trailing_stop",
    "breakeven",
    "manual",
    "kill",
    "flatten",
    "unwind",
    "expiry",
    "blind",
    "leg_closed",
    "account_loss",
    "missed_entry",
    "resumed_exit",
    "refused",
    "cancelled",
    "stop_loss",
    "take_profit",
    "reduced",
    "unknown",
]


class Wording(NamedTuple):
    label: str  # for a table or a badge
    words: str  # what has happened: "Exiting: ..."


EXIT_REASONS: Mapping[ExitReason, Wording] = {
    "time": Wording("exit time", "exit time reached"),
    "max_loss": Wording("max loss", "max loss reached"),
    "liquidation_guard": Wording("liquidation guard", "a leg came near its liquidation"),
    "max_profit": Wording("max profit", "max profit reached"),
    "trailing_stop": Wording("trailing stop", "trailing stop reached"),
    "breakeven": Wording("breakeven stop", "trailing stop reached at breakeven"),
    "manual": Wording("Stop & Exit", "Stop & Exit"),
    "kill": Wording("kill switch", "kill switch pressed"),
    "flatten": Wording("flattened by hand", "flattened from the command line"),
    "unwind": Wording("entry failed", "entry could not be completed"),
    "expiry": Wording("expiry", "the contracts expired"),
    "blind": Wording("no prices", "no usable prices"),
    "leg_closed": Wording("leg closed", "one leg is no longer open"),
    "account_loss": Wording("account's loss", "the account's daily loss reached"),
    "missed_entry": Wording("missed entry", "entry window missed"),
    "resumed_exit": Wording("exit resumed", "an exit begun before is finished"),
    "refused": Wording("refused", "the order was refused"),
    "cancelled": Wording("cancelled", "cancelled before anything had filled"),
    "stop_loss": Wording("stop loss", "the stop loss at the exchange was reached"),
    "take_profit": Wording("take profit", "the take profit at the exchange was reached"),
    "reduced": Wording("reduced", "closed by a reduce-only order"),
    "unknown": Wording("unknown", "for a reason that is not known"),
}
_BY_NAME: Mapping[str, Wording] = {str(name): wording for name, wording in EXIT_REASONS.items()}


def exit_label(name: str) -> str:
    """The short label; a name that another version wrote is shown as it is."""
    wording = _BY_NAME.get(name)
    return name.replace("_", " ") if wording is None else wording.label


def exit_words(name: str) -> str:
    """What has happened, as part of a sentence."""
    wording = _BY_NAME.get(name)
    return name.replace("_", " ") if wording is None else wording.words
