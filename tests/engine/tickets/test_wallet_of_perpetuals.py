"""Tickets in a perpetual held against the exchange's ledger, once nothing of it is held any more."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.engine.tickets.stage import D, Stage, buy, holding
from trader.domain.fill import Fill
from trader.domain.wallet import Transaction
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.state import Run

VALUE = D("0.001")


def ledger(fills: Iterable[Fill], *more: Transaction) -> tuple[Transaction, ...]:
    """As an exchange books a perpetual: what closing has made by the average entry, and commissions."""
    held, worth, lines = 0, Decimal(0), list(more)
    for number, fill in enumerate(sorted(fills, key=lambda one: str(one.ts_event))):
        signed = fill.side.sign * fill.quantity
        made = Decimal(0)
        if held * signed < 0:
            average = worth / held
            made = -signed * (fill.price - average) * VALUE
            worth += signed * average
        else:
            worth += signed * fill.price
        held += signed
        for kind, amount in (("cashflow", made), ("commission", -(fill.commission or Decimal(0)))):
            if amount:
                lines.append(transaction(f"{number}{kind}", kind, amount, fill))
    assert not held
    return tuple(lines)


def transaction(name: str, kind: str, amount: Decimal, fill: Fill) -> Transaction:
    return Transaction(
        transaction_id=name, kind=kind, amount=amount, balance=D(0), asset="USD", product_id=27, created_at=fill.ts_event
    )  # fmt: skip


def fills_of(*runs: Run) -> list[Fill]:
    return [booked.fill for run in runs for booked in run.fills.values()]


def closed(stage: Stage, *names: str) -> list[Run]:
    for name in names:
        stage.close(ticket=stage.ticket(name).run_id)
    stage.finish(15)
    return [stage.ticket(name) for name in names]


def reads(stage: Stage) -> list[ef.ReadWallet]:
    return [e for e in stage.all_effects if isinstance(e, ef.ReadWallet) and e.run_id]


def later(stage: Stage, seconds: int) -> None:
    for _ in range(seconds):
        stage.moved()
        stage.tick()


def told(stage: Stage, changes: tuple[Transaction, ...]) -> None:
    effect = reads(stage)[-1]
    lines = tuple(one for one in changes if one.created_at and one.created_at >= effect.since)
    stage.feed(ev.WalletRead, run_id=effect.run_id, since=effect.since, changes=lines)


def compared(stage: Stage) -> list[rec.WalletCompared]:
    return stage.of(rec.WalletCompared)


def test_a_ticket_agrees_with_the_ledger_to_the_last_digit() -> None:
    stage = holding()
    (run,) = closed(stage, "order-1")
    later(stage, 10)
    told(stage, ledger(fills_of(run)))
    (one,) = compared(stage)
    assert one.difference == 0 and run.finished is not None and sum(one.lines.values()) == run.finished.realized_pnl


def test_tickets_that_were_held_at_once_are_compared_together() -> None:
    """Their average entry is one of its own, and only in all it comes to what they have made."""
    stage = holding(ticket=buy(quantity=3))
    stage.moved("101000")
    holding(stage, ticket=buy(quantity=7), price="101010")
    first = closed(stage, "order-1")[0]
    later(stage, 30)
    assert not reads(stage), "the other is still held"
    second = closed(stage, "order-2")[0]
    later(stage, 10)
    told(stage, ledger(fills_of(first, second)))
    assert [(one.run_id, one.difference) for one in compared(stage)] == [(first.run_id, 0), (second.run_id, 0)]
    later(stage, 60)
    assert len(reads(stage)) == 1


def test_what_was_traded_before_in_it_is_no_part_of_it() -> None:
    stage = holding(ticket=buy(quantity=3))
    first = closed(stage, "order-1")[0]
    later(stage, 10)
    told(stage, ledger(fills_of(first)))
    later(stage, 20)
    holding(stage, ticket=buy(quantity=4))
    second = closed(stage, "order-3")[0]
    later(stage, 25)
    assert reads(stage)[-1].since > max(fill.ts_event for fill in fills_of(first) if fill.ts_event)
    told(stage, ledger(fills_of(second)))
    assert [one.difference for one in compared(stage)] == [0, 0]


@pytest.mark.parametrize("amount", ["-2.5", "0.00001"])
def test_a_charge_that_no_fill_tells_is_told(amount: str) -> None:
    stage = holding()
    (run,) = closed(stage, "order-1")
    charge = transaction("x", "liquidation_fee", D(amount), fills_of(run)[-1])
    for _ in range(120):
        before = len(reads(stage))
        later(stage, 1)
        if len(reads(stage)) > before:
            told(stage, ledger(fills_of(run), charge))
    assert [one.difference for one in compared(stage)] == [D(amount)] and "wallet_differs" in stage.alerts()


def test_funding_is_a_part_of_it() -> None:
    stage = holding()
    run = stage.ticket()
    assert stage.market is not None
    line = transaction("f", "funding", D("-0.25"), fills_of(run)[0])
    at = stage.market + timedelta(seconds=30)
    line = Transaction(**{**{name: getattr(line, name) for name in line.__struct_fields__}, "created_at": at})
    later(stage, 31)
    stage.feed(ev.WalletRead, run_id=run.run_id, since=stage.market, changes=(line,))
    (run,) = closed(stage, "order-1")
    later(stage, 10)
    told(stage, ledger(fills_of(run), line))
    (one,) = compared(stage)
    assert one.difference == 0 and one.lines["funding"] == D("-0.25")


def test_after_a_restart_it_is_compared_all_the_same() -> None:
    stage = holding()
    (run,) = closed(stage, "order-1")
    stage.restart()
    later(stage, 10)
    told(stage, ledger(fills_of(run)))
    assert [one.difference for one in compared(stage)] == [0]
