"""A finished run held against the exchange's ledger: when it is asked, what a difference is, and what is not one."""

from decimal import Decimal
from typing import Any

import pytest

from tests.engine.scene import Scene, holding, secs
from tests.engine.several import serve, two_holding
from trader.domain.wallet import Transaction
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.fold import evolve
from trader.engine.records import Phase
from trader.engine.state import State

D = Decimal


def done(scene: Scene | None = None) -> Scene:
    """A strangle sold, held and bought back, flat and confirmed."""
    scene = scene or holding()
    scene.stop(scene.run.run_id)
    for _ in range(10):
        scene.prices()
        serve(scene)
        if scene.phase is Phase.DONE:
            return scene
    raise AssertionError(scene.phase)


def asked(scene: Scene, seconds: float = 6) -> ef.ReadWallet | None:
    """What is asked of the ledger within so many seconds, a tick each."""
    found: list[ef.ReadWallet] = []
    for _ in range(int(seconds)):
        found += [e for e in scene.tick(1) if isinstance(e, ef.ReadWallet)]
    return found[-1] if found else None


def ledger(scene: Scene, *more: Transaction) -> tuple[Transaction, ...]:
    """What the exchange would list for all executions so far."""
    lines = []
    for number, fill in enumerate(scene.exchange.fills):
        for kind, amount in (("cashflow", fill.cash_flow(D("0.001"))), ("commission", -(fill.commission or D(0)))):
            lines.append(line(f"{number}-{kind}", kind, amount, fill.product_id, fill.ts_event))
    return (*lines, *more)


def line(name: str, kind: str, amount: Decimal, product_id: int | None, at: Any) -> Transaction:
    return Transaction(
        transaction_id=name, kind=kind, amount=amount, balance=D(0), asset="USD", product_id=product_id, created_at=at
    )


def read(scene: Scene, effect: ef.ReadWallet, changes: tuple[Transaction, ...] | None, error: str = "") -> None:
    scene.feed(ev.WalletRead, run_id=effect.run_id, since=effect.since, changes=changes, error=error)


def compared(scene: Scene) -> list[Decimal]:
    return [record.difference for record in scene.records if isinstance(record, rec.WalletCompared)]


def test_the_ledger_is_asked_a_few_seconds_after_the_end_and_agrees() -> None:
    scene = done()
    assert asked(scene, 4) is None
    effect = asked(scene, 3)
    assert effect is not None
    read(scene, effect, ledger(scene))
    assert compared(scene) == [0]
    assert "wallet_differs" not in scene.alerts()
    assert asked(scene, 60) is None, "once is enough"


def test_a_charge_that_no_fill_tells_is_told_with_its_amount_once_it_lasts() -> None:
    scene = done()
    charge = line("fee", "liquidation_fee", D("-2.235"), scene.run.legs[0].product_id, scene.market)
    effect = asked(scene)
    assert effect is not None
    read(scene, effect, ledger(scene, charge))
    assert compared(scene) == [], "the list of fills may be behind the ledger"
    effect = asked(scene, 70)
    assert effect is not None
    read(scene, effect, ledger(scene, charge))
    assert compared(scene) == [D("-2.235")]
    assert "wallet_differs" in scene.alerts()


@pytest.mark.parametrize(
    "other",
    [
        line("d", "deposit", D(500), None, None),
        line("x", "cashflow", D(7), 4711, None),
    ],
    ids=["a transfer", "another contract"],
)
def test_what_is_not_of_the_runs_contracts_is_no_difference(other: Transaction) -> None:
    scene = done()
    effect = asked(scene)
    assert effect is not None
    read(scene, effect, ledger(scene, other))
    assert compared(scene) == [0]


def test_what_lies_before_the_run_is_no_difference() -> None:
    scene = done()
    effect = asked(scene)
    assert effect is not None
    early = line("old", "cashflow", D(9), scene.run.legs[0].product_id, effect.since - secs(1))
    read(scene, effect, ledger(scene, early))
    assert compared(scene) == [0]


def test_the_other_run_in_the_same_contract_is_counted_too() -> None:
    scene = done(two_holding())
    effect = asked(scene)
    assert effect is not None
    read(scene, effect, ledger(scene))
    assert compared(scene) == [0]


def test_a_ledger_that_cannot_be_read_is_asked_again_and_told_in_the_end() -> None:
    scene = done()
    for _ in range(40):
        effect = asked(scene, 20)
        if effect is not None:
            read(scene, effect, None, error="the list is broken")
    assert compared(scene) == [] and "wallet_unread" in scene.alerts()
    assert asked(scene, 100) is None


def test_the_comparison_is_durable_and_survives_the_next_start() -> None:
    scene = done()
    first = scene.run.run_id
    scene.start(replace_preset(scene))
    assert first in scene.state.runs, "it is still to be compared"
    effect = asked(scene)
    assert effect is not None and effect.run_id == first
    read(scene, effect, ledger(scene))
    state = State(installation="abcd1234", epoch=1, env="paper", account_key="acc")
    for record in scene.records:
        state = evolve(state, record)
    assert state.runs[first].wallet == scene.state.runs[first].wallet is not None
    assert state.account.flows == scene.state.account.flows


def replace_preset(scene: Scene) -> Any:
    return scene.run.preset.model_copy(
        update={"system": scene.run.preset.system.model_copy(update={"status_report_mins": 9})}
    )


def test_what_a_run_has_ended_on_as_an_estimate_counts_for_every_run_in_the_contract() -> None:
    scene = holding()
    ended = rec.RunFinished(
        run_id=scene.run.run_id,
        wall=scene.wall,
        market=scene.market,
        exit_reason="manual",
        realized_pnl=D(1),
        fees=D("0.3"),
        estimated_fees=D("0.3"),
    )
    before = sum(flow.usd for flow in scene.state.account.flows)
    state = evolve(scene.state, ended)
    assert sum(flow.usd for flow in state.account.flows) == before - D("0.3")
    assert {flow.product_id for flow in state.account.flows} <= {leg.product_id for leg in scene.run.legs}


def test_a_commission_told_late_counts_once() -> None:
    scene = done()
    flows = scene.state.account.flows
    assert sum(flow.usd for flow in flows) == scene.run.cash_flow - scene.run.fees
    key, booked = next(iter(scene.run.fills.items()))
    again = rec.FillCosted(run_id=scene.run.run_id, wall=scene.wall, market=scene.market, fill_id=key, commission=D(1))
    assert booked.fill.commission is not None
    assert evolve(scene.state, again).account.flows == flows
