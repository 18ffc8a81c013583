"""Defects in the life of an order, seen by simulated sessions: sent again, sent too early, taken for gone, badly named."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import drawn, stopped_at, troubled
from tests.mutants.tools import Patch, everywhere
from trader.domain import rounding
from trader.domain.order import OrderIntent, OrderStatus, Side
from trader.domain.outcome import Unknown, not_sent
from trader.engine import absence, gate, ids, orders
from trader.engine.account import reconcile
from trader.engine.effects import Cancel, Submit
from trader.engine.execution import algo, working
from trader.engine.orders import NEVER_ACCEPTED
from trader.engine.release import check_release
from trader.engine.state import Run, seconds_since
from trader.runner import kernel, release
from trader.simulation import shell
from trader.simulation.planned import Deed


def new_id_after_a_timeout(patch: Patch) -> None:
    real = orders.on_submit_answered

    def on_submit_answered(turn: Any, event: Any) -> None:
        if isinstance(event.outcome, Unknown):
            event = replace(event, outcome=not_sent(event.outcome.cause))
        real(turn, event)

    everywhere(patch, real, on_submit_answered)


def absence_trusted_too_early(patch: Patch) -> None:
    patch.setattr(absence, "ENTRY_HORIZON_SECS", 0.0)
    patch.setattr(absence, "SIGNATURE_SECS", 0.0)


def unknown_becomes_rejected(patch: Patch) -> None:
    def ask_fate(turn: Any, run: Run, order: Any) -> None:
        if order.status is OrderStatus.UNKNOWN and seconds_since(order.intended_at, turn.wall) > 2:
            orders.mark_never_accepted(turn, run, order)

    everywhere(patch, working.ask_fate, ask_fate)


def wrong_sign_in_the_age_test(patch: Patch) -> None:
    def resolve_absent(turn: Any, run_id: str, event: Any) -> None:
        if event.error or None in (event.positions, event.open_orders, event.history, event.fills):
            return
        for order in turn.run(run_id).live_orders():
            missing = event.lookups.get(order.intent.client_order_id, order) is None
            if missing and seconds_since(order.intended_at, event.asked) < absence.ENTRY_HORIZON_SECS:
                orders.mark_never_accepted(turn, turn.run(run_id), order)

    everywhere(patch, absence.resolve_absent, resolve_absent)


def lost_order_forgotten(patch: Patch) -> None:
    absence_trusted_too_early(patch)
    real = orders.find_order

    def find_order(turn: Any, client_order_id: str | None, venue_order_id: str | None) -> Any:
        found = real(turn, client_order_id, venue_order_id)
        return None if found is not None and found[1].code == NEVER_ACCEPTED else found

    everywhere(patch, real, find_order)
    everywhere(patch, reconcile._take_in, lambda *_: None)


def partial_fill_forgotten(patch: Patch) -> None:
    def entered(self: Run, key: str) -> int:
        whole = {c for c, o in self.orders.items() if o.status is OrderStatus.FILLED}
        side = self.leg(key).side
        return sum(
            b.fill.quantity
            for b in self.fills.values()
            if b.leg == key and b.fill.side is side and b.fill.client_order_id in whole
        )

    patch.setattr(Run, "entered", entered)
    everywhere(patch, algo._entered, lambda run, leg: run.entered(leg.key))
    everywhere(patch, gate._entry_size, lambda *_: None)


def unconfirmed_cancel_is_done(patch: Patch) -> None:
    real = working.ask_cancel

    def ask_cancel(turn: Any, run_id: str, order: Any, reason: str) -> None:
        real(turn, run_id, order, reason)
        orders._resolve(turn, turn.run(run_id), order, OrderStatus.CANCELLED)

    everywhere(patch, real, ask_cancel)


def sent_before_committed(patch: Patch) -> None:
    real, real_step = kernel.Kernel.apply, kernel.step

    def apply(self: kernel.Kernel, event: Any) -> None:
        host: shell.Shell = self._perform.__self__  # type: ignore[attr-defined]
        state, effects = real_step(self.state, event)
        requests = [e for e in effects if isinstance(e, Submit | Cancel)]
        for request in requests:  # they are on the wire before anything is on disk
            if isinstance(request, Submit):
                host._submit(request, host._instant())
            else:
                host._cancel(request, host._instant())
        stepped = [(state, [e for e in effects if e not in requests])]
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(kernel, "step", lambda *given: stepped.pop() if stepped else real_step(*given))
            real(self, event)

    patch.setattr(kernel.Kernel, "apply", apply)


def exit_may_open(patch: Patch) -> None:
    patch.setattr(working, "OrderIntent", lambda **fields: OrderIntent(**{**fields, "reduce_only": False}))
    everywhere(patch, gate._exit_size, lambda *_: None)


def flag_dropped_on_retry(patch: Patch) -> None:
    def build(**fields: Any) -> OrderIntent:
        return OrderIntent(**{**fields, "reduce_only": fields["reduce_only"] and fields["attempt"] == 0})

    patch.setattr(working, "OrderIntent", build)
    everywhere(patch, gate._exit_size, lambda *_: None)


def queued_entry_leaves_after_stop(patch: Patch) -> None:
    everywhere(patch, check_release, lambda *_: None)
    patch.setattr(shell, "_WORKER_SECS", 0.6)


def zombie_sends(patch: Patch) -> None:
    patch.setattr(release, "ZOMBIE_SECS", 1e9)


def adopts_whatever_is_there(patch: Patch) -> None:
    """The account's position is ours, whichever way it points, and every short strangle is closed with a buy."""

    def closable(run: Run, leg: Any) -> int:
        return abs(run.positions.get(leg.symbol, run.open_quantity(leg.key)))

    real = algo.exit_context

    def exit_context(run: Run, leg: Any, *given: Any, **named: Any) -> algo.Context:
        known = real(run, leg, *given, **named)
        return replace(known, size=known.done + closable(run, leg))

    everywhere(patch, gate.closable, closable)
    everywhere(patch, real, exit_context)


def cut_to_decimals(patch: Patch) -> None:
    def cut(price: Any, tick_size: Any) -> Any:
        return price.quantize(tick_size)

    def round_price(price: Any, tick_size: Any, _side: Side) -> Any:
        return cut(price, tick_size)

    everywhere(patch, rounding.floor_to_tick, cut)
    everywhere(patch, rounding.ceil_to_tick, cut)
    everywhere(patch, rounding.round_price, round_price)
    everywhere(patch, rounding.is_on_tick, lambda price, tick_size: price == cut(price, tick_size))


def id_too_long(patch: Patch) -> None:
    real = ids.client_order_id
    everywhere(patch, real, lambda **fields: f"{real(**fields)}-{fields['run_id']}")
    real_check = gate._identity

    def identity(*given: Any) -> Any:
        denied = real_check(*given)
        return None if denied is not None and denied.code == "CLIENT_ORDER_ID_TOO_LONG" else denied

    everywhere(patch, real_check, identity)


def cancel_names_product_zero(patch: Patch) -> None:
    patch.setattr(working, "Cancel", lambda **fields: Cancel(**{**fields, "product_id": 0}))


_LOST = {"N2": 0.3, "N3": 0.2}

MUTANTS = [
    Mutant(
        name="M05",
        defect="A new random client order id for each retry after a time-out",
        patched="`on_submit_answered` hears an unknown outcome as `not_sent`",
        patch=new_id_after_a_timeout,
        check=sessions("I1 I2 I3 I6", troubled(_LOST)),
    ),
    Mutant(
        name="M08",
        defect="“Not found” trusted before the signature horizon",
        patched="both horizons of `account` are 0",
        patch=absence_trusted_too_early,
        check=sessions("I1 I2 I3 I6", troubled({"N3": 0.25})),
    ),
    Mutant(
        name="M09",
        defect="UNKNOWN becomes REJECTED after a time-out",
        patched="`_ask_fate` gives up after two seconds",
        patch=unknown_becomes_rejected,
        check=sessions("I2 I6 BK1", troubled(_LOST)),
    ),
    Mutant(
        name="M10",
        defect="Age test with the wrong sign: every missing order counts as cancelled",
        patched="`_resolve_absent` asks whether the order is younger than the horizon",
        patch=wrong_sign_in_the_age_test,
        check=sessions("I1 I2 I3 I6 I16", troubled({"N3": 0.25})),
    ),
    Mutant(
        name="M11",
        defect="A lost order is forgotten at the second “not found”; its later fills are ignored",
        patched="no horizon; an order once taken as never accepted is neither found nor taken over",
        patch=lost_order_forgotten,
        check=sessions("BK1", troubled({"N3": 0.25})),
    ),
    Mutant(
        name="M12",
        defect="A partial fill is forgotten at time-out or cancel; the full size is sent again",
        patched="what was entered counts whole orders only; the gate's size check is gone",
        patch=partial_fill_forgotten,
        check=sessions("I1 I2", drawn((12, 28, 30))),
    ),
    Mutant(
        name="M13",
        defect="An unconfirmed cancel is taken as done; the replacement overlaps a live order",
        patched="`ask_cancel` records the order as cancelled",
        patch=unconfirmed_cancel_is_done,
        check=sessions("I2 I6", drawn((1, 4, 9))),
    ),
    Mutant(
        name="M25",
        defect="An order is sent before its intent is committed",
        patched="the kernel sends what a step asks for before it commits the records",
        patch=sent_before_committed,
        check=sessions("I4", troubled({"K1": 0.08})),
    ),
    Mutant(
        name="M27",
        defect="An exit without `reduce_only`",
        patched="intents are built without the flag; the gate's check of exits is gone",
        patch=exit_may_open,
        check=sessions("I7", drawn((0, 1, 2))),
    ),
    Mutant(
        name="M27b",
        defect="The flag is dropped when a refused exit is tried again",
        patched="intents beyond the first attempt are built without the flag; the gate's check of exits is gone",
        patch=flag_dropped_on_retry,
        check=sessions("I7", troubled({"X2": 0.3})),
    ),
    Mutant(
        name="M35",
        defect="An entry already queued goes out after Stop",
        patched="workers take 0.6 s and do not look at the state again before they sign",
        patch=queued_entry_leaves_after_stop,
        check=sessions("I8", stopped_at(*(0.4 + n / 8 for n in range(40)))),
    ),
    Mutant(
        name="M52",
        defect="A resumed zombie sends after it has lost the lease",
        patched="an intent never gets too old to be signed without asking the journal",
        patch=zombie_sends,
        check=sessions("I9", troubled({"K2": 0.06}, seeds=60)),
    ),
    Mutant(
        name="M56",
        defect="Adopts any position of the account and “closes” it with a buy",
        patched="`closable` is the size of whatever position the exchange shows",
        patch=adopts_whatever_is_there,
        check=sessions(
            "I7 I13",
            troubled({"N14": 0.01}, deeds=[Deed(secs=8, kind="sell_more", size=3), Deed(secs=14, kind="stop")]),
        ),
    ),
    Mutant(
        name="M57",
        defect="A price is cut to the tick's decimals instead of its multiple (73.3 on a tick of 0.5)",
        patched="rounding and the gate's check look at decimals only",
        patch=cut_to_decimals,
        check=sessions("I10", drawn()),
    ),
    Mutant(
        name="M58",
        defect="A client order id longer than 32 characters",
        patched="the run's whole id is appended; the gate's check of the length is gone",
        patch=id_too_long,
        check=sessions("I5", drawn()),
    ),
    Mutant(
        name="M61",
        defect="Cancels are sent with product id 0, so none works",
        patched="`Cancel` is built with product 0",
        patch=cancel_names_product_zero,
        check=sessions("CT1 CT5 LV1", drawn((1, 15, 16))),
    ),
]
