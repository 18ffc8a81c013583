"""Two or three runs on one account, drawn for some sessions: in the same contracts as the first or in others, on the same side or
the other, begun and stopped at any phase of it."""

from random import Random
from typing import Any

from msgspec.structs import replace

from trader.simulation.catalogue import RATES
from trader.simulation.planned import Deed, Plan

SHARE = 0.3  # of all sessions
_SETTLING_SHARE = 0.7  # of those few in which the contracts expire
_PHASES = ("waiting", "entering", "one leg", "holding", "holding", "exiting", "recovering")


def drawn(rng: Random, plan: Plan) -> Plan:
    """The plan with further runs in it, for a share of the sessions."""
    if rng.random() > (_SETTLING_SHARE if plan.market.expiry_secs < 3600 else SHARE):
        return plan
    others = tuple(_other(rng, plan.preset, number) for number in range(rng.choice((1, 1, 2))))
    deeds = list(plan.deeds)
    for number in range(len(others)):
        secs, phase = rng.uniform(0.32, 6), rng.choice((*_PHASES, "", ""))
        deeds += [Deed(secs=secs, kind="start_other", size=number, phase=phase)]
        if rng.random() < 0.4:
            later = secs + rng.uniform(0.5, 25)
            deeds.append(Deed(secs=later, kind="stop_one", size=rng.randint(0, 2), phase=rng.choice(("", *_PHASES))))
    is_one_stopped = any(deed.kind == "stop_one" for deed in deeds)  # the ledger is read then, beside the other run
    rates = plan.rates | {"N17": RATES["N17"]} if plan.rates and is_one_stopped else plan.rates
    risk = {**plan.preset["risk"], "max_runs_per_day": 6}
    ordered = tuple(sorted(deeds, key=lambda deed: deed.secs))
    return replace(plan, preset={**plan.preset, "risk": risk}, others=others, deeds=ordered, rates=rates)


def _other(rng: Random, preset: dict[str, Any], number: int) -> dict[str, Any]:
    """Mostly the same strikes with other sizes, orders and exits; sometimes farther ones, or one leg of the other side."""
    quantity, in_slices = rng.choice((1, 2, 3)), "entry_algo" in preset["orders"]
    strategy = {**preset["strategy"]} if in_slices else {**preset["strategy"], "quantity": quantity}
    kind = rng.random()
    if kind < 0.15 and strategy.get("wings_by") != "delta":
        strategy |= {"delta_min": "0.02", "delta_max": "0.15"}
    elif kind < 0.3 and not preset["strategy"].get("legs"):
        side = rng.choice(("buy", "buy", "sell"))
        strategy |= {"structure": "one_leg", "leg_kind": rng.choice(("call", "put")), "leg_side": side}
    orders = {**preset["orders"], "retries": rng.randint(0, 4)}
    if not in_slices:
        orders["timeout_secs"] = rng.randint(1, 4)
    exits = {**preset["exits"], "max_loss_pct": str(rng.choice((15, 60, 90))), "blind_exit_secs": 21 + number}
    return {
        **preset,
        "strategy": strategy,
        "orders": orders,
        "exits": exits,
        "risk": {**preset["risk"], "max_runs_per_day": 6},
    }
