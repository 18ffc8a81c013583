"""What programs read is what people see: every figure of the picture stands in the document, unchanged."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.engine.pictures import later, model_market, seen, strangle
from tests.engine.scene import done, entering, waiting
from trader.desk.status_json import status_document
from trader.desk.values import RunnerHealth, Status
from trader.engine.view import LegView, RunView

TOLD_OTHERWISE = {"legs", "orders", "why_not", "foreign", "beside", "steps", "created_at", "env"}
TOLD_ELSEWHERE = {"kept"}  # as held_to_settlement


def document(run: RunView) -> dict[str, Any]:
    nobody = RunnerHealth(alive=False, heartbeat_age_s=None, host=None, pid=None)
    wall = datetime(2026, 6, 1, tzinfo=UTC)
    status = Status(env="paper", account="", runner=nobody, run=run, runs=(), ops=None, alerts=(), wall=wall)
    made: dict[str, Any] = json.loads(json.dumps(status_document(status)))
    return made


def same(told: Any, value: Any) -> bool:
    """Whether a JSON value says what a field of the picture says."""
    if isinstance(value, Decimal):
        return isinstance(told, str) and abs(Decimal(told) - value) < Decimal("0.0001")
    if isinstance(value, datetime):
        return datetime.fromisoformat(told) == value.replace(microsecond=value.microsecond // 1000 * 1000)
    if isinstance(value, msgspec.Struct):
        return told.keys() == set(value.__struct_fields__) and all(
            same(told[name], getattr(value, name)) for name in value.__struct_fields__
        )
    if isinstance(value, tuple):
        return len(told) == len(value) and all(same(*pair) for pair in zip(told, value, strict=True))
    return bool(told == value)


HELD = seen(strangle(), model_market(later(2)))


@pytest.mark.parametrize(
    "run",
    [HELD, waiting().view, entering().view, done().view, seen(strangle(), model_market(later(2)), later(3))],
    ids=["holding", "waiting", "entering", "done", "on old prices"],
)
def test_every_figure_of_the_picture_stands_in_the_document(run: RunView) -> None:
    told = document(run)
    for name in set(RunView.__struct_fields__) - TOLD_OTHERWISE - {"flat"}:
        assert same(told[name], getattr(run, name)), name
    for row, leg in zip(told["legs"], run.legs, strict=True):
        for name in set(LegView.__struct_fields__) - TOLD_ELSEWHERE:
            assert same(row[name], getattr(leg, name)), name


def test_the_sums_of_the_document_are_exact() -> None:
    told = document(HELD)
    pnl, mark, spread, fees = (Decimal(told[n]) for n in ("pnl", "pnl_mark", "spread_to_close", "fees_to_close"))
    assert pnl == mark - spread - fees == sum(Decimal(leg["pnl"]) for leg in told["legs"])
    assert mark == sum(Decimal(leg["pnl_mark"]) for leg in told["legs"])


def test_what_is_not_known_is_null_and_never_zero() -> None:
    told = document(waiting().view)
    unknown = (
        "pnl_mark",
        "spread_to_close",
        "fees_to_close",
        "net_delta",
        "margin",
        "corridor",
        "outlook",
        "naked",
        "safety",
    )
    assert [told[name] for name in unknown] == [None] * len(unknown)


def test_money_is_text_and_the_corridor_is_numbers() -> None:
    told = document(HELD)
    assert isinstance(told["corridor"]["spots"][0], float) and isinstance(told["outlook"]["still_pnl"], str)
    assert isinstance(told["net_delta"], float) and told["quantity"] == 2
    assert [r["code"] for r in told["ladder"]] == [
        *("max_loss", "liquidation_guard", "liquidation", "liquidation"),
        *("trailing_stop", "max_profit", "time", "expiry"),
    ]
    assert told["ladder"][0]["at_pct"] == "-100.0000"
