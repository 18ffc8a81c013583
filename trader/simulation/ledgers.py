"""What moves the wallet beside a run's own orders, drawn for some sessions: charges that no fill tells, money paid in."""

from random import Random

from msgspec.structs import replace

from trader.simulation.planned import Deed, Plan

SHARE = 0.3  # of all sessions
_PHASES = ("entering", "one leg", "slices", "holding", "holding", "exiting", "exiting", "recovering", "waiting")


def drawn(rng: Random, plan: Plan) -> Plan:
    """The plan with one or two of these deeds, for a share of the sessions."""
    if rng.random() > SHARE:
        return plan
    deeds = [
        Deed(
            secs=rng.uniform(0.4, 25),
            kind=rng.choice(("charge", "charge", "charge", "deposit")),
            size=rng.randint(1, 400),
            leg=rng.randint(0, 3),
            phase=rng.choice(_PHASES),
        )
        for _ in range(rng.choice((1, 1, 2)))
    ]
    return replace(plan, deeds=tuple(sorted((*plan.deeds, *deeds), key=lambda deed: deed.secs)))
