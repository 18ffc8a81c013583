"""The last check before the wire: a fenced, halted or overtaken runner sends nothing that it may not."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.journal.samples_of_records import intent
from trader.domain.clock import Now
from trader.domain.order import OrderIntent, Purpose
from trader.domain.outcome import Outcome, Rejected, Unknown, not_sent
from trader.engine.effects import ReadAccount, ReadChain, SetLeverage, Submit
from trader.engine.events import AccountRead, AnyEvent, ChainRead, LeverageAnswered, SubmitAnswered
from trader.engine.state import State
from trader.runner.dispatcher import Dispatcher, Instant
from trader.runner.notices import Note
from trader.runner.release import Release

LEVERAGE = SetLeverage(run_id="run-1", product_id=27, leverage=Decimal(5))
ENTRY = intent("run-1", "sdaaaa-1")
EXIT = replace(ENTRY, purpose=Purpose.EXIT, reduce_only=True)
T0 = datetime(2026, 6, 1, tzinfo=UTC)


class Wire:
    """Remembers what was sent, and with which instant. `queued_secs` pass before it is signed."""

    def __init__(self, clocks: "Clocks", queued_secs: float) -> None:
        self.sent: list[OrderIntent] = []
        self.signed: list[float] = []
        self._clocks = clocks
        self._queued = queued_secs

    def submit(self, order: OrderIntent, *, may_sign: Any) -> Outcome:
        self._clocks.wall += self._queued
        self._clocks.boot += self._queued
        at = self._clocks.wall
        if why_not := may_sign(at):
            return not_sent(why_not)
        self.signed.append(at)
        self.sent.append(order)
        return Unknown("no answer in this test")


class Clocks:
    """The machine's two clocks as far as a test moves them between the release (first reading) and the worker's turn."""

    def __init__(self, wall_secs: float, boot_secs: float) -> None:
        self.wall = self.boot = 1000.0
        self._moves = [(wall_secs, boot_secs)]

    def __call__(self) -> Instant:
        read = Instant(self.wall, self.boot)
        if self._moves:
            wall, boot = self._moves.pop()
            self.wall += wall
            self.boot += boot
        return read


def release(
    *,
    fenced: bool = False,
    refused: Callable[[], str] = lambda: "",
    halted: Callable[[], str] = lambda: "",
    holds: Callable[[], bool] = lambda: True,
) -> Release:
    """The last look, with these answers to what it asks; `refused` stands for the engine's state."""

    class Asked(Release):
        def overtaken(self, _: OrderIntent) -> str:
            return refused()

    made = Asked(state=lambda: State(), now=lambda: Now(T0, None), halted=halted, holds=holds)
    made.fenced = fenced
    return made


def send(
    order: OrderIntent,
    *,
    delay_secs: float = 0.0,
    wall_secs: float | None = None,
    queued_secs: float = 0.0,
    **rules: Any,
) -> tuple[Wire, Outcome]:
    """Hand one order to a dispatcher whose clocks move by `delay_secs` between the release and the worker's turn (the wall
    clock by `wall_secs`, where that is given), and by `queued_secs` until the gateway signs."""
    clocks = Clocks(delay_secs if wall_secs is None else wall_secs, delay_secs)
    wire, answered = Wire(clocks, queued_secs), threading.Event()
    answers: list[AnyEvent] = []

    def now() -> Now:
        return Now(T0, None)

    def post(event: AnyEvent) -> None:
        answers.append(event)
        answered.set()

    dispatcher = Dispatcher(wire, post, now, release(**rules), clocks=clocks)  # type: ignore[arg-type]
    dispatcher.perform(Submit(order))
    assert answered.wait(30)
    dispatcher.close()
    assert isinstance(answers[0], SubmitAnswered)
    return wire, answers[0].outcome


@pytest.mark.parametrize("order", [ENTRY, EXIT])
def test_a_runner_that_lost_its_lease_sends_nothing(order: OrderIntent) -> None:
    wire, outcome = send(order, fenced=True)
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
    wire, _ = send(order, delay_secs=60, holds=lambda: False)
    assert wire.sent == []
    wire, _ = send(order, delay_secs=4, holds=lambda: True)
    assert wire.sent == [order]


@pytest.mark.parametrize("waits", [{"delay_secs": 60}, {"queued_secs": 60}, {"wall_secs": -3600}])
def test_an_entry_priced_long_ago_is_decided_anew_while_an_exit_leaves(waits: dict[str, float]) -> None:
    wire, outcome = send(ENTRY, **waits, holds=lambda: True)
    assert wire.sent == [] and isinstance(outcome, Rejected) and outcome.code == "not_sent"
    wire, _ = send(EXIT, **waits, holds=lambda: True)
    assert wire.sent == [EXIT]


def test_a_fresh_intent_does_not_ask_the_journal() -> None:
    def never() -> bool:
        raise AssertionError("asked")

    wire, _ = send(ENTRY, delay_secs=0.9, holds=never)
    assert wire.sent == [ENTRY]


@pytest.mark.parametrize(
    ("moved", "case"),
    [
        ({"delay_secs": 0.0, "wall_secs": 60.0}, "the wall clock was set forward"),
        ({"delay_secs": 0.0, "wall_secs": -3600.0}, "the wall clock was set back"),
        ({"delay_secs": 60.0, "wall_secs": 0.0}, "the machine slept, and the wall clock was set back by as much"),
        ({"queued_secs": 2.0}, "it queued inside the gateway, after the first look"),
    ],
)
def test_either_clock_and_every_queue_before_the_signature_count(moved: dict[str, float], case: str) -> None:
    wire, outcome = send(EXIT, holds=lambda: False, **moved)  # type: ignore[arg-type]
    assert wire.sent == [] and isinstance(outcome, Rejected), case
    wire, _ = send(EXIT, holds=lambda: True, **moved)  # type: ignore[arg-type]
    assert wire.sent == [EXIT], case


def test_an_entry_overtaken_by_a_stop_while_it_queued_in_the_gateway_is_not_signed() -> None:
    looks = iter(["", "ENTRY_AFTER_STOP"])
    wire, outcome = send(ENTRY, refused=lambda: next(looks))
    assert wire.sent == [] and outcome == not_sent("ENTRY_AFTER_STOP")


class Unreadable:
    """A gateway whose reads end in an error of our own."""

    def __getattr__(self, verb: str) -> Any:
        raise TypeError(f"{verb} is broken")


@pytest.mark.parametrize(
    "effect",
    [
        ReadAccount(runs=("run-1",), underlyings=("BTC",), product_ids=(1,), since=T0),
        ReadChain(run_id="run-1", underlying="BTC"),
    ],
)
def test_a_reader_that_dies_says_so_and_is_not_waited_for(effect: ReadAccount | ReadChain) -> None:
    answered, reported = threading.Event(), threading.Event()
    answers: list[AnyEvent] = []

    def post(event: AnyEvent) -> None:
        answers.append(event)
        answered.set()

    told: list[Note] = []
    dispatcher = Dispatcher(
        Unreadable(),  # type: ignore[arg-type]
        post,
        lambda: Now(T0, None),
        release(),
        report=lambda note: (told.append(note), reported.set()),  # type: ignore[func-returns-value]
    )
    dispatcher.perform(effect)
    assert answered.wait(30) and reported.wait(30)
    assert isinstance(answers[0], AccountRead | ChainRead)
    runs = (answers[0].run_id,) if isinstance(answers[0], ChainRead) else answers[0].runs
    assert runs == ("run-1",) and answers[0].error
    assert told[0].level == "error" and "TypeError" in told[0].text
    for _ in range(3):  # and the workers are all still there
        reported.clear()
        dispatcher.perform(effect)
        assert reported.wait(30)
    dispatcher.close()


class Leverages(Wire):
    """Remembers what leverage was set."""

    answer: Rejected | Unknown | None = None

    def set_leverage(self, product_id: int, leverage: Decimal) -> Rejected | Unknown | None:
        self.signed.append(float(leverage))
        return self.answer


def set_leverage(
    effect: SetLeverage, answer: Rejected | Unknown | None = None, **rules: Any
) -> tuple[list[float], Any]:
    """Hand one change of leverage to a dispatcher: what left, and how it ended."""
    clocks = Clocks(rules.pop("delay_secs", 0.0), 0.0)
    wire, answered, answers = Leverages(clocks, 0.0), threading.Event(), []
    wire.answer = answer

    def post(event: AnyEvent) -> None:
        answers.append(event)
        answered.set()

    last_look = release(**rules)
    last_look._state = lambda: State(installation="i", epoch=1, env="paper", account_key="paper")
    dispatcher = Dispatcher(wire, post, lambda: Now(T0, None), last_look, clocks=clocks)  # type: ignore[arg-type]
    dispatcher.perform(effect)
    assert answered.wait(30)
    dispatcher.close()
    [event] = answers
    assert isinstance(event, LeverageAnswered) and (event.run_id, event.product_id) == ("run-1", 27)
    return wire.signed, event.ended


@pytest.mark.parametrize("answer", [None, Unknown("timeout"), Rejected("max_leverage_exceeded")])
def test_leverage_is_set_and_its_end_told(answer: Rejected | Unknown | None) -> None:
    assert set_leverage(LEVERAGE, answer) == ([5.0], answer)


@pytest.mark.parametrize(
    ("effect", "rules", "words"),
    [
        (LEVERAGE, {"fenced": True}, "no longer holds"),
        (LEVERAGE, {"halted": lambda: "Trading is halted"}, "halted"),
        (LEVERAGE, {"delay_secs": 60, "holds": lambda: True}, "decided 60 s ago"),
        (replace(LEVERAGE, leverage=Decimal(201)), {}, "leverage 201 is above leverage_most of 5"),
    ],
)
def test_leverage_is_held_back_as_an_entry_is(effect: SetLeverage, rules: dict[str, Any], words: str) -> None:
    sent, ended = set_leverage(effect, **rules)
    assert sent == [] and isinstance(ended, Rejected) and words in ended.message
