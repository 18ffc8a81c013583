"""One execution told by two channels with ids of their own: booked once, whichever comes first, and costed to the last digit."""

from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.engine.scene import D, Scene, entering, finish, holding, kinds, preset
from trader.domain.fill import Channel, Fill
from trader.domain.order import OrderIntent
from trader.domain.outcome import Ok
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.closing import COST_PATIENCE_SECS
from trader.engine.fold import durable
from trader.engine.records import Phase
from trader.engine.state import Run

STREAM, REST = Channel.STREAM, Channel.REST


def told(
    order: OrderIntent,
    channel: Channel,
    fill_id: str,
    quantity: int,
    price: str = "200",
    *,
    commission: str | None = None,
    venue_order_id: str = "1000",
) -> Fill:
    """One telling of an execution: the stream names our order and no cost, REST the cost and no name of ours."""
    over_rest = channel is REST
    return Fill(
        fill_id=fill_id,
        venue_order_id=venue_order_id,
        client_order_id=None if over_rest else order.client_order_id,
        symbol=order.symbol,
        product_id=order.product_id if over_rest else 0,
        side=order.side,
        quantity=quantity,
        price=D(price),
        commission=D(commission or "0.01") if over_rest else None,
        channel=channel,
    )


def selling(quantity: int = 4) -> tuple[Scene, OrderIntent]:
    """An entry of the call that the exchange has accepted and filled nothing of yet."""
    scene = entering(preset(strategy={"quantity": quantity}))
    return scene, scene.accept("C")


def hear(scene: Scene, *fills: Fill) -> list[str]:
    return [name for fill in fills for name in kinds(scene.feed(ev.FillSeen, fill=fill))]


def quantities(run: Run) -> list[tuple[int, Decimal]]:
    return sorted((b.fill.quantity, b.fill.price) for b in run.fills.values())


def test_an_execution_that_stream_and_rest_call_by_ids_of_their_own_was_booked_twice() -> None:
    scene, order = selling()
    hear(scene, told(order, STREAM, "5b2c-aa", 4), told(order, REST, "1843", 4, commission="0.048"))
    assert scene.run.open_quantity("C") == 4
    assert quantities(scene.run) == [(4, D(200))]
    assert scene.run.fees == D("0.048") and not scene.run.uncosted


@pytest.mark.parametrize("order_of_telling", list(permutations(range(4))))
def test_two_executions_alike_in_price_and_quantity_are_two_in_whatever_order_the_channels_tell_them(
    order_of_telling: tuple[int, ...],
) -> None:
    scene, order = selling()
    tellings = [
        told(order, STREAM, "s1", 2),
        told(order, STREAM, "s2", 2),
        told(order, REST, "1", 2, commission="0.02"),
        told(order, REST, "2", 2, commission="0.03"),
    ]
    for place in order_of_telling:
        hear(scene, tellings[place])
    assert scene.run.open_quantity("C") == 4 and len(scene.run.fills) == 2
    assert scene.run.fees == D("0.05") and not scene.run.uncosted


def test_an_id_that_names_another_execution_on_the_other_channel_hides_none() -> None:
    scene, order = selling()
    hear(scene, told(order, STREAM, "2", 1, "200"), told(order, STREAM, "3", 3, "199"))
    hear(scene, told(order, REST, "1", 1, "200"), told(order, REST, "2", 3, "199", commission="0.05"))
    assert quantities(scene.run) == [(1, D(200)), (3, D(199))]
    assert scene.run.fees == D("0.06")


def test_an_execution_that_the_stream_lost_is_booked_from_the_list_and_the_one_it_told_is_not_again() -> None:
    scene, order = selling()
    hear(scene, told(order, STREAM, "s2", 3))
    scene.answer(order.client_order_id, _ok(scene, order, 4))
    hear(scene, told(order, REST, "1", 1, commission="0.011"), told(order, REST, "2", 3, commission="0.033"))
    assert quantities(scene.run) == [(1, D(200)), (3, D(200))]
    assert scene.run.fees == D("0.044") and not scene.run.uncosted


def test_a_list_that_joins_what_the_stream_told_apart_books_nothing_more_and_costs_all_of_it() -> None:
    scene, order = selling(3)
    hear(scene, *(told(order, STREAM, f"s{n}", 1) for n in range(3)))
    hear(scene, told(order, REST, "1", 3, commission="0.1"))
    assert scene.run.open_quantity("C") == 3 and not scene.run.uncosted
    assert scene.run.fees == D("0.1")  # to the last digit, although a third of it has no end


def test_an_order_update_that_comes_first_lets_no_telling_be_booked_again() -> None:
    scene, order = selling(10)
    hear(scene, told(order, STREAM, "s2", 3))
    scene.answer(order.client_order_id, _ok(scene, order, 8))
    hear(scene, told(order, REST, "1", 2), told(order, REST, "2", 3), told(order, REST, "3", 3, "199"))
    assert scene.run.open_quantity("C") == 8
    assert scene.run.cash_flow == (5 * D(200) + 3 * D(199)) * scene.run.leg("C").contract_value


def test_a_commission_that_a_confirmation_brings_later_was_lost() -> None:
    scene, order = selling()
    row = told(order, REST, "1", 4, commission="0.05")
    hear(scene, told(order, STREAM, "s1", 4), replace(row, commission=None))
    assert scene.run.uncosted
    hear(scene, row, row)
    assert scene.run.fees == D("0.05") and not scene.run.uncosted and scene.run.open_quantity("C") == 4
    assert scene.refolded() == durable(scene.run)


def test_a_price_told_with_other_zeros_is_the_same_price() -> None:
    scene, order = selling()
    hear(scene, told(order, STREAM, "s1", 4, "200"), told(order, REST, "1", 4, "200.00"))
    assert scene.run.open_quantity("C") == 4


def test_a_full_order_told_again_at_an_average_price_books_no_contract_beyond_it() -> None:
    scene, order = selling()
    hear(scene, told(order, STREAM, "s1", 2, "200"), told(order, STREAM, "s2", 2, "201"))
    hear(scene, told(order, REST, "1", 4, "200.5", commission="0.07"))
    assert scene.run.open_quantity("C") == 4 and scene.run.fees == D("0.07")
    assert any(text.startswith("told_otherwise") for text in scene.alerts())


def test_one_channel_alone_telling_more_than_was_ordered_is_believed_and_halts_entries() -> None:
    scene, order = selling()
    names = hear(scene, told(order, STREAM, "s1", 4), told(order, STREAM, "s2", 1))
    assert scene.run.open_quantity("C") == 5
    assert "LevelChanged" in names


def test_what_was_confirmed_is_not_booked_after_a_restart_when_the_list_is_read_again() -> None:
    scene, order = selling()
    rest = [told(order, REST, "1", 2, commission="0.02"), told(order, REST, "2", 2, commission="0.02")]
    hear(scene, told(order, STREAM, "s1", 2), *rest)
    scene.restart()
    again = hear(scene, *rest, told(order, STREAM, "s2", 2))
    assert "FillRecorded" not in again and "FillCosted" not in again
    assert scene.run.open_quantity("C") == 4 and scene.run.fees == D("0.04")


def test_a_fill_that_an_older_journal_knows_by_its_bare_id_is_confirmed_by_the_list_and_the_next_is_booked() -> None:
    scene, order = selling()
    old = told(order, STREAM, "f1", 2)
    hear(scene, Fill(**{name: getattr(old, name) for name in old.__struct_fields__ if name != "channel"}))
    assert list(scene.run.fills) == ["f1"]
    hear(scene, told(order, REST, "f1", 2, commission="0.02"))
    assert scene.run.open_quantity("C") == 2 and scene.run.fees == D("0.02")
    hear(scene, told(order, REST, "f2", 2, commission="0.02"))
    assert scene.run.open_quantity("C") == 4 and scene.run.fees == D("0.04")


@given(
    parts=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["200", "199", "198"])), min_size=1, max_size=5),
    draw=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_however_two_channels_tell_an_order_its_books_are_what_was_executed(
    parts: list[tuple[int, str]], draw: st.DataObject
) -> None:
    scene, order = selling(sum(quantity for quantity, _ in parts))
    lost = draw.draw(st.sets(st.integers(0, len(parts) - 1)), label="lost by the stream")
    tellings = [told(order, REST, str(n), q, p, commission=f"0.0{n + 1}") for n, (q, p) in enumerate(parts)]
    tellings += [told(order, STREAM, f"s{n}", q, p) for n, (q, p) in enumerate(parts) if n not in lost]
    tellings += draw.draw(st.lists(st.sampled_from(tellings), max_size=4), label="told again")
    updates = draw.draw(st.lists(st.integers(0, len(parts)), max_size=3), label="order updates, parts executed by then")
    steps = [*tellings, *(sum(q for q, _ in parts[:done]) for done in updates)]
    for step in draw.draw(st.permutations(steps)):
        if isinstance(step, Fill):
            hear(scene, step)
        else:
            scene.answer(order.client_order_id, _ok(scene, order, step))
    run, sold = scene.run, sum(q for q, _ in parts)
    assert run.open_quantity("C") == sold
    assert run.cash_flow == sum(q * D(p) for q, p in parts) * run.leg("C").contract_value
    assert run.fees == sum(D(f"0.0{n + 1}") for n in range(len(parts))) and not run.uncosted


def _ok(scene: Scene, order: OrderIntent, filled: int) -> Ok:
    listed = scene.exchange.orders[order.client_order_id]
    listed.filled = filled
    return Ok(scene.exchange.snapshot(order.client_order_id))


def test_an_order_that_the_stream_calls_by_another_id_than_rest_is_one_order_and_is_cancelled_by_our_own_id() -> None:
    scene, order = selling()
    seen = replace(scene.exchange.snapshot(order.client_order_id), venue_order_id="stream-77")
    scene.feed(ev.OrderSeen, order=seen)
    hear(scene, told(order, STREAM, "s1", 1, venue_order_id="stream-77"))
    hear(scene, told(order, REST, "1", 1), told(order, REST, "2", 1, "199"))
    assert scene.run.open_quantity("C") == 2
    assert scene.run.orders[order.client_order_id].venue_ids == ("1000", "stream-77")
    scene.stop()
    [cancel] = [c for c in scene.cancels() if c.client_order_id == order.client_order_id]
    assert cancel.venue_order_id is None


# ------------------------------------------------------------------------------------------ commissions that never come


def closed_without_costs() -> Scene:
    """A run bought back, of whose last fills the exchange has told no commission."""
    scene = holding()
    scene.stop()
    for key in ("C", "P"):
        scene.trade(key, commission=None)
    return scene


def test_a_run_whose_commissions_never_come_waited_for_ever_and_now_ends_saying_what_is_estimated() -> None:
    scene = closed_without_costs()
    finish(scene, limit_secs=COST_PATIENCE_SECS - 5)
    assert scene.phase is Phase.EXITING
    finish(scene, limit_secs=30)
    assert scene.phase is Phase.DONE
    finished = scene.run.finished
    assert finished is not None and finished.estimated_fees > 0
    assert finished.fees == scene.run.fees + finished.estimated_fees
    assert finished.realized_pnl == scene.run.cash_flow - finished.fees
    assert any(text.startswith("costs_untold") for text in scene.alerts())


def test_a_commission_told_in_time_leaves_nothing_estimated() -> None:
    scene = closed_without_costs()
    finish(scene, limit_secs=5)
    for booked in list(scene.run.fills.values()):
        if booked.fill.commission is None:
            order = scene.run.orders[booked.fill.client_order_id or ""]
            hear(
                scene,
                told(
                    order.intent,
                    REST,
                    f"r{booked.fill.fill_id}",
                    booked.fill.quantity,
                    str(booked.fill.price),
                    commission="0.02",
                    venue_order_id=order.venue_order_id or "",
                ),
            )
    finish(scene, limit_secs=10)
    assert scene.run.finished is not None and scene.run.finished.estimated_fees == 0
    assert not any(text.startswith("costs_untold") for text in scene.alerts())


def test_records_of_confirmed_fills_fold_to_the_live_state() -> None:
    scene, order = selling()
    hear(scene, told(order, STREAM, "s1", 4), told(order, REST, "1", 4))
    assert any(isinstance(record, rec.FillConfirmed) for record in scene.records)
    assert scene.refolded() == durable(scene.run)
