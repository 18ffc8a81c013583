"""A run beside odd rows: the market's others are traded, the account's are told, and both are shown."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import Rig, await_value, preset, start_venue
from trader.engine.records import Phase
from trader.exchange.common.transport import Reply
from trader.exchange.delta.gateway import DeltaGateway
from trader.venue.server import VenueServer

Change = Callable[[list[Any]], list[Any]]


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    server = start_venue()
    yield server
    server.stop()


def spoil(gateway: DeltaGateway, changes: dict[str, Change]) -> DeltaGateway:
    """Change the rows of what is read at these paths, on the way in."""
    send = gateway.rest._reads.send

    def sending(method: str, url: str, *rest: Any) -> Reply:
        reply = send(method, url, *rest)
        path = url.partition("/v2/")[2].partition("?")[0]
        if path in changes and reply.status == 200:
            body = json.loads(reply.body)
            if isinstance(body["result"], list):
                body["result"] = changes[path](body["result"])
                reply.body = json.dumps(body).encode()
        return reply

    gateway.rest._reads.send = sending  # type: ignore[method-assign]
    return gateway


def far_away(rows: list[Any]) -> int:
    """A contract nobody would choose: the highest strike."""
    return max(range(len(rows)), key=lambda n: float(rows[n].get("strike_price") or 0))


def with_odd_product(rows: list[Any]) -> list[Any]:
    place = far_away(rows)
    return [5, *rows[:place], {**rows[place], "tick_size": ["0.1"]}, *rows[place + 1 :]]


def with_odd_ticker(rows: list[Any]) -> list[Any]:
    place = far_away(rows)
    return [*rows[:place], {**rows[place], "greeks": "NaN", "mark_price": float("nan")}, *rows[place + 1 :], None]


def with_foreign_row(rows: list[Any]) -> list[Any]:
    return [
        *rows,
        {"product_id": 99_999_999, "product_symbol": "C-XRP-1-010130", "size": "NaN", "client_order_id": None},
    ]


def test_a_run_beside_odd_rows_of_every_list_enters_ends_flat_and_shows_them(
    venue: VenueServer, tmp_path: Path
) -> None:
    changes: dict[str, Change] = {"products": with_odd_product, "tickers": with_odd_ticker}
    changes |= dict.fromkeys(("positions", "orders", "orders/history", "fills"), with_foreign_row)
    rig = Rig(venue, tmp_path, wrap=lambda gateway: spoil(gateway, changes))
    rig.boot()
    rig.start(preset())
    held = rig.await_view(lambda v: v.phase is Phase.HOLDING, 40, "holding")

    def shown() -> tuple[str, ...] | None:
        snapshot = rig.journal.snapshot("paper")
        return snapshot.ops.left_out if snapshot is not None and snapshot.ops.left_out else None

    rows = await_value(shown, 40, "rows left out in the live picture")
    assert any("tick_size" in row for row in rows) and any(row.startswith("row 1 in the product list") for row in rows)
    told = [alert.text for alert in rig.journal.alerts(50, account="paper")]
    assert any("make no sense" in text or "makes no sense" in text for text in told)
    rig.stop()
    done = rig.await_view(lambda v: v.phase is Phase.DONE, 40, "done")
    assert done.flat == "true" and done.realized_pnl == rig.ledger_change()
    assert {leg.symbol for leg in held.legs}.isdisjoint(row.split(" ")[0] for row in rows)
    rig.halt()
