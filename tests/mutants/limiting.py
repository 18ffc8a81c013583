"""Defects of the account's limits: whose contracts count, what the daily loss does and how long, who is asked."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import Plans, held
from tests.mutants.tools import Patch, everywhere
from trader.config.account_limits import AccountLimits, ContractLimits
from trader.engine import gate
from trader.engine import records as rec
from trader.engine.account import limits, losses
from trader.engine.state import ZERO
from trader.engine.turn import Turn
from trader.runner.kernel import Kernel
from trader.simulation.planned import Deed, Plan

_START = Deed(secs=0.3, kind="start")
_SET = (Deed(secs=0.1, kind="limits"), _START)
_SECOND = Deed(secs=6.0, kind="start_other", phase="holding")
_FALL_AND_RISE = ((10, 1.6), (40, 1 / 1.6))  # of volatility: what was sold is dear for half a minute


def limited(document: dict[str, Any], *deeds: Deed, outage: tuple[float, float] | None = None) -> Plans:
    """Quiet sessions of two contracts a leg, and a second run of the same, under these limits; loss exits are far away."""

    def plan(seed: int) -> Plan:
        wide = {"max_loss_pct": "1000", "max_profit_pct": "100", "liquidation_guard_pct": "0"}
        quiet = held(seed, exits=wide, quantity=2, exit_time="10:36", iv_moves=_FALL_AND_RISE, outage=outage)
        schedule = {**quiet.preset["schedule"], "boot_buffer_secs": 0, "entry_window_mins": 30}
        preset = {
            **quiet.preset,
            "schedule": schedule,
            "risk": {**quiet.preset["risk"], "max_runs_per_day": 9, "liquidation": "warn"},
        }
        other = {**preset, "exits": {**preset["exits"], "blind_exit_secs": 61}}
        return replace(quiet, preset=preset, others=(other,), limits=(document,), deeds=deeds or _SET)

    return lambda: [plan(seed) for seed in range(3)]


def contracts_of_other_runs_are_not_counted(patch: Patch) -> None:
    everywhere(patch, limits._held, lambda state: [])


def a_restart_forgets_the_lock(patch: Patch) -> None:
    real = Kernel.fold

    def forgetful(self: Kernel, records: Iterable[rec.AnyRecord]) -> None:
        real(self, [record for record in records if not isinstance(record, rec.LossLocked)])

    patch.setattr(Kernel, "fold", forgetful)


def the_loss_locks_and_closes_nothing(patch: Patch) -> None:
    real = Turn.decide_exit

    def decide_exit(self: Turn, run_id: str, reason: Any, detail: str, **fields: Any) -> None:
        if reason != "account_loss":
            real(self, run_id, reason, detail, **fields)

    patch.setattr(Turn, "decide_exit", decide_exit)


def open_losses_do_not_count(patch: Patch) -> None:
    everywhere(patch, losses.open_pnl, lambda state: ZERO)


def exits_are_asked_too(patch: Patch) -> None:
    real = gate._exit_size

    def _exit_size(run: Any, leg: Any, intent: Any, passed: Any) -> Any:
        most = 1  # what the document of the sessions says
        return gate.judge(intent.quantity > most, "ACCOUNT_ORDER_SIZE", "", passed) or real(run, leg, intent, passed)

    everywhere(patch, real, _exit_size)


def single_contracts_have_no_bounds(patch: Patch) -> None:
    patch.setattr(AccountLimits, "of", lambda self, symbol: ContractLimits())


def what_is_set_is_in_force_tomorrow(patch: Patch) -> None:
    def on_limits(turn: Any, event: Any) -> None:
        turn.do(
            limits.AckCommand(command_id=event.command_id, status="accepted", detail="the account's limits are set")
        )

    everywhere(patch, limits.on_limits, on_limits)


_LOSS = {"daily_loss_usd": "0.1", "weekly_loss_usd": "9"}

MUTANTS = [
    Mutant(
        name="R08",
        defect="Each run may hold as much as the account may in all",
        patched="`_held` finds nothing that is held or works",
        patch=contracts_of_other_runs_are_not_counted,
        check=sessions(
            "LM1",
            limited(
                {"contracts_per_instrument": 3, "contracts_per_underlying": 6, "contracts_total": 6}, *_SET, _SECOND
            ),
        ),
    ),
    Mutant(
        name="R09",
        defect="The daily loss is locked until the next restart",
        patched="`Kernel.fold` passes over `LossLocked`",
        patch=a_restart_forgets_the_lock,
        check=sessions(
            "LM2",
            limited(
                {**_LOSS, "daily_loss_closes": False}, *_SET, Deed(secs=60.0, kind="start_other"), outage=(45.0, 3.0)
            ),
        ),
    ),
    Mutant(
        name="R10",
        defect="The daily loss forbids new runs and leaves those open that lose",
        patched="`decide_exit` leaves `account_loss` out",
        patch=the_loss_locks_and_closes_nothing,
        check=sessions("LM3", limited(_LOSS)),
    ),
    Mutant(
        name="R11",
        defect="The daily loss counts what is realised alone",
        patched="`open_pnl` is 0",
        patch=open_losses_do_not_count,
        check=sessions("LM4", limited(_LOSS)),
    ),
    Mutant(
        name="R12",
        defect="A limit of the account holds an exit back",
        patched="the gate asks the largest order of exits, too",
        patch=exits_are_asked_too,
        check=sessions("LM5", limited({"order_contracts": 1}, _START, Deed(secs=12.0, kind="limits", phase="holding"))),
    ),
    Mutant(
        name="E04",
        defect="What single contracts are bounded by is read and never asked",
        patched="`AccountLimits.of` finds no bounds",
        patch=single_contracts_have_no_bounds,
        check=sessions("LM1", limited({"instruments": {"C-": {"contracts": 2}}}, *_SET, _SECOND)),
    ),
    Mutant(
        name="R13",
        defect="New limits are accepted and never set",
        patched="`on_limits` answers and records nothing",
        patch=what_is_set_is_in_force_tomorrow,
        check=sessions("LM1", limited({"order_contracts": 1})),
    ),
]
