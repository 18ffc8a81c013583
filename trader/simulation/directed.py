"""Directed sessions: quiet markets in which exactly one thing happens, by name. Kill points are visited in them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from trader.simulation.calendars import EVENING, FRIDAY, FRIDAY_SECS, WEEK_SECS
from trader.simulation.plan import draw
from trader.simulation.planned import OPENING, Deed, Plan
from trader.simulation.structures import FARTHER

_START = Deed(secs=0.3, kind="start")
_STOP = Deed(secs=7.0, kind="stop", phase="holding")
_EXPIRY_SECS = 370
_SLICES = {"algo": "twap", "slices": 3, "duration_secs": 9}


def quiet(seed: int, *deeds: Deed, **changes: Any) -> Plan:
    """A start and nothing else but these deeds: a calm and deep market, no faults. `changes` are fields of the plan; those
    of the sections `strategy`, `orders`, `exits`, `schedule` and `market` are merged into what is there."""
    plan = draw(seed, strangle=True)
    market = {
        "noise": 1e-6,
        "jumps": (),
        "iv_moves": (),
        "empty": (),
        "half_spread_pct": 0.5,
        "level_size": 20,
        "expiry_secs": 30 * 3600,
    }
    preset = {
        "strategy": plan.preset["strategy"] | {"quantity": 2} | changes.pop("strategy", {}),
        "schedule": plan.preset["schedule"]
        | {"entry_time_ist": "10:30", "exit_time_ist": "10:34", "entry_window_mins": 30}
        | changes.pop("schedule", {}),
        "exits": plan.preset["exits"]
        | {"max_loss_pct": "100", "max_profit_pct": "80", "trailing_enabled": False, "trailing_tiers": []}
        | {"confirmations": 2, "blind_exit_secs": 60}
        | changes.pop("exits", {}),
        "orders": plan.preset["orders"]
        | {"entry_reference": "touch", "retries": 3, "market_fallback": True, "partial_policy": "accept"}
        | {"timeout_secs": 2, "exit_timeout_secs": 2}
        | changes.pop("orders", {}),
        "risk": plan.preset["risk"],
    }
    calm = replace(
        plan,
        market=replace(plan.market, **(market | changes.pop("market", {}))),
        preset=preset,
        start_now=True,
        deeds=(_START, *deeds),
        rates={},
        faults_end=60.0,
        coid_mode="open_only",
        position_lag=0.0,
        reduce_only_lag=0.0,
        worthless_fill=True,
        settlement_late_secs=0.0,
        latency=0.02,
        interleaved=False,
        outage=None,
        partial_ioc_closed=True,
    )
    return replace(calm, **changes)


def stopped(seed: int) -> Plan:
    return quiet(seed, _STOP)


def stopped_while_entering(seed: int) -> Plan:
    """The entry rests at the mark, where nobody meets it."""
    entering = {"entry_reference": "mark", "retries": 0, "market_fallback": False, "timeout_secs": 4}
    return quiet(seed, Deed(secs=0.9, kind="stop"), orders=entering, market={"half_spread_pct": 4.0})


def killed(seed: int) -> Plan:
    """The kill switch while the position is held; resumed and acknowledged afterwards."""
    later = Deed(secs=14.0, kind="resume"), Deed(secs=15.0, kind="ack", size=1)
    return quiet(seed, Deed(secs=7.0, kind="kill", phase="holding"), *later)


def reduced_while_entering(seed: int) -> Plan:
    """Both entries rest at the mark, time out and are tried again, when risk may only be reduced; then it is resumed."""
    entering = {"entry_reference": "mark", "retries": 4, "market_fallback": False, "timeout_secs": 1}
    deeds = Deed(secs=0.9, kind="reduce"), Deed(secs=6.5, kind="resume"), Deed(secs=20.0, kind="stop")
    return quiet(seed, *deeds, orders=entering, market={"half_spread_pct": 4.0})


def paused_before_the_entry(seed: int) -> Plan:
    """Paused while the run waits for its time, resumed within the window."""
    deeds = Deed(secs=2.0, kind="pause"), Deed(secs=36.0, kind="resume"), Deed(secs=45.0, kind="stop")
    return quiet(seed, *deeds, start_now=False, schedule={"entry_time_ist": "10:31"})


def exit_time(seed: int) -> Plan:
    return quiet(seed, schedule={"exit_time_ist": "10:31"})


def max_loss(seed: int) -> Plan:
    return quiet(seed, exits={"max_loss_pct": "20"}, market={"iv_moves": ((8.0, 1.4),)})


def trailing_stop(seed: int) -> Plan:
    """Profit rises beyond the first tier and falls back below it."""
    tiers = {"trailing_enabled": True, "trailing_tiers": [{"peak_pct": "5", "stop_pct": "0"}]}
    return quiet(seed, exits=tiers, market={"iv_moves": ((6.0, 0.75), (14.0, 1.0 / 0.75))})


def partial_fills(seed: int) -> Plan:
    """Every level of the book holds one contract: orders fill piece by piece."""
    return quiet(seed, replace(_STOP, secs=12.0), strategy={"quantity": 4}, market={"level_size": 1})


def unwound(seed: int) -> Plan:
    """Bids are too few for the whole size and the policy is all or nothing."""
    none = {"retries": 0, "market_fallback": False, "partial_policy": "unwind", "timeout_secs": 1}
    return quiet(seed, strategy={"quantity": 5}, orders=none, market={"level_size": 1})


def host_away(seed: int) -> Plan:
    return quiet(seed, replace(_STOP, secs=22.0), outage=(6.0, 8.0))


def lagging(seed: int) -> Plan:
    """Positions lag fills by 2.5 s, and a reduce-only order finds nothing for a second."""
    return quiet(seed, _STOP, position_lag=2.5, reduce_only_lag=1.0)


def bought_back_by_a_person(seed: int) -> Plan:
    deed = Deed(secs=3.0, kind="buy_back", size=1, leg=0, phase="holding")
    return quiet(seed, deed, replace(_STOP, secs=16.0))


def liquidated(seed: int) -> Plan:
    deed = Deed(secs=3.0, kind="liquidate", size=2, leg=1, phase="holding")
    return quiet(seed, deed, Deed(secs=16.0, kind="stop"))


def charged(seed: int) -> Plan:
    """The exchange takes money for a contract and no fill tells: the wallet differs by that."""
    return quiet(seed, Deed(secs=3.0, kind="charge", size=37, phase="holding"), replace(_STOP, secs=12.0))


def overnight(seed: int) -> Plan:
    """Entered before midnight, out at the exit time of the day after."""
    schedule = {"exit_rule": "days", "exit_after_days": 1, "entry_time_ist": "23:59", "exit_time_ist": "00:01"}
    return quiet(seed, schedule=schedule, market={"opening": EVENING})


def weekly(seed: int) -> Plan:
    """On a Friday on which contracts expire: the next one's are sold."""
    market = {"opening": FRIDAY, "expiry_secs": FRIDAY_SECS, "later": (FRIDAY_SECS + WEEK_SECS,)}
    return quiet(seed, _STOP, strategy={"expiry": "weekly"}, market=market)


def settled_unseen(seed: int) -> Plan:
    """The host is away over the expiry; what is worthless vanishes without a fill."""
    return quiet(
        seed,
        market={"expiry_secs": _EXPIRY_SECS},
        schedule={"exit_time_ist": "10:37"},
        outage=(8.0, _EXPIRY_SECS + 5.0),
        worthless_fill=False,
        settlement_late_secs=5.0,
    )


def _exits_before_the_expiry(seed: int, **market: Any) -> Plan:
    """The run ends by its clock a minute before the contracts expire."""
    return quiet(
        seed,
        market={"expiry_secs": _EXPIRY_SECS, **market},
        schedule={"exit_time_ist": "10:37"},
        exits={"max_profit_pct": "100", "max_loss_pct": "1000"},
        settlement_late_secs=3.0,
    )


def exit_near_the_expiry(seed: int) -> Plan:
    """Spot comes near the call's strike, and the book is there to the end: it is bought back."""
    return _exits_before_the_expiry(seed, jumps=((200.0, 0.0015),))


def worthless_to_the_end(seed: int) -> Plan:
    """Nobody offers anything any more, and spot runs away from the call: both legs go to their settlement."""
    return _exits_before_the_expiry(seed, jumps=((200.0, -0.01),), empty=((195.0, _EXPIRY_SECS + 5.0, "asks"),))


def offered_again_before_the_end(seed: int) -> Plan:
    """Nobody offers anything from before the exit until half a minute before the expiry."""
    holes = ((_EXPIRY_SECS - 100.0, _EXPIRY_SECS - 30.0, "asks"),)
    return _exits_before_the_expiry(seed, jumps=((200.0, 0.0015),), empty=holes)


def offered_too_dear_to_be_worth_it(seed: int) -> Plan:
    """Spot runs away from the call; it is offered at a multiple of its worth."""
    return _exits_before_the_expiry(seed, jumps=((200.0, -0.01),))


def nobody_offers_for_a_while(seed: int) -> Plan:
    """Stopped with an empty book, long before the expiry: offers come back half a minute later."""
    orders = {"slippage_pct": "2"}
    return quiet(seed, replace(_STOP, secs=8.0), orders=orders, market={"empty": ((7.0, 42.0, "asks"),)})


def condor(seed: int) -> Plan:
    """Wings bought, shorts sold, bought back and the wings sold, in books of few contracts."""
    strategy = {"structure": "iron_condor", "wing_width_usd": "500", "quantity": 3}
    return quiet(seed, _STOP, strategy=strategy, market={"level_size": 4, "farther": FARTHER})


def sliced(seed: int) -> Plan:
    """TWAP in, TWAP out at the exit time."""
    slices = {f"{side}_{name}": value for side in ("entry", "exit") for name, value in _SLICES.items()}
    return quiet(seed, strategy={"quantity": 6}, schedule={"exit_time_ist": "10:31"}, orders=slices)


def iceberg_stopped(seed: int) -> Plan:
    """Stop in the middle of an iceberg's entry."""
    shown = {"entry_algo": "iceberg", "entry_visible_pct": "20", "entry_refresh_secs": 1}
    return quiet(seed, Deed(secs=1.8, kind="stop", phase="slices"), strategy={"quantity": 10}, orders=shown)


def ticketed(seed: int) -> Plan:
    """A bracket, a resting order and a reduce-only one beside a run: changed, cancelled, closed; the run is stopped."""
    order = {"contract": 2, "away": -0.1, "trigger": 0.05, "loss": None, "gain": None}
    tickets = (
        {**order, "side": "buy", "quantity": 3, "order_type": "market", "loss": 0.4, "gain": 0.4},
        {**order, "contract": 5, "side": "sell", "quantity": 2, "order_type": "limit", "away": -0.3, "loss": 0.4},
        {**order, "side": "sell", "quantity": 1, "order_type": "limit", "away": -0.2, "reduce_only": True},
    )
    deeds = (
        Deed(secs=0.5, kind="ticket", size=0),
        Deed(secs=3.0, kind="ticket", size=1),
        Deed(secs=5.0, kind="ticket", size=2),
        Deed(secs=9.0, kind="ticket_amend", size=2),
        Deed(secs=16.0, kind="ticket_cancel"),
        Deed(secs=20.0, kind="close_all"),
    )
    return quiet(seed, *deeds, tickets=tickets)


def _guarded(size: int, **fields: Any) -> dict[str, Any]:
    guarded = {"away": 0.0, "trigger": 0.05, "loss": 0.4, "gain": 0.4, "side": "buy", "order_type": "market"}
    return {**guarded, "contract": 2, "quantity": size, "reason": f"{size}", **fields}


def fired_at_once(seed: int, **changes: Any) -> Plan:
    """Stop loss and take profit of one of two tickets in a contract fire in one instant: what is too much is the other's."""
    deeds = (
        Deed(secs=0.5, kind="ticket", size=0),
        Deed(secs=3.0, kind="ticket", size=1),
        Deed(secs=9.0, kind="wick"),
        Deed(secs=20.0, kind="close_all"),
    )
    return quiet(seed, *deeds, tickets=(_guarded(2), _guarded(3)), **changes)


def funded(seed: int, premium: float = 0.1) -> Plan:
    """Two tickets in a perpetual over an instant of funding; one is closed soon after it, the other changed and closed."""
    tickets = (
        _guarded(2, perpetual=True, leverage="5"),
        _guarded(3, perpetual=True),
        _guarded(1, perpetual=True, side="sell", order_type="limit", away=-0.2, reduce_only=True, loss=None, gain=None),
    )
    deeds = (
        Deed(secs=0.5, kind="ticket", size=0),
        Deed(secs=3.0, kind="ticket", size=1),
        Deed(secs=8.0, kind="ticket", size=2),
        Deed(secs=21.0, kind="ticket_close", size=0),
        Deed(secs=25.0, kind="ticket_amend", size=2),
        Deed(secs=40.0, kind="close_all"),
    )
    market = {"perpetual": premium, "opening": OPENING - timedelta(seconds=50)}
    return quiet(seed, *deeds, tickets=tickets, market=market)


SESSIONS: dict[str, Callable[[int], Plan]] = {
    make.__name__: make
    for make in (
        stopped,
        stopped_while_entering,
        killed,
        reduced_while_entering,
        paused_before_the_entry,
        exit_time,
        max_loss,
        trailing_stop,
        partial_fills,
        unwound,
        host_away,
        lagging,
        bought_back_by_a_person,
        liquidated,
        charged,
        overnight,
        weekly,
        settled_unseen,
        exit_near_the_expiry,
        worthless_to_the_end,
        offered_again_before_the_end,
        offered_too_dear_to_be_worth_it,
        nobody_offers_for_a_while,
        condor,
        sliced,
        iceberg_stopped,
        ticketed,
        fired_at_once,
        funded,
    )
}
