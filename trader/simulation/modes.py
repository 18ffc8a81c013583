"""Margin modes, drawn for some sessions: the account's, what configurations want of it, a person who changes it, and little money."""

from random import Random
from typing import Any

from msgspec.structs import replace

from trader.simulation.planned import Deed, Plan

SHARE = 0.12  # of all sessions
_PHASES = ("waiting", "entering", "one leg", "holding", "holding", "exiting", "recovering")


def drawn(rng: Random, plan: Plan) -> Plan:
    """The plan in a mode of its own, for a share of the sessions."""
    if rng.random() > SHARE:
        return plan
    risk = {
        "margin_mode": rng.choice(("any", "any", "isolated", "portfolio")),
        "auto_topup": rng.choice(("any", "any", "any", "off", "on")),
    }
    deeds = [
        Deed(secs=rng.uniform(0.1, 30), kind="margin_mode", size=rng.randint(0, 1), phase=rng.choice(_PHASES))
        for _ in range(rng.choice((0, 1, 1, 2)))
    ]

    def wanting(preset: dict[str, Any]) -> dict[str, Any]:
        return {**preset, "risk": {**preset["risk"], **risk}}

    return replace(
        plan,
        preset=wanting(plan.preset),
        others=tuple(wanting(other) for other in plan.others),
        deeds=tuple(sorted((*plan.deeds, *deeds), key=lambda deed: deed.secs)),
        margin_mode=rng.choice(("isolated", "portfolio")),
        balance=rng.choice((3, 6, 12, 10_000)),
    )
