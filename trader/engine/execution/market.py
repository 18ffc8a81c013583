"""Market: every order takes what the book has at once, within the collar; what it has not is tried again a moment later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.engine.execution.chase import Chase

if TYPE_CHECKING:
    from trader.engine.execution.algo import Terms


class Market(Chase):
    """One slice, at once and at market."""

    def takes(self, terms: Terms) -> bool:
        return True
