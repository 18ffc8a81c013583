"""Tickets in a perpetual over an exchange of funding, on the real wire: what they tell is what the account has moved."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tests.e2e.rig import Rig, await_value, start_venue
from tests.e2e.test_tickets import Tickets
from trader.engine.records import WalletCompared
from trader.venue.market.synthetic import SyntheticMarket, SyntheticSettings

SPEED = 8.0
START = datetime(2026, 3, 3, 7, 58, 40, tzinfo=UTC)  # 80 s before the funding of 8 o'clock, ten of ours


def test_two_tickets_held_over_the_funding_tell_the_accounts_money(tmp_path: Path) -> None:
    server = start_venue(speed=SPEED, market=SyntheticMarket(SyntheticSettings(seed=4, start=START)))
    rig = Rig(server, tmp_path)
    rig.boot()
    try:
        desk = Tickets(rig)
        names = [
            desk.order({"symbol": "BTCUSD", "side": "buy", "quantity": size, "order_type": "market"})[0]
            for size in (30, 70)
        ]
        for name in names:
            desk.await_ticket(name, lambda v: v.funding != 0, "funding is booked")
        for name in names:
            desk.send("close", {"ticket": name})
        told = [desk.await_ticket(name, lambda v: v.realized_pnl is not None, "closed") for name in names]
        lines = [line for line in rig.gateway.transactions(START) if line.product_id == desk.perp.product_id]
        moved = sum((line.amount for line in lines), Decimal(0))
        assert {"funding", "cashflow", "commission"} == {line.kind for line in lines}
        made = sum((one.realized_pnl for one in told if one.realized_pnl is not None), Decimal(0))
        assert abs(made - moved) < Decimal("1E-15"), (made, moved)
        funded = [line.amount for line in lines if line.kind == "funding"]
        assert sum(one.funding for one in told) == sum(funded) and len(funded) == 1

        def compared() -> list[WalletCompared] | None:
            records = [record for name in names for _, record in rig.journal.records(name)]
            found = [record for record in records if isinstance(record, WalletCompared)]
            return found if len(found) == len(names) else None

        assert [one.difference for one in await_value(compared, 40, "the ledger is compared")] == [0, 0]
    finally:
        rig.halt()
        server.stop()
