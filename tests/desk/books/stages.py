"""What the engine records of tickets and runs, put into the journal of a desk as its runner would."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from tests.engine.tickets.stage import Stage
from trader.journal import Command, Journal


class Written(Stage):
    """A stage whose records go into a journal: call `write`."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self.state = replace(self.state, account_key="paper", installation=journal.installation())
        self.journal = journal
        self.count = 0

    def order(self, *tickets: dict[str, Any], **fields: Any) -> str:  # type: ignore[override]
        """As ever, with the command's row: asha asks, at the command line."""
        command_id = str(fields.pop("command_id", f"order-{self.commands + 1}"))
        self.journal.submit_command(
            Command(
                command_id=command_id, account="paper", kind="order", issued_at=datetime.now(UTC), issued_by="cli",
                body={"tickets": [dict(one) for one in tickets], "who": "asha"},
            )
        )  # fmt: skip
        return super().order(*tickets, command_id=command_id, **fields)

    def write(self) -> None:
        """Append what was recorded since the last call."""
        fresh, self.count = self.records[self.count :], len(self.records)
        self.journal.append(fresh, lease=None, account="paper")
