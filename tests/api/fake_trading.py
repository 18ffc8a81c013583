"""A desk with the functions of single orders, which answers from a table instead of a runner and an exchange."""

import hashlib
from datetime import UTC, datetime
from typing import Any, cast

from trader.config.ticket import TicketList
from trader.desk import CommandReceipt, CommandRow, Desk, KeyReused

NOW = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)


class FakeTrading(Desk):
    """Takes every order; knows order `o1`. `refusal`: why the runner refuses from now on."""

    refusal = ""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.rows: dict[str, CommandRow] = {}

    def _recorded(self, kind: str, key: str = "", **body: Any) -> CommandReceipt:
        command_id = hashlib.sha256(key.encode()).hexdigest()[:16] if key else f"c{len(self.rows)}"
        earlier = self.rows.get(command_id)
        if earlier is not None and (earlier.kind, earlier.body) != (kind, body):
            raise KeyReused("This idempotency key was used for another request; nothing was done.")
        self.rows.setdefault(
            command_id,
            CommandRow(
                command_id=command_id,
                account=self.account,
                kind=cast(Any, kind),
                issued_at=NOW,
                issued_by="api",
                body=body,
                status="refused" if self.refusal else "accepted",
                detail=self.refusal or "ticket t1",
                updated_at=NOW,
            ),
        )
        return CommandReceipt(command_id=command_id, account=self.account, issued_at=NOW)

    def asked(self) -> list[tuple[str, dict[str, Any]]]:
        return [(row.kind, row.body) for row in self.rows.values()]

    def await_command(self, command_id: str, timeout_secs: float) -> CommandRow:
        return self.rows[command_id] if command_id in self.rows else super().await_command(command_id, timeout_secs)

    def order(
        self, tickets: TicketList, *, issued_by: str, confirm: str | None = None, key: str = ""
    ) -> CommandReceipt:
        return self._recorded("order", key, **tickets.model_dump(mode="json"))

    def check_order(self, tickets: TicketList) -> Any:
        return {"problems": [], "cost": {"margin": "1.5"}}

    def amend(self, ticket_id: str, *, issued_by: str, **changes: Any) -> CommandReceipt:
        return self._recorded("amend", ticket=ticket_id, **changes)

    def cancel(self, *, issued_by: str, **which: Any) -> CommandReceipt:
        return self._recorded("cancel", **which)

    def close_position(self, *, issued_by: str, **which: Any) -> CommandReceipt:
        return self._recorded("close", **which)

    def close_all(self, *, issued_by: str) -> CommandReceipt:
        return self._recorded("close_all")

    def adopt(self, symbol: str, phrase: str, *, issued_by: str) -> CommandReceipt:
        return self._recorded("adopt", symbol=symbol, phrase=phrase)

    def order_line(self, order_id: str) -> Any:
        return order_id if order_id == "o1" else None
