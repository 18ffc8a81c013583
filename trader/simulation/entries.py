"""Rules about what an entry needs: E3 of the account, read since its level changed; I15 of prices, I9 and N11. Judged when its
intent is committed."""

from trader.domain.foreign import Foreign
from trader.domain.order import OrderIntent, OrderStatus, Purpose
from trader.engine import records as rec
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote
from trader.simulation.streams import NO_ANSWER_SECS

_READ_SECS = 10.5  # the account is read this recently before the first order; half a second is the way of a decision
_RESTS = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.UNKNOWN)


class EntryRules:
    """No entry begins on an account that was not read, or that was known to hold what nobody has confirmed."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        if run is None or not isinstance(record, rec.OrderIntended) or record.cause == "recovery":
            return
        if record.intent.purpose is Purpose.ENTRY:
            self._check_fresh(run, record.intent)
            if not run.ticket and not _is_begun(run):  # one read serves many tickets (TK3)
                self._check(run, record.intent)

    def _check(self, run: RunNote, intent: OrderIntent) -> None:
        shell = self._evidence.world.current
        if shell is None:
            return
        earlier = [note for note in run.orders.values() if note.secs < self._evidence.secs]
        read = shell.account_heard.get(run.run_id)
        if not earlier and (read is None or self._evidence.secs - read > _READ_SECS):
            self._evidence.report("E3", f"{intent.client_order_id} begins an entry, the account was read at {read}")
        since = self._evidence.notes.level_secs
        if not earlier and run.phase_secs >= since > shell.orders_heard and not self._evidence.is_late():
            text = f"{intent.client_order_id} begins an entry, open orders were read at {shell.orders_heard}, the level is of {since}"
            self._evidence.report("E3", text)
        heard = shell.holdings_heard.get(run.run_id)
        known = [thing for thing in self._unconfirmed(run) if heard is not None and self._since(thing) < heard]
        if known:
            words = "; ".join(thing.words for thing in known)
            self._evidence.report("E3", f"{intent.client_order_id} begins an entry beside {words}, read at {heard:.2f}")

    def _check_fresh(self, run: RunNote, intent: OrderIntent) -> None:
        first = not run.leg_orders(intent.leg, Purpose.ENTRY) and not any(run.net(leg.key) for leg in run.legs)
        for leg in run.legs if first else [run.leg(intent.leg)]:
            other = self._evidence.world.venue.other_since
            if other is not None and self._read_since(max(other, self._evidence.notes.level_secs)):
                self._evidence.report("I9", f"{intent.client_order_id} although another installation's order was read")
            if not _is_begun(run) and self._knows_stream_down():
                self._evidence.report(
                    "N11", f"{intent.client_order_id} begins an entry while the account's stream is down"
                )
            if not self._evidence.heard.usable(leg.symbol, entry=None if run.ticket else leg.side):
                quote = self._evidence.heard.newest.get(leg.symbol)
                self._evidence.report(
                    "I15",
                    f"{intent.client_order_id} sells on {quote} heard at {self._evidence.heard.at.get(leg.symbol)}",
                )
        left = (run.leg(intent.leg).expiry - self._evidence.world.agenda.now).total_seconds()
        if left <= 0:
            self._evidence.report("I15", f"{intent.client_order_id} sells an expired contract")

    def _knows_stream_down(self) -> bool:
        """Whether the present runner has been told for a while that its private stream says nothing."""
        session = self._evidence.world
        since, shell = session.stream.down_since, session.current
        if since is None or shell is None:
            return False
        login = NO_ANSWER_SECS if session.stream.silent else 2 * session.latency
        return self._evidence.secs > max(since, shell.booted_at + login, session.resumed_at) + 0.05

    def _read_since(self, secs: float) -> bool:
        """Whether the present runner has heard of all open orders well after this instant: those of a run's own contracts alone show
        nothing of an order elsewhere."""
        shell = self._evidence.world.current
        return shell is not None and shell.orders_heard > secs + 5.0

    def _unconfirmed(self, run: RunNote) -> list[Foreign]:
        """What people hold and order in contracts no run has ever had, and nobody has confirmed as it stands."""
        venue = self._evidence.world.venue
        ours = {leg.symbol for note in self._evidence.notes.runs.values() for leg in note.legs}
        strange = venue.strange_symbols - ours
        return [
            thing for thing in self._evidence.world.standing() if thing.symbol in strange and thing not in run.beside
        ]

    def _since(self, thing: Foreign) -> float:
        """Since when it stands as it does, as far as a read may lag behind."""
        session = self._evidence.world
        account = session.venue.account
        if thing.kind == "order":
            changed = account.orders[int(thing.order_id)].updated_at
        else:
            changed = max(row.created_at for row in account.fills if row.symbol == thing.symbol)
        return (changed - session.agenda.start).total_seconds() + session.plan.position_lag


def _is_begun(run: RunNote) -> bool:
    return any(order.reported or order.filled or order.status in _RESTS for order in run.orders.values())
