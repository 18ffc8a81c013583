"""Each Indian day of the exchange's ledger held against what the runs have booked: when, what differs, and what does not."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import Scene
from tests.engine.several import serve
from tests.engine.test_marking import MIDNIGHT, WED, folded, over_night, until
from tests.engine.test_wallet import ledger, line
from trader.domain.wallet import Transaction
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec

D = Decimal
THU = date(2025, 1, 16)


def next_day(**sections: Any) -> Scene:
    """Sold on Wednesday, still open a few seconds into Thursday, the account read."""
    scene = over_night(**sections)
    until(scene, MIDNIGHT + timedelta(seconds=1), "210")
    return scene


def asked(scene: Scene, seconds: int = 30) -> ef.ReadWallet | None:
    """What is asked of the ledger of whole days within so many seconds."""
    found: list[ef.ReadWallet] = []
    for _ in range(seconds):
        found += [e for e in scene.tick(1) if isinstance(e, ef.ReadWallet) and not e.run_id]
        scene.prices("210", "210", after=0)
        serve(scene)
    return found[-1] if found else None


def read(
    scene: Scene, effect: ef.ReadWallet | None, changes: tuple[Transaction, ...] | None, error: str = "", **fields: Any
) -> None:
    assert effect is not None
    scene.feed(ev.WalletRead, run_id="", since=effect.since, changes=changes, error=error, **fields)


def compared(scene: Scene) -> list[rec.DayCompared]:
    return [record for record in scene.records if isinstance(record, rec.DayCompared)]


def test_a_day_is_compared_after_its_end_with_the_cash_of_runs_that_are_open() -> None:
    scene = next_day()
    assert asked(scene, 3) is None, "its last lines may yet come"
    effect = asked(scene, 5)
    assert effect is not None and effect.since == MIDNIGHT - timedelta(days=1)
    read(scene, effect, ledger(scene))
    (day,) = compared(scene)
    assert (day.day, day.difference, day.until) == (WED, 0, MIDNIGHT)
    assert day.lines == {"cashflow": scene.run.cash_flow, "commission": -scene.run.fees}
    assert asked(scene, 60) is None, "once is enough"
    assert folded(scene).account.compared == day


@pytest.mark.parametrize(
    ("other", "difference", "besides"),
    [
        (("deposit", D(500), None), 0, {"deposit": D(500)}),
        (("cashflow", D(7), 4711), 0, {"cashflow": D(7)}),
        (("liquidation_fee", D("-2.235"), "own"), D("-2.235"), {}),
    ],
    ids=["a deposit", "another contract", "a charge that no fill tells"],
)
def test_what_is_a_difference(
    other: tuple[str, Decimal, Any], difference: Decimal, besides: dict[str, Decimal]
) -> None:
    scene = next_day()
    kind, amount, product = other
    product = scene.run.legs[0].product_id if product == "own" else product
    more = line("x", kind, amount, product, MIDNIGHT - timedelta(seconds=50))
    for _ in range(6):
        effect = asked(scene, 25)
        if effect is not None:
            read(scene, effect, ledger(scene, more))
    (day,) = compared(scene)
    assert (day.difference, day.besides) == (difference, besides)
    assert ("wallet_day_differs" in scene.alerts()) is bool(difference)
    told = [r.text for r in scene.records if isinstance(r, rec.AlertRaised) and r.code == "wallet_day_differs"]
    assert not difference or "by -2.235 USD" in told[0]


def test_a_difference_counts_once_it_has_lasted() -> None:
    scene = next_day()
    lines = ledger(scene)
    read(scene, asked(scene), lines[:-1])
    assert compared(scene) == [], "the ledger may be behind the fills"
    read(scene, asked(scene), lines)
    assert [day.difference for day in compared(scene)] == [0]


@pytest.mark.parametrize("seconds", [-4, 3])
def test_a_line_on_the_other_side_of_midnight_than_its_fill_belongs_to_the_day_of_the_fill(seconds: int) -> None:
    """The exchange writes a line a moment after its fill, or stamps the fill later."""
    scene = next_day()
    lines = ledger(scene)
    effect = asked(scene)
    moved = MIDNIGHT + timedelta(seconds=seconds)
    late = tuple(
        line(row.transaction_id, row.kind, row.amount, row.product_id, moved) if row is lines[-1] else row
        for row in lines
    )
    tomorrow = line("t", "cashflow", D(9), lines[0].product_id, moved + timedelta(seconds=1))
    read(scene, effect, (*late, tomorrow) if seconds > 0 else late)
    (day,) = compared(scene)
    assert day.difference == 0 and (day.until > moved)
    assert day.until == (MIDNIGHT if seconds < 0 else moved + timedelta(microseconds=1))


def test_days_that_were_missed_are_compared_with_one_read_in_order() -> None:
    scene = next_day()
    scene.stop()
    for _ in range(6):
        scene.prices("210", "210")
        serve(scene)
    lines = ledger(scene)
    scene.pass_time(3 * 86400)
    scene.restart()
    effect = asked(scene)
    assert effect is not None and effect.since == MIDNIGHT - timedelta(days=1)
    read(scene, effect, lines)
    assert [(day.day, day.difference) for day in compared(scene)] == [(WED, 0), (THU, 0)]
    assert sum(sum(day.lines.values()) for day in compared(scene)) == sum(
        r.realized_pnl for r in scene.records if isinstance(r, rec.RunFinished)
    )


def test_a_ledger_that_cannot_be_read_is_asked_again_and_told_in_the_end() -> None:
    scene = next_day()
    for _ in range(45):
        effect = asked(scene, 20)
        if effect is not None:
            read(scene, effect, None, error="the list is broken")
    (day,) = compared(scene)
    assert day.difference is None and "the list is broken" in day.why
    assert "wallet_day_unread" in scene.alerts()
    assert asked(scene, 100) is None


def test_a_day_of_which_a_fee_is_not_told_yet_waits_for_it() -> None:
    scene = over_night()
    run, leg = scene.run, scene.run.legs[0]
    ledgers = {**run.ledgers, leg.key: replace(run.ledger(leg.key), uncosted=1)}
    scene.state = replace(scene.state, runs={run.run_id: replace(run, ledgers=ledgers)})
    scene.pass_time((MIDNIGHT - scene.wall).total_seconds() + 10)
    assert not [e for e in scene.tick(1) if isinstance(e, ef.ReadWallet)]


def test_a_429_holds_the_question_back() -> None:
    scene = next_day()
    scene.state = replace(scene.state, slow_until=scene.wall + timedelta(seconds=20))
    assert asked(scene, 15) is None
    assert asked(scene, 15) is not None
