"""What a perpetual's funding brings or takes is in the P&L of the tickets that held it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.engine.tickets.stage import CALL, D, Phase, Stage, buy, holding, perp_quote, sell
from trader.domain.wallet import Transaction
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.fold import durable, fold
from trader.engine.state import State

HOUR = datetime(2025, 1, 15, 8, tzinfo=UTC)


def before_the_hour(secs: float = 60) -> Stage:
    stage = Stage(wall=HOUR - timedelta(seconds=secs), market=HOUR - timedelta(seconds=secs))
    stage.list_strangle()
    return stage


def line(amount: str, at: datetime = HOUR, product_id: int = 27, kind: str = "funding") -> Transaction:
    return Transaction(
        transaction_id=f"t{at:%H%M}", kind=kind, amount=D(amount), balance=D(1000), asset="USD",
        product_id=product_id, created_at=at,
    )  # fmt: skip


def asked(stage: Stage, seconds: int) -> list[ef.ReadWallet]:
    """Reads of the ledger in the name of a ticket, in so many quiet seconds."""
    before = len(stage.all_effects)
    for _ in range(seconds):
        stage.moved()
        stage.tick()
        stage.finish(0)
    return [e for e in stage.all_effects[before:] if isinstance(e, ef.ReadWallet) and e.run_id]


def told(stage: Stage, *lines: Transaction, error: str = "") -> None:
    effect = [e for e in stage.all_effects if isinstance(e, ef.ReadWallet) and e.run_id][-1]
    changes = None if error else tuple(one for one in lines if one.created_at and one.created_at >= effect.since)
    stage.feed(ev.WalletRead, run_id=effect.run_id, since=effect.since, changes=changes, error=error)


def held_over_the_hour(ticket: dict[str, object] | None = None) -> Stage:
    stage = holding(before_the_hour(), ticket)
    while stage.market is None or stage.market < HOUR:
        stage.moved(after=5)
    return stage


def test_the_ledger_is_read_after_a_whole_hour_and_once_where_a_line_is_found() -> None:
    stage = holding(before_the_hour())
    assert not asked(stage, 55)
    (first,) = asked(stage, 13)
    assert first.since <= HOUR - timedelta(seconds=50)
    told(stage, line("-0.05"))
    assert not asked(stage, 60)


def test_an_hour_without_funding_is_read_until_no_line_can_come() -> None:
    stage = held_over_the_hour()
    found = []
    for _ in range(60):
        if reads := asked(stage, 1):
            found += reads
            told(stage)
    assert 2 <= len(found) <= 6 and not asked(stage, 60)


@pytest.mark.parametrize("ticket", [buy(), sell()], ids=["long", "short"])
def test_it_is_in_every_figure(ticket: dict[str, object]) -> None:
    stage = held_over_the_hour(ticket)
    asked(stage, 12)
    before = stage.ticket().cash_flow
    told(stage, line("-0.05"), line("7", product_id=4711), line("9", kind="deposit"))
    run = stage.ticket()
    assert run.cash_flow == before - D("0.05") and run.ledger("T").funding == D("-0.05")
    told(stage, line("-0.05"))
    assert stage.ticket() == run, "the same line again changes nothing"
    stage.close(ticket=run.run_id)
    stage.finish()
    end = stage.ticket().finished
    fills = [booked.fill for booked in stage.ticket().fills.values()]
    cash = sum((fill.cash_flow(D("0.001")) for fill in fills), Decimal(0))
    assert end is not None and end.realized_pnl == cash - D("0.05") - end.fees
    again = fold(State(installation="abcd1234", epoch=1, env="paper", account_key="acc"), stage.records)
    assert durable(again.runs[run.run_id]) == durable(stage.ticket())


def test_a_ticket_that_closes_after_the_hour_is_not_done_before_its_funding_is_read() -> None:
    stage = held_over_the_hour()
    stage.close(ticket=stage.ticket().run_id)
    stage.finish(4)
    assert stage.ticket().phase is Phase.EXITING and not stage.ticket().open_quantity("T")
    assert asked(stage, 10)
    told(stage, line("0.03"))
    stage.finish(5)
    end = stage.ticket().finished
    assert end is not None and stage.ticket().ledger("T").funding == D("0.03")


def test_a_ledger_that_cannot_be_read_holds_no_ticket_open_for_ever() -> None:
    stage = held_over_the_hour()
    stage.close(ticket=stage.ticket().run_id)
    for _ in range(70):
        stage.finish(1)
        if asked(stage, 0):
            told(stage, error="timed out")
    assert stage.ticket().phase is Phase.DONE and "funding_untold" in stage.alerts()


def test_a_ticket_closed_before_the_time_of_the_exchange_is_known_waits_for_its_funding_too() -> None:
    """After a restart, while the stream of prices was silent."""
    stage = held_over_the_hour()
    stage.market = None
    stage.restart(down_secs=20)
    stage.close(ticket=stage.ticket().run_id)
    stage.traded(price="99990")
    for _ in range(5):
        stage.pass_time(1)
        stage.read_account(asked=stage.wall)
        stage.tick()
    assert stage.ticket().phase is Phase.EXITING and not stage.ticket().open_quantity("T")
    stage.market = stage.wall
    assert asked(stage, 10)
    told(stage, line("0.03"))
    stage.finish(5)
    assert stage.ticket().finished is not None and stage.ticket().ledger("T").funding == D("0.03")


def test_two_tickets_have_their_parts_and_nothing_is_lost() -> None:
    stage = holding(before_the_hour(), buy(quantity=1))
    holding(stage, buy(quantity=2))
    while stage.market is None or stage.market < HOUR:
        stage.moved(after=5)
    asked(stage, 12)
    told(stage, line("-0.1"))
    parts = [stage.ticket(name).ledger("T").funding for name in ("order-1", "order-2")]
    assert sum(parts) == D("-0.1") and abs(parts[1] - 2 * parts[0]) < D("1E-10")


def test_a_ticket_that_was_not_held_then_has_no_part() -> None:
    stage = held_over_the_hour(buy(quantity=1))
    stage.moved()
    holding(stage, buy(quantity=2))
    asked(stage, 12)
    told(stage, line("-0.1"))
    assert [stage.ticket(name).ledger("T").funding for name in ("order-1", "order-2")] == [D("-0.1"), 0]


def test_after_a_restart_all_hours_since_are_read() -> None:
    stage = held_over_the_hour()
    stage.restart(down_secs=3600 * 9)
    found = asked(stage, 40)
    assert found and found[0].since < HOUR
    told(stage, line("-0.1"), line("-0.2", HOUR + timedelta(hours=8)))
    assert stage.ticket().ledger("T").funding == D("-0.3")


def wallet_reads(stage: Stage, seconds: int) -> list[ef.ReadWallet]:
    """The same, while the account itself cannot be read."""
    before = len(stage.all_effects)
    for _ in range(seconds):
        stage.pass_time(1)
        assert stage.market is not None
        stage.quotes(perp_quote(stage.market, stage.perp_at))
        stage.tick()
    return [e for e in stage.all_effects[before:] if isinstance(e, ef.ReadWallet) and e.run_id]


@pytest.mark.parametrize("restarted", [True, False], ids=["restarted", "silent stream"])
def test_funding_is_divided_once_what_was_executed_before_the_hour_is_read(restarted: bool) -> None:
    stage = holding(before_the_hour(), buy(quantity=3))
    stage.order(buy(quantity=4, stop_loss={"price": "99000"}))
    stage.traded(price="100010")
    stop = stage.take_up()
    stage.exchange.fill(stop.client_order_id, 3, D(99000), D("0.1"), HOUR - timedelta(seconds=10))  # told by no stream
    if restarted:
        stage.restart(down_secs=120)
    assert not wallet_reads(stage, 8 if restarted else 75)
    before = HOUR - timedelta(minutes=5)
    stage.feed(ev.WalletRead, run_id="", since=before, changes=(line("-0.4"),))
    assert not stage.of(rec.FundingBooked), "a read made for something else divides nothing either"
    stage.read_account()
    assert asked(stage, 12)
    told(stage, line("-0.4"))
    assert [stage.ticket(name).ledger("T").funding for name in ("order-1", "order-2")] == [D("-0.3"), D("-0.1")]


def test_an_option_knows_no_funding() -> None:
    stage = holding(before_the_hour(), buy(CALL))
    assert not asked(stage, 120)
    assert not [record for record in stage.records if isinstance(record, rec.FundingBooked)]


def test_a_ticket_that_was_done_before_has_no_part_whatever_its_fills_look_like() -> None:
    stage = holding(before_the_hour(), buy(quantity=2))
    stage.close(ticket=stage.ticket().run_id)
    stage.finish(12)
    done = stage.ticket()
    assert done.phase is Phase.DONE
    holding(stage, buy(quantity=3))
    while stage.market is None or stage.market <= HOUR:
        stage.moved(after=5)
    asked(stage, 12)
    entry = dict([next(iter(done.fills.items()))])  # all that a restart may hold of it
    partly = replace(done, fills=entry, ledgers={"T": replace(done.ledger("T"), open=2)})
    stage.state = replace(stage.state, runs={**stage.state.runs, done.run_id: partly})
    told(stage, line("-0.1"))
    assert stage.ticket("order-3").ledger("T").funding == D("-0.1")
