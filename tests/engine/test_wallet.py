"""A finished run held against the exchange's ledger: when it is asked, what a difference is, and what is not one."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.engine.scene import Scene, holding, secs
from tests.engine.several import serve, take, two_holding
from trader.domain.fill import Fill
from trader.domain.order import OrderStatus
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
        found += [e for e in scene.tick(1) if isinstance(e, ef.ReadWallet) and e.run_id]
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
    watched(scene, 50, (charge,))
    assert compared(scene) == []
    watched(scene, 20, (charge,))
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


# -- beside another run in the same contracts -----------------------------------------------------------------------------


def beside() -> Scene:
    """One run is done, the other still holds the same contracts."""
    return done(two_holding())


def first_of(scene: Scene) -> str:
    """The run that is done."""
    (run,) = (run for run in scene.state.runs.values() if run.phase is Phase.DONE)
    return run.run_id


def charge(scene: Scene) -> Transaction:
    """What no fill tells: a true difference."""
    return line("fee", "liquidation_fee", D("-2.235"), scene.run.legs[0].product_id, scene.market)


def watched(scene: Scene, seconds: int, more: tuple[Transaction, ...], *, account: bool = True) -> None:
    """Second by second: prices come, the ledger is read when asked for, and the account where it can be."""
    for _ in range(seconds):
        scene.prices(after=1)
        for effect in scene.tick():
            if isinstance(effect, ef.ReadWallet) and effect.run_id:
                read(scene, effect, ledger(scene, *more))
        if account and any(isinstance(e, ef.ReadAccount) for e in scene.due):
            scene.read_account(asked=scene.wall)
        scene.due = [e for e in scene.due if not isinstance(e, ef.ReadAccount)]


def bought_back(scene: Scene, commission: Decimal | None) -> Fill:
    """A resting exit of the run that still holds has traded a part; nobody has told yet."""
    holder = scene.state.unresolved[0]
    scene.stop(holder.run_id)
    intent = next(i for i in scene.submits() if i.leg == "C")
    take(scene, intent)
    return scene.exchange.fill(intent.client_order_id, 1, D(210), commission, scene.market or scene.wall)


def tell(scene: Scene, fill: Fill) -> None:
    scene.feed(ev.FillSeen, fill=fill)


def test_a_difference_is_told_without_what_another_run_has_just_traded() -> None:
    scene = beside()
    fee = charge(scene)
    watched(scene, 50, (fee,))
    fill = bought_back(scene, D("0.01"))
    watched(scene, 18, (fee,), account=False)
    assert compared(scene) == [], "the ledger knows of a fill that was not told yet"
    tell(scene, fill)
    watched(scene, 90, (fee,))
    assert compared(scene)[0] == D("-2.235")
    assert [r.text for r in scene.records if isinstance(r, rec.AlertRaised) and "-2.235" in r.text]


def test_a_difference_is_not_told_while_the_account_of_another_run_cannot_be_read() -> None:
    scene = beside()
    fee = charge(scene)
    watched(scene, 20, (fee,))
    fill = bought_back(scene, D("0.01"))
    watched(scene, 130, (fee,), account=False)
    assert compared(scene) == [], "what it has traded is not known"
    tell(scene, fill)
    watched(scene, 100, (fee,))
    assert compared(scene)[0] == D("-2.235")


def test_a_run_of_which_our_gate_let_nothing_out_explains_no_difference() -> None:
    """A ticket that waited kept another run's difference from being told."""
    scene = beside()
    (other,) = scene.state.unresolved
    refused = {coid: replace(order, status=OrderStatus.DENIED) for coid, order in other.orders.items()}
    scene.state = replace(scene.state, runs={**scene.state.runs, other.run_id: replace(other, orders=refused)})
    watched(scene, 80, (charge(scene),), account=False)
    assert compared(scene) == [D("-2.235")]


def test_a_difference_is_not_told_before_the_cost_of_what_another_run_has_traded() -> None:
    scene = beside()
    fee = charge(scene)
    watched(scene, 20, (fee,))
    fill = bought_back(scene, None)
    tell(scene, fill)
    cost = line("cost", "commission", D("-0.01"), fill.product_id, scene.market)
    watched(scene, 90, (fee, cost))
    assert compared(scene) == []
    scene.exchange.fills = [replace(f, commission=D("0.01")) if f is fill else f for f in scene.exchange.fills]
    watched(scene, 90, (fee,))
    assert compared(scene)[0] == D("-2.235")


def test_the_other_run_may_hold_on_while_a_difference_is_told() -> None:
    scene = beside()
    watched(scene, 70, (charge(scene),))
    assert compared(scene) == [D("-2.235")] and scene.state.unresolved


def test_what_another_run_was_trading_as_the_run_began_is_no_difference() -> None:
    """Of two fills alike either may have been booked with the other's time: the ledger is not cut between them."""
    scene = beside()
    run = scene.state.runs[first_of(scene)]
    began = run.created_market
    assert began is not None
    lines = ledger(scene)
    assert 0 < (began - min(one.created_at for one in lines if one.created_at is not None)).total_seconds() < 10
    effect = asked(scene)
    assert effect is not None
    read(scene, effect, tuple(replace(one, created_at=max(one.created_at or began, began)) for one in lines))
    assert compared(scene) == [0]


@pytest.mark.parametrize(
    ("booked", "cut"),
    [
        ([11], 0),
        ([9], 19),
        ([1, 2, 15], 25),
        ([1, 22], 11),
        (list(range(1, 900, 3)), 239),
        ([-11], 0),
        ([-9], 1),
        ([-7, -7], 3),
        ([-9, 10, 45], 20),
    ],
    ids=[
        "long before",
        "just before",
        "three, one after another",
        "one of two",
        "all the time",
        "long after",
        "just after",
        "two that bear the later one's time",
        "on both sides",
    ],
)
def test_the_ledger_is_read_from_a_moment_near_which_nothing_was_booked(booked: list[int], cut: int) -> None:
    scene = done()
    began, flow = scene.run.created_market, scene.state.account.flows[0]
    assert began is not None
    flows = [replace(flow, at=began - secs(before), run_id="another") for before in booked]
    scene.state = replace(scene.state, account=replace(scene.state.account, flows=tuple(flows)))
    effect = asked(scene)
    assert effect is not None
    assert effect.since == began - secs(cut), "and no further back than a runner knows that was restarted"


def test_what_the_run_itself_trades_as_it_begins_moves_nothing() -> None:
    scene = done()
    began = scene.run.created_market
    assert began is not None and 0 < (scene.state.account.flows[0].at - began).total_seconds() < 10
    effect = asked(scene)
    assert effect is not None and effect.since == began


# -- it comes in the end --------------------------------------------------------------------------------------------------


def test_a_difference_that_waits_is_told_after_a_restart_too() -> None:
    scene = beside()
    first, fee = first_of(scene), charge(scene)
    watched(scene, 20, (fee,))
    fill = bought_back(scene, D("0.01"))
    watched(scene, 90, (fee,), account=False)
    scene.start(replace_preset(scene))
    tell(scene, fill)
    assert first in scene.state.runs, "the next start keeps it"
    scene.restart(down_secs=1200)
    assert compared(scene) == []
    watched(scene, 120, (fee,))
    assert next(r.difference for r in scene.records if isinstance(r, rec.WalletCompared) and r.run_id == first) == D(
        "-2.235"
    )


def test_a_run_that_ended_long_before_the_restart_is_compared() -> None:
    scene = done()
    scene.restart(down_secs=86400)
    effect = asked(scene)
    assert effect is not None
    read(scene, effect, ledger(scene))
    assert compared(scene) == [0]


def test_no_more_than_a_few_runs_are_kept_for_a_ledger_that_cannot_be_read() -> None:
    scene = done()
    old = {f"old{number}": replace(scene.run, run_id=f"old{number}") for number in range(30)}
    scene.state = replace(scene.state, runs={**old, **scene.state.runs})
    scene.start(replace_preset(scene))
    assert list(scene.state.runs)[:-2] == [f"old{number}" for number in range(11, 30)]


def test_a_run_of_another_week_is_compared_no_more() -> None:
    scene = done()
    scene.restart(down_secs=9 * 86400)
    assert asked(scene, 60) is None


def test_a_ledger_that_is_never_answered_is_told() -> None:
    scene = done()
    assert asked(scene, 700) is not None
    assert "wallet_unread" in scene.alerts()
    assert asked(scene, 100) is None


def test_a_ledger_that_could_be_read_in_between_is_asked_on() -> None:
    scene, fee = done(), None
    for number in range(120):
        effect = asked(scene, 20)
        assert effect is not None
        fee = line(f"fee {number}", "liquidation_fee", D(-number - 1), scene.run.legs[0].product_id, scene.market)
        read(scene, effect, ledger(scene, fee) if number % 10 == 0 else None, error="the list is broken")
    assert "wallet_unread" not in scene.alerts()


def test_that_too_much_was_executed_since_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trader.engine.account.wallet.KEPT_FLOWS", 3)
    scene = done()
    effect = asked(scene)
    assert effect is not None
    scene.state = replace(
        scene.state,
        account=replace(scene.state.account, flows=scene.state.account.flows[-3:]),
    )
    read(scene, effect, ledger(scene))
    assert compared(scene) == [] and "wallet_unread" in scene.alerts()
    assert asked(scene, 100) is None
