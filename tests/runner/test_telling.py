"""What the runner tells: how it came to be here, what it found; repeated until acknowledged, bounded in number."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.journal import samples_of_records as s
from trader.domain.clock import Now
from trader.domain.fill import Position
from trader.engine.events import AccountRead
from trader.engine.fold import fold
from trader.engine.state import State
from trader.journal.commands import CommandRow
from trader.journal.lease import RELEASED, Lease
from trader.journal.views import AlertRow, RunSummary
from trader.runner import restart_notes
from trader.runner.notices import Note, NoteGate
from trader.runner.reminders import Nagger
from trader.runner.steady_clock import SteadyClock

T0 = datetime(2026, 6, 1, 5, 11, 7, tzinfo=UTC)  # 10:41:07 IST


def lease(holder: str = "a", *, pid: int = 11, epoch: int = 2, at: datetime = T0, host: str = "process") -> Lease:
    return Lease(
        account="paper",
        holder=holder,
        host=host,
        pid=pid,
        epoch=epoch,
        code_hash="c",
        schema_revision="1",
        ttl_secs=10.0,
        taken_at=at,
        renewed_at=at,
        expires_at=at + timedelta(seconds=10),
    )


def run(phase: str = "holding") -> RunSummary:
    return RunSummary(
        run_id="r1",
        account="paper",
        env="paper",
        preset="default",
        underlying="BTC",
        config_hash="h",
        created_at=T0,
        created_market=None,
        phase=phase,
        legs=(),
        fill_count=0,
    )


NOW = lease("b", pid=22, epoch=3, at=T0 + timedelta(seconds=2))


def test_a_killed_runner_is_told_with_when_it_was_heard_and_when_the_next_began() -> None:
    note = restart_notes.started(lease(), None, [run()], NOW)
    assert note.code == "runner_killed" and note.level == "warning"
    assert "killed" in note.text and "while holding BTC" in note.text
    assert "last heard 10:41:07 IST" in note.text and "Started again at 10:41:09 IST" in note.text


def test_a_death_with_nothing_open_is_no_warning() -> None:
    assert restart_notes.started(lease(), None, [], NOW).level == "info"


@pytest.mark.parametrize(
    ("before", "why", "words"),
    [
        (None, "", "for the first time"),
        (lease(RELEASED), "", "was stopped"),
        (lease("f", host="flatten"), "", "after a flatten"),
        (lease(), "its thread hung for 4 s", "replaced by a new one while holding BTC: its thread hung for 4 s"),
    ],
)
def test_every_other_beginning_has_its_words(before: Lease | None, why: str, words: str) -> None:
    assert words in restart_notes.started(before, None, [run()], NOW, why).text


def held() -> State:
    """One run, whose call is short 10 by our fills."""
    records = s.one_of_each("r1")[:9]
    records = [*records, s.phase("r1", s.r.Phase.HOLDING)]
    empty = State(installation="x", epoch=1, env="paper", account_key="paper")
    return fold(empty, records)


def read(*held: Position) -> AccountRead:
    return AccountRead(at=Now(T0, None), runs=("r1",), asked=T0, positions=held, open_orders=())


def position(symbol: str, quantity: int) -> Position:
    return Position(symbol=symbol, product_id=1, quantity=quantity, entry_price=Decimal(1))


def test_what_was_found_is_told_beside_what_was_recorded() -> None:
    state = held()
    taken_up = state.runs["r1"]
    ours = {leg.symbol: taken_up.open_quantity(leg.key) * leg.side.sign for leg in taken_up.legs}
    read_ = read(*(position(symbol, quantity) for symbol, quantity in ours.items()))
    note = restart_notes.found(state, taken_up, read_)
    assert note.level == "info" and "as recorded" in note.text and "no open orders" in note.text
    assert note.text.endswith("watching.")


def test_a_difference_is_a_warning() -> None:
    state = held()
    note = restart_notes.found(state, state.runs["r1"], read())
    assert note.level == "warning" and "flat (short" in note.text


def alert(seq: int, level: str = "error") -> AlertRow:
    return AlertRow(seq=seq, run_id="", wall=T0, level=level, code="c", text=f"text {seq}")


def ack(seqs: list[int]) -> CommandRow:
    return CommandRow(
        command_id="a",
        account="paper",
        kind="ack",
        issued_at=T0,
        issued_by="cli",
        body={"alerts": seqs},
        status="new",
        detail="",
        updated_at=T0,
    )


def test_critical_alerts_are_repeated_in_one_line_until_acknowledged() -> None:
    clock = [0.0]
    nagger = Nagger(30.0, lambda: clock[0])
    nagger.raised(alert(1, "warning"))
    for seq in range(2, 8):
        nagger.raised(alert(seq))
    assert nagger.due() == ""  # it has just been said
    clock[0] = 30.0
    line = nagger.due()
    assert "6 alerts not acknowledged" in line and "#7 text 7" in line and "and 3 more" in line and "text 1" not in line
    assert nagger.due() == ""
    nagger.acknowledged(1, ack([2, 3, 4, 5, 6]))
    clock[0] = 60.0
    assert nagger.due().startswith("1 alert not acknowledged: #7")
    nagger.acknowledged(2, ack([7]))
    clock[0] = 90.0
    assert nagger.due() == ""


def test_an_alert_acknowledged_before_it_is_remembered_is_not_repeated() -> None:
    clock = [0.0]
    nagger = Nagger(1.0, lambda: clock[0])
    nagger.acknowledged(1, ack([5]))
    nagger.raised(alert(5))
    clock[0] = 9.0
    assert nagger.due() == "" and nagger.open == ()


def test_the_same_trouble_is_recorded_once_a_minute() -> None:
    clock = [0.0]
    gate = NoteGate(lambda: clock[0])
    trouble = Note("error", "worker_failed", "x")
    assert [gate.passes(trouble) for _ in range(100)].count(True) == 1
    assert gate.passes(Note("error", "other", "x")) and gate.passes(Note("info", "worker_failed", "x"))
    clock[0] = 61.0
    assert gate.passes(trouble)


def test_the_steady_clock_ignores_a_clock_that_is_set_until_it_is_told_to_follow() -> None:
    machine = {"wall": T0.timestamp(), "boot": 100.0}
    steady = SteadyClock(lambda: machine["wall"], lambda: machine["boot"])
    machine["wall"] += 3605.0
    machine["boot"] += 5.0
    assert steady() == T0 + timedelta(seconds=5)
    assert steady.stepped and steady.offset_secs == pytest.approx(3600)
    machine_says = datetime.fromtimestamp(machine["wall"], UTC)
    assert steady.from_machine(machine_says) == T0 + timedelta(seconds=5)
    steady.anchor()
    assert not steady.stepped and steady() == machine_says


def test_the_steady_clock_runs_on_while_the_machine_sleeps() -> None:
    machine = {"wall": T0.timestamp(), "boot": 100.0}
    steady = SteadyClock(lambda: machine["wall"], lambda: machine["boot"])
    machine["boot"] += 3600.0
    assert steady() == T0 + timedelta(hours=1)


def test_the_steady_clock_goes_on_from_what_is_on_record_and_never_back_to_it() -> None:
    machine = {"wall": T0.timestamp(), "boot": 100.0}
    steady = SteadyClock(lambda: machine["wall"], lambda: machine["boot"])
    assert steady.not_before(T0 - timedelta(hours=1)) == 0.0 and steady() == T0
    assert steady.not_before(T0 + timedelta(hours=1)) == pytest.approx(3600)
    machine["wall"] += 5.0
    machine["boot"] += 5.0
    assert steady() == T0 + timedelta(hours=1, seconds=5) and steady.stepped
