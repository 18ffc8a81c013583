"""TK1–TK6: single orders. TK1 no entry goes out after its cancel. TK2 a person's price: never beyond the collar towards the market.
TK3 no entry without a read of positions of just now, and one of all open orders within the last minute and since the level changed: what
rests there may be another installation's (I9). TK4 what is held is protected, soon and by no more than is held. TK5 a
ticket that is refused or cancelled holds nothing. TK6 what closing orders of one ticket have closed too much, firing in one instant beside
another, is booked where it was held, and told there.
"""

from trader.domain.order import OrderIntent, OrderStatus, Purpose, Side
from trader.engine import records as rec
from trader.engine.records import LegTerms, Phase
from trader.simulation.evidence import Evidence
from trader.simulation.notes import RunNote
from trader.simulation.ordering import OrderRules
from trader.simulation.shell import Shell

_READ_SECS = 10.5
_ORDERS_SECS = 60.5
_UNHEARD = (OrderStatus.CREATED, OrderStatus.UNKNOWN)
_BARE_SECS = 12.0  # until a protection stands again: a cancel, its confirmation, a refusal, the next try


class TicketRules:
    """By the journal, the exchange's own orders, and prices as they were heard."""

    def __init__(self, evidence: Evidence, orders: OrderRules) -> None:
        self._evidence = evidence
        self._orders = orders
        self._since: dict[str, float] = {}  # tickets that have closed more than they had, until it is booked
        self._untold: dict[str, float] = {}  # runs of which another's order closed something, until it is told
        self._bare: dict[tuple[str, str], float] = {}  # (ticket, protection): since when it does not stand
        self._troubled = 0.0  # when requests last failed

    def before(self, record: rec.AnyRecord) -> None:
        run = self._evidence.notes.runs.get(record.run_id)
        if run is None or not run.ticket:
            return
        match record:
            case rec.OrderIntended(intent=intent) if record.cause != "recovery" and intent.purpose is Purpose.ENTRY:
                self._check_entry(run, intent)
            case rec.ClosingMoved(quantity=quantity) if quantity > 0:
                self._untold[run.run_id] = self._evidence.secs
                self._check_moved(run, run.leg(record.leg))
            case rec.AlertRaised(code="overclosed"):
                self._untold.pop(run.run_id, None)
            case rec.RunFinished(exit_reason="refused" | "cancelled"):
                if any(run.net(leg.key) for leg in run.legs):
                    self._evidence.report("TK5", f"ticket {run.run_id} ends {record.exit_reason} and holds something")
            case _:
                pass

    def _check_entry(self, run: RunNote, intent: OrderIntent) -> None:
        coid, secs = intent.client_order_id, self._evidence.secs
        if run.cancel_secs is not None:
            self._evidence.report("TK1", f"{coid} goes out after the ticket was cancelled")
        if self._evidence.is_late():
            return
        shell = self._evidence.world.current
        read = None if shell is None else max(shell.holdings_heard.values(), default=None)
        if not run.orders and (read is None or secs - read > _READ_SECS):
            self._evidence.report("TK3", f"{coid} goes out, positions were read at {read}")
        if not run.orders and shell is not None and not self._knows_orders(shell):
            self._evidence.report("TK3", f"{coid} goes out, all open orders were read at {shell.orders_heard}")
        price, leg = intent.limit_price, run.leg(intent.leg)
        if price is None or intent.stop is not None:
            return
        marks = self._evidence.heard.recent_marks(intent.symbol)
        sign = 1 if intent.side is Side.BUY else -1
        share = 20 if run.is_perpetual else 5
        if not any((price - mark) * sign <= max(mark / share, 5 * leg.tick_size) for mark in marks):
            self._evidence.report("TK2", f"{coid}: price {price} is beyond the collar of {marks[-3:]}")

    def _knows_orders(self, shell: Shell) -> bool:
        secs, told = self._evidence.secs, shell.orders_heard
        return (
            told >= max(self._evidence.notes.level_secs, shell.booted_at) and secs - shell.orders_began <= _ORDERS_SECS
        )

    def at_the_end(self) -> None:
        """TK6."""
        for run_id in self._untold:
            self._evidence.report("TK6", f"what was closed of {run_id} by another's order is told nowhere", run_id)
        for run in self._evidence.notes.runs.values():
            for leg in run.legs if run.ticket else ():
                self._check_overclosed(run, leg)

    def _check_overclosed(self, run: RunNote, leg: LegTerms) -> None:
        held = run.net(leg.key) * leg.side.sign
        if held < 0 and not self._is_of_a_person(leg):
            self._evidence.report("TK6", f"{leg.symbol}: ticket {run.run_id} has {held}", f"{run.run_id} {leg.key}")

    def _is_owed(self, run: RunNote, symbol: str) -> bool:
        """Whether it is still to be booked: not what the next slice of its entry has made good, which nobody else is short of."""
        leg = next(leg for leg in run.legs if leg.symbol == symbol)
        booked = any(one.symbol == symbol for one in run.moved)
        return not booked and run.net(leg.key) * leg.side.sign < 0 and not self._is_of_a_person(leg)

    def _is_of_a_person(self, leg: LegTerms, *, own_only: bool = False) -> bool:
        """Whether what tickets have closed too much was a person's: of a contract that he holds too, his part is short first, as ever,
        and trading halts (I1). `own_only`: of what their own orders have closed, wherever it is booked."""
        runs = [run for run in self._evidence.notes.runs.values() if run.ticket]
        legs = [(run, one) for run in runs for one in run.legs if one.symbol == leg.symbol]
        held = [run.net(one.key, own_only=own_only) * leg.side.sign for run, one in legs]
        his = self._evidence.world.venue.human_net.get(leg.symbol, 0) * leg.side.sign
        return -sum(min(size, 0) for size in held) <= his

    def _check_moved(self, run: RunNote, leg: LegTerms) -> None:
        """Where the exchange has closed contracts by itself, whose they were is a guess."""
        world = self._evidence.world
        if not world.venue.human_net.get(leg.symbol) or leg.symbol in world.venue.own_doing:
            return
        desks = {coid for one in self._evidence.notes.runs.values() for coid in one.orders}
        fills = (row for row in world.venue.account.fills if row.symbol == leg.symbol)
        traded = max(row.created_at for row in fills if row.client_order_id not in desks)
        calm = self._evidence.secs - (traded - world.agenda.start).total_seconds()
        if calm > _BARE_SECS and self._is_of_a_person(leg, own_only=True):
            self._evidence.report("TK6", f"{leg.symbol}: what a person had is booked as closed of ticket {run.run_id}")

    def every_second(self, healthy: float) -> None:
        """TK4 and TK6. The seconds count from when requests last failed: what had to be read could not be before."""
        if self._is_troubled():
            self._troubled = self._evidence.secs
        healthy = min(healthy, self._evidence.secs - self._troubled)
        for run_id, symbol in self._orders.overclosed:
            run = self._evidence.notes.runs.get(run_id)
            if run is None or not self._is_owed(run, symbol):
                self._since.pop(run_id, None)
                continue
            lasting = min(self._evidence.secs - self._since.setdefault(run_id, self._evidence.secs), healthy)
            if lasting > _BARE_SECS:
                text = f"{symbol}: ticket {run_id} has closed more than it had, and it is booked nowhere"
                self._evidence.report("TK6", text, run_id)
        venue, secs = self._evidence.world.venue, self._evidence.secs
        standing: dict[str, int] = {}
        for order in venue.account.live_orders:
            standing[order.client_order_id or ""] = order.unfilled_size
        for run in self._evidence.notes.unresolved():
            if not run.ticket or run.phase is not Phase.HOLDING:
                continue
            leg = run.legs[0]
            held = run.net(leg.key) * leg.side.sign
            for name, field in (("L", "stop_loss"), ("G", "take_profit")):
                rests = sum(standing.get(coid, 0) for coid, note in run.orders.items() if note.intent.closing == name)
                wanted = held if run.ticket.get(field) is not None else 0
                key = (run.run_id, name)
                seen = abs(run.positions.get(leg.symbol, held))  # a person may have closed a part of it, or all
                if rests == wanted or rests == min(wanted, seen) or self._is_refused(run, name):
                    self._bare.pop(key, None)
                elif min(secs - self._bare.setdefault(key, secs), healthy) > _BARE_SECS:
                    text = f"{leg.symbol}: {held} held, {rests} of its {field.replace('_', ' ')} rest"
                    self._evidence.report("TK4", text, f"{run.run_id} {name}")

    def _is_refused(self, run: RunNote, name: str) -> bool:
        """Whether the exchange refuses the protection, which is tried again ever more slowly, and a person is called; or one of which
        nobody has heard may stand there: it is looked for before another goes out."""
        own = [note for note in run.orders.values() if note.intent.closing == name]
        return bool(own) and (own[-1].status == "rejected" or any(note.status in _UNHEARD for note in own))

    def _is_troubled(self) -> bool:
        """Whether requests fail just now."""
        return self._evidence.world.faults.active and bool(self._evidence.world.plan.rates)
