"""While nothing can be recorded no new risk is taken and exits go on; what was done meanwhile is taken over afterwards."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.engine.scene import CALL, PUT, Phase, Scene, entering, finish, holding, option, preset, quote, waiting
from trader.domain.instrument import Kind
from trader.domain.order import Purpose, Side
from trader.engine import events as ev
from trader.engine.ids import client_order_id, parse_client_order_id
from trader.engine.records import PhaseChanged

FAULT = "The journal cannot grow because the disk is full."


def lose_journal(scene: Scene) -> None:
    scene.feed(ev.JournalChanged, fault=FAULT)


def find_journal(scene: Scene) -> None:
    scene.feed(ev.JournalChanged, fault="")


def test_a_start_is_refused_and_an_armed_run_waits() -> None:
    fresh = Scene()
    lose_journal(fresh)
    acks = [effect for effect in fresh.start() if hasattr(effect, "detail")]
    assert acks[0].status == "refused" and "disk is full" in acks[0].detail

    armed = waiting()
    lose_journal(armed)
    for _ in range(60 * 40):
        armed.prices()
        armed.serve()
        if any("journal" in why for why in armed.watch.why_not):
            break
    assert armed.phase is Phase.WAITING and armed.sent() == []
    assert any("disk is full" in why for why in armed.watch.why_not)


def test_the_next_entry_attempt_waits_and_goes_on_when_the_journal_is_back() -> None:
    scene = entering(preset(orders={"timeout_secs": 5}))
    scene.trade("P")
    scene.reject("C", "rate_limit_exceeded")
    lose_journal(scene)
    for _ in range(4):
        scene.prices()
    assert len([i for i in scene.sent() if i.leg == "C"]) == 1
    find_journal(scene)
    scene.read_account()
    scene.prices()
    assert len([i for i in scene.sent() if i.leg == "C"]) == 2


def test_one_leg_alone_is_bought_back_when_the_journal_stays_away() -> None:
    scene = entering(preset(orders={"timeout_secs": 5}))
    scene.trade("P")
    scene.reject("C", "rate_limit_exceeded")
    lose_journal(scene)
    finish(scene)
    assert scene.phase is Phase.DONE and scene.run.exit_reason == "unwind"
    assert [i.leg for i in scene.sent(Purpose.UNWIND)] == ["P"]


def test_an_exit_is_not_held_back() -> None:
    scene = holding()
    lose_journal(scene)
    scene.stop()
    finish(scene)
    assert scene.phase is Phase.DONE and scene.exchange.positions()[CALL] == 0
    assert scene.alerts().count("journal_unwritable") == 1


def exit_unrecorded(scene: Scene, *, installation: str = "abcd1234", run: str | None = None, quantity: int = 2) -> str:
    """An exit of the call that left while nothing could be written and died with its process."""
    entry = scene.run.leg_orders("C", Purpose.ENTRY)[0].intent
    coid = client_order_id(
        installation=installation,
        epoch=scene.state.epoch,
        run_id=run or scene.run.run_id,
        leg="C",
        purpose=Purpose.EXIT,
        attempt=0,
    )
    intent = replace(
        entry, client_order_id=coid, purpose=Purpose.EXIT, side=Side.BUY, quantity=quantity, reduce_only=True
    )
    scene.exchange.accept(intent)
    scene.exchange.fill(coid, quantity, Decimal(210), Decimal("0.01"), scene.now.market or scene.wall)
    return coid


def test_an_order_the_journal_does_not_know_is_taken_over_with_its_money() -> None:
    scene = holding()
    coid = exit_unrecorded(scene)
    scene.restart()
    finish(scene)
    assert scene.phase is Phase.DONE
    taken = scene.run.orders[coid]
    assert taken.intent.purpose is Purpose.EXIT and taken.filled_qty == 2
    assert f"taken_over:{coid}" in scene.alerts() and "closed_elsewhere" not in scene.alerts()
    assert scene.run.exit_reason == "resumed_exit", "whoever closes does not go on holding, nor sell again"
    flows = [f.cash_flow(scene.run.leg("C").contract_value) - (f.commission or 0) for f in scene.exchange.fills]
    assert scene.run.finished is not None and scene.run.finished.realized_pnl == sum(flows)
    assert [i.leg for i in scene.sent(Purpose.EXIT)] == ["P"]  # the call is closed already


@pytest.mark.parametrize("stranger", [{"installation": "zzzz9999"}, {"run": "other12345"}])
def test_another_installations_or_runs_order_is_never_taken_over(stranger: dict[str, str]) -> None:
    scene = holding()
    coid = exit_unrecorded(scene, **stranger)
    scene.restart()
    for _ in range(20):
        scene.prices()
        scene.serve()
    assert coid not in scene.run.orders


def test_ids_are_read_back_and_other_peoples_are_not() -> None:
    made = client_order_id(
        installation="ab12", epoch=7, run_id="q2w3e4r5t6", leg="P", purpose=Purpose.FLATTEN, attempt=3
    )
    name = parse_client_order_id(made)
    assert name is not None
    assert (name.installation, name.run, name.leg, name.purpose, name.epoch) == ("ab12", "q2w3e", "P", "F", 7)
    for text in (None, "", "my-own-id", "sdab12-q2w3e-PZ03-007-abcdefgh", f"x{made}", f"{made}x"):
        assert parse_client_order_id(text) is None


@pytest.mark.parametrize("restarted", [False, True])
def test_after_a_restart_the_strikes_stand_until_the_account_was_read(restarted: bool) -> None:
    """An older copy of the journal may not know that they were sold already."""
    scene = Scene()
    scene.start()
    scene.read_chain()
    legs = scene.run.legs
    if restarted:
        scene.restart()
    other = option(Kind.CALL, 105_000)
    scene.chain = [(other, quote(other.symbol, scene.wall)), *(row for row in scene.chain if row[0].symbol != CALL)]
    scene.read_chain()
    assert (scene.run.legs == legs) == restarted


def test_an_entry_the_journal_does_not_know_is_completed_or_undone_and_not_waited_for() -> None:
    scene = entering()
    for key in ("C", "P"):
        scene.trade(key)
    known = next(n for n, record in enumerate(scene.records) if isinstance(record, PhaseChanged))
    del scene.records[known:]
    scene.restart()
    scene.prices()
    assert scene.phase is Phase.WAITING
    scene.read_account()
    assert scene.phase in (Phase.ENTERING, Phase.HOLDING)
    assert len(scene.run.orders) == 2


@pytest.mark.parametrize(("bid", "sold"), [("200", ["C", "P"]), (None, [])])
def test_an_entry_found_again_goes_on_once_nothing_lost_can_arrive_and_both_legs_have_a_book(
    bid: str | None, sold: list[str]
) -> None:
    scene = entering()
    put = scene.accept("P")
    scene.exchange.cancel(put.client_order_id)
    known = next(n for n, record in enumerate(scene.records) if isinstance(record, PhaseChanged))
    del scene.records[known:]
    scene.restart()
    scene.read_account()
    assert scene.phase is Phase.ENTERING
    for _ in range(17):
        assert scene.submits() == [], "the call's first order may still be on its way"
        scene.pass_time(1.0)
        scene.quotes(scene.around("C", "205"), quote(PUT, scene.wall, bid=bid, delta=-0.125))
    assert sorted(i.leg for i in scene.submits()) == sold
