"""Defects of the books, seen by simulated sessions: fills invented, lost, counted twice; money guessed."""

from typing import Any

from tests.mutants.mutant import Mutant, sessions
from tests.mutants.plans import holding, troubled
from tests.mutants.tools import Patch, everywhere
from trader.domain.errors import ExchangeError
from trader.domain.fill import Fill
from trader.domain.order import OrderSnapshot, OrderStatus
from trader.domain.outcome import Rejected
from trader.engine import closing, executions, fold, orders
from trader.engine import records as rec
from trader.engine.account import read, reconcile
from trader.engine.events import AccountRead
from trader.engine.execution import entry
from trader.engine.execution.entry import Work
from trader.engine.records import Phase
from trader.engine.state import ZERO, Order, Run
from trader.exchange.common.odd_rows import PartialList
from trader.runner import reading
from trader.simulation import gateway
from trader.simulation.planned import Deed


def failed_read_is_empty(patch: Patch) -> None:
    real = gateway.SimGateway.positions

    def positions(self: gateway.SimGateway, underlying: str) -> list[Any]:
        try:
            return real(self, underlying)
        except ExchangeError:
            return []

    patch.setattr(gateway.SimGateway, "positions", positions)


def part_of_a_list_is_the_list(patch: Patch) -> None:
    for verb in ("positions", "open_orders", "fills", "order_history"):
        real = getattr(gateway.SimGateway, verb)

        def readable(self: gateway.SimGateway, *asked: Any, _real: Any = real) -> list[Any]:
            try:
                found: list[Any] = _real(self, *asked)
            except PartialList as part:
                return list(part.rows)
            return found

        patch.setattr(gateway.SimGateway, verb, readable)


def unreadable_position_is_none(patch: Patch) -> None:
    real = AccountRead.held

    def held(self: AccountRead, symbol: str, product_id: int) -> int | None:
        return real(self, symbol, product_id) or 0

    patch.setattr(AccountRead, "held", held)
    everywhere(patch, reading._position, lambda *_: None)


def complete_at_the_first_poll(patch: Patch) -> None:
    real = entry.work_entry
    threshold = 0

    def work_entry(turn: Any, run_id: str, leg: Any) -> Work:
        run = turn.run(run_id)
        done = sum(o.done_qty for o in run.leg_orders(leg.key))
        polled = any(o.venue_order_id is not None for o in run.leg_orders(leg.key))
        return Work.COMPLETE if polled and done / leg.quantity >= threshold else real(turn, run_id, leg)

    everywhere(patch, real, work_entry)


def zero_is_everything(patch: Patch) -> None:
    patch.setattr(
        OrderSnapshot, "filled_qty", property(lambda self: (self.quantity - self.leaves_qty) or self.quantity)
    )


def _book(turn: Any, run: Run, order: Order, price: Any) -> None:
    """A fill nobody executed."""
    intent = order.intent
    fill = Fill(
        fill_id=f"booked-{intent.client_order_id}",
        venue_order_id=order.venue_order_id or "0",
        client_order_id=intent.client_order_id,
        symbol=intent.symbol,
        product_id=intent.product_id,
        side=intent.side,
        quantity=intent.quantity,
        price=price,
        commission=ZERO,
    )
    if fill.fill_id not in run.fills:
        turn.write(rec.FillRecorded, run.run_id, leg=intent.leg, fill=fill)


def unfilled_is_success(patch: Patch) -> None:
    real = orders.adopt

    def adopt(turn: Any, run: Run, order: Order, snapshot: OrderSnapshot, **options: Any) -> None:
        real(turn, run, order, snapshot, **options)
        if snapshot.status is OrderStatus.CANCELLED and not snapshot.filled_qty and not order.filled_qty:
            price = order.intent.limit_price or order.reference or run.leg(order.intent.leg).mark
            _book(turn, turn.run(run.run_id), order, price)

    everywhere(patch, real, adopt)


def second_exit_books_zero(patch: Patch) -> None:
    """Two exits race; the one that found nothing left is booked all the same, at the price it has: none."""
    real = closing.close

    def close(turn: Any, run_id: str) -> None:
        run = turn.run(run_id)
        for order in run.orders.values():
            beaten = order.intent.reduce_only and order.status.terminal and not order.done_qty
            if beaten and run.open_quantity(order.intent.leg) == 0:
                _book(turn, run, order, ZERO)
        real(turn, run_id)

    everywhere(patch, real, close)


def failed_exit_booked_closed(patch: Patch) -> None:
    real = orders.on_submit_answered

    def on_submit_answered(turn: Any, event: Any) -> None:
        real(turn, event)
        found = orders.find_order(turn, event.client_order_id, None)
        if found is None or not isinstance(event.outcome, Rejected):
            return
        run, order = found
        if order.intent.reduce_only:
            price = order.intent.limit_price or order.reference or run.leg(order.intent.leg).mark
            _book(turn, run, order, price)

    everywhere(patch, real, on_submit_answered)


def filled_without_fills(patch: Patch) -> None:
    patch.setattr(Order, "fills_missing", property(lambda _: False))
    everywhere(patch, reconcile._book, lambda *_: None)


def fills_counted_twice(patch: Patch) -> None:
    def take_in(turn: Any, run: Run, order: Order, fill: Fill) -> int:
        turn.write(rec.FillRecorded, run.run_id, cause="exchange", leg=order.intent.leg, fill=fill)
        return fill.quantity

    everywhere(patch, executions.take_in, take_in)


def ids_trusted_across_channels(patch: Patch) -> None:
    patch.setattr(Fill, "key", property(lambda self: self.fill_id))


def confirmed_and_not_costed(patch: Patch) -> None:
    everywhere(patch, executions._cost, lambda *_: None)


def commissions_waited_for_for_ever(patch: Patch) -> None:
    patch.setattr(closing, "COST_PATIENCE_SECS", 1e9)


def confirmations_forgotten(patch: Patch) -> None:
    everywhere(patch, fold._fill_confirmed, lambda run, _: run)


def one_id_an_order(patch: Patch) -> None:
    everywhere(patch, read._lookups, lambda run, wall: ())
    patch.setattr(Order, "venue_ids", property(lambda self: (self.venue_order_id,) if self.venue_order_id else ()))


def money_in_floats_without_fees(patch: Patch) -> None:
    def cash_flow(self: Run) -> Any:
        flows = [float(b.fill.cash_flow(self.leg(b.leg).contract_value)) for b in self.fills.values()]
        return type(ZERO)(sum(flows))

    patch.setattr(Run, "cash_flow", property(cash_flow))
    patch.setattr(Run, "fees", property(lambda _: ZERO))


def credit_rebuilt_from_the_account(patch: Patch) -> None:
    """After a restart whatever the account holds in our contracts is what we sold, at the price of the day."""
    real = reconcile.on_account_read

    def on_account_read(turn: Any, event: Any) -> None:
        for run_id in event.runs if event.positions is not None else ():
            watch = turn.watch(run_id) if run_id in turn.state.watches else None
            if watch is None or watch.account_read is not None or not watch.recovered:
                continue
            run = turn.run(run_id)
            held = {p.symbol: p.quantity for p in event.positions}
            for leg in run.legs if run.phase is Phase.HOLDING else ():
                more = held.get(leg.symbol, 0) * leg.side.sign - run.open_quantity(leg.key)
                if more > 0:
                    fill = Fill(
                        fill_id=f"rebuilt-{leg.symbol}",
                        venue_order_id="0",
                        client_order_id=None,
                        symbol=leg.symbol,
                        product_id=leg.product_id,
                        side=leg.side,
                        quantity=more,
                        price=leg.mark or ZERO,
                        commission=ZERO,
                    )
                    turn.write(rec.FillRecorded, run.run_id, cause="recovery", leg=leg.key, fill=fill)
        real(turn, event)

    everywhere(patch, real, on_account_read)


def reconciliation_is_a_stub(patch: Patch) -> None:
    def on_account_read(turn: Any, event: Any) -> None:
        turn.set(orders_read=event.asked)
        for run_id in event.runs:
            if run_id not in turn.state.watches or turn.run(run_id).phase is Phase.DONE:
                continue
            run = turn.run(run_id)
            for leg in run.legs:
                ours = run.open_quantity(leg.key) * leg.side.sign
                if run.positions.get(leg.symbol) != ours:
                    turn.write(rec.PositionObserved, run.run_id, symbol=leg.symbol, quantity=ours)
            told = {"account_read": event.asked, "available_usd": event.available_usd}
            turn.set_watch(run_id, account_pending=False, foreign=(), **told)

    everywhere(patch, reconcile.on_account_read, on_account_read)


_STOP = [Deed(secs=9, kind="stop")]

MUTANTS = [
    Mutant(
        name="M04",
        defect="A failed position read becomes an empty list, taken as flat",
        patched="the gateway answers `[]` where it should raise",
        patch=failed_read_is_empty,
        check=sessions("I16", troubled({"N4": 0.5}, seeds=160, deeds=_STOP)),
    ),
    Mutant(
        name="M04b",
        defect="The rows of a list that could be read are taken for the whole list",
        patched="the gateway leaves unreadable rows of the account out, as of a list of the market",
        patch=part_of_a_list_is_the_list,
        check=sessions("I16 CT1", troubled({"N16": 0.6}, deeds=_STOP)),
    ),
    Mutant(
        name="M04c",
        defect="A position whose row cannot be read counts as none",
        patched="`AccountRead.held` answers 0 where it does not know",
        patch=unreadable_position_is_none,
        check=sessions("I16 CT1", troubled({"N16": 0.6}, deeds=_STOP)),
    ),
    Mutant(
        name="M14",
        defect="Fill-ratio threshold of 0: “complete” at the first poll, nothing filled",
        patched="`work_entry` is complete as soon as the order has an id",
        patch=complete_at_the_first_poll,
        check=sessions("BK6", troubled({}, seeds=20)),
    ),
    Mutant(
        name="M15",
        defect="`filled or ordered_size`: zero fills become a full fill",
        patched="`OrderSnapshot.filled_qty` ends in `or quantity`",
        patch=zero_is_everything,
        check=sessions("BK6", troubled({}, seeds=20)),
    ),
    Mutant(
        name="M16",
        defect="An order that ended unfilled is booked as success at limit or mark",
        patched="`adopt` records a fill for a cancelled order without one",
        patch=unfilled_is_success,
        check=sessions("BK1 BK2", troubled({"X3": 0.8})),
    ),
    Mutant(
        name="M17",
        defect="An order is marked filled although its fills never arrived",
        patched="`Order.fills_missing` is never true; reads of the account book no fills",
        patch=filled_without_fills,
        check=sessions("BK1", troubled({"N9": 0.9}, deeds=_STOP)),
    ),
    Mutant(
        name="M18",
        defect="Fills are counted twice when stream and reconciliation overlap",
        patched="`take_in` books every telling, the second as well",
        patch=fills_counted_twice,
        check=sessions("BK1", holding(fill_ids="separate")),
    ),
    Mutant(
        name="M18b",
        defect="An id of one channel is looked for among those of the other",
        patched="`Fill.key` is the bare id",
        patch=ids_trusted_across_channels,
        check=sessions("BK1 BK6", troubled({"N9": 0.4}, deeds=_STOP, fill_ids="crossed")),
    ),
    Mutant(
        name="M18c",
        defect="What the list of fills says an execution cost is lost when the stream had told it first",
        patched="`executions._cost` does nothing",
        patch=confirmed_and_not_costed,
        check=sessions("BK2", holding(exit_time="10:31", fill_ids="separate")),
    ),
    Mutant(
        name="M18d",
        defect="A run whose commissions never come does not end",
        patched="`COST_PATIENCE_SECS` is thirty years",
        patch=commissions_waited_for_for_ever,
        check=sessions("LV1", troubled({}, deeds=_STOP, costs_told=False)),
    ),
    Mutant(
        name="M18e",
        defect="What one channel has confirmed is forgotten, and the next like it is taken for it",
        patched="the fold passes over `FillConfirmed`",
        patch=confirmations_forgotten,
        check=sessions("BK1 BK2 LV1", troubled({"N9": 0.5}, deeds=_STOP, fill_ids="separate")),
    ),
    Mutant(
        name="M18f",
        defect="An order is known by the first id that a channel told, and fills by another belong to no order",
        patched="`Order.venue_ids` is the first id; no order is asked for by our own",
        patch=one_id_an_order,
        check=sessions("BK1 BK2 LV1", troubled({"N2": 0.5}, deeds=_STOP, order_ids="separate")),
    ),
    Mutant(
        name="M20",
        defect="Two racing exits; the second books a price of 0",
        patched="`close` books an exit that ended unfilled at 0 once its leg is closed",
        patch=second_exit_books_zero,
        check=sessions("BK1 BK2", troubled({"X2": 0.4}, deeds=_STOP)),
    ),
    Mutant(
        name="M21",
        defect="P&L in floats, without fees",
        patched="`Run.cash_flow` adds floats, `Run.fees` is 0",
        patch=money_in_floats_without_fees,
        check=sessions("BK2", holding(exit_time="10:31")),
    ),
    Mutant(
        name="M28",
        defect="A failed exit is booked closed at a simulated price",
        patched="a refused exit is booked as filled at its limit or mark",
        patch=failed_exit_booked_closed,
        check=sessions("BK3 CT1", troubled({"X2": 0.5}, deeds=_STOP)),
    ),
    Mutant(
        name="M47",
        defect="Entry credit rebuilt at a restart from all positions of the account",
        patched="the first read after a restart books the rest of the position as sold by us",
        patch=credit_rebuilt_from_the_account,
        check=sessions(
            "BK1 BK2",
            holding(
                deeds=(Deed(secs=0.3, kind="start"), Deed(secs=12, kind="sell_more", size=2)),
                outage=(15.0, 4.0),
                exit_time="10:31",
            ),
        ),
    ),
    Mutant(
        name="M62",
        defect="Reconciliation is a stub that logs success",
        patched="`on_account_read` takes our own books for what was read",
        patch=reconciliation_is_a_stub,
        check=sessions("BK1 BK3", troubled({"N9": 0.9}, deeds=_STOP)),
    ),
]
