"""Fifty thousand damaged payloads through every parser; a million by ``python -m tests.fuzz``."""

import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.fuzz import campaign as campaigns
from tests.fuzz.campaign import Defect, campaign, run_case
from tests.fuzz.lists import LISTS, compare, told_apart
from tests.fuzz.targets import TARGETS, impossible
from trader.domain.quote import Quote
from trader.exchange.delta.wire.values import BookLevel

CASES = 50_000
LIST_CASES = 150


def test_every_honest_payload_is_read() -> None:
    for name, (payload, run) in TARGETS.items():
        values = run(msgspec.json.encode(payload))
        assert values or name == "refusal", name
        assert impossible(values) is None, name


def test_fifty_thousand_damaged_payloads_break_nothing() -> None:
    report = campaign(CASES)
    assert report.cases == CASES
    assert set(report.by_target) == set(TARGETS)
    assert report.read > CASES // 20 and report.refused > CASES // 20  # both ways are really taken


def test_a_case_is_the_same_every_time() -> None:
    assert [run_case(number, 3) for number in range(50)] == [run_case(number, 3) for number in range(50)]


@pytest.mark.parametrize(
    "value",
    [
        Quote(symbol="X", mark=Decimal("NaN")),
        Quote(symbol="X", mark_iv=float("inf")),
        Quote(symbol="X", bid_size=-1),
        [BookLevel(Decimal(1), -1)],
    ],
)
def test_the_judge_sees_what_must_not_get_through(value: Any) -> None:
    assert impossible(value) is not None


def test_a_parser_that_breaks_is_reported_with_its_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(raw: bytes) -> list[Any]:
        raise ZeroDivisionError

    monkeypatch.setitem(TARGETS, "broken", ({"a": 1}, broken))
    monkeypatch.setattr(campaigns, "_NAMES", ["broken"])
    with pytest.raises(Defect, match=r"case 7 of seed 1: broken raised ZeroDivisionError"):
        run_case(7, 1)


@pytest.mark.parametrize("name", LISTS)
def test_a_damaged_row_costs_its_list_that_row_only(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")
    rng = random.Random(name)
    kept = lost = 0
    for _ in range(LIST_CASES):
        good, odd = compare(name, rng)
        kept, lost = kept + good, lost + odd
    assert kept > LIST_CASES and lost > LIST_CASES // 3  # both really occur


@pytest.mark.parametrize("name", LISTS)
def test_every_honest_list_is_read_whole(name: str) -> None:
    honest, read = LISTS[name]
    rows = [msgspec.json.encode(told_apart(honest, 60_000 + number)) for number in range(5)]
    assert len(read(rows)) == 5
