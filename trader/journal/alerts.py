"""Which alerts a person has acknowledged: a fold over the ``ack`` commands, the same for the runner and every face."""

from datetime import datetime
from typing import Any

import msgspec

from trader.journal.commands import CommandRow
from trader.journal.views import AlertRow

LOUD = ("error", "warning")  # what asks for an acknowledgement; of these, errors are repeated until they have one
CRITICAL = "error"


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """Who acknowledged, through which face, and when (wall clock, aware UTC)."""

    by: str
    at: datetime


class Acknowledgements:
    """Fed with ``ack`` commands in their order; the first acknowledgement of an alert is the one that counts."""

    def __init__(self) -> None:
        self.last_id = 0  # row number of the last command taken in
        self._single: dict[int, Acknowledgement] = {}
        self._up_to: list[tuple[int, Acknowledgement]] = []

    def add(self, row_id: int, command: CommandRow) -> None:
        """Take in one command; one that was taken in already changes nothing."""
        if row_id <= self.last_id:
            return
        self.last_id = row_id
        given = Acknowledgement(by=who(command.issued_by, command.body), at=command.issued_at)
        for seq in command.body.get("alerts", ()):
            self._single.setdefault(int(seq), given)
        if (highest := command.body.get("up_to")) is not None and (not self._up_to or highest > self._up_to[-1][0]):
            self._up_to.append((int(highest), given))

    def of(self, seq: int) -> Acknowledgement | None:
        """What acknowledged an alert; None while it has none."""
        by_number = self._single.get(seq)
        all_up_to = next((given for highest, given in self._up_to if seq <= highest), None)
        both = [given for given in (by_number, all_up_to) if given is not None]
        return min(both, key=lambda given: given.at, default=None)

    def told(self, alert: AlertRow) -> AlertRow:
        """The alert with its acknowledgement filled in."""
        given = self.of(alert.seq)
        return alert if given is None else msgspec.structs.replace(alert, acked_by=given.by, acked_at=given.at)


def who(issued_by: str, body: dict[str, Any]) -> str:
    """The person as far as the command names one, and the face: ``asha (cli)``."""
    name = str(body.get("who", "") or "")
    return f"{name} ({issued_by})" if name else issued_by


def needs_acknowledging(alert: AlertRow) -> bool:
    return alert.level in LOUD and alert.acked_at is None
