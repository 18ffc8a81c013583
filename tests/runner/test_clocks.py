"""The exchange's time as the runner carries it on, while the machine's clock is set (V1)."""

from datetime import UTC, datetime, timedelta

import pytest

from trader.runner.clocks import Clocks
from trader.runner.steady_clock import SteadyClock

BEGAN = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)
PACE = 30  # market seconds per second of the wall


class Machine:
    """A wall clock that can be set, and one since boot that cannot."""

    def __init__(self) -> None:
        self.boot = 1000.0
        self.set_by = 0.0

    def wall(self) -> float:
        return BEGAN.timestamp() - 1000.0 + self.boot + self.set_by

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.wall(), UTC)

    def market(self) -> datetime:
        return BEGAN + timedelta(seconds=(self.boot - 1000.0) * PACE)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clocks(machine: Machine) -> Clocks:
    """Taught by messages for three seconds."""
    made = Clocks(SteadyClock(machine.wall, lambda: machine.boot))
    for _ in range(30):
        machine.boot += 0.1
        made.observe(machine.market(), machine.now())
    return made


def wrong_by(clocks: Clocks, machine: Machine) -> float:
    """Market seconds that the clocks are off."""
    told = clocks.now().market
    assert told is not None
    return abs((told - machine.market()).total_seconds())


@pytest.mark.parametrize("set_by", [3600.0, -3600.0, 86_400.0, 7.0])
def test_a_message_heard_before_the_machine_was_set_and_taken_after_it_moves_the_market_nowhere(
    set_by: float, clocks: Clocks, machine: Machine
) -> None:
    machine.boot += 0.1
    stamp, heard = machine.market(), machine.now()
    machine.boot += 0.05
    machine.set_by = set_by
    clocks.observe(stamp, heard)
    assert wrong_by(clocks, machine) <= 0.1 * PACE + 0.001
    machine.boot += 5
    assert wrong_by(clocks, machine) <= 0.1 * PACE + 5.0


@pytest.mark.parametrize("set_by", [3600.0, -3600.0])
def test_nor_does_one_that_is_taken_after_the_machine_was_believed(
    set_by: float, clocks: Clocks, machine: Machine
) -> None:
    machine.boot += 0.1
    stamp, heard = machine.market(), machine.now()
    machine.set_by = set_by
    assert clocks.believe_machine() == pytest.approx(set_by, abs=0.2)
    clocks.observe(stamp, heard)
    assert wrong_by(clocks, machine) <= 0.1 * PACE
    machine.boot += 0.5
    assert wrong_by(clocks, machine) <= 0.6 * PACE  # the pace is learned again


def test_a_message_taken_late_is_dated_when_it_was_heard(clocks: Clocks, machine: Machine) -> None:
    machine.boot += 0.1
    stamp, heard = machine.market(), machine.now()
    machine.boot += 0.9
    clocks.observe(stamp, heard)
    assert wrong_by(clocks, machine) <= 0.001
