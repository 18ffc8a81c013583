"""A day's books against the exchange's: every way in which they can differ has a code and a size."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from trader.desk.books.lines import OrderLine, Trade
from trader.desk.reports.audit import Unread, audit_fills, audit_orders, audit_wallet
from trader.desk.reports.day_values import Audit
from trader.domain.fill import Fill
from trader.domain.order import OrderSnapshot, Side
from trader.domain.wallet import Transaction

D = Decimal
BEGINS = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)  # an Indian midnight
ENDS = BEGINS + timedelta(days=1)
NOON = BEGINS + timedelta(hours=12)
CALL, OTHER = "C-BTC-90000-060326", "P-BTC-80000-060326"


def within(at: datetime) -> bool:
    return BEGINS <= at < ENDS


def trade(order: str = "1", **changes: Any) -> Trade:
    fields: dict[str, Any] = {
        "seq": 1, "fill_id": "f", "venue_order_id": order, "client_order_id": "sdabcd-x", "run_id": "r", "is_ticket": False, "preset": "p",
        "leg": "C", "algorithm": "chase", "symbol": CALL, "product_id": 7, "side": "sell", "quantity": 2, "price": D(200), "fee": D("0.01"),
        "fee_currency": "USD", "role": "taker", "kind": "normal", "cash": D("0.4"), "at": NOON, "wall": NOON,
    }  # fmt: skip
    return Trade(**(fields | changes))


def fill(order: str = "1", **changes: Any) -> Fill:
    fields: dict[str, Any] = {
        "fill_id": "g", "venue_order_id": order, "client_order_id": "sdabcd-x", "symbol": CALL, "product_id": 7, "side": Side.SELL,
        "quantity": 2, "price": D("200.0"), "commission": D("0.010"), "ts_event": NOON,
    }  # fmt: skip
    return Fill(**(fields | changes))


def found(audit: Audit) -> list[tuple[str, Decimal | None, int | None]]:
    return [(one.code, one.usd, one.contracts) for one in audit.differences]


@pytest.mark.parametrize(
    ("trades", "fills", "expected"),
    [
        ([trade()], [fill()], []),
        ([trade(quantity=1), trade(quantity=1, fee=D(0))], [fill()], []),  # one told in parts
        ([], [], []),
        ([], [fill()], [("FILL_MISSING", None, 2)]),
        ([trade()], [], [("FILL_UNKNOWN", None, -2)]),
        ([trade(quantity=1)], [fill()], [("FILL_MISSING", None, 1)]),
        ([trade(price=D(201))], [fill()], [("FILL_MISSING", None, 2), ("FILL_UNKNOWN", None, -2)]),
        ([trade(fee=D("0.012"))], [fill()], [("FEE_DIFFERS", D("-0.002"), None)]),
        ([trade(fee=None)], [fill()], [("FEE_DIFFERS", D("0.010"), None)]),
        ([trade()], [fill(), fill("2", client_order_id="by-hand", quantity=5)], [("FILL_FOREIGN", None, 5)]),
        ([trade()], [fill(), fill("2", client_order_id=None, symbol=OTHER)], []),  # told as a note
        ([trade()], [fill(), fill("2", client_order_id="sdabcd-lost", symbol=OTHER)], [("FILL_MISSING", None, 2)]),
        ([trade(venue_order_id="")], [], []),  # a settlement booked by its price
        ([trade(at=BEGINS - timedelta(microseconds=1))], [fill(ts_event=BEGINS)], []),  # stamped differently at midnight
        ([], [fill(ts_event=BEGINS - timedelta(microseconds=1))], []),  # the day before
        ([], [fill(ts_event=ENDS)], []),
    ],
)  # fmt: skip
def test_executions_order_by_order(trades: list[Trade], fills: list[Fill], expected: list[Any]) -> None:
    audit = audit_fills(trades, fills, within, "abcd")
    assert found(audit) == expected and audit.verdict == ("differs" if expected else "agrees")


def test_somebody_elses_trade_in_another_contract_is_told_and_is_no_difference() -> None:
    audit = audit_fills([trade()], [fill(), fill("2", client_order_id=None, symbol=OTHER)], within, "abcd")
    assert audit.notes == (f"Order 2, of no run or single order here: 2 {OTHER}.",)


def line(**changes: Any) -> OrderLine:
    fields = dict.fromkeys(OrderLine.__struct_fields__)
    fields |= {
        "client_order_id": "sdabcd-x", "venue_order_id": "1", "symbol": CALL, "side": "sell", "quantity": 2, "filled": 2, "left": 0,
        "status": "filled", "created_at": NOON,
    }  # fmt: skip
    return OrderLine(**(fields | changes))


def snapshot(**changes: Any) -> OrderSnapshot:
    fields: dict[str, Any] = {
        "venue_order_id": "1", "client_order_id": "sdabcd-x", "symbol": CALL, "product_id": 7, "side": Side.SELL, "quantity": 2,
        "leaves_qty": 0, "limit_price": None, "avg_px": None, "venue_state": "closed", "created_at": NOON,
    }  # fmt: skip
    return OrderSnapshot(**(fields | changes))


@pytest.mark.parametrize(
    ("orders", "listed", "expected"),
    [
        ([line()], [snapshot()], []),
        ([line(client_order_id="other")], [snapshot(client_order_id=None)], []),  # known by the exchange's id
        ([line(status="denied")], [], []),
        ([line(status="rejected", filled=0)], [], []),
        ([line()], [], [("ORDER_MISSING", None, -2)]),
        ([line()], [snapshot(leaves_qty=1)], [("ORDER_FILLED", None, -1)]),
        ([line(status="unknown", filled=0, left=2)], [snapshot()], [("ORDER_UNKNOWN", None, 2)]),
        ([], [snapshot()], [("ORDER_NOT_IN_BOOKS", None, 2)]),
        ([], [snapshot(client_order_id="by-hand")], []),
        ([], [snapshot(created_at=ENDS)], []),
    ],
)
def test_every_order_is_accounted_for(
    orders: list[OrderLine], listed: list[OrderSnapshot], expected: list[Any]
) -> None:
    audit = audit_orders(orders, listed, within, "abcd")
    assert found(audit) == expected and audit.verdict == ("differs" if expected else "agrees")


def ledger(*amounts: tuple[str, str, int | None], balance: str = "100", at: datetime = NOON) -> list[Transaction]:
    """Kind, amount and product of each line, on top of a balance."""
    lines, now = [], D(balance)
    for number, (kind, amount, product) in enumerate(amounts):
        now += D(amount)
        lines.append(
            Transaction(
                transaction_id=str(number), kind=kind, amount=D(amount), balance=now, asset="USD", product_id=product,
                created_at=at + timedelta(seconds=number),
            )
        )  # fmt: skip
    return lines


BOOKED = (("cashflow", "0.4", 7), ("commission", "-0.01", 7))


def test_the_balance_changes_by_the_cash_flows_and_what_else_there_was() -> None:
    lines = ledger(BOOKED[0], ("deposit", "50", None), BOOKED[1])
    audit, balances = audit_wallet([trade()], D(0), {7}, lines, BEGINS, ENDS)
    assert found(audit) == [] and (balances.opening, balances.closing) == (D(100), D("150.39"))
    assert audit.notes[1] == "Besides (deposits, perpetuals, other contracts): deposit +50."


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (ledger(*BOOKED), []),
        (ledger(*BOOKED, ("cashflow", "-3", 7)), [("WALLET_DIFFERS", D(-3), None)]),
        (ledger(BOOKED[0]), [("WALLET_DIFFERS", D("0.01"), None)]),
        ([], [("WALLET_DIFFERS", D("-0.39"), None)]),
        ([*ledger(*BOOKED), *ledger(("deposit", "1", None), balance="200", at=NOON + timedelta(hours=1))],
         [("BALANCE_DIFFERS", D("99.61"), None)]),
        (ledger(*BOOKED)[::-1], []),  # told in another order
        (ledger(*BOOKED, at=ENDS + timedelta(seconds=5)), []),  # stamped after midnight, executed before
    ],
)  # fmt: skip
def test_the_wallet(lines: list[Transaction], expected: list[Any]) -> None:
    audit, _ = audit_wallet([trade()], D(0), {7}, lines, BEGINS, ENDS)
    assert found(audit) == expected


@given(some.lists(some.decimals(-100, 100, places=4), min_size=1, max_size=8), some.randoms())
def test_a_whole_ledger_chains_in_any_order_of_one_instant(amounts: list[Decimal], chance: Any) -> None:
    lines = [
        Transaction(transaction_id=one.transaction_id, kind=one.kind, amount=one.amount, balance=one.balance, asset="USD",
                    product_id=None, created_at=NOON)
        for one in ledger(*(("deposit", str(amount), None) for amount in amounts))
    ]  # fmt: skip
    chance.shuffle(lines)
    audit, balances = audit_wallet([], D(0), set(), lines, BEGINS, ENDS)
    assert audit.verdict == "agrees"
    if balances.opening != balances.closing:
        assert (balances.opening, balances.closing) == (D(100), 100 + sum(amounts))


def test_what_cannot_be_read_is_never_said_to_agree() -> None:
    unread = Unread("no answer")
    audits = (
        audit_fills([], unread, within, "abcd"),
        audit_orders([], unread, within, "abcd"),
        audit_wallet([], D(0), set(), unread, BEGINS, ENDS)[0],
    )
    assert {one.verdict for one in audits} == {"unread"} and all("no answer" in one.sentence for one in audits)
