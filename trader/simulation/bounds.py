"""Limits of the account, drawn for some sessions: set before anything begins or in any phase, so tight that entries meet them."""

from random import Random
from typing import Any

from msgspec.structs import replace

from trader.simulation.planned import Deed, Plan

SHARE = 0.25  # of all sessions
_PHASES = ("waiting", "entering", "one leg", "slices", "holding", "exiting", "recovering")


def drawn(rng: Random, plan: Plan) -> Plan:
    """The plan with documents of limits in it and the commands that set them, for a share of the sessions."""
    if rng.random() > SHARE:
        return plan
    limits = tuple(_document(rng) for _ in range(rng.choice((1, 1, 2))))
    limits = tuple(_with_orders(Random(plan.seed * 8 + 4 + number), one) for number, one in enumerate(limits))
    limits = tuple(_with_pauses(Random(plan.seed * 8 + number), one) for number, one in enumerate(limits))
    deeds = list(plan.deeds)
    for number in range(len(limits)):
        early = number == 0 and rng.random() < 0.5
        secs = rng.uniform(0.02, 0.2) if early else rng.uniform(0.35, 25)
        deeds.append(Deed(secs=secs, kind="limits", size=number, phase="" if early else rng.choice(_PHASES)))
        if rng.random() < 0.3:
            deeds.append(Deed(secs=secs + rng.uniform(5, 25), kind="resume"))
        if rng.random() < 0.4:
            deeds.append(Deed(secs=secs + rng.uniform(5, 30), kind="start"))
    return replace(plan, limits=limits, deeds=tuple(sorted(deeds, key=lambda deed: deed.secs)))


def _document(rng: Random) -> dict[str, Any]:
    """One or two bounds, each within what encloses it; now and then a document that is none."""
    document: dict[str, Any] = {}
    for kind in rng.sample(("runs", "order", "rate", "contracts", "notional", "loss", "loss"), rng.choice((1, 2))):
        match kind:
            case "runs":
                document["open_runs_per_underlying"] = here = rng.choice((1, 2))
                document["open_runs"] = here + rng.choice((0, 1))
            case "order":
                document["order_contracts"] = rng.choice((1, 2, 3, 6))
            case "rate":
                document["orders_per_second"] = few = rng.choice((1, 1, 2, 4))
                document["ticket_orders_per_second"] = few
            case "contracts":
                document |= _nested(rng, "contracts_per_instrument", "contracts_per_underlying", "contracts_total", 1)
            case "notional":
                names = ("notional_per_instrument_usd", "notional_per_underlying_usd", "notional_total_usd")
                document |= _nested(rng, *names, 95)  # a contract is worth some 90 USD
            case _:
                daily = rng.choice((5, 10, 20, 50, 100))  # hundredths: a sold contract earns some 20
                document |= {
                    "daily_loss_usd": f"{daily / 100}",
                    "weekly_loss_usd": f"{daily * rng.choice((1, 3)) / 100}",
                }
                document["daily_loss_closes"] = rng.random() < 0.6
                document["weekly_loss_closes"] = rng.random() < 0.4
                document["loss_bars_pct"] = bars = rng.choice((40, 60, 90, 100))
                document["loss_warn_pct"] = rng.choice((0, 30, bars))
    if rng.random() < 0.05:
        document["open_runs"] = 0
    return document


def _with_pauses(rng: Random, document: dict[str, Any]) -> dict[str, Any]:
    """Now and then a market counts as abnormal soon, and for a short while. Of chance of its own, which moves no other."""
    if rng.random() < 0.5:
        return document
    jump, calm = rng.choice(("0.02", "0.1", "0.3", "1")), rng.choice((2, 5, 20))
    return {**document, "index_jump_pct": jump, "index_jump_secs": rng.choice((2, 10, 60)), "calm_secs": calm}


def _with_orders(rng: Random, document: dict[str, Any]) -> dict[str, Any]:
    """Now and then bounds of one order and of single contracts, of chance of their own as well."""
    match rng.randrange(6):
        case 0:
            return {**document, "order_contracts_least": rng.choice((1, 2)), "order_contracts": rng.choice((2, 6))}
        case 1:
            return {**document, "order_notional_usd": 95 * rng.choice((1, 2, 4))}
        case 2:
            most = rng.choice((1, 2, 4))
            return {
                **document,
                "instruments": {rng.choice(("C-", "P-BTC")): {"order_contracts": most, "contracts": most}},
            }
        case _:
            return document


def _nested(rng: Random, part: str, more: str, whole: str, unit: int) -> dict[str, int]:
    least = rng.choice((1, 2, 3, 4, 6, 9))
    here = least + rng.choice((0, 1, 3))
    return {part: least * unit, more: here * unit, whole: (here + rng.choice((0, 2))) * unit}
