"""Rules about what an entry needs of the account: E3. Judged when an entry's intent is committed, from the exchange's truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.domain.foreign import Foreign
from trader.domain.order import OrderIntent, OrderStatus, Purpose
from trader.engine import records as rec
from trader.simulation.notes import RunNote

if TYPE_CHECKING:
    from trader.simulation.oracle import Oracle

_READ_SECS = 10.5  # the account is read this recently before the first order; half a second is the way of a decision
_RESTS = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.UNKNOWN)


class EntryRules:
    """No entry begins on an account that was not read, or that was known to hold what nobody has confirmed."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle

    def before(self, record: rec.AnyRecord) -> None:
        run = self._oracle.notes.runs.get(record.run_id)
        if run is None or not isinstance(record, rec.OrderIntended) or record.cause == "recovery":
            return
        if record.intent.purpose is Purpose.ENTRY and not _is_begun(run):
            self._check(run, record.intent)

    def _check(self, run: RunNote, intent: OrderIntent) -> None:
        shell = self._oracle.session.current
        if shell is None:
            return
        earlier = [note for note in run.orders.values() if note.secs < self._oracle.secs]
        read = shell.account_heard.get(run.run_id)
        if not earlier and (read is None or self._oracle.secs - read > _READ_SECS):
            self._oracle.report("E3", f"{intent.client_order_id} begins an entry, the account was read at {read}")
        heard = shell.holdings_heard.get(run.run_id)
        known = [thing for thing in self._unconfirmed(run) if heard is not None and self._since(thing) < heard]
        if known:
            words = "; ".join(thing.words for thing in known)
            self._oracle.report("E3", f"{intent.client_order_id} begins an entry beside {words}, read at {heard:.2f}")

    def _unconfirmed(self, run: RunNote) -> list[Foreign]:
        """What people hold and order in contracts no run has ever had, and nobody has confirmed as it stands."""
        venue = self._oracle.session.venue
        ours = {leg.symbol for note in self._oracle.notes.runs.values() for leg in note.legs}
        strange = venue.strange_symbols - ours
        return [
            thing for thing in self._oracle.session.standing() if thing.symbol in strange and thing not in run.beside
        ]

    def _since(self, thing: Foreign) -> float:
        """Since when it stands as it does, as far as a read may lag behind."""
        session = self._oracle.session
        account = session.venue.account
        if thing.kind == "order":
            changed = account.orders[int(thing.order_id)].updated_at
        else:
            changed = max(row.created_at for row in account.fills if row.symbol == thing.symbol)
        return (changed - session.agenda.start).total_seconds() + session.plan.position_lag


def _is_begun(run: RunNote) -> bool:
    return any(order.reported or order.filled or order.status in _RESTS for order in run.orders.values())
