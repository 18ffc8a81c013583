import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.exchange.common.budget import BudgetRefused, Priority, RateBudget


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_entries_and_market_reads_stop_at_sixty_percent_and_exits_go_on() -> None:
    budget = RateBudget(Clock(), quota=100)
    budget.spend(60, Priority.MARKET)
    with pytest.raises(BudgetRefused) as caught:
        budget.spend(1, Priority.MARKET)
    assert 0 < caught.value.retry_after_secs <= 305
    budget.spend(30, Priority.OWN)
    with pytest.raises(BudgetRefused):
        budget.spend(1, Priority.OWN)
    budget.spend(50, Priority.EXIT)
    assert budget.left() == 0


def test_weight_comes_back_after_the_window() -> None:
    clock = Clock()
    budget = RateBudget(clock, quota=100)
    budget.spend(60, Priority.MARKET)
    clock.now += 299
    assert budget.left() == 40
    clock.now += 7
    assert budget.left() == 100
    budget.spend(60, Priority.MARKET)


def test_429_stops_entries_and_every_read_that_can_wait_but_not_exits() -> None:
    clock = Clock()
    budget = RateBudget(clock, quota=100)
    assert budget.observe_429("2500") == 2.5
    for waits in (Priority.MARKET, Priority.OWN):
        clock.now = 1002.499
        with pytest.raises(BudgetRefused):
            budget.spend(1, waits)
        budget.spend(1, Priority.EXIT)
        clock.now = 1002.5
        budget.spend(1, waits)


@pytest.mark.parametrize(
    ("header", "secs"),
    [
        ("0", 0.0),
        ("-1", 0.0),
        ("1500", 1.5),
        ("300000", 300.0),
        ("1000000000000", 300.0),
        ("9" * 400, 300.0),
        ("-" + "9" * 400, 0.0),
        ("abc", 10.0),
        ("", 10.0),
        (None, 10.0),
        ("1.5", 10.0),
        ("٣", 10.0),
    ],
)
def test_absurd_429_headers_are_clamped(header: str | None, secs: float) -> None:
    assert RateBudget(Clock()).observe_429(header) == secs


@given(st.lists(st.tuples(st.floats(0, 40), st.integers(1, 25)), max_size=200))
def test_no_window_of_five_minutes_carries_more_than_the_share(steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    budget = RateBudget(clock, quota=200)
    spent: list[tuple[float, int]] = []
    for pause, weight in steps:
        clock.now += pause
        try:
            budget.spend(weight, Priority.MARKET)
        except BudgetRefused:
            continue
        spent.append((clock.now, weight))
        assert sum(w for at, w in spent if at > clock.now - 300) <= 120
