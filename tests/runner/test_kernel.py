"""The kernel alone: what is on disk before what leaves, what is decided again when nothing can be written, what is kept."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.engine import scene as stage
from tests.engine.tickets import stage as tickets
from trader.domain.clock import Now
from trader.domain.outcome import Ok
from trader.engine import events as ev
from trader.engine.effects import Submit
from trader.engine.records import (
    AlertRaised,
    AnyRecord,
    Level,
    LevelChanged,
    OperatorLevel,
    OrderIntended,
    OrderResolved,
    StopRequested,
)
from trader.engine.state import State
from trader.engine.step import step
from trader.journal.commands import CommandMark
from trader.runner.kernel import Kernel, Request


class Host:
    """A recorder and workers that write down the order in which they are used."""

    def __init__(self, scene: stage.Scene) -> None:
        self.now = scene.now
        self.fault = ""
        self.full = False
        self.doubtful = False
        self.done: list[object] = []
        self.halts: list[str] = []
        self.marks: list[CommandMark] = []
        self.kernel = Kernel(scene.state, self, self.perform, keep_halt=self.halts.append, recorded=self.recorded)

    def commit(self, records: Sequence[AnyRecord], mark: CommandMark | None) -> bool:
        if self.full and not self.fault:
            self.fault = "disk full"
            return False
        self.fault = "who knows" if self.doubtful else self.fault
        self.done += records
        self.marks += [mark] if mark is not None else []
        return not self.fault or self.doubtful

    def perform(self, request: Request) -> None:
        self.done.append(request)

    def recorded(self, records: Sequence[AnyRecord], _: object) -> None:
        self.done.append(len(records))

    def stop(self) -> None:
        self.kernel.apply(ev.StopCommand(at=self.now, command_id="c1", run_id=None, issued_by="asha"))

    def kill(self) -> None:
        self.kernel.apply(
            ev.LevelCommand(at=self.now, command_id="c2", level=OperatorLevel.KILL, issued_by="asha", reason="enough")
        )

    def places(self, kind: type) -> list[int]:
        return [place for place, done in enumerate(self.done) if isinstance(done, kind)]


@pytest.fixture
def host() -> Host:
    return Host(stage.holding())


def test_every_record_of_a_step_is_committed_before_anything_leaves(host: Host) -> None:
    host.stop()
    assert host.places(Submit) and max(host.places(OrderIntended)) < min(host.places(Submit))
    assert [mark.status for mark in host.marks] == ["accepted"]
    assert isinstance(host.done[-1], int), "who is told of records hears of them last"


def test_when_nothing_can_be_written_it_is_decided_again_and_exits_leave_all_the_same(host: Host) -> None:
    host.full = True
    host.stop()
    assert host.kernel.state.journal_fault == "disk full"
    stopped = [done for done in host.done if isinstance(done, StopRequested)]
    assert len(stopped) == 1 and len(host.places(Submit)) == 2


def test_a_commit_whose_fate_is_unknown_is_gone_by_and_no_new_risk_follows(host: Host) -> None:
    host.doubtful = True
    host.stop()
    assert len(host.places(Submit)) == 2
    assert host.kernel.state.journal_fault == "who knows"


def test_a_halt_that_cannot_be_recorded_is_kept(host: Host) -> None:
    host.kill()
    assert host.halts == []
    degraded = Host(stage.holding())
    degraded.full = True
    degraded.kill()
    assert degraded.halts == ["enough"]
    assert [done.level for done in degraded.done if isinstance(done, LevelChanged)] == [Level.HALTED]


def test_a_step_that_asks_for_nothing_moves_the_state_and_writes_nothing(host: Host) -> None:
    at = Now(host.now.wall + timedelta(milliseconds=1), host.now.market)
    before = host.kernel.state
    host.kernel.apply(ev.MarketMoved(at=at, quotes=(), newest=stage.OPENING))
    assert host.done == [] and host.kernel.state is not before


def test_a_record_that_no_step_has_made_is_folded_in_and_told_to_the_engine_when_it_cannot_be_written(
    host: Host,
) -> None:
    note = AlertRaised(run_id="", wall=host.now.wall, market=None, cause="recovery", level="info", code="x", text="y")
    host.full = True
    host.kernel.write(note, host.now)
    assert host.kernel.state.journal_fault == "disk full" and host.done[-1] == note


def answered(quantity: int = 3) -> tuple[Host, list[ev.SubmitAnswered]]:
    """A list of single orders that has gone out, and what the exchange says to it."""
    scene = tickets.Stage()
    scene.order(*[tickets.buy(quantity=1, limit_price=str(95_000 + place)) for place in range(quantity)])
    answers = [Ok(scene.exchange.accept(intent)) for intent in scene.submits()]
    host = Host(scene)
    return host, [
        ev.SubmitAnswered(at=host.now, client_order_id=str(one.order.client_order_id), outcome=one) for one in answers
    ]


def test_what_is_told_of_several_orders_is_one_commit_and_the_same_as_told_one_by_one() -> None:
    host, events = answered()
    alone, _ = answered()
    assert host.kernel.apply_some(events) == len(events) == 3
    for event in events:
        alone.kernel.apply(event)
    assert [one for one in host.done if isinstance(one, int)] == [3]
    kept, told_alone = ([one for one in done if not isinstance(one, int)] for done in (host.done, alone.done))
    assert kept == told_alone and host.kernel.state == alone.kernel.state


def test_a_step_that_fails_holds_back_none_of_those_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    host, events = answered()

    def failing(state: State, event: ev.AnyEvent) -> object:
        if event is events[2]:
            raise ValueError("odd")
        return step(state, event)

    monkeypatch.setattr("trader.runner.kernel.step", failing)
    assert host.kernel.apply_some(events) == 2
    assert len(host.places(OrderResolved)) == 2
    with pytest.raises(ValueError, match="odd"):
        host.kernel.apply_some(events[2:])


def test_several_events_that_cannot_be_written_are_each_decided_again() -> None:
    host, events = answered()
    host.full = True
    assert host.kernel.apply_some(events) == 3
    assert host.kernel.state.journal_fault == "disk full"
    assert [len(run.live_orders()) for run in host.kernel.state.unresolved] == [1, 1, 1]
    assert len(host.places(OrderResolved)) == 3
