"""Rules about orders and exposure: I1–I13, CT11. Judged at each commit, each arrival, each execution."""

import re
from collections import deque

from trader.domain.expiry import ist_date
from trader.domain.fill import FillKind
from trader.domain.order import OrderIntent, OrderStatus, OrderType, Purpose
from trader.domain.rounding import is_on_tick
from trader.engine import records as rec
from trader.engine.records import LegTerms, Phase
from trader.simulation.evidence import Evidence
from trader.simulation.notes import OrderNote, RunNote
from trader.simulation.venue import Arrival
from trader.venue.core.records import Order

_COID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")
_RATE_HARD = 10
_ENTRIES_MOST = 6
_TICKETS_MOST = 20  # as the limits have it, and no session asks for more
_BLIND_SECS = 10.0  # so long an exit beside another run's contracts waits for word of the one before
_ZOMBIE_SECS = 1.0  # committed before the takeover, signed at most this long after the commit


class OrderRules:
    """Everything that can be wrong with an order."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._run_of: dict[str, str] = {}  # client order id → run
        self._net: dict[tuple[str, str], int] = {}  # (run, symbol) → contracts our orders have made
        self._fills_seen = 0
        self._decided: dict[bool, deque[tuple[float, bool]]] = {}  # the newest orders of runs, and of tickets
        self._rated: set[str] = set()  # ids whose first arrival has been counted
        self._leaving: set[str] = (
            set()
        )  # runs of which the exchange has taken an exit, whatever the journal still knows
        self._cancels: set[str] = set()  # orders of which a cancel was ever recorded
        self._blind: set[str] = set()  # exits sent beside one lost for long, of which nothing could be read
        self.overclosed: set[tuple[str, str]] = set()  # (ticket, symbol): more was closed than it had (TK6)
        self._unrecorded: dict[
            str, Purpose
        ] = {}  # exits that left while the journal could not be written, and what for

    def net(self, run_id: str, symbol: str) -> int:
        """Signed contracts of our own orders, as executed by the exchange."""
        return self._net.get((run_id, symbol), 0)

    def held(self, run: RunNote, symbol: str) -> int:
        """The same with what the run has booked of the exchange's own doing."""
        booked = (f for _, f in run.fills.values() if f.symbol == symbol and f.kind is not FillKind.NORMAL)
        moved = (one for one in run.moved if one.symbol == symbol)
        return (
            self.net(run.run_id, symbol)
            + sum(f.side.sign * f.quantity for f in booked)
            + sum(one.side.sign * one.quantity for one in moved)
        )

    # ------------------------------------------------------------ at the commit

    def before(self, record: rec.AnyRecord, epoch: int) -> None:
        match record:
            case rec.RunCreated():
                self._check_runs(record)
            case rec.OrderIntended(intent=intent, cause="recovery"):
                self._run_of[intent.client_order_id] = (
                    record.run_id
                )  # found at the exchange, judged when it arrived there
            case rec.OrderIntended(intent=intent):
                self._check_intent(record.run_id, intent)
            case rec.CancelIntended(client_order_id=coid):
                self._cancels.add(coid)
            case _:
                pass

    def _check_runs(self, record: rec.RunCreated) -> None:
        report, notes = self._evidence.report, self._evidence.notes
        for other in notes.structures() if not record.ticket else ():
            if other.config == record.config and other.phase in (Phase.WAITING, Phase.ENTERING):
                report(
                    "I12", f"run {record.run_id} begins while {other.run_id} of the same configuration is {other.phase}"
                )

    def _check_runs_of_the_day(self, run: RunNote, coid: str) -> None:
        """A run counts from its first fill on; one that has sold already goes on with its entry."""
        day, most = ist_date(self._evidence.world.agenda.now), run.preset.risk.max_runs_per_day
        sold = [
            other.run_id
            for other in self._evidence.notes.runs.values()
            if other.fills
            and not other.ticket
            and ist_date(min(f.ts_event or self._evidence.world.agenda.now for _, f in other.fills.values())) == day
        ]
        if run.run_id not in sold and len(sold) >= most:
            self._evidence.report("I12", f"{coid} enters as run {len(sold) + 1} of today, {most} allowed", coid)

    def _check_intent(self, run_id: str, intent: OrderIntent) -> None:
        report = self._evidence.report
        run, coid = self._evidence.notes.runs[run_id], intent.client_order_id
        leg = run.leg(intent.leg)
        if not _COID.match(coid):
            report("I5", f"client order id {coid!r}")
        if coid in self._run_of and coid not in self._unrecorded:
            report("I5", f"client order id {coid} used twice", coid)
        self._run_of[coid] = run_id
        if intent.purpose is Purpose.ENTRY:
            if not run.ticket:
                self._check_runs_of_the_day(run, coid)
            if run.stop_secs is not None or run.exit_secs is not None:
                report("I8", f"entry {coid} decided after the exit of its run")
            if run_id in self._leaving:
                report("I8", f"entry {coid} decided although an exit of its run has been at the exchange")
            if not run.ticket and _since_filled(run.leg_orders(intent.leg, Purpose.ENTRY)) >= _ENTRIES_MOST:
                report("I12", f"entry {coid} is one too many for leg {intent.leg}")
            self._check_worst_case(run, intent)
            return
        self._note_blind(run, intent)
        settled = (run.leg(key) for key, fill in run.fills.values() if fill.kind is FillKind.SETTLEMENT)
        if any(one.expiry >= leg.expiry for one in settled):
            report("CT11", f"{coid} decided although a leg of the same expiry is settled")
        if not intent.reduce_only or intent.side is not leg.side.opposite:
            report("I7", f"{coid}: {intent.side}, reduce_only={intent.reduce_only}")
        ours = abs(run.net(intent.leg))
        seen = run.positions.get(intent.symbol)
        if intent.quantity > ours or (seen is not None and intent.quantity > abs(seen)):
            report("I7", f"{coid} closes {intent.quantity}; ours {ours}, last read {seen}")

    def _note_blind(self, run: RunNote, intent: OrderIntent) -> None:
        """No exit waits for ever: where the account could not be read since an earlier one reached the exchange, it goes out
        beside it. One that the journal does not know is an earlier one as well, from ten seconds after the restart."""
        world, secs, shell = self._evidence.world, self._evidence.secs, self._evidence.world.current
        read = shell.account_heard.get(run.run_id, -1.0) if shell is not None else -1.0
        if shell is not None and secs - shell.booted_at >= _BLIND_SECS:
            unread = (a for a in world.venue.arrivals if a.secs > read and a.client_order_id not in run.orders)
            sent = (a.intent for a in unread if a.intent is not None)
            if any(i.reduce_only and (i.run_id, i.leg) == (run.run_id, intent.leg) for i in sent):
                self._blind.add(intent.client_order_id)
        for note in run.leg_orders(intent.leg):
            is_lost = note.status in (OrderStatus.CREATED, OrderStatus.UNKNOWN) and note.intent.reduce_only
            if is_lost and secs - note.secs >= _BLIND_SECS:
                coid = note.intent.client_order_id
                arrived = [a.secs for a in world.venue.arrivals if a.kind == "order" and a.client_order_id == coid]
                if read < min(arrived, default=secs):
                    self._blind.add(intent.client_order_id)

    def _check_worst_case(self, run: RunNote, intent: OrderIntent) -> None:
        """I2: even if everything of ours that may still trade did, the leg stays within its size."""
        session = self._evidence.world
        leg = run.leg(intent.leg)
        worst = abs(self.net(run.run_id, intent.symbol)) + intent.quantity
        for order in session.venue.account.live_orders:
            if order.symbol == intent.symbol and not order.reduce_only and order.client_order_id in run.orders:
                worst += order.unfilled_size
        for note in run.leg_orders(intent.leg, Purpose.ENTRY):
            worst += note.intent.quantity * session.wire.in_transit.get(note.intent.client_order_id, 0)
        if worst > leg.quantity:
            self._evidence.report(
                "I2",
                f"{intent.client_order_id}: worst case {worst} of {leg.quantity} contracts",
                intent.client_order_id,
            )

    # ------------------------------------------------------------ at the exchange's door

    def arrived(self, arrival: Arrival) -> None:
        coid = arrival.client_order_id
        if arrival.kind == "cancel":
            self._check_cancel(arrival)
        if arrival.epoch < len(self._evidence.takeovers):
            taken = self._evidence.takeovers[arrival.epoch]
            if arrival.signed > taken + _ZOMBIE_SECS:
                self._evidence.report(
                    "I9",
                    f"{arrival.kind} of epoch {arrival.epoch} signed {arrival.signed - taken:.1f} s after it ended",
                )
        if arrival.kind != "order":
            return
        intent = arrival.intent
        assert intent is not None
        run = self._evidence.notes.runs.get(self._run_of.get(coid or "", ""))
        if self._is_degraded_exit(arrival, intent):
            self._run_of[intent.client_order_id] = intent.run_id
            self._unrecorded[intent.client_order_id] = intent.purpose
            return
        if run is None or coid is None:
            self._evidence.report("I4", f"order {coid} arrived without an intent in the journal")
            return
        if coid not in run.orders:
            return  # its intent was committed, and lost since with the newest rows of the journal
        if run.orders[coid].intent != intent:
            self._evidence.report("I4", f"order {coid} is not what the journal says")
        self._check_rate(run, intent, min(arrival.signed, run.orders[coid].secs))
        self._check_price(run, intent)
        self._check_serial(run, intent, arrival)
        expiry = run.leg(intent.leg).expiry
        late = arrival.signed - (expiry - self._evidence.world.agenda.start).total_seconds()
        if late > 1.5 and self._evidence.heard.knows_time(run.orders[coid].secs):
            self._evidence.report("CT11", f"{coid} signed {late:.1f} s after the expiry")

    def _is_degraded_exit(self, arrival: Arrival, intent: OrderIntent) -> bool:
        """DU2: while nothing can be written, exits go on unrecorded. Its shape is judged all the same."""
        run = self._evidence.notes.runs.get(intent.run_id)
        if run is None or intent.client_order_id in run.orders or intent.purpose is Purpose.ENTRY:
            return False
        if not self._was_degraded(arrival):
            return False
        leg = run.leg(intent.leg)
        held = abs(self.net(run.run_id, intent.symbol))
        if not intent.reduce_only or intent.side is not leg.side.opposite or intent.quantity > max(held, leg.quantity):
            self._evidence.report("I7", f"{intent.client_order_id}, unrecorded: {intent.side} {intent.quantity}")
        return True

    def _check_cancel(self, arrival: Arrival) -> None:
        venue = self._evidence.world.venue
        order = venue.account.orders.get(arrival.order_id) if arrival.order_id is not None else None
        if order is None:
            return
        coid = order.client_order_id
        run = self._evidence.notes.runs.get(self._run_of.get(coid or "", ""))
        if run is None or coid is None:
            self._evidence.report("I13", f"cancel of somebody else's order {order.id}")
        elif not self._was_degraded(arrival) and coid not in self._cancels:
            self._evidence.report("I4", f"cancel of {coid} arrived without its record")

    def _was_degraded(self, arrival: Arrival) -> bool:
        """Whether its sender could not write the journal when it signed."""
        shells = self._evidence.world.shells
        return any(shell.epoch == arrival.epoch and shell.was_degraded(arrival.signed) for shell in shells)

    def _check_rate(self, run: RunNote, intent: OrderIntent, decided: float) -> None:
        """By when orders were decided: a worker that hung sends them closer together. What the account's limits say is LM1."""
        if intent.client_order_id in self._rated:
            return  # repeated on the way: we sent it once
        self._rated.add(intent.client_order_id)
        newest = self._decided.setdefault(bool(run.ticket), deque(maxlen=64))
        newest.append((decided, intent.purpose is Purpose.ENTRY))
        entries = _TICKETS_MOST if run.ticket else 5
        for end in [at for at, _ in newest if 0 <= at - decided < 0.99]:  # arrivals may overtake
            recent = [entry for at, entry in newest if 0 <= end - at < 0.99]
            if len(recent) > _RATE_HARD + (_TICKETS_MOST if run.ticket else 0) or sum(recent) > entries:
                self._evidence.report("I11", f"{len(recent)} orders in a second, {sum(recent)} of them entries")

    def _check_price(self, run: RunNote, intent: OrderIntent) -> None:
        leg, price = run.leg(intent.leg), intent.limit_price
        if intent.order_type is OrderType.MARKET:
            return
        if price is None or not price.is_finite() or price <= 0 or not is_on_tick(price, leg.tick_size):
            self._evidence.report("I10", f"{intent.client_order_id}: price {price}")
            return
        if intent.purpose is not Purpose.ENTRY:
            return
        marks = self._evidence.heard.recent_marks(intent.symbol)
        if run.ticket.get("work") == "once":
            return  # a person's own price (TK2)
        if not any(abs(price - m) <= max(m / 5, 5 * leg.tick_size) for m in marks):
            self._evidence.report("I10", f"{intent.client_order_id}: price {price} outside the collar of {marks[-3:]}")

    def _check_serial(self, run: RunNote, intent: OrderIntent, arrival: Arrival) -> None:
        """I6 and the signing half of I8."""
        coid = intent.client_order_id
        account = self._evidence.world.venue.account
        resting = [
            run.orders[o.client_order_id]
            for o in account.open_orders.values()
            if o.symbol == intent.symbol and o.client_order_id in run.orders and o.client_order_id != coid
        ]
        if intent.purpose is Purpose.ENTRY:
            ended = min((s for s in (run.stop_secs, run.exit_secs) if s is not None), default=None)
            if ended is not None and arrival.signed > ended:
                self._evidence.report(
                    "I8", f"entry {coid} signed {arrival.signed - ended:.3f} s after the exit was decided"
                )
            others = [o for o in run.leg_orders(intent.leg) if o.intent.purpose is not Purpose.CLOSE]
            open_now = [o for o in others if o.open and o.intent.client_order_id != coid]
            # What was intended after it may stand there already: an exit waits two seconds for a late entry, no longer.
            own = run.orders[coid].secs
            earlier = [o for o in open_now if o.secs <= own]
            standing = [o for o in resting if o.secs <= own and o.intent.purpose is not Purpose.CLOSE]
            if earlier or standing:
                self._evidence.report(
                    "I6", f"entry {coid} arrived beside {len(earlier) or len(standing)} open order(s)"
                )
        elif intent.purpose is not Purpose.CLOSE and any(
            o.intent.purpose is Purpose.ENTRY and o.cancel_secs is None and o.open for o in resting
        ):
            # One that was doubled on its way, taken once and refused once, is first found by the next read.
            self._evidence.report("I6", f"exit {coid} arrived while an entry rests that nobody cancelled")

    # ------------------------------------------------------------ executions

    def accepted(self, order: Order) -> None:
        coid = order.client_order_id or ""
        if order.reduce_only and coid in self._run_of and not self._protects(coid):
            self._leaving.add(self._run_of[coid])
        if self._evidence.world.venue.accepted.get(coid, 0) > 1:
            self._evidence.report("I3", f"{coid} was accepted more than once", coid)

    def _protects(self, coid: str) -> bool:
        """Whether an order rests to close a ticket later, beside which its entry may go on."""
        note = self._evidence.notes.runs[self._run_of[coid]].orders.get(coid)
        purpose = self._unrecorded.get(coid) if note is None else note.intent.purpose
        return purpose is Purpose.CLOSE

    def watch_fills(self) -> None:
        fills = self._evidence.world.venue.account.fills
        while self._fills_seen < len(fills):
            row = fills[self._fills_seen]
            self._fills_seen += 1
            run_id = self._run_of.get(row.client_order_id or "")
            if run_id is None:
                continue
            run = self._evidence.notes.runs[run_id]
            net = self._net[run_id, row.symbol] = self.net(run_id, row.symbol) + row.side.sign * row.size
            leg = next(leg for leg in run.legs if leg.symbol == row.symbol)
            theirs = self._evidence.world.venue.human_net.get(row.symbol, 0)
            if net > 0 and theirs <= -net and leg.side.sign < 0:
                # Two exits overlapped and somebody else's short stood behind ours: reduce-only cannot tell them apart.
                self._evidence.limits["I1 beside a foreign short"] += 1
            elif net * leg.side.sign < 0 and any(
                note.intent.client_order_id in self._blind for note in run.leg_orders(leg.key)
            ):
                self._evidence.limits["I1 beside another run, with nothing to be read"] += 1
            elif self._is_overclosed(run, leg, net):
                self.overclosed.add((run_id, row.symbol))
            elif not 0 <= net * leg.side.sign <= leg.quantity:
                self._evidence.report("I1", f"{row.symbol}: our orders have made {net}, configured {leg.quantity}")
            if run.finished is not None:
                self._evidence.report("CT1", f"{row.symbol}: {row.side} {row.size} filled after the run was done")

    def _is_overclosed(self, run: RunNote, leg: LegTerms, net: int) -> bool:
        """Whether closing orders that rest at the exchange have closed what another run held, or another run and a person: by reduce-only
        alone, nobody can keep them from it."""
        account = self._evidence.world.venue.account
        filled = (
            order for order in account.orders.values() if order.client_order_id in run.orders and order.filled_size
        )
        rested = any(run.orders[order.client_order_id or ""].intent.purpose is Purpose.CLOSE for order in filled)
        others = (one for one in self._evidence.notes.unresolved() if one is not run)
        theirs = sum(max(self.held(one, leg.symbol) * leg.side.sign, 0) for one in others) + self._moved(run, leg)
        his = max(self._evidence.world.venue.human_net.get(leg.symbol, 0) * leg.side.sign, 0)
        return bool(run.ticket) and rested and theirs > 0 and 0 < -net * leg.side.sign <= theirs + his

    def _moved(self, run: RunNote, leg: LegTerms) -> int:
        """Contracts of it that are booked with another run already."""
        return -sum(one.quantity for one in run.moved if one.leg == leg.key)


def _since_filled(orders: list[OrderNote]) -> int:
    """How many orders in a row have not filled whole."""
    count = 0
    for order in orders:
        count = 0 if max(order.filled, order.reported) >= order.intent.quantity else count + 1
    return count
