"""Two closing orders of one ticket that fire at once, beside another holder of the contract: what was too much is the other's."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.engine.tickets.stage import PERP, D, Phase, Purpose, Stage, buy, holding
from tests.engine.tickets.test_protection import GUARDED, closing, named, rest
from trader.domain.fill import Channel
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.fold import durable, fold
from trader.engine.records import Level
from trader.engine.state import State


def beside(older: int = 5, younger: int = 5) -> Stage:
    """Two tickets in one contract, each guarded."""
    stage = holding(ticket=buy(quantity=older, **GUARDED))
    rest(stage)
    holding(stage, ticket=buy(quantity=younger, reason="second", **GUARDED))
    rest(stage)
    return stage


def both_fire(stage: Stage, second: int | None = None) -> None:
    """Stop loss and take profit of the first ticket in one instant, before a cancel can reach the exchange."""
    loss, profit = named(stage, "L")[0], named(stage, "G")[0]
    stage.fill(loss.client_order_id, price="98000")
    stage.fill(profit.client_order_id, second, price="103500")


def test_what_two_protections_have_closed_too_much_is_booked_where_it_was_held() -> None:
    stage = beside()
    both_fire(stage)
    first, second = stage.ticket(), stage.ticket("order-2")
    assert (first.open_quantity("T"), second.open_quantity("T")) == (0, 0)
    # The first has sold its five at 98000, the second's five went at 103500: each bought at 100010.
    assert first.cash_flow == D("-2010") * 5 * D("0.001")
    assert second.cash_flow == D("3490") * 5 * D("0.001")
    assert "overclosed" in stage.alerts() and stage.state.account.trading.level is Level.ACTIVE
    stage.finish()
    ends = [stage.ticket(name).finished for name in ("order-1", "order-2")]
    assert [end and end.exit_reason for end in ends] == ["stop_loss", "leg_closed"]
    assert not stage.ticket("order-2").live_orders() and "closed_elsewhere" not in stage.alerts()
    assert stage.exchange.positions()[PERP] == 0


def test_a_part_of_it_leaves_the_rest_protected() -> None:
    stage = beside(5, 7)
    both_fire(stage)
    second = stage.ticket("order-2")
    assert (second.phase, second.open_quantity("T")) == (Phase.HOLDING, 2)
    stage.serve_cancels()
    assert {name: one.quantity for name, one in closing(stage).items()} == {"L": 2, "G": 2}
    assert not stage.sent(Purpose.EXIT)


def test_an_exit_that_overtook_a_lost_cancel_is_booked_alike() -> None:
    stage = beside()
    loss = named(stage, "L")[0]
    stage.close(ticket=stage.ticket().run_id)
    stage.due.clear()
    stage.moved(after=11)
    sent = [one for one in stage.submits() if one.purpose is Purpose.EXIT]
    stage.take_up(sent[0])
    stage.fill(sent[0].client_order_id, price="99990")
    stage.fill(loss.client_order_id, price="98000")
    assert (stage.ticket().open_quantity("T"), stage.ticket("order-2").open_quantity("T")) == (0, 0)


def test_both_may_fire_while_no_runner_lives() -> None:
    stage = beside()
    loss, profit = named(stage, "L")[0], named(stage, "G")[0]
    stage.fill(loss.client_order_id, price="98000", told=False)
    stage.fill(profit.client_order_id, price="103500", told=False)
    stage.restart()
    stage.finish()
    runs = [stage.ticket(name) for name in ("order-1", "order-2")]
    assert [run.phase for run in runs] == [Phase.DONE, Phase.DONE]
    assert sum(run.finished.realized_pnl + run.finished.fees for run in runs if run.finished) == D("7.4")
    assert stage.state.account.trading.level is Level.ACTIVE


def test_alone_in_a_contract_too_much_closed_still_halts() -> None:
    stage = holding(ticket=buy(**GUARDED))
    rest(stage)
    told = stage.fill(named(stage, "L")[0].client_order_id, price="98000")
    stage.feed(ev.FillSeen, fill=replace(told, fill_id="f9", client_order_id=named(stage, "G")[0].client_order_id))
    assert stage.state.account.trading.level is not Level.ACTIVE and "overclosed" not in stage.alerts()


def test_a_run_that_is_done_takes_nothing_from_another() -> None:
    """After a restart the journal gives the first fill of an older one and those of late: it may look as if it had closed more."""
    stage = holding(ticket=buy(quantity=5))
    stage.close(ticket=stage.ticket().run_id)
    stage.finish()
    holding(stage, ticket=buy(quantity=4))
    done = stage.ticket()
    assert done.phase is Phase.DONE
    short = replace(done, ledgers={"T": replace(done.ledger("T"), open=-4)})
    stage.state = replace(stage.state, runs={**stage.state.runs, done.run_id: short})
    stage.moved(after=6)
    stage.read_account()
    assert stage.ticket("order-3").open_quantity("T") == 4 and not stage.of(rec.ClosingMoved)


def test_what_cannot_be_told_from_a_foreign_position_yet_halts_nothing_before_it_is_read() -> None:
    """Fills that were heard only after the read, which had shown them already, look like contracts of somebody else."""
    stage = beside()
    shown = stage.state.shown["BTC"]
    asked = stage.ticket("order-2").created_at - timedelta(seconds=1)
    stage.state = replace(stage.state, shown={"BTC": replace(shown, asked=asked, held={PERP: 10})})
    both_fire(stage)
    assert stage.state.account.trading.level is Level.ACTIVE
    stage.moved(after=5)
    stage.read_account()
    assert [stage.ticket(name).open_quantity("T") for name in ("order-1", "order-2")] == [0, 0]
    assert stage.state.account.trading.level is Level.ACTIVE and "overclosed" in stage.alerts()


def test_a_read_that_lags_behind_another_exit_halts_nothing() -> None:
    """Positions lag fills: what a third ticket had sold a moment before stood there still, and looked like somebody else's."""
    stage = beside()
    holding(stage, ticket=buy(quantity=2, reason="third"))
    stage.moved(after=6)
    stage.read_account()
    late = stage.exchange.read(())["positions"]
    stage.close(ticket=stage.ticket("order-3").run_id)
    stage.traded(price="99990")
    stage.pass_time(1)
    stage.read_account(asked=stage.wall, positions=late)
    both_fire(stage)
    stage.pass_time(1)
    stage.read_account(asked=stage.wall, positions=late)
    assert stage.state.account.trading.level is Level.ACTIVE and not stage.of(rec.ClosingMoved)
    stage.pass_time(4)
    stage.read_account(asked=stage.wall)
    assert [stage.ticket(f"order-{number}").open_quantity("T") for number in (1, 2, 3)] == [0, 0, 0]
    assert stage.state.account.trading.level is Level.ACTIVE and "overclosed" in stage.alerts()


def test_a_read_that_lags_behind_an_entry_takes_nothing_from_who_holds_it() -> None:
    """Somebody else has five, which are short first; a ticket's own five that were not shown yet stood in for them."""
    stage = beside()
    stage.exchange.foreign = {PERP: 5}
    stage.moved(after=6)
    late = stage.exchange.read(())["positions"]
    holding(stage, ticket=buy(quantity=5, reason="third"))
    stage.pass_time(1)
    stage.read_account(asked=stage.wall, positions=late)
    both_fire(stage)
    stage.pass_time(5)
    stage.read_account(asked=stage.wall)
    assert [stage.ticket(name).open_quantity("T") for name in ("order-2", "order-3")] == [5, 5]
    assert not stage.of(rec.ClosingMoved)
    assert stage.state.account.trading.level is not Level.ACTIVE


def test_none_of_them_ends_before_what_was_closed_too_much_is_booked() -> None:
    """Positions alone were read for longer than a difference has to last: it looked like somebody else's doing, and both ended with it."""
    stage = beside()
    stage.pass_time(1)
    stage.read_account(asked=stage.wall)
    both_fire(stage)
    stage.serve_cancels()
    stage.pass_time(3)
    stage.close(ticket=stage.ticket("order-2").run_id)
    stage.serve_cancels()
    stage.reject("T", "no_position_for_reduce_only")
    stage.pass_time(0.5)
    stage.read_account(asked=stage.wall)
    for wait in (0.6, *[2.5] * 6):
        stage.pass_time(wait)
        stage.read_account(asked=stage.wall, fills=None, error="ip_not_whitelisted_for_api_key")
    assert not stage.of(rec.RunFinished) and not stage.of(rec.ClosingMoved)
    stage.finish()
    runs = [stage.ticket(name) for name in ("order-1", "order-2")]
    assert [run.open_quantity("T") for run in runs] == [0, 0] and "closed_elsewhere" not in stage.alerts()
    assert sum(run.finished.realized_pnl + run.finished.fees for run in runs if run.finished) == D("7.4")


def test_beside_a_position_of_somebody_else_it_is_his_that_was_closed() -> None:
    stage = beside()
    stage.exchange.foreign = {PERP: 5}
    stage.moved(after=6)
    stage.read_account()
    both_fire(stage)
    stage.moved(after=5)
    stage.read_account()
    assert stage.ticket("order-2").open_quantity("T") == 5 and not stage.of(rec.ClosingMoved)
    assert stage.state.account.trading.level is not Level.ACTIVE


def test_what_is_left_of_it_is_not_closed_where_the_exchange_shows_none() -> None:
    """A person had closed three of the other's as well, which the read told that had what was too much booked."""
    stage = beside()
    stage.pass_time(1)
    stage.read_account(asked=stage.wall)
    stage.exchange.foreign = {PERP: -3}
    both_fire(stage, second=2)
    stage.serve_cancels()
    stage.pass_time(5)
    stage.read_account(asked=stage.wall)
    assert (stage.ticket().open_quantity("T"), stage.ticket("order-2").open_quantity("T")) == (0, 3)
    stage.close(ticket=stage.ticket("order-2").run_id)
    stage.serve_cancels()
    stage.tick()
    assert not stage.sent(Purpose.EXIT)
    stage.finish(30)
    assert stage.ticket("order-2").phase is Phase.DONE and "closed_elsewhere" in stage.alerts()


def test_so_it_is_where_all_of_it_is_heard_with_the_read_that_shows_it() -> None:
    """After a restart: what the list of fills told looked as if it had been traded since the positions were read."""
    stage = beside()
    stage.exchange.foreign = {PERP: 5}
    stage.moved(after=6)
    stage.read_account()
    for name in "LG":
        stage.fill(named(stage, name)[0].client_order_id, price="98000", told=False)
    stage.exchange.fills[-2:] = [replace(fill, channel=Channel.REST) for fill in stage.exchange.fills[-2:]]
    stage.restart()
    stage.finish()
    assert stage.ticket("order-2").open_quantity("T") == 5 and not stage.of(rec.ClosingMoved)


@given(older=st.integers(1, 6), younger=st.integers(1, 6), second=st.integers(1, 6))
def test_no_contract_and_no_dollar_is_lost_between_two(older: int, younger: int, second: int) -> None:
    stage = beside(older, younger)
    second = min(second, older, younger)
    both_fire(stage, second)
    runs = [stage.ticket("order-1"), stage.ticket("order-2")]
    assert [run.open_quantity("T") for run in runs] == [0, younger - second]
    cash = -D(100010) * (older + younger) + 98000 * older + 103500 * second
    assert sum(run.cash_flow for run in runs) == cash * D("0.001")
    again = fold(State(installation="abcd1234", epoch=1, env="paper", account_key="acc"), stage.records)
    assert [durable(again.runs[run.run_id]) for run in runs] == [durable(run) for run in runs]


@pytest.mark.parametrize("name", ["order-1", "order-2"])
def test_both_tickets_have_it_on_record(name: str) -> None:
    stage = beside()
    both_fire(stage)
    moved = [record for record in stage.of(rec.ClosingMoved) if record.run_id == stage.ticket(name).run_id]
    assert [(one.quantity, one.price) for one in moved] == [(-5 if name == "order-1" else 5, D(103500))]
