"""Orders and cancels on their way: signed, lost, late, doubled in doubt, answered. The rule of outcomes is the real one."""

from collections.abc import Callable
from typing import Any

from trader.domain.errors import ExchangeError, NotSent, OutcomeUnknown, RateLimited, WireError
from trader.domain.order import OrderIntent, OrderSnapshot
from trader.domain.outcome import Ok, Outcome, Rejected, Unknown
from trader.engine.effects import Cancel, SetLeverage
from trader.exchange.common.budget import Priority, RateBudget
from trader.exchange.common.outcomes import outcome_of, priority_of
from trader.exchange.delta.http import endpoints as at
from trader.exchange.delta.http.refusal import refused
from trader.simulation.agenda import Agenda
from trader.simulation.faults import Faults
from trader.simulation.gateway import Network
from trader.simulation.venue import SimVenue
from trader.venue.core.refusal import Refused

_DEADLINE_SECS = 5.0
_LATEST_SECS = 10.0  # signed within 5 s, then queued behind the exchange's gateway

Answer = Callable[[Outcome], None]
Visit = Callable[
    [float], Any
]  # what the request does at the exchange; takes the instant it was signed, tells the order


class Wire:
    """Carries requests to the exchange and their fates back."""

    def __init__(self, venue: SimVenue, network: Network, agenda: Agenda, faults: Faults, latency: float) -> None:
        self._venue = venue
        self._network = network
        self._agenda = agenda
        self._faults = faults
        self._latency = latency
        self.in_transit: dict[str, int] = {}  # requests that may still reach the exchange, by client order id

    def send_order(self, intent: OrderIntent, epoch: int, budget: RateBudget, answer: Answer) -> None:
        """Sign now and send."""

        def visit(signed: float) -> OrderSnapshot:
            return self._venue.place(intent, signed, epoch)

        self._send(intent.client_order_id, at.PLACE_ORDER.weight, priority_of(intent.purpose), budget, visit, answer)

    def send_cancel(self, effect: Cancel, epoch: int, budget: RateBudget, answer: Answer) -> None:
        def visit(signed: float) -> OrderSnapshot:
            by_id = effect.venue_order_id is not None
            return self._venue.cancel(
                product_id=effect.product_id,
                client_order_id=None if by_id else effect.client_order_id,
                venue_order_id=effect.venue_order_id,
                signed=signed,
                epoch=epoch,
            )

        self._send("", at.CANCEL_ORDER.weight, Priority.EXIT, budget, visit, answer)

    def send_leverage(
        self, effect: SetLeverage, budget: RateBudget, answer: Callable[[Rejected | Unknown | None], None]
    ) -> None:
        def visit(signed: float) -> None:
            self._venue.set_leverage(effect.product_id, effect.leverage)

        def ended(outcome: Outcome) -> None:
            answer(None if isinstance(outcome, Ok) else outcome)

        weight = at.set_leverage(effect.product_id).weight
        self._send("", weight, Priority.OWN, budget, visit, ended)

    def _send(
        self, coid: str, weight: int, priority: Priority, budget: RateBudget, visit: Visit, answer: Answer
    ) -> None:
        try:
            budget.spend(weight, priority)
        except RateLimited as error:
            answer(_fate(error))
            return
        if self._network.closed:
            self._later(2, answer, _fate(OutcomeUnknown("HTTP 503: maintenance")))
            return
        self._network.check_key()
        if self._network.refused:
            self._later(2, answer, _fate(refused("ip_not_whitelisted_for_api_key", what="order", status=403)))
            return
        hit, signed = self._faults.hit, self._agenda.secs
        if hit("N12"):
            self._later(1, answer, _fate(NotSent("connection refused")))
        elif hit("N1", 2.0):
            quick = self._faults.details("N1").random() < 0.4
            self._agenda.after(0.3 if quick else _DEADLINE_SECS, answer, Unknown("no answer: lost on the way in"))
        elif hit("N3", 4.0):
            delay = self._faults.details("N3").uniform(0.5, _LATEST_SECS)
            self._travel(coid, delay, visit, signed, None)
            self._agenda.after(min(delay + 0.2, _DEADLINE_SECS), answer, Unknown("no answer in time"))
        elif hit("N5"):
            budget.observe_429(self._faults.details("N5").choice(("1500", None, "0", "-1", "abc", "4000")))
            self._later(2, answer, _fate(RateLimited("429", retry_after_secs=1.0)))
        elif hit("N4", 0.5):
            self._later(2, answer, _fate(OutcomeUnknown("HTTP 500, nothing done")))
        elif coid and hit("X10"):
            self._repeat(coid, visit, signed, answer)
        else:
            self._travel(coid, self._latency, visit, signed, answer)

    def _repeat(self, coid: str, visit: Visit, signed: float, answer: Answer) -> None:
        """X10: something on the way sends the request again, and either answer may be the one that is heard."""
        first = self._faults.details("X10").random() < 0.5
        self._travel(coid, self._latency, visit, signed, answer if first else None)
        self._agenda.after(self._latency + 0.001, self._again, coid, visit, signed, None if first else answer)

    def _again(self, coid: str, visit: Visit, signed: float, answer: Answer | None) -> None:
        """The repetition. Where the exchange would make a second order of it nobody on this side could help it, so there it
        is lost and its reply with it: whoever sends again then has two orders."""
        if self._venue.refuses_repeat(coid):
            self._travel(coid, 0.0, visit, signed, answer)
        elif answer is not None:
            self._agenda.after(_DEADLINE_SECS, answer, Unknown("no answer: reply lost"))

    def _later(self, trips: int, answer: Answer, outcome: Outcome) -> None:
        self._agenda.after(trips * self._latency, answer, outcome)

    def _travel(self, coid: str, delay: float, visit: Visit, signed: float, answer: Answer | None) -> None:
        self.in_transit[coid] = self.in_transit.get(coid, 0) + 1
        self._agenda.after(delay, self._arrive, coid, visit, signed, answer)

    def _arrive(self, coid: str, visit: Visit, signed: float, answer: Answer | None) -> None:
        self.in_transit[coid] -= 1
        if not self.in_transit[coid]:
            del self.in_transit[coid]
        outcome: Outcome
        try:
            outcome = Ok(visit(signed))
        except Refused as refusal:
            outcome = _fate(refused(refusal.code, what="order", status=refusal.status))
        if answer is None:
            return
        if self._faults.hit("N2", 2.0):
            quick = self._faults.details("N2").random() < 0.4
            self._agenda.after(0.3 if quick else _DEADLINE_SECS, answer, Unknown("no answer: reply lost"))
        elif self._faults.hit("N4", 0.5):
            self._later(1, answer, _fate(OutcomeUnknown("HTTP 502, done")))
        elif self._faults.hit("N7"):
            self._later(1, answer, _fate(WireError("unreadable answer")))
        else:
            self._later(1, answer, outcome)


def _fate(error: ExchangeError) -> Outcome:
    """The outcome by the real rule."""

    def fail() -> Outcome:
        raise error

    return outcome_of(fail, "simulated")
