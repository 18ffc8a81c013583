"""A finished run's figures, made from the records that the engine itself has written."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.engine.scene import SPOT, D, Scene, done, entering, finish, holding, preset, settlement
from trader.analytics.attribution import attribute
from trader.analytics.building import Glance, LegSeen, PastRun, build_result, leg_paths, read_run
from trader.analytics.result import RunResult
from trader.domain.fill import FillKind
from trader.engine import records as rec


def told(scene: Scene, seen: Sequence[Glance] = ()) -> RunResult:
    return build_result(past(scene), seen)


def past(scene: Scene) -> PastRun:
    found = read_run(scene.records)
    assert found is not None
    return found


def test_a_run_that_was_stopped_is_told_as_its_records_tell_it() -> None:
    scene = done()
    found, run = told(scene), scene.run
    assert run.finished is not None
    assert (found.pnl, found.fees, found.exit_reason) == (run.finished.realized_pnl, run.finished.fees, "manual")
    assert (found.premium, found.basis, found.basis_name) == (run.premium, run.basis, "credit")
    assert found.structure == "short_strangle" and not found.is_ticket and len(found.legs) == 2
    assert (found.attempts, found.rejected, found.contracts_sent, found.contracts_filled) == (4, 0, 8, 8)
    assert found.risk_passed == 4 and found.risk_failed == 0
    assert found.entered_at < found.ended_at and found.spot_at_entry == SPOT and found.iv_at_entry == pytest.approx(0.5)
    assert found.days_to_expiry == pytest.approx((run.legs[0].expiry - found.entered_at) / timedelta(days=1))
    # 2 contracts of 0.001 BTC a leg: 1 % of 100,000 and the price sold for
    assert found.margin == sum((1000 + leg_price(scene, key)) * D("0.002") for key in ("C", "P"))
    assert found.fees - found.tax == pytest.approx(found.fees / D("1.18"))


def leg_price(scene: Scene, key: str) -> Decimal:
    ledger = scene.run.ledger(key)
    return ledger.entered_value / ledger.entered


def test_slippage_is_against_the_price_that_each_order_was_decided_on() -> None:
    scene = holding(price="195")
    references = {order.reference for order in scene.run.orders.values()}
    assert len(references) == 1
    (reference,) = references
    assert reference is not None
    scene.stop()
    scene.trade("C")
    scene.trade("P")
    finish(scene)
    exits = [one for one in scene.run.orders.values() if one.intent.purpose == "X"]
    paid = sum((order.intent.limit_price or D(0)) - (order.reference or D(0)) for order in exits)
    assert told(scene).slippage_usd == (2 * (reference - 195) + paid) * D("0.002")


def test_the_time_one_leg_stood_alone_and_how_much_of_it() -> None:
    scene = entering()
    scene.trade("C", price="200")
    scene.pass_time(7)
    scene.trade("P", price="200")
    scene.stop()
    finish(scene)
    found = told(scene)
    assert found.naked_secs >= 7 and found.exposure_usd == D("0.002") * SPOT


def test_a_level_is_told_of_exits_that_have_one() -> None:
    scene = holding()
    for _ in range(8):
        scene.prices("600", "600")
    finish(scene)
    assert (told(scene).exit_reason, told(scene).level_pct) == ("max_loss", D(-100))
    assert told(done()).level_pct is None


def test_slippage_in_ticks_by_leg_and_way_adds_up_to_that_in_money() -> None:
    scene = done()
    found = told(scene)
    ticks = {leg.key: leg.tick_size * leg.contract_value for leg in scene.run.legs}
    assert {(one.leg, one.way) for one in found.slips} == {(key, way) for key in "CP" for way in ("entry", "exit")}
    money = sum(Decimal(str(one.ticks)) * one.contracts * ticks[one.leg] for one in found.slips)
    assert money == pytest.approx(found.slippage_usd)
    assert found.held_contracts == 2 and found.exit_secs is not None and found.exit_secs >= 0


def test_there_is_no_result_before_the_end_or_without_a_trade() -> None:
    assert read_run([]) is None and read_run(holding().records) is None
    scene = entering()
    scene.stop()
    finish(scene, fill=False)
    assert any(isinstance(one, rec.RunFinished) for one in scene.records) and read_run(scene.records) is None


def glances(scene: Scene, marks: list[str]) -> list[Glance]:
    start = scene.records[0].market
    assert start is not None
    return [
        Glance(
            at=start + timedelta(seconds=number),
            spot=SPOT,
            pnl_pct=D(-number),
            legs={
                key: LegSeen(open=2, mark=D(mark), iv=0.5, delta=-0.00025, theta=0.1, vega=-0.02) for key in ("C", "P")
            },
        )
        for number, mark in enumerate(marks)
    ]


def test_the_parts_of_its_pnl_add_up_to_what_it_has_made() -> None:
    scene = done()
    seen = glances(scene, ["205"] * 30)
    found, result = attribute(leg_paths(past(scene), seen)), told(scene, seen)
    assert found.pnl == result.pnl and found.fees == -result.fees
    assert found.slippage == -result.slippage_usd
    assert (result.peak_pct, result.worst_pct, result.spot_at_exit) == (D(0), D(-29), SPOT)


def test_a_settlement_is_the_exchanges_doing() -> None:
    scene = holding()
    for key in ("C", "P"):
        scene.exchange.fills.append(settlement(key, 2, "300", scene.now.market or scene.wall))
    scene.pass_time((scene.run.legs[0].expiry - scene.wall).total_seconds() + 5)
    finish(scene)
    assert any(one.fill.kind is FillKind.SETTLEMENT for one in scene.run.fills.values())
    found = attribute(leg_paths(past(scene), glances(holding(), ["205", "205"])))
    assert found.exchange == (205 - 300) * D("0.004") and found.pnl == told(scene).pnl


def test_a_tick_of_the_clock_changes_no_figure() -> None:
    scene = done(preset(orders={"timeout_secs": 20}))
    before = told(scene)
    scene.tick(30)
    assert told(scene) == before
