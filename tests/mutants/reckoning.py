"""Defects of holding a run against the wallet: what counts, when it is a difference, whether anybody is told."""

from typing import Any

import msgspec
from msgspec.structs import replace

from tests.engine import test_wallet
from tests.mutants.mutant import Mutant, named, sessions
from tests.mutants.plans import Plans, held
from tests.mutants.tools import Patch, everywhere
from trader.engine import fold
from trader.engine import records as rec
from trader.engine.account import wallet
from trader.engine.turn import Turn
from trader.exchange.delta.wire import core, parse
from trader.simulation.planned import Deed, Plan

_START = Deed(secs=0.3, kind="start")
_CHARGE = Deed(secs=5.0, kind="charge", size=37, phase="holding")


def _held(*deeds: Deed, **changes: Any) -> Plans:
    """Quiet sessions held until half a minute after their start, and what happens then."""

    def plan(seed: int) -> Plan:
        far = {"max_loss_pct": "1000", "max_profit_pct": "100"}
        return held(
            seed,
            exits=far,
            exit_time="10:31",
            deeds=(_START, *deeds),
            **changes,
            order_ids="same",
            coid_mode="open_only",
        )

    return lambda: [plan(seed) for seed in range(6)]


def _two(*, costs_told: bool = True) -> Plans:
    """A second run in the same contracts, held when the first is stopped."""

    def plan(seed: int) -> Plan:
        one = _held(Deed(secs=6.0, kind="start_other", phase="holding"), Deed(secs=20.0, kind="stop_one"))()[seed]
        schedule = {**one.preset["schedule"], "exit_time_ist": "10:33", "boot_buffer_secs": 0}
        preset = {**one.preset, "schedule": schedule, "risk": {**one.preset["risk"], "max_runs_per_day": 9}}
        other = {**preset, "exits": {**preset["exits"], "blind_exit_secs": 61}}
        return replace(one, preset=preset, others=(other,), costs_told=costs_told, faults_end=170.0)

    return lambda: [plan(seed) for seed in range(4)]


def difference_is_kept_to_itself(patch: Patch) -> None:
    real = Turn.alert

    def alert(self: Turn, run_id: str, level: str, code: str, text: str, **more: Any) -> None:
        if code != "wallet_differs":
            real(self, run_id, level, code, text, **more)

    patch.setattr(Turn, "alert", alert)


def other_runs_in_the_contract_are_strangers(patch: Patch) -> None:
    def _told(state: Any, products: Any, event: Any) -> Any:
        return state.runs[event.run_id].finished.realized_pnl

    everywhere(patch, wallet._told, _told)


def charges_are_left_out(patch: Patch) -> None:
    real = wallet.on_wallet_read

    def on_wallet_read(turn: Any, event: Any) -> None:
        known = tuple(line for line in event.changes or () if line.kind in ("cashflow", "commission", "settlement"))
        real(turn, event if event.changes is None else replace(event, changes=known))

    everywhere(patch, real, on_wallet_read)


def first_look_is_the_last(patch: Patch) -> None:
    patch.setattr(wallet, "LASTING_SECS", 0.0)


def unread_is_empty(patch: Patch) -> None:
    real = wallet.on_wallet_read

    def on_wallet_read(turn: Any, event: Any) -> None:
        real(turn, replace(event, changes=event.changes or ()))

    everywhere(patch, real, on_wallet_read)


def a_restart_forgets_what_is_owed(patch: Patch) -> None:
    real = wallet.ask_wallet

    def ask_wallet(turn: Any) -> None:
        if turn.state.epoch == 1:
            real(turn)

    everywhere(patch, real, ask_wallet)


def estimates_of_others_do_not_count(patch: Patch) -> None:
    real = fold._flow_of

    def _flow_of(run: Any, record: Any) -> Any:
        return None if isinstance(record, rec.RunFinished) else real(run, record)

    everywhere(patch, real, _flow_of)


def what_may_explain_it_is_not_asked(patch: Patch) -> None:
    patch.setattr(wallet, "_may_explain", lambda turn, other, products: False)


def a_difference_waits_for_ever(patch: Patch) -> None:
    patch.setattr(wallet, "_lasts", lambda turn, run, products, difference: False)


def fee_of_a_liquidation_is_not_read(patch: Patch) -> None:
    patch.setattr(parse, "_liquidation_fee", lambda meta: 0)


def unheard_trades_are_no_difference() -> None:
    """A fill that no channel has told yet stands in the ledger for as long as the account cannot be read."""
    test_wallet.test_a_difference_is_not_told_while_the_account_of_another_run_cannot_be_read()


def a_liquidation_costs_its_fee_too() -> None:
    """The figures of a recorded one: commission 0.0753148, fee 2.235."""
    row = {
        "id": "1",
        "order_id": "7",
        "product_id": 4711,
        "product_symbol": "C-BTC-96000-050326",
        "side": "buy",
        "size": 1,
        "price": "5",
        "commission": "0.0753148",
        "created_at": "2026-03-03T05:00:00Z",
        "fill_type": "liquidation",
        "meta_data": {"total_liquidation_fee_in_settling_asset": "2.235"},
    }
    paid = parse.parse_fill(msgspec.convert(row, core.FillRow)).commission
    assert str(paid) == "2.3103148", f"a liquidation that took 2.3103148 USD has cost {paid}"


MUTANTS = [
    Mutant(
        name="W01",
        defect="A difference to the wallet is recorded and nobody is told",
        patched="`Turn.alert` passes over `wallet_differs`",
        patch=difference_is_kept_to_itself,
        check=sessions("WL2", _held(_CHARGE)),
    ),
    Mutant(
        name="W02",
        defect="What another run has traded in the same contract is told as a difference",
        patched="`_told` is what the run itself has earned",
        patch=other_runs_in_the_contract_are_strangers,
        check=sessions("WL1 WL3", _two()),
    ),
    Mutant(
        name="W03",
        defect="A charge that no fill tells is not seen",
        patched="`on_wallet_read` looks at cash flows, commissions and settlements alone",
        patch=charges_are_left_out,
        check=sessions("WL1 WL3", _held(_CHARGE)),
    ),
    Mutant(
        name="W04",
        defect="A ledger that is behind the fills is a difference",
        patched="`LASTING_SECS` is 0",
        patch=first_look_is_the_last,
        check=sessions("WL3", _held(rates={"N17": 1.0})),
    ),
    Mutant(
        name="W05",
        defect="A ledger that could not be read is taken for an empty one",
        patched="`on_wallet_read` takes no lines for none",
        patch=unread_is_empty,
        check=sessions("WL1 WL3", _held(rates={"N8": 0.75}, faults_end=200.0)),
    ),
    Mutant(
        name="W06",
        defect="After a restart a run that had ended is not compared any more",
        patched="`ask_wallet` asks for none in a second life of the runner",
        patch=a_restart_forgets_what_is_owed,
        check=sessions("WL4", _held(outage=(33.0, 8.0))),
    ),
    Mutant(
        name="W06b",
        defect="What another run has ended on as an estimate of its fees is told as a difference",
        patched="`_flow_of` passes over `RunFinished`",
        patch=estimates_of_others_do_not_count,
        check=sessions("WL1", _two(costs_told=False)),
    ),
    Mutant(
        name="W06c",
        defect="A difference is told with what another run may have traded unheard",
        patched="`_may_explain` says no",
        patch=what_may_explain_it_is_not_asked,
        check=named("WL3", unheard_trades_are_no_difference),
    ),
    Mutant(
        name="W06d",
        defect="A difference is waited with for ever",
        patched="`_lasts` says no",
        patch=a_difference_waits_for_ever,
        check=sessions("WL4", _held(_CHARGE)),
    ),
    Mutant(
        name="W07",
        defect="The fee of a liquidation is missing from what it has cost",
        patched="`_liquidation_fee` reads none",
        patch=fee_of_a_liquidation_is_not_read,
        check=named("WL3 BK2", a_liquidation_costs_its_fee_too),
    ),
]
