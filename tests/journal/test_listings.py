"""Lists over an account, asked of the database: the same on every backend, each filter for itself, and of nothing."""

from datetime import timedelta
from typing import Any

import pytest

from tests.journal import samples_of_records as s
from trader.engine import records as r
from trader.journal import Journal
from trader.journal.listings import Wanted

EVENTS = ("order_intended", "order_denied", "order_resolved", "cancel_intended", "fill_recorded", "ticket_refused")


@pytest.fixture
def filled(journal: Journal) -> Journal:
    for name in "ab":
        journal.append(s.one_of_each(name), lease=None)
    return journal


def seqs(rows: list[Any]) -> list[int]:
    return [seq for seq, _ in rows]


def test_pages_are_newest_first_and_end_before_their_cursor(filled: Journal) -> None:
    whole = filled.order_page("paper", Wanted())
    assert seqs(whole) == sorted(seqs(whole), reverse=True) and len(whole) == 4
    second = filled.order_page("paper", Wanted(before=whole[1][0], limit=2))
    assert second == whole[2:]
    events = filled.event_page("paper", EVENTS, Wanted(limit=500))
    assert seqs(events) == sorted(seqs(events), reverse=True)
    assert filled.event_page("paper", EVENTS, Wanted(limit=3)) == events[:3]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"symbol": s.CALL}, True),
        ({"symbol": "NOPE"}, False),
        ({"symbol": "C%"}, False),
        ({"run_id": "a"}, True),
        ({"run_id": "nope"}, False),
        ({"runs": ("b",)}, True),
        ({"runs": ()}, False),
        ({"since": s.MARKET - timedelta(days=1)}, True),
        ({"since": s.WALL + timedelta(days=1)}, False),
        ({"until": s.MARKET - timedelta(days=1)}, False),
        ({"before": 1}, False),
    ],
    ids=str,
)
def test_each_filter_for_itself(filled: Journal, wanted: dict[str, Any], found: bool) -> None:
    asked = Wanted(**wanted)
    assert bool(filled.order_page("paper", asked)) is found
    assert bool(filled.fill_page("paper", asked)) is found
    assert bool(filled.event_page("paper", EVENTS, asked)) is found
    assert not filled.order_page("other", asked) and not filled.event_page("other", EVENTS, asked)


def test_what_became_of_orders_comes_with_its_costs(filled: Journal) -> None:
    news = filled.order_news(["a"], ["a-1"])
    assert [type(one) for _, one in news] == [r.OrderResolved, r.CancelIntended, r.FillRecorded]
    fill = news[-1][1]
    assert isinstance(fill, r.FillRecorded) and str(fill.fill.commission) == "0.0417"
    assert filled.order_news([], []) == [] == filled.order_news(["a"], [])


def test_an_order_is_found_by_either_id(filled: Journal) -> None:
    ours = filled.order_by_id("paper", "a-1")
    assert ours is not None and ours[1].intent.client_order_id == "a-1"
    theirs = filled.order_by_id("paper", "700")
    assert theirs is not None and theirs[1].intent.client_order_id in ("a-1", "b-1")
    for nothing in ("%", "_", "70", "nope", ""):
        assert filled.order_by_id("paper", nothing) is None
    assert filled.order_by_id("other", "a-1") is None


def test_where_runs_come_from(filled: Journal) -> None:
    origins = filled.origins(["a", "b", "nope"])
    assert set(origins) == {"a", "b"} and origins["a"].who == "" and origins["a"].is_denied
    assert set(origins["a"].legs) == {"C"} and len(origins["a"].exits) == 1
    assert filled.origins([]) == {} and filled.issuers([]) == {}
    assert [one.intent.client_order_id for one in filled.intents(["a"], ["a-1", "b-1"])] == ["a-1"]
    assert {one.run_id for _, one in filled.executions_of(["b"])} == {"b"}


def test_checks_are_counted(filled: Journal) -> None:
    passed, failed = filled.risk_checks("paper", s.MARKET - timedelta(days=1))
    assert (passed, failed) == (2, 2)
    assert filled.risk_checks("paper", s.WALL + timedelta(days=1)) == (0, 0)
