"""Known defects of trading bots as patches: each turns the real engine or shell into one that has the defect."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from trader.domain.errors import ExchangeError
from trader.domain.fill import Fill
from trader.domain.order import OrderIntent, OrderStatus
from trader.domain.outcome import Rejected
from trader.engine import account, closing, exits, gate, holding, orders, working
from trader.engine import records as rec
from trader.engine.effects import AckCommand, Cancel
from trader.engine.fold import evolve
from trader.engine.state import Run, seconds_since
from trader.simulation import gateway, shell, venue, wire
from trader.simulation.plan import Deed, Plan, draw

Patch = pytest.MonkeyPatch


def m01_exit_returns_early(patch: Patch) -> None:
    patch.setattr(closing, "work_exit", lambda *_: False)


def m02_exit_time_never_fires(patch: Patch) -> None:
    """The exit time is stored and shown, and never compared."""
    real = holding.hold

    def hold(turn: Any, run_id: str) -> None:
        run = turn.state.runs[run_id]
        turn.state = msgspec.structs.replace(
            turn.state, runs={**turn.state.runs, run_id: msgspec.structs.replace(run, exit_at=None)}
        )
        real(turn, run_id)
        now = turn.state.runs[run_id]
        turn.state = msgspec.structs.replace(
            turn.state, runs={**turn.state.runs, run_id: msgspec.structs.replace(now, exit_at=run.exit_at)}
        )

    from trader.engine import step
    from trader.engine.records import Phase

    patch.setitem(step._ADVANCE, Phase.HOLDING, hold)


def m04_failed_read_is_flat(patch: Patch) -> None:
    real = gateway.SimGateway.positions

    def positions(self: gateway.SimGateway, underlying: str) -> list[Any]:
        try:
            return real(self, underlying)
        except ExchangeError:
            return []

    patch.setattr(gateway.SimGateway, "positions", positions)


def m05_new_id_after_a_timeout(patch: Patch) -> None:
    patch.setattr(wire, "Unknown", lambda cause: Rejected("not_sent", cause))


def m06_http_layer_repeats_the_post(patch: Patch) -> None:
    real = venue.SimVenue.place

    def place(self: venue.SimVenue, intent: OrderIntent, signed: float, epoch: int) -> Any:
        if self._faults.hit("N2", 3.0):
            real(self, intent, signed, epoch)
        return real(self, intent, signed, epoch)

    patch.setattr(venue.SimVenue, "place", place)


def m08_not_found_trusted_too_early(patch: Patch) -> None:
    patch.setattr(account, "ENTRY_HORIZON_SECS", 0.0)
    patch.setattr(account, "SIGNATURE_SECS", 0.0)


def m09_unknown_becomes_rejected(patch: Patch) -> None:
    def ask_fate(turn: Any, run: Run, order: Any) -> None:
        if order.status is OrderStatus.UNKNOWN and seconds_since(order.intended_at, turn.wall) > 2:
            orders.mark_never_accepted(turn, run, order)

    patch.setattr(working, "_ask_fate", ask_fate)


def m12_partial_fill_forgotten(patch: Patch) -> None:
    def entered(self: Run, key: str) -> int:
        whole = {c for c, o in self.orders.items() if o.status is OrderStatus.FILLED}
        side = self.leg(key).side
        return sum(
            b.fill.quantity
            for b in self.fills.values()
            if b.leg == key and b.fill.side is side and b.fill.client_order_id in whole
        )

    patch.setattr(Run, "entered", entered)
    patch.setattr(gate, "_entry_size", lambda *_: None)


def m13_unconfirmed_cancel_is_done(patch: Patch) -> None:
    real = working.ask_cancel

    def ask_cancel(turn: Any, run_id: str, order: Any, reason: str) -> None:
        real(turn, run_id, order, reason)
        orders._resolve(turn, turn.run(run_id), order, OrderStatus.CANCELLED)

    patch.setattr(working, "ask_cancel", ask_cancel)


def m18_fills_counted_twice(patch: Patch) -> None:
    real = gateway.fill_of

    def fill_of(row: Any, *, over_rest: bool) -> Fill:
        fill = real(row, over_rest=over_rest)
        return msgspec.structs.replace(fill, fill_id=f"{fill.fill_id}-rest")

    patch.setattr(gateway, "fill_of", fill_of)


def m25_sent_before_committed(patch: Patch) -> None:
    def apply(self: shell.Shell, event: Any) -> None:
        self.steps += 1
        state, effects = shell.step(self.state, event)
        for effect in effects:
            self.perform(effect)
        records = [e for e in effects if isinstance(e, rec.Record)]
        acks = [e for e in effects if isinstance(e, AckCommand)]
        if records or acks:
            self._commit(records, acks)  # type: ignore[arg-type]
        self.state = state

    patch.setattr(shell.Shell, "_apply", apply)


def m27_exit_without_reduce_only(patch: Patch) -> None:
    patch.setattr(working, "OrderIntent", lambda **fields: OrderIntent(**{**fields, "reduce_only": False}))
    patch.setattr(gate, "_exit_size", lambda *_: None)


def m35_queued_entry_leaves_after_stop(patch: Patch) -> None:
    patch.setattr(shell, "check_release", lambda *_: None)
    patch.setattr(shell, "_WORKER_SECS", 0.6)


def m42_breakeven_is_falsy(patch: Patch) -> None:
    real = exits.triggered

    def triggered(rules: Any, level: Any, pct: Any) -> tuple[str, str]:
        return real(rules, level or None, pct)

    patch.setattr(holding, "triggered", triggered)


def _recovering_without(patch: Patch, forgotten: tuple[type, ...]) -> None:
    def forgetful(state: Any, record: Any) -> Any:
        return state if isinstance(record, forgotten) else evolve(state, record)

    patch.setattr(shell, "evolve", forgetful)


def m46_trail_lost_at_restart(patch: Patch) -> None:
    _recovering_without(patch, (rec.Trailed,))


def m49_enters_again_after_restart(patch: Patch) -> None:
    _recovering_without(patch, (rec.OrderIntended, rec.FillRecorded, rec.OrderResolved, rec.PhaseChanged))


def m52_zombie_sends(patch: Patch) -> None:
    patch.setattr(shell, "ZOMBIE_SECS", 1e9)


def m61_cancel_with_product_zero(patch: Patch) -> None:
    def cancel(**fields: Any) -> Cancel:
        return Cancel(**{**fields, "product_id": 0})

    patch.setattr(working, "Cancel", cancel)


def plain(seed: int, **changes: Any) -> Plan:
    """A quiet session of one seed: a start, a calm market, no faults; then what a case needs."""
    plan = draw(seed)
    market = msgspec.structs.replace(plan.market, noise=1e-6, jumps=(), iv_moves=(), empty=(), half_spread_pct=0.5)
    body = {**plan.preset, "exits": {**plan.preset["exits"], "max_profit_pct": "80", "max_loss_pct": "100"}}
    quiet = msgspec.structs.replace(
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
    )
    return msgspec.structs.replace(quiet, **changes)


def peak_then_back(seed: int, *, outage: tuple[float, float] | None = None) -> Plan:
    """Profit rises beyond the first tier and falls back below breakeven; perhaps a restart in between."""
    quiet = plain(seed)
    tiers = [{"peak_pct": "5", "stop_pct": "0"}]
    exits = {**quiet.preset["exits"], "trailing_enabled": True, "trailing_tiers": tiers, "confirmations": 2}
    exits["trailing_step_stop_pct"] = "0"
    orders_ = {**quiet.preset["orders"], "entry_reference": "touch", "retries": 4, "market_fallback": True}
    strategy = {**quiet.preset["strategy"], "quantity": 1}
    schedule = {**quiet.preset["schedule"], "exit_time_ist": "10:33", "entry_time_ist": "10:30"}
    market = msgspec.structs.replace(
        quiet.market, expiry_secs=30 * 3600, iv_moves=((14, 0.75), (40, 1.0 / 0.75)), level_size=20
    )
    body = {**quiet.preset, "exits": exits, "orders": orders_, "strategy": strategy, "schedule": schedule}
    return msgspec.structs.replace(quiet, preset=body, market=market, outage=outage)


def _drawn(*seeds: int) -> list[Plan]:
    return [draw(seed) for seed in seeds]


def _troubled(name: str, rate: float, seeds: range) -> list[Plan]:
    return [plain(seed, rates={name: rate}, faults_end=150.0) for seed in seeds]


# Each defect: its patch, the invariants that count as having caught it, and sessions of which one must break them.
MUTANTS: dict[str, tuple[Callable[[Patch], None], frozenset[str], Callable[[], list[Plan]]]] = {
    name: (patch, frozenset(caught.split()), plans)
    for name, patch, caught, plans in (
        ("M01", m01_exit_returns_early, "CT5 CT7", lambda: _drawn(0, 1, 2)),
        ("M02", m02_exit_time_never_fires, "CT8", lambda: _drawn(1, 2, 15, *range(20, 60))),
        ("M04", m04_failed_read_is_flat, "I16 CT1", lambda: _troubled("N4", 0.35, range(40))),
        ("M05", m05_new_id_after_a_timeout, "I1 I2 I3 I6", lambda: _drawn(6, 14, 32, *range(100))),
        ("M06", m06_http_layer_repeats_the_post, "I3", lambda: _drawn(18, 53, 82, *range(100))),
        ("M08", m08_not_found_trusted_too_early, "I1 I2 I3 I6", lambda: _drawn(6, 14, 32, *range(100))),
        ("M09", m09_unknown_becomes_rejected, "I2 I6 BK1 CT1", lambda: _drawn(6, 14, 32, *range(100))),
        ("M12", m12_partial_fill_forgotten, "I1 I2", lambda: _drawn(12, 28, 30, *range(100))),
        ("M13", m13_unconfirmed_cancel_is_done, "I2 I6", lambda: _drawn(1, 4, 9, *range(40))),
        ("M18", m18_fills_counted_twice, "BK1", lambda: _drawn(0, 1, 2)),
        ("M25", m25_sent_before_committed, "I4", lambda: _drawn(15, 226, 235, *range(100))),
        ("M27", m27_exit_without_reduce_only, "I7", lambda: _drawn(0, 1, 2)),
        ("M35", m35_queued_entry_leaves_after_stop, "I8", lambda: _drawn(56, 73, 109, *range(150))),
        ("M42", m42_breakeven_is_falsy, "CT7", lambda: [peak_then_back(seed) for seed in range(6)]),
        (
            "M46",
            m46_trail_lost_at_restart,
            "CT9 CT7 DU1",
            lambda: [peak_then_back(seed, outage=(36.0, 5.0)) for seed in range(6)],
        ),
        ("M49", m49_enters_again_after_restart, "I1 I2 I6 I12 BK1 BK3 DU1", lambda: _drawn(0, 1, 13)),
        ("M52", m52_zombie_sends, "I9", lambda: _troubled("K2", 0.06, range(60))),
        ("M61", m61_cancel_with_product_zero, "LV1", lambda: _drawn(1, 15, 16, *range(40))),
    )
}
