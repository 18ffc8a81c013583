"""What a finished run left, and selling now instead of waiting."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.desk.conftest import RunnersHand
from tests.journal import samples_of_records as s
from trader.config.preset import Preset
from trader.desk import Desk, NotPossible
from trader.desk.values import Status
from trader.domain.errors import ConfigError
from trader.domain.fill import FillKind
from trader.domain.order import Side
from trader.engine import records as r
from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.journal import Journal


def test_a_result_is_the_premium_less_what_closing_and_fees_cost(desk: Desk, journal: Journal) -> None:
    sold, bought = s.fill_recorded("a", "f1", "o-1"), s.fill_recorded("a", "f2", "o-2")
    fee = Decimal("0.0417")
    sold = replace(sold, fill=replace(sold.fill, commission=fee))
    bought = replace(bought, fill=replace(bought.fill, side=Side.BUY, price=Decimal("100"), commission=fee))
    end = next(record for record in s.one_of_each("a") if isinstance(record, r.RunFinished))
    legs = next(record for record in s.one_of_each("a") if isinstance(record, r.LegsChosen))
    fees = fee * 2
    size = legs.legs[0].contract_value * sold.fill.quantity
    closed_for, premium = 100 * size, sold.fill.price * size
    end = replace(end, realized_pnl=premium - closed_for - fees, fees=fees)
    journal.append([s.run_created("a"), legs, sold, bought, end], lease=None)
    found = desk.outcome("a")
    assert found is not None
    assert (found.premium, found.closed_for, found.fees) == (premium, closed_for, fees)
    assert found.premium - found.closed_for - found.fees == found.result
    assert found.result_pct == found.result / premium * 100 and not found.settled
    assert found.held is not None and found.held >= timedelta(0)


def test_a_leg_that_settled_is_told(desk: Desk, journal: Journal) -> None:
    records = s.one_of_each("a")
    settled = s.fill_recorded("a", "f9", "o-9")
    settled = replace(settled, fill=replace(settled.fill, side=Side.BUY, kind=FillKind.SETTLEMENT))
    end = next(index for index, record in enumerate(records) if isinstance(record, r.RunFinished))
    journal.append([*records[:end], settled, *records[end:]], lease=None)
    found = desk.outcome("a")
    assert found is not None and found.settled


@pytest.mark.parametrize("records", [[], [s.run_created("a")]])
def test_there_is_no_outcome_before_the_end(desk: Desk, journal: Journal, records: list[r.AnyRecord]) -> None:
    if records:
        journal.append(records, lease=None)
    assert desk.outcome("a") is None


# ------------------------------------------------------------------ selling now instead of waiting


def waiting(**more: object) -> RunView:
    fields = {"run_id": "a", "env": "paper", "phase": Phase.WAITING, "words": "", "preset": "default", "config_hash": "",
              "underlying": "BTC", "created_at": s.WALL, "stop_requested": False, "flat": "true"}  # fmt: skip
    return RunView(**fields | more)  # type: ignore[arg-type]


class Ended:
    """What `await_flat` finds, in place of a runner that ends the wait."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run = waiting(phase=Phase.DONE)
        monkeypatch.setattr(desk, "await_flat", self._found)
        self._desk = desk

    def _found(self, timeout_secs: float, run_id: str | None = None) -> Status:
        return replace(self._desk.status(), run=self.run)


@pytest.fixture
def ended(desk: Desk, journal: Journal, runner: RunnersHand, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ended]:
    journal.append([s.run_created("a")], lease=None)
    runner.live(waiting())
    yield Ended(desk, monkeypatch)


def commands(journal: Journal) -> list[str]:
    return [row.kind for row in journal.pending_commands("paper")]


def test_the_wait_is_ended_and_the_same_configuration_started_at_once(
    desk: Desk, journal: Journal, ended: Ended
) -> None:
    desk.sell_now_instead("a", issued_by="panel")
    stop, start = journal.pending_commands("paper")
    assert (stop.kind, stop.body["run_id"]) == ("stop", "a")
    assert start.kind == "start" and start.body["now"] is True
    pinned = desk.preset_of("a")
    assert pinned is not None and Preset.model_validate(start.body["config"]) == pinned


def test_nothing_is_started_while_the_end_of_the_wait_is_not_confirmed(
    desk: Desk, journal: Journal, ended: Ended
) -> None:
    ended.run = waiting(phase=Phase.EXITING, flat="unknown")
    with pytest.raises(NotPossible, match=r"not confirmed yet\. Nothing was started"):
        desk.sell_now_instead("a", issued_by="panel")
    assert commands(journal) == ["stop"]


def test_nothing_is_started_when_the_run_had_sold_already(desk: Desk, journal: Journal, ended: Ended) -> None:
    ended.run = waiting(phase=Phase.DONE, premium=Decimal(3))
    with pytest.raises(NotPossible, match="had begun to sell"):
        desk.sell_now_instead("a", issued_by="panel")
    assert commands(journal) == ["stop"]


def test_a_run_that_does_not_wait_is_left_alone(
    desk: Desk, journal: Journal, runner: RunnersHand, ended: Ended
) -> None:
    runner.live(waiting(phase=Phase.HOLDING))
    with pytest.raises(NotPossible, match="does not wait"):
        desk.sell_now_instead("a", issued_by="panel")
    assert commands(journal) == []


def test_the_wait_goes_on_where_the_day_allows_no_further_run(
    desk: Desk, journal: Journal, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = desk.status()
    assert status.day is not None
    full = replace(status, day=replace(status.day, runs_made=3, runs_most=3))
    monkeypatch.setattr(desk, "status", lambda run_id=None: full)
    with pytest.raises(NotPossible, match=r"risk\.max_runs_per_day is 3"):
        desk.sell_now_instead("a", issued_by="panel")
    assert commands(journal) == []


def test_production_needs_the_phrase_before_the_wait_is_ended(
    desk: Desk, journal: Journal, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = replace(desk.status(), env="production")
    monkeypatch.setattr(desk, "status", lambda run_id=None: live)
    with pytest.raises(ConfigError, match="The wait goes on"):
        desk.sell_now_instead("a", issued_by="panel", confirm="yes")
    assert commands(journal) == []


def test_a_refused_start_says_that_the_wait_is_over(
    desk: Desk, journal: Journal, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise NotPossible("trading is halted; nothing was started.")

    monkeypatch.setattr(desk, "start", refuse)
    with pytest.raises(NotPossible, match=r"The wait is over, and nothing was started: trading is halted"):
        desk.sell_now_instead("a", issued_by="panel")
