"""The day report over the real wire: with a run, single orders and somebody else's trade, it agrees where it should and names the rest."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.rig import Rig, await_value, preset, start_venue
from tests.report.stage import Page, read_sections
from trader.desk import DayReport, Desk
from trader.domain.order import OrderIntent, OrderType, Purpose, Side
from trader.engine.records import Phase, RunFinished
from trader.report.day_csv import day_csv
from trader.report.day_html import day_html


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    server = start_venue(speed=20)
    made = Rig(server, tmp_path)
    made.boot()
    yield made
    made.halt()
    server.stop()


@pytest.fixture
def desk(rig: Rig) -> Iterator[Desk]:
    opened = rig.desk()
    yield opened
    opened.close()


def judged(report: DayReport) -> dict[str, str]:
    return {one.name: one.verdict for one in report.audits}


def await_sound(desk: Desk) -> DayReport:
    """The stream tells a fill before its fee, and the ledger may be a moment behind."""
    last: list[DayReport] = []

    def look() -> DayReport | None:
        last[:] = [desk.day_report()]
        return last[0] if last[0].is_sound else None

    return await_value(look, 20, "a day on which everything agrees")  # type: ignore[no-any-return]


def test_a_day_with_a_run_and_single_orders_agrees_until_somebody_else_trades(rig: Rig, desk: Desk) -> None:
    rig.start(preset())
    held = rig.await_view(lambda view: view.phase is Phase.HOLDING, 30, "holding")
    contract = held.legs[0].symbol
    rig.order({"symbol": contract, "side": "sell", "quantity": 3, "order_type": "market"})
    rig.stop()
    rig.await_view(lambda view: view.phase is Phase.DONE, 60, "done")
    report = await_sound(desk)
    (end,) = [one for _, one in rig.journal.events(held.run_id) if isinstance(one, RunFinished)]
    assert set(judged(report).values()) == {"agrees"} and report.verdict.endswith(
        "Everything agrees with the exchange."
    )
    assert "with 1 run and 1 single order" in report.verdict
    results = {one.is_ticket: one.result for one in report.runs}
    assert results[False] == end.realized_pnl and len(results) == 2
    assert report.opening == 10_000 and report.closing == 10_000 + rig.ledger_change()
    assert report.closing - report.opening == report.cash - report.fees
    sheet, page = read_sections(day_csv(report)), Page(day_html(report))
    told = {row["field"]: row["value"] for row in sheet["day"]}
    assert Decimal(told["made"]) == page.amount("Made") == report.made == rig.ledger_change()
    assert sum(Decimal(row["cash"]) - Decimal(row["fee"]) for row in sheet["fills"]) == rig.ledger_change()

    intent = OrderIntent(
        client_order_id="by-hand", run_id="", leg="", purpose=Purpose.ENTRY, attempt=0, symbol=contract,
        product_id=desk.trades().trades[0].product_id, side=Side.BUY, quantity=2, order_type=OrderType.MARKET, limit_price=None,
    )  # fmt: skip
    desk._door.gateway().submit(intent)

    def differing() -> DayReport | None:
        found = desk.day_report()
        return found if judged(found)["Wallet"] == "differs" else None

    report = await_value(differing, 20, "the trade by hand in the ledger")
    named = {one.code: one for audit in report.audits for one in audit.differences}
    assert named["FILL_FOREIGN"].contracts == 2 and not report.is_sound
    assert named["WALLET_DIFFERS"].usd == rig.ledger_change() - (report.cash - report.fees)
    assert "differences from the exchange" in report.verdict and "FILL_FOREIGN" in day_html(report)

    rig.halt()
    rig.venue.stop()
    report = desk.day_report()
    assert judged(report) == {
        "Executions and fees": "unread", "Orders": "unread", "Wallet": "unread", "Results": "agrees",
    }  # fmt: skip
    assert report.verdict.endswith("Not compared: Executions and fees, Orders, Wallet.") and not report.is_sound
    assert report.made == sum(one.result or 0 for one in report.runs)
