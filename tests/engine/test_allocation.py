"""Whose contracts they are: shares of a position, the parts of what the exchange closes by itself."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from tests.engine.scene import CALL, OPENING
from tests.journal import samples_of_records as s
from trader.domain.fill import Fill
from trader.domain.order import Side
from trader.engine import records as rec
from trader.engine.account.allocation import Shares, share_of, shares, split
from trader.engine.executions import share_of_cost
from trader.engine.fold import evolve
from trader.engine.gate import closable
from trader.engine.state import State

D = Decimal
POSITIONS = st.integers(-12, 12)


@pytest.mark.parametrize(
    ("seen", "held", "expected"),
    [
        (-2, [-2], [-2]),
        (-3, [-2], [-3]),  # one run sees the whole position, as ever
        (-1, [-2], [-1]),
        (2, [-2], [2]),
        (0, [-2], [0]),
        (-4, [-2, -2], [-2, -2]),
        (-3, [-2, -2], [-2, -1]),  # somebody has bought one back: the youngest lacks it
        (-1, [-2, -2], [-1, 0]),
        (-5, [-2, -2], [-3, -3]),  # one more than is explained: each sees it beside its own
        (-2, [-2, 0], [-2, 0]),
        (-3, [-2, 0], [-3, -1]),
        (-1, [-2, 1], [-1, 0]),  # netted by the account
        (0, [-1, 1], [0, 0]),
        (3, [2, 1], [2, 1]),
    ],
)
def test_shares_of_a_position(seen: int, held: list[int], expected: list[int]) -> None:
    assert shares(seen, held) == expected


@given(POSITIONS, st.lists(POSITIONS, min_size=1, max_size=5))
def test_what_runs_may_close_is_never_more_than_is_there(seen: int, held: list[int]) -> None:
    found = shares(seen, held)
    for sign in (-1, 1):
        may = [min(abs(size), max(share * sign, 0)) for share, size in zip(found, held, strict=True) if size * sign > 0]
        assert sum(may) <= max(seen * sign, 0)
    if seen == sum(held) and all(size * seen >= 0 for size in held):
        assert found == held  # where all is explained each has its own
    if len(held) == 1:
        assert found == [seen]


@given(st.integers(0, 20), st.lists(st.integers(-2, 9), max_size=5))
def test_parts_of_what_the_exchange_closes_add_up_to_no_more_than_it_closed(quantity: int, open_: list[int]) -> None:
    parts = split(quantity, open_)
    assert sum(parts) == min(quantity, sum(max(size, 0) for size in open_))
    assert all(0 <= part <= max(size, 0) for part, size in zip(parts, open_, strict=True))


@given(st.decimals(0, 5, places=8), st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_parts_of_a_commission_add_up_exactly(commission: Decimal, sizes: list[int]) -> None:
    fill = bought(sum(sizes), commission=commission)
    before, found = 0, []
    for size in sizes:
        found.append(share_of_cost(fill, before, size) or D(0))
        before += size
    assert sum(found) == commission


def bought(quantity: int, number: int = 0, *, side: Side = Side.BUY, commission: Decimal | None = None) -> Fill:
    return Fill(
        fill_id=f"f{number}",
        venue_order_id=f"{number}",
        client_order_id=None,
        symbol=CALL,
        product_id=1,
        side=side,
        quantity=quantity,
        price=D(5),
        commission=commission,
    )


class Account(RuleBasedStateMachine):
    """Runs in one contract enter and close, a person trades beside them, and now and then positions are read: what the runs
    may close together is never more than the exchange showed at the last read, less what they have closed since."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State(installation="x", epoch=1, env="paper", account_key="paper")
        self.position = 0
        self.strange = 0  # what a person has traded since the last read
        self.made = self.at = 0

    def write(self, record: rec.AnyRecord) -> None:
        self.state = evolve(self.state, record)

    @rule(quantity=st.integers(1, 4))
    @precondition(lambda self: len(self.state.runs) < 4)
    def start(self, quantity: int) -> None:
        run_id = f"run{len(self.state.runs)}"
        self.write(s.run_created(run_id))
        leg = replace(s.leg_terms(), symbol=CALL)
        self.write(rec.LegsChosen(run_id=run_id, wall=OPENING, legs=(leg,), spot=D(100_000), exit_at=OPENING))
        self.trade(run_id, Side.SELL, quantity)

    @rule(number=st.integers(0, 3), quantity=st.integers(1, 3))
    def enter(self, number: int, quantity: int) -> None:
        if f"run{number}" in self.state.runs:
            self.trade(f"run{number}", Side.SELL, quantity)

    @rule(number=st.integers(0, 3), quantity=st.integers(1, 4))
    def close(self, number: int, quantity: int) -> None:
        run = self.state.runs.get(f"run{number}")
        if run is not None and (most := min(quantity, closable(run, run.legs[0]), max(-self.position, 0))) > 0:
            self.trade(run.run_id, Side.BUY, most)

    @rule(quantity=st.integers(-3, 3))
    def a_person_trades(self, quantity: int) -> None:
        quantity = min(quantity, -self.position)  # a long position of somebody else's keeps every run from entering
        self.position += quantity
        self.strange += max(quantity, 0)

    @rule()
    def read(self) -> None:
        self.strange = 0
        for run in self.state.unresolved:
            seen = share_of(self.state, run, CALL, self.position)
            if run.positions.get(CALL) != seen:
                self.write(rec.PositionObserved(run_id=run.run_id, wall=OPENING, symbol=CALL, quantity=seen))

    def trade(self, run_id: str, side: Side, quantity: int) -> None:
        self.made += 1
        self.position += side.sign * quantity
        fill = bought(quantity, self.made, side=side)
        self.write(rec.FillRecorded(run_id=run_id, wall=OPENING, leg=self.state.runs[run_id].legs[0].key, fill=fill))

    @invariant()
    def no_contract_is_closed_twice(self) -> None:
        may = sum(closable(run, run.legs[0]) for run in self.state.unresolved)
        assert may <= max(-self.position, 0) + self.strange


TestAccount = Account.TestCase
TestAccount.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_a_fill_within_a_read_divides_what_is_left_of_it_again() -> None:
    machine = Account()
    machine.start(2)
    machine.start(2)
    found = Shares()
    for seen in (-3, -4):
        for run in machine.state.unresolved:
            share = found.of(machine.state, run, CALL, seen)
            assert share == share_of(machine.state, run, CALL, seen)
            machine.write(rec.PositionObserved(run_id=run.run_id, wall=OPENING, symbol=CALL, quantity=share))
            found.observed(machine.state)
    machine.trade("run0", Side.BUY, 1)
    assert [found.of(machine.state, run, CALL, -3) for run in machine.state.unresolved] == [-1, -2]


def test_share_follows_the_order_of_creation() -> None:
    machine = Account()
    machine.start(2)
    machine.start(2)
    machine.a_person_trades(1)
    machine.read()
    assert [closable(run, run.legs[0]) for run in machine.state.unresolved] == [2, 1]
    machine.close(1, 1)
    assert [closable(run, run.legs[0]) for run in machine.state.unresolved] == [2, 0]
