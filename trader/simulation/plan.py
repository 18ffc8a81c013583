"""What one session is: market, configuration, people, fault rates. Drawn from a seed, or read from a scenario file."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

from msgspec.structs import replace

from trader.config.pinned import pinned_preset
from trader.config.preset import Preset
from trader.simulation import (
    algorithms,
    bounds,
    calendars,
    costs,
    cushions,
    ledgers,
    margins,
    modes,
    several,
    spreads,
    structures,
    tickets,
)
from trader.simulation.catalogue import FIRST_DRAWN, LAST_DRAWN, RATES
from trader.simulation.planned import Deed, MarketPlan, Plan

_IST_OPENING_MINS = 10 * 60 + 30
_COMMANDED_SHARE = 0.25  # sessions with commands of every kind in drawn phases
_STRANGE_SHARE = 0.15  # sessions with somebody else's things on other contracts
COID_MODES = ("open_only", "refused", "accepted", "existing")
FILL_ID_MODES = (
    "same",
    "separate",
    "crossed",
)  # crossed: one channel's id of this execution is the other's of the next


def draw(seed: int, *, strangle: bool = False) -> Plan:
    """The session of a seed. The same seed draws the same plan in any process. `strangle`: with no other structure
    and no algorithm but the chase."""
    plan, algos = _draw(seed), Random(f"{seed} algorithms")
    if not strangle and plan.market.expiry_secs > 3600 and algos.random() < algorithms.SHARE:
        preset = algorithms.with_algorithms(algos, plan.preset)
        plan = replace(plan, preset=preset, deeds=_in_order(*plan.deeds, *_in_a_slice(algos, plan.rates)))
    strategy = None if strangle else structures.drawn(Random(f"{seed} structure"), plan.preset["strategy"])
    if strategy is not None:
        market = replace(plan.market, farther=structures.FARTHER)
        plan = replace(plan, market=market, preset={**plan.preset, "strategy": strategy})
    if strangle:
        return plan
    for name, part in _DRAWN_LATER:
        plan = part(Random(f"{seed} {name}"), plan)
    return plan


_DRAWN_LATER: tuple[tuple[str, Callable[[Random, Plan], Plan]], ...] = (
    ("several", several.drawn),
    ("limits", bounds.drawn),
    ("ledgers", ledgers.drawn),
    ("calendar", calendars.drawn),
    ("costs", costs.drawn),
    ("cushion", cushions.drawn),
    ("margins", margins.drawn),
    ("modes", modes.drawn),
    ("spreads", spreads.drawn),
    ("tickets", tickets.drawn),
)


def _draw(seed: int) -> Plan:
    rng = Random(seed)
    kind = rng.random()
    settles = kind < 0.06
    hold = rng.uniform(8, 50)
    preset, start_now = _preset(rng, settles)
    faults_end = rng.uniform(4, 25) if rng.random() < 0.3 else hold + rng.uniform(5, 30)
    rates = _rates(rng)
    outage = None
    expiry_secs = 24 * 3600 + 6 * 3600
    if settles:
        expiry_secs = 7 * 60 + 30
        if rng.random() < 0.7:
            outage = (rng.uniform(15, 40), expiry_secs - rng.uniform(20, 25) + rng.choice((0, 60)))
        faults_end = min(faults_end, 30.0)
    elif rng.random() < 0.04:
        outage = (rng.uniform(5, 30), rng.uniform(20, 200))
    market = _market(rng, seed, expiry_secs, settles, hold)
    deeds = _deeds(rng, hold, settles, rates, faults_end)
    late = Random(f"{seed} late")  # what the plans of known seeds did not have is drawn apart: they stay what they were
    if rates:
        rates = rates | _more_rates(late) | _some(Random(f"{seed} last"), 0.3, 1.0, list(LAST_DRAWN))
    deeds = _in_order(*deeds, *_meddling(late, settles, rates, faults_end))
    thin = Random(f"{seed} thin")
    if settles and (outage is None or late.random() < 0.3 or thin.random() < 0.4):
        outage = None
        # Nobody sells any more until the expiry: whatever ends the run, it is exiting when it settles.
        market = replace(market, empty=(*market.empty, (late.uniform(60, expiry_secs - 75), expiry_secs + 5.0, "asks")))
        market = _emptied(market, thin)
    elif not settles and outage is not None and late.random() < 0.1:
        outage = (outage[0], 3600.0)
    plan = Plan(
        seed=seed,
        market=market,
        preset=preset,
        start_now=start_now,
        deeds=deeds,
        rates=rates,
        faults_end=faults_end,
        coid_mode=rng.choice(COID_MODES),
        position_lag=rng.choice((0.0, 0.0, 0.0, rng.uniform(0.2, 3.0))),
        reduce_only_lag=rng.choice((0.0, 0.0, 1.0)),
        worthless_fill=rng.random() < 0.5,
        settlement_late_secs=rng.choice((0.0, rng.uniform(5, 40))),
        latency=rng.choice((0.005, 0.02, 0.06, 0.2)),
        interleaved=rng.random() < 0.35,
        market_period=rng.choice((1.5, 2.0, 2.0)),
        outage=outage,
        partial_ioc_closed=late.random() < 0.5,
        fill_ids=late.choice(FILL_ID_MODES),
        costs_told=late.random() >= 0.03,
        order_ids=late.choice(("same", "same", "separate")),
    )
    if not settles:
        plan = replace(plan, deeds=_in_order(*plan.deeds, *_commanding(Random(f"{seed} commands"), hold)))
    strange = Random(f"{seed} strange")
    return plan if settles or strange.random() > _STRANGE_SHARE else _with_strangers(strange, plan)


def _with_strangers(rng: Random, plan: Plan) -> Plan:
    """Somebody holds or orders other contracts of the underlying, before the start, while the run waits for its time, or
    later; and a person may have confirmed what stands there, or not."""
    waits = rng.random() < 0.6
    last = 29.5 if waits else 0.25
    first = rng.uniform(0.02, last)
    deeds = [
        _stranger(rng, first),
        *(_stranger(rng, rng.uniform(first, last + 10)) for _ in range(rng.choice((0, 0, 1)))),
    ]
    if rng.random() < 0.3:
        deeds.append(Deed(secs=rng.uniform(first, last + 15), kind="strange_gone"))
    if rng.random() < 0.6:
        deeds.append(replace(_stranger(rng, first + 0.1), phase=rng.choice(("waiting", *_PHASES))))
    starts = list(plan.deeds)
    match rng.choice(("", "start", "wait", "wait")):
        case "start":
            starts = [replace(deed, kind="start_beside") if deed.kind == "start" else deed for deed in starts]
        case "wait":
            deeds.append(Deed(secs=rng.uniform(first, last + 15), kind="confirm"))
        case _:
            pass
    preset = plan.preset
    if waits:
        instants = {"entry_time_ist": "10:31", "exit_time_ist": "10:33"}
        preset = {**preset, "schedule": {**preset["schedule"], **instants}}
    return replace(
        plan,
        deeds=_in_order(*starts, *deeds),
        preset=preset,
        start_now=plan.start_now and not waits,
        faults_end=max(plan.faults_end, 45.0) if waits else plan.faults_end,
    )


def _stranger(rng: Random, secs: float) -> Deed:
    kind = rng.choice(("strange_position", "strange_position", "strange_order"))
    return Deed(secs=secs, kind=kind, size=rng.choice((1, 2, -1, -2)), leg=rng.randint(0, 5))


def _preset(rng: Random, settles: bool) -> tuple[dict[str, Any], bool]:
    """A configuration that a person might have made (H1), and whether it starts at once."""
    start_now = rng.random() < 0.85
    exit_mins = _IST_OPENING_MINS + rng.choice((1, 1, 2))
    entry_mins = _IST_OPENING_MINS if rng.random() < 0.5 else _IST_OPENING_MINS - rng.randint(0, 3)
    if settles:
        exit_mins = _IST_OPENING_MINS + 9
    tiers = rng.choice(
        (
            [],
            [{"peak_pct": "5", "stop_pct": "0"}],
            [{"peak_pct": "8", "stop_pct": "2"}, {"peak_pct": "15", "stop_pct": "10"}],
        )
    )
    quantity = rng.choice((1, 2, 3, 5))
    body = {
        "strategy": {
            "quantity": quantity,
            "delta_min": "0.08",
            "delta_max": "0.40",
            "expiry": "nearest",
            "min_hours_to_expiry": "0.1",
            "max_spread_pct": "150",
        },
        "schedule": {
            "entry_time_ist": f"{entry_mins // 60:02d}:{entry_mins % 60:02d}",
            "exit_time_ist": f"{exit_mins // 60:02d}:{exit_mins % 60:02d}",
            "entry_window_mins": rng.choice((1, 5, 30)),
            "boot_buffer_secs": rng.choice((0, 0, 2)),
            "exit_before_expiry_mins": 1,
        },
        "exits": {
            "max_loss_pct": str(rng.choice((20, 50, 100))),
            "max_profit_pct": str(rng.choice((10, 40, 80))),
            "trailing_enabled": bool(tiers),
            "trailing_tiers": tiers,
            "confirmations": rng.choice((1, 2, 2, 2, 3)),
            "blind_exit_secs": rng.choice((10, 20, 60)),
            "liquidation_guard_pct": "0",
        },
        "orders": {
            "entry_reference": rng.choice(("touch", "touch", "mid", "mark")),
            "retries": rng.randint(0, 4),
            "slippage_pct": str(rng.choice((0, 2, 5))),
            "timeout_secs": rng.randint(1, 4),
            "exit_timeout_secs": rng.randint(1, 3),
            "market_fallback": rng.random() < 0.7,
            "partial_policy": rng.choice(("accept", "unwind")),
        },
        "risk": {"max_runs_per_day": rng.choice((1, 2, 3)), "liquidation": "warn"},
    }
    return body, start_now


def _market(rng: Random, seed: int, expiry_secs: int, settles: bool, hold: float) -> MarketPlan:
    jumps: list[tuple[float, float]] = []
    if rng.random() < 0.5:
        size = rng.choice((0.004, 0.01, 0.025)) * (0.1 if settles else 1.0)
        jumps.append((rng.uniform(5, hold + 5), rng.choice((-1, 1)) * size))
    if settles and rng.random() < 0.5:
        jumps.append((expiry_secs - 30, rng.choice((-1, 1)) * 0.004))
    iv_moves: tuple[tuple[float, float], ...] = ()
    if rng.random() < 0.5:
        first = rng.uniform(6, hold)
        fall = rng.choice((0.5, 0.7, 0.85))
        iv_moves = ((first, fall), (first + rng.uniform(4, 12), rng.choice((1.0, 1.1, 1.4)) / fall))
    empty: tuple[tuple[float, float, str], ...] = ()
    if rng.random() < 0.12:
        since = rng.uniform(0, hold + 10)
        empty = ((since, since + rng.uniform(2, 15), rng.choice(("bids", "asks", "both"))),)
    return MarketPlan(
        seed=seed,
        expiry_secs=expiry_secs,
        iv=rng.uniform(0.35, 0.8),
        noise=rng.choice((1e-6, 2e-5, 6e-5)) * (0.3 if settles else 1.0),
        jumps=tuple(jumps),
        iv_moves=iv_moves,
        empty=empty,
        half_spread_pct=rng.choice((0.5, 1.5, 4.0)),
        level_size=rng.choice((1, 2, 4, 20)),
    )


def _emptied(market: MarketPlan, rng: Random) -> MarketPlan:
    """A book that nobody offers in until the expiry, in its kinds: for good, with offers that come back for a while, and with
    a spot that has run away from one leg, which makes that one worthless whether or not somebody still offers it."""
    jumps, (since, until, side) = market.jumps, market.empty[-1]
    holes: tuple[tuple[float, float, str], ...] = ((since, until, side),)
    kind = rng.random()
    if kind < 0.25:
        holes = ()
    elif kind < 0.6:
        back = rng.uniform(since, market.expiry_secs - 5)
        holes = ((since, back, side), (min(back + rng.uniform(3, 40), until), until, side))
    if not holes or rng.random() < 0.5:
        jumps = (*jumps, (rng.uniform(min(since, 200), market.expiry_secs - 40), rng.choice((-1, 1)) * 0.006))
    return replace(market, empty=(*market.empty[:-1], *holes), jumps=jumps)


def _rates(rng: Random) -> dict[str, float]:
    """Swarm: each session has its own set of faults at its own rates; one in eight has none."""
    if rng.random() < 0.125:
        return {}
    share = rng.choice((0.15, 0.3, 0.5))
    heat = rng.choice((0.5, 1.0, 1.0, 2.0))
    return _some(rng, share, heat, list(RATES)[:FIRST_DRAWN])


def _more_rates(rng: Random) -> dict[str, float]:
    return _some(
        rng,
        rng.choice((0.1, 0.25)),
        rng.choice((0.5, 1.0, 1.5)),
        [name for name in list(RATES)[FIRST_DRAWN:] if name not in LAST_DRAWN],
    )


def _some(rng: Random, share: float, heat: float, names: list[str]) -> dict[str, float]:
    return {name: round(RATES[name] * heat * rng.uniform(0.3, 1.7), 5) for name in names if rng.random() < share}


_PHASES = ("entering", "one leg", "holding", "exiting", "recovering")


def _meddling(rng: Random, settles: bool, rates: dict[str, float], faults_end: float) -> tuple[Deed, ...]:
    """What others do at a chosen moment of the run."""
    if not rates or settles or rng.random() > 0.3:
        return ()
    kind = rng.choice(
        ("buy_back", "sell_more", "cancel", "liquidate", "liquidate", "withdraw", "other_runner", "bad_start")
    )
    secs, phase = rng.uniform(0.4, max(faults_end / 3, 2)), rng.choice(_PHASES)
    return (Deed(secs=secs, kind=kind, size=rng.randint(1, 3), leg=rng.randint(0, 1), phase=phase),)


def _deeds(rng: Random, hold: float, settles: bool, rates: dict[str, float], faults_end: float) -> tuple[Deed, ...]:
    deeds = [Deed(secs=0.3, kind="start")]
    if rng.random() < 0.15:
        deeds.append(Deed(secs=0.3 + rng.uniform(0.01, 30), kind="start"))  # Start ×2
    if rng.random() < 0.08:
        deeds.append(Deed(secs=rng.uniform(0.05, 10), kind="bad_start"))
    if rng.random() < 0.55 and not settles:
        stop = rng.choice((rng.uniform(0.4, 4), hold, hold, rng.uniform(4, hold)))
        deeds.append(Deed(secs=stop, kind="stop"))
        while rng.random() < 0.4:
            stop += rng.uniform(0.01, 1.5)
            deeds.append(Deed(secs=stop, kind=rng.choice(("stop", "stop", "start"))))
    if rates and not settles and rng.random() < 0.15:
        for _ in range(rng.randint(1, 2)):
            kind = rng.choice(("buy_back", "buy_back", "sell_more", "cancel"))
            secs = rng.uniform(2, max(faults_end, 3))
            deeds.append(Deed(secs=secs, kind=kind, size=rng.randint(1, 3), leg=rng.randint(0, 1)))
    if rates and not settles and rng.random() < 0.04:
        deeds.append(
            Deed(
                secs=rng.uniform(3, max(faults_end, 4)), kind="liquidate", size=rng.randint(1, 5), leg=rng.randint(0, 1)
            )
        )
    return _in_order(*deeds)


def _in_order(*deeds: Deed) -> tuple[Deed, ...]:
    return tuple(sorted(deeds, key=lambda deed: deed.secs))


_RAISING = ("pause", "reduce", "kill")
_COMMANDS = ("start", "stop", *_RAISING, *_RAISING, "resume", "ack")


def _commanding(rng: Random, hold: float) -> list[Deed]:
    """A command at a drawn phase of the run, or two; what forbids something is mostly taken back, and then started again."""
    deeds: list[Deed] = []
    if rng.random() > _COMMANDED_SHARE:
        return deeds
    for _ in range(rng.choice((1, 1, 2))):
        kind, phase = rng.choice(_COMMANDS), rng.choice(("waiting", *_PHASES))
        early = phase == "waiting" and rng.random() < 0.5
        secs = rng.uniform(0.02, 0.29) if early else rng.uniform(0.35, max(hold / 2, 1.0))
        deeds.append(Deed(secs=secs, kind=kind, size=rng.randint(0, 1), phase=phase))
        if kind in _RAISING and rng.random() < 0.65:
            secs += rng.uniform(0.3, 12)
            deeds.append(Deed(secs=secs, kind="resume"))
            if early or rng.random() < 0.4:
                deeds.append(Deed(secs=secs + rng.uniform(0.1, 3), kind="start"))
        if rng.random() < 0.3:
            deeds.append(Deed(secs=secs + rng.uniform(0, 5), kind="ack", size=rng.randint(0, 1)))
    return deeds


def _in_a_slice(rng: Random, rates: dict[str, float]) -> tuple[Deed, ...]:
    """A command in the middle of a slice, or somebody who meddles there."""
    if rng.random() > 0.7:
        return ()
    secs = rng.uniform(0.4, 25)
    if rates and rng.random() < 0.25:
        kind = rng.choice(("liquidate", "liquidate", "buy_back", "sell_more", "cancel"))
        return (Deed(secs=secs, kind=kind, size=rng.randint(1, 3), leg=rng.randint(0, 1), phase="slices"),)
    kind = rng.choice(("stop", "stop", "kill", "pause", "reduce", "resume", "start", "ack"))
    back = Deed(secs=secs + rng.uniform(0.3, 12), kind="resume")
    taken_back = kind in ("kill", "pause", "reduce") and rng.random() < 0.5
    return (Deed(secs=secs, kind=kind, phase="slices"), *([back] if taken_back else []))


def preset_of(plan: Plan) -> Preset:
    """The configuration as a validated preset."""
    return pinned_preset(plan.preset)


def wall_step(rng: Random) -> timedelta:
    """A step of the host's wall clock (V1)."""
    return timedelta(seconds=rng.choice((-3600, 3600, -86400, 86400, -30, 30, 2, -2)))
