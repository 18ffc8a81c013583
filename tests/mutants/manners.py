"""Defects in what the exchange asks of its clients: to wait when it says so, and to sign by its clock."""

import time
from typing import Any

from tests.exchange.scripted_http import Answer, Request, success
from tests.mutants.adapters import ENTRY, EXIT, asking, order_row
from tests.mutants.mutant import Mutant, named
from tests.mutants.tools import Patch, everywhere
from trader.domain.errors import RateLimited
from trader.domain.outcome import Ok, Rejected, Unknown
from trader.exchange.common import outcomes
from trader.exchange.common.budget import Priority, RateBudget
from trader.exchange.common.clock_offset import ClockOffset

LIMITED = Answer(status=429, body={}, headers={"X-RATE-LIMIT-RESET": "60000"})


# ---------------------------------------------------------------- checks


def after_a_429_only_exits_and_their_reads_leave() -> None:
    """An entry is turned away by a 429: it was not processed. Until the reset a read that can wait stays here; an exit and
    the read it needs go out."""
    answers = iter([LIMITED, success(order_row(EXIT)), success([])])
    with asking(lambda _: next(answers)) as (gateway, server):
        turned_away, exit_ = gateway.submit(ENTRY), gateway.submit(EXIT)
        try:
            waited = gateway.open_orders()
        except RateLimited:
            waited = None
        assert waited is None, "a read that can wait was sent before the reset"
        assert gateway.for_exit().open_orders() == []
    assert isinstance(turned_away, Rejected), f"a 429 became {turned_away}"
    assert isinstance(exit_, Ok) and len(server.requests) == 3


def a_refused_signature_is_signed_by_the_time_it_names() -> None:
    """The exchange's clock is 9 s ahead and only its refusal says so."""

    def strict(request: Request) -> Answer:
        now = int(time.time()) + 9
        if abs(int(request.headers["timestamp"]) - now) > 5:
            return Answer(status=401, body={"error": "SignatureExpired", "server_time": now})
        return success(order_row(EXIT))

    with asking(strict) as (gateway, server):
        outcome = gateway.submit(EXIT)
    assert isinstance(outcome, Ok) and len(server.requests) == 2, f"{outcome} after {len(server.requests)} requests"


# ---------------------------------------------------------------- defects


def own_reads_go_on(patch: Patch) -> None:
    real = RateBudget._check

    def check(self: RateBudget, weight: int, priority: Priority, now: float) -> None:
        if priority is not Priority.OWN:
            real(self, weight, priority, now)

    patch.setattr(RateBudget, "_check", check)


def a_429_is_a_lost_answer(patch: Patch) -> None:
    real = outcomes.outcome_of

    def outcome_of(send: Any, what: str) -> Any:
        outcome = real(send, what)
        if isinstance(outcome, Rejected) and outcome.code == outcomes.RATE_LIMITED:
            return Unknown(outcome.message)
        return outcome

    everywhere(patch, real, outcome_of)


def the_date_header_alone_teaches(patch: Patch) -> None:
    patch.setattr(ClockOffset, "learn_refusal", lambda self, body, **_: None)


MUTANTS = [
    Mutant(
        name="M60b",
        defect="Reads of the account go on before the reset of a 429",
        patched="`RateBudget` lets reads of the own account pass",
        patch=own_reads_go_on,
        check=named("I11", after_a_429_only_exits_and_their_reads_leave),
    ),
    Mutant(
        name="M60c",
        defect="A 429 in answer to an order counts as a lost answer",
        patched="`outcome_of` says UNKNOWN",
        patch=a_429_is_a_lost_answer,
        check=named("I11", after_a_429_only_exits_and_their_reads_leave),
    ),
    Mutant(
        name="M60d",
        defect="The exchange's clock is learned from the Date header alone",
        patched="`ClockOffset.learn_refusal` does nothing",
        patch=the_date_header_alone_teaches,
        check=named("CT6", a_refused_signature_is_signed_by_the_time_it_names),
    ),
]
