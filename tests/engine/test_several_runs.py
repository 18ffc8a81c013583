"""Several runs on one account: shares of one contract, what the exchange closes, entries and exits that would meet, one read."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.engine.scene import CALL, EXPIRY, PUT, Scene, holding, settlement
from tests.engine.several import config, exchange_shows, may_close, read, runs, sent_by, serve, take, two_holding
from trader.config.preset import Preset
from trader.domain.fill import Fill, FillKind
from trader.domain.order import Purpose, Side
from trader.domain.outcome import Ok
from trader.engine import effects as ef
from trader.engine import records as rec
from trader.engine.account.crossing import crossing, unrecorded_exit
from trader.engine.gate import check_order
from trader.engine.records import Phase
from trader.engine.state import Runs

D = Decimal


def booked(scene: Scene) -> list[Fill]:
    """Fills as they were recorded."""
    return [record.fill for record in scene.records if isinstance(record, rec.FillRecorded)]


def test_two_runs_hold_the_same_contracts_each_with_its_own_books() -> None:
    scene = two_holding()
    first, newest = runs(scene)
    assert exchange_shows(scene) == 4
    assert [run.positions for run in (first, newest)] == [{CALL: -2, PUT: -2}] * 2
    assert may_close(scene) == [2, 2]
    assert not [code for code in scene.alerts() if code == "foreign_activity"]


def test_one_run_is_closed_and_the_other_goes_on() -> None:
    scene = two_holding()
    first, newest = runs(scene)
    scene.stop(first.run_id)
    for _ in range(12):
        scene.pass_time(1)
        scene.prices(after=0)
        serve(scene)
    assert first.run_id not in {run.run_id for run in runs(scene)}
    assert scene.state.runs[newest.run_id].phase is Phase.HOLDING
    assert exchange_shows(scene) == 2 and may_close(scene) == [2]
    assert sum(intent.quantity for intent in sent_by(scene, first, Purpose.EXIT)) == 4
    assert not sent_by(scene, newest, Purpose.EXIT)


@pytest.mark.parametrize(("bought", "left"), [(1, [2, 1]), (3, [1, 0]), (4, [0, 0]), (-1, [2, 2])])
def test_what_somebody_closed_is_missing_for_the_youngest(bought: int, left: list[int]) -> None:
    scene = two_holding()
    scene.exchange.foreign[CALL] = bought
    for _ in range(4):
        read(scene)
        scene.prices(after=0)
    assert may_close(scene) == left
    assert sum(left) <= exchange_shows(scene)


def test_a_fill_of_one_run_does_not_let_it_close_what_is_the_others() -> None:
    scene = two_holding(quantity=3)
    scene.exchange.foreign[CALL] = 1
    read(scene)
    assert may_close(scene) == [3, 2]
    newest = runs(scene)[1]
    scene.stop(newest.run_id)
    intent = next(i for i in scene.submits() if i.leg == "C")
    assert intent.quantity == 2
    scene.answer(intent.client_order_id, Ok(scene.exchange.accept(intent)))
    scene.fill(intent.client_order_id, 1, price="210")
    assert may_close(scene) == [3, 1]


def test_a_position_nobody_explains_keeps_both_from_selling_more() -> None:
    scene = two_holding()
    scene.exchange.foreign[CALL] = -1
    for _ in range(4):
        read(scene)
        scene.prices(after=0)
    assert [run.positions[CALL] for run in runs(scene)] == [-3, -3]
    assert may_close(scene) == [2, 2]
    assert scene.alerts().count("foreign_activity") == 2


# -- what the exchange closes ------------------------------------------------------------------------------------------


def test_a_liquidation_is_divided_once_the_youngest_first() -> None:
    scene = two_holding()
    liquidated = replace(
        settlement("C", 3, "500", scene.market or EXPIRY), kind=FillKind.LIQUIDATION, commission=D("0.10")
    )
    scene.exchange.fills.append(liquidated)
    for _ in range(3):
        read(scene)
    assert [run.ledger("C").open for run in scene.state.runs.values()] == [1, 0]
    parts = [fill for fill in booked(scene) if fill.fill_id == liquidated.fill_id]
    assert sorted(part.quantity for part in parts) == [1, 2]
    assert sum(part.commission or 0 for part in parts) == D("0.10")
    assert len({part.key for part in parts}) == 2


@pytest.mark.parametrize(("liquidated", "exit_fills", "left"), [(1, 2, 1), (2, 2, 0), (3, 1, 0)])
def test_what_an_exit_on_its_way_will_close_is_the_last_to_be_counted_as_liquidated(
    liquidated: int, exit_fills: int, left: int
) -> None:
    """To the exchange the exit closes what is there, whosever it is: booked to its run too, that would be closed twice."""
    scene = two_holding()
    first, newest = runs(scene)
    scene.stop(newest.run_id)
    exit_ = next(i for i in scene.submits() if i.leg == "C")
    fill = replace(settlement("C", liquidated, "500", scene.market or EXPIRY), kind=FillKind.LIQUIDATION)
    scene.exchange.fills.append(fill)
    read(scene, after=0.1)
    take(scene, exit_)
    assert min(exit_.quantity, scene.exchange.open_for(exit_)) >= exit_fills
    scene.fill(exit_.client_order_id, exit_fills, price="210")
    read(scene, after=0.1)
    assert [scene.state.runs[run.run_id].open_quantity("C") for run in (first, newest)] == [left, 0]
    assert exchange_shows(scene) == left
    assert not [code for code in scene.alerts() if code.startswith(("halted", "foreign", "overclosed"))]


@pytest.mark.parametrize("leaving", [(0, 1), (1, 0)], ids=["the older first", "the younger first"])
def test_of_two_exits_on_their_way_the_later_meets_what_the_first_has_left(leaving: tuple[int, int]) -> None:
    scene = two_holding()
    both, exits = runs(scene), []
    for number in leaving:
        scene.stop(both[number].run_id)
        exits.append(next(i for i in scene.submits() if i.leg == "C" and i.run_id == both[number].run_id))
        scene.pass_time(0.1)
    scene.exchange.fills.append(replace(settlement("C", 1, "500", scene.wall), kind=FillKind.LIQUIDATION))
    read(scene, after=0.1)
    for intent in exits:
        take(scene, intent)
        scene.fill(intent.client_order_id, min(intent.quantity, scene.exchange.open_for(intent)), price="210")
    assert [scene.state.runs[run.run_id].open_quantity("C") for run in both] == [0, 0]
    assert not [code for code in scene.alerts() if code.startswith(("halted", "foreign"))]


def test_what_an_order_has_filled_by_its_own_word_is_not_settled_besides() -> None:
    """Two of four were bought back by the older run; its fills are listed after the settlement of the other two."""
    scene = two_holding()
    first, newest = runs(scene)
    scene.stop(first.run_id)
    exit_ = next(i for i in scene.submits() if i.leg == "C")
    take(scene, exit_)
    fills = list(scene.exchange.fills)
    scene.fill(exit_.client_order_id, told=False)
    bought = scene.exchange.fills[-1]
    scene.pass_time((EXPIRY - scene.wall).total_seconds() + 5)
    settled = settlement("C", 2, "7", EXPIRY)
    read(scene, fills=[*fills, settled])
    assert scene.state.runs[first.run_id].fills_missing
    read(scene, fills=[*fills, bought, settled])
    assert [scene.state.runs[run.run_id].open_quantity("C") for run in (first, newest)] == [0, 0]


def test_what_an_ended_run_has_booked_is_not_booked_again_by_another() -> None:
    scene = two_holding()
    liquidated = replace(settlement("C", 2, "500", scene.market or EXPIRY), kind=FillKind.LIQUIDATION)
    scene.exchange.fills.append(liquidated)
    for _ in range(30):  # the youngest has lost its call and ends
        scene.pass_time(1)
        scene.prices(after=0)
        serve(scene)
    first = runs(scene)[0]
    assert len(runs(scene)) == 1
    held = {run_id: run for run_id, run in scene.state.runs.items() if run.finished is None}
    scene.state = replace(
        scene.state, runs=held
    )  # as once the ended one was held against the ledger, and another began
    read(scene)
    assert scene.state.runs[first.run_id].open_quantity("C") == 2
    assert sum(fill.quantity for fill in booked(scene) if fill.fill_id == liquidated.fill_id) == 2


def test_a_settlement_closes_every_runs_own_and_its_cost_told_later_is_divided() -> None:
    scene = two_holding()
    scene.pass_time((EXPIRY - scene.wall).total_seconds() + 5)
    fills = [replace(settlement(key, 4, "7", EXPIRY), commission=None) for key in ("C", "P")]
    scene.exchange.fills += fills
    scene.tick(1)
    read(scene)
    assert [run.open_quantity(key) for run in runs(scene) for key in ("C", "P")] == [0, 0, 0, 0]
    scene.exchange.fills[-2:] = [replace(fill, commission=D("0.5")) for fill in fills]
    read(scene)
    assert [run.ledger("C").fees - D("0.01") for run in scene.state.runs.values()] == [D("0.25"), D("0.25")]


def test_options_that_vanish_worthless_are_settled_by_price_for_each_run() -> None:
    scene = two_holding()
    scene.pass_time((EXPIRY - scene.wall).total_seconds() + 90)
    scene.exchange.foreign |= {CALL: 4, PUT: 4}  # nothing is shown any more
    scene.tick(1)
    read(scene, settlements={CALL: D(0), PUT: D(0)})
    assert all(run.flat_by_fills for run in scene.state.runs.values())
    settled = [fill for fill in booked(scene) if fill.kind is FillKind.SETTLEMENT]
    assert sum(fill.quantity for fill in settled if fill.symbol == CALL) == 4


# -- entries and exits that would meet ---------------------------------------------------------------------------------


def long_call() -> Preset:
    return config(2, strategy={"structure": "one_leg", "leg_kind": "call", "leg_side": "buy", "quantity": 1})


def test_an_entry_against_another_run_is_denied_and_told() -> None:
    scene = two_holding()
    scene.start(long_call())
    for _ in range(8):
        scene.pass_time(1)
        scene.prices(after=0)
        serve(scene)
    newest = scene.run
    assert newest.legs[0].symbol == CALL and newest.legs[0].side is Side.BUY
    assert newest.phase is Phase.WAITING and not newest.orders
    assert any("on the other side of it (2 open)" in why for why in scene.watch.why_not)
    found = crossing(scene.state, newest, newest.legs[0])
    assert found is not None and found.code == "OPPOSITE_RUN" and "open=2" in found.numbers


def entering_beside() -> Scene:
    """The first run holds, the second's entries rest unfilled."""
    scene = two_holding()
    scene.start(config(2))
    for _ in range(8):
        scene.pass_time(1)
        scene.prices(after=0)
        serve(scene, fill=False)
        if any(order.status.live for order in scene.run.orders.values()):
            return scene
    raise AssertionError(scene.watch.why_not)


def test_an_exit_cancels_another_runs_entry_and_is_not_kept_waiting_for_it() -> None:
    scene = entering_beside()
    first, _, newest = runs(scene)
    scene.due.clear()
    scene.stop(first.run_id)
    cancelled = {c.client_order_id for c in scene.cancels()}
    assert cancelled == {o.intent.client_order_id for o in newest.live_orders()}
    assert not sent_by(scene, first, Purpose.EXIT)
    scene.tick(2.1)  # nobody answers the cancel
    assert {i.leg for i in sent_by(scene, first, Purpose.EXIT)} == {"C", "P"}


def test_an_exit_is_not_repeated_beside_a_lost_one_where_another_runs_entry_may_have_filled() -> None:
    """Nobody has told of that entry's fill: to the exchange both exits would close what is there, whosever it is."""
    scene = holding(config(0, strategy={"quantity": 2}))
    scene.start(config(1, strategy={"quantity": 2}))
    for _ in range(8):
        scene.pass_time(1)
        scene.prices(after=0)
        serve(scene, fill=False)
        if scene.run.live_orders():
            break
    first, newest = runs(scene)
    assert newest.live_orders() and not newest.fills
    scene.due.clear()
    scene.stop(first.run_id)
    scene.tick(2.1)
    assert {i.leg for i in sent_by(scene, first, Purpose.EXIT)} == {"C", "P"}
    scene.tick(4.0)
    assert len(sent_by(scene, first, Purpose.EXIT)) == 2
    scene.tick(7.0)
    assert len(sent_by(scene, first, Purpose.EXIT)) == 4, "no exit waits for ever"


def restarted_after_unrecorded_exits() -> Scene:
    """The first run is stopped, the journal cannot be written: its exits fill, and a restart knows nothing of them."""
    scene = two_holding()
    first = runs(scene)[0]
    scene.stop(first.run_id)
    exits = sent_by(scene, first, Purpose.EXIT)
    scene.records = [r for r in scene.records if not (isinstance(r, rec.OrderIntended) and r.intent in exits)]
    for intent in exits:
        scene.exchange.accept(intent)
        scene.fill(intent.client_order_id, told=False)
    assert exchange_shows(scene) == 2
    scene.restart(down_secs=12)
    scene.tick(0.5)
    return scene


def test_after_a_restart_an_exit_beside_another_run_waits_until_the_account_tells_what_is_closed_already() -> None:
    scene = restarted_after_unrecorded_exits()
    first, newest = runs(scene)
    assert first.phase is Phase.EXITING and scene.submits() == []
    for _ in range(8):
        serve(scene)
        scene.prices()
    assert scene.state.runs[first.run_id].phase is Phase.DONE
    assert exchange_shows(scene) == 2 == scene.state.runs[newest.run_id].open_quantity("C")


def test_after_a_restart_an_exit_beside_another_run_goes_out_where_the_account_cannot_be_read() -> None:
    scene = restarted_after_unrecorded_exits()
    scene.tick(9.0)
    assert scene.submits() == []
    scene.tick(1.0)
    assert {i.leg for i in scene.submits()} == {"C", "P"}, "no exit waits for ever"


def test_after_a_restart_no_entry_begins_where_an_unrecorded_exit_may_arrive_yet() -> None:
    scene = two_holding()
    first, second = scene.state.runs.values()
    scene.stop(first.run_id)
    assert not unrecorded_exit(scene.state, second, second.legs[0], scene.wall), "this runner has recorded what it sent"
    scene.restart()
    scene.tick(1)
    assert "may arrive yet" in unrecorded_exit(scene.state, second, second.legs[0], scene.wall)
    assert not unrecorded_exit(scene.state, first, first.legs[0], scene.wall), "the other one is not leaving"
    ended = replace(scene.state.runs[first.run_id], phase=Phase.DONE)
    scene.state = replace(scene.state, runs=Runs({**scene.state.runs, first.run_id: ended}))
    assert unrecorded_exit(scene.state, second, second.legs[0], scene.wall), "it has ended meanwhile"
    scene.pass_time(9)
    assert not unrecorded_exit(scene.state, second, second.legs[0], scene.wall)


def test_no_entry_goes_out_beside_another_runs_exit_and_goes_on_after_it() -> None:
    scene = entering_beside()
    first, _, newest = runs(scene)
    scene.stop(first.run_id)
    serve(scene, fill=False)  # entries cancelled, exits rest
    entries = len(sent_by(scene, newest, Purpose.ENTRY))
    for _ in range(3):
        scene.pass_time(0.5)
        scene.prices(after=0)
        serve(scene, fill=False)
    assert len(sent_by(scene, newest, Purpose.ENTRY)) == entries
    intent = replace(sent_by(scene, newest, Purpose.ENTRY)[-1], client_order_id="another")
    denied = check_order(scene.state, scene.state.runs[newest.run_id], intent, scene.now)
    assert denied is not None and denied.code in ("EXIT_AT_WORK", "EARLIER_ORDER_UNRESOLVED")
    for order in scene.state.runs[first.run_id].live_orders():
        scene.fill(order.intent.client_order_id, price="210")
    for _ in range(4):
        scene.pass_time(1)
        scene.prices(after=0)
        serve(scene)
    assert len(sent_by(scene, newest, Purpose.ENTRY)) > entries
    assert scene.state.runs[newest.run_id].phase is Phase.HOLDING


# -- one read ----------------------------------------------------------------------------------------------------------


def reads(scene: Scene, count: float = 60.0) -> int:
    before = sum(isinstance(e, ef.ReadAccount) for e in scene.all_effects)
    for _ in range(int(count * 2)):
        scene.prices(after=0.5)
        serve(scene)
    return sum(isinstance(e, ef.ReadAccount) for e in scene.all_effects) - before


def test_two_runs_are_read_as_often_as_one() -> None:
    scene = two_holding()
    both = reads(scene)
    asked = [e for e in scene.all_effects if isinstance(e, ef.ReadAccount)][-1]
    assert set(asked.runs) == set(scene.state.runs) and asked.underlyings == ("BTC",)
    assert len(asked.product_ids) == 2
    assert both <= 60 / 5 + 1


def test_a_read_of_one_run_books_the_fills_of_all() -> None:
    scene = two_holding()
    first, newest = runs(scene)
    scene.stop()
    serve(scene, fill=False)
    for run in (first, newest):
        order = scene.state.runs[run.run_id].leg_orders("C", Purpose.EXIT)[-1]
        scene.fill(order.intent.client_order_id, price="210", told=False)
    scene.pass_time(1)
    scene.read_account(asked=scene.wall, runs=(first.run_id,))
    assert [run.open_quantity("C") for run in runs(scene)] == [0, 0]


def test_another_runs_orders_are_not_foreign() -> None:
    scene = entering_beside()
    read(scene)
    for run in runs(scene):
        assert not scene.state.watches[run.run_id].foreign_orders
    assert scene.state.watches[runs(scene)[2].run_id].foreign == ()
    assert not [code for code in scene.alerts() if code.startswith("foreign")]


def test_what_is_asked_for_one_run_and_cannot_be_read_is_no_fault_of_the_others() -> None:
    scene = two_holding()
    first, newest = runs(scene)
    scene.prices(after=6)
    coid = next(iter(newest.orders))
    asked = scene.wall
    scene.read_account(
        asked=asked, runs=(first.run_id, newest.run_id), failed={coid: "WireError: its size is no number"}
    )
    watches = scene.state.watches
    assert watches[first.run_id].account_read == asked and watches[newest.run_id].account_read != asked


def test_what_an_order_has_filled_by_its_own_word_makes_no_shortage_of_another_run() -> None:
    """The position that is read knows of an exit whose fills are not listed yet."""
    scene = two_holding()
    first, newest = runs(scene)
    scene.stop(first.run_id)
    for intent in scene.submits():
        take(scene, intent)
        scene.fill(intent.client_order_id, told=False)
    read(scene, fills=[])
    assert scene.state.runs[first.run_id].fills_missing
    assert may_close(scene)[1] == 2
    assert scene.state.runs[newest.run_id].positions == {CALL: -2, PUT: -2}


def test_a_chain_read_for_one_run_gives_its_quotes_to_all() -> None:
    scene = two_holding()
    first, newest = runs(scene)
    elsewhere = tuple(replace(leg, symbol=f"{leg.symbol}-X") for leg in newest.legs)
    scene.state = replace(scene.state, runs={**scene.state.runs, newest.run_id: replace(newest, legs=elsewhere)})
    scene.pass_time(3)
    scene.read_chain(run_id=newest.run_id)
    assert scene.state.market.quotes[CALL].ts_mark == scene.market
    assert [leg.symbol for leg in first.legs] == [CALL, PUT]
