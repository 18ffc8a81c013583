"""The last check before the wire: a fenced, halted or overtaken runner sends nothing that it may not."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.journal.samples_of_records import intent
from trader.domain.clock import Now
from trader.domain.order import OrderIntent, Purpose
from trader.domain.outcome import Outcome, Rejected, Unknown
from trader.engine.effects import ReadAccount, ReadChain, Submit
from trader.engine.events import AccountRead, AnyEvent, ChainRead, SubmitAnswered
from trader.runner.dispatcher import Dispatcher

ENTRY = intent("run-1", "sdaaaa-1")
EXIT = replace(ENTRY, purpose=Purpose.EXIT, reduce_only=True)
T0 = datetime(2026, 6, 1, tzinfo=UTC)


class Wire:
    """Remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[OrderIntent] = []

    def submit(self, order: OrderIntent) -> Outcome:
        self.sent.append(order)
        return Unknown("no answer in this test")


def send(order: OrderIntent, *, delay_secs: float = 0.0, **rules: Any) -> tuple[Wire, Outcome]:
    """Hand one order to a dispatcher whose clock moves by `delay_secs` between the release and the worker's turn."""
    wire, answered = Wire(), threading.Event()
    answers: list[AnyEvent] = []
    readings = iter([T0])

    def now() -> Now:
        return Now(next(readings, T0 + timedelta(seconds=delay_secs)), None)

    def post(event: AnyEvent) -> None:
        answers.append(event)
        answered.set()

    dispatcher = Dispatcher(wire, post, now, **{"may_send": lambda: True, **rules})  # type: ignore[arg-type]
    dispatcher.perform(Submit(order))
    assert answered.wait(5)
    dispatcher.close()
    assert isinstance(answers[0], SubmitAnswered)
    return wire, answers[0].outcome


@pytest.mark.parametrize("order", [ENTRY, EXIT])
def test_a_runner_that_lost_its_lease_sends_nothing(order: OrderIntent) -> None:
    wire, outcome = send(order, may_send=lambda: False)
    assert wire.sent == [] and isinstance(outcome, Rejected) and outcome.code == "not_sent"


def test_a_halt_stops_entries_and_no_exit() -> None:
    wire, outcome = send(ENTRY, halted=lambda: "Trading is halted")
    assert wire.sent == [] and outcome == Rejected("halted", "Trading is halted")
    wire, _ = send(EXIT, halted=lambda: "Trading is halted")
    assert wire.sent == [EXIT]


@pytest.mark.parametrize("order", [ENTRY, EXIT])
def test_an_intent_that_waited_too_long_goes_out_only_while_the_journal_says_we_hold_the_account(
    order: OrderIntent,
) -> None:
    wire, _ = send(order, delay_secs=60, holds=lambda _: False)
    assert wire.sent == []
    wire, _ = send(order, delay_secs=60, holds=lambda _: True)
    assert wire.sent == [order]


def test_a_fresh_intent_does_not_ask_the_journal() -> None:
    def never(_: Submit) -> bool:
        raise AssertionError("asked")

    wire, _ = send(ENTRY, delay_secs=0.9, holds=never)
    assert wire.sent == [ENTRY]


class Unreadable:
    """A gateway whose reads end in an error of our own."""

    def __getattr__(self, verb: str) -> Any:
        raise TypeError(f"{verb} is broken")


@pytest.mark.parametrize(
    "effect",
    [
        ReadAccount(run_id="run-1", underlying="BTC", product_ids=(1,), since=T0),
        ReadChain(run_id="run-1", underlying="BTC"),
    ],
)
def test_a_reader_that_dies_says_so_and_is_not_waited_for(effect: ReadAccount | ReadChain) -> None:
    answered = threading.Event()
    answers: list[AnyEvent] = []

    def post(event: AnyEvent) -> None:
        answers.append(event)
        answered.set()

    dispatcher = Dispatcher(Unreadable(), post, lambda: Now(T0, None), lambda: True)  # type: ignore[arg-type]
    dispatcher.perform(effect)
    assert answered.wait(5)
    dispatcher.close()
    assert isinstance(answers[0], AccountRead | ChainRead)
    assert answers[0].run_id == "run-1" and answers[0].error
