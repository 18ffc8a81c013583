"""Sessions made for defects: drawn ones, quiet ones with one kind of trouble, and a profit that comes and goes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from trader.simulation.plan import draw
from trader.simulation.planned import Deed, Plan

Plans = Callable[[], Sequence[Plan]]


def drawn(first: Iterable[int] = (), *, most: int = 150) -> Plans:
    """Sessions as a campaign draws them, the seeds known to show the defect first."""
    return lambda: [draw(seed) for seed in dict.fromkeys([*first, *range(most)])]


def plain(
    seed: int, *, exits: dict[str, Any] | None = None, orders: dict[str, Any] | None = None, **changes: Any
) -> Plan:
    """A quiet session of one seed: a start, a calm market, no faults; then what a case needs."""
    plan = draw(seed, strangle=True)
    market = replace(plan.market, noise=1e-6, jumps=(), iv_moves=(), empty=(), half_spread_pct=0.5)
    wide = {"max_profit_pct": "80", "max_loss_pct": "100", "trailing_enabled": False, "trailing_tiers": []}
    body = {
        **plan.preset,
        "exits": {**plan.preset["exits"], **wide, **(exits or {})},
        "orders": {**plan.preset["orders"], **(orders or {})},
    }
    quiet = replace(
        plan,
        market=market,
        preset=body,
        start_now=True,
        deeds=(Deed(secs=0.3, kind="start"),),
        rates={},
        outage=None,
        latency=0.02,
        interleaved=False,
        position_lag=0.0,
        faults_end=60.0,
        costs_told=True,
    )
    return replace(quiet, **changes)


def troubled(rates: dict[str, float], *, seeds: int = 40, deeds: Sequence[Deed] = (), **changes: Any) -> Plans:
    """Quiet sessions with these faults only, for most of the session; the deeds come after the start."""
    fixed = {"faults_end": 150.0, **changes}

    def plans() -> list[Plan]:
        started = (Deed(secs=0.3, kind="start"), *deeds)
        return [plain(seed, rates=rates, deeds=started, **fixed) for seed in range(seeds)]

    return plans


def held(
    seed: int,
    *,
    exits: dict[str, Any] | None = None,
    iv_moves: tuple[tuple[float, float], ...] = (),
    quantity: int = 1,
    exit_time: str = "10:33",
    **changes: Any,
) -> Plan:
    """A strangle that is surely sold (deep books) and held until `exit_time`, while volatility does what is asked."""
    quiet = plain(seed, exits={"confirmations": 2, **(exits or {})})
    body = {
        **quiet.preset,
        "orders": {**quiet.preset["orders"], "entry_reference": "touch", "retries": 4, "market_fallback": True},
        "strategy": {**quiet.preset["strategy"], "quantity": quantity},
        "schedule": {**quiet.preset["schedule"], "exit_time_ist": exit_time, "entry_time_ist": "10:30"},
    }
    market = replace(quiet.market, expiry_secs=30 * 3600, iv_moves=iv_moves, level_size=20)
    return replace(quiet, preset=body, market=market, **changes)


def holding(*, seeds: int = 6, **changes: Any) -> Plans:
    return lambda: [held(seed, **changes) for seed in range(seeds)]


def stopped_at(*instants: float, seed: int = 0, **changes: Any) -> Plans:
    """A quiet start, stopped at each of these instants in turn."""
    return lambda: [
        plain(seed, deeds=(Deed(secs=0.3, kind="start"), Deed(secs=secs, kind="stop")), **changes) for secs in instants
    ]


TIERS = {
    "trailing_enabled": True,
    "trailing_tiers": [{"peak_pct": "5", "stop_pct": "0"}],
    "trailing_step_stop_pct": "0",
}


def peak_then_back(*, outage: tuple[float, float] | None = None) -> Plans:
    """Profit rises beyond the first tier and falls back below breakeven; perhaps a restart in between."""
    return holding(exits=TIERS, iv_moves=((14, 0.75), (40, 1.0 / 0.75)), outage=outage)
