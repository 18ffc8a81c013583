"""Rows that people and programs write for tickets, as the engine hears them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trader.domain.clock import Now
from trader.engine import events as ev
from trader.journal.commands import Command
from trader.runner.commands import event_of, too_late

AT = datetime(2026, 6, 1, tzinfo=UTC)
TICKET = {"symbol": "BTCUSD", "side": "buy", "quantity": 1}

ROWS: list[tuple[str, dict[str, Any], type[ev.Event], dict[str, Any]]] = [
    (
        "order",
        {"tickets": [TICKET], "link": "none", "confirm": "TRADE", "key": "mine", "who": "ann"},
        ev.OrderCommand,
        {"body": {"tickets": [TICKET], "link": "none"}, "confirm": "TRADE", "key": "mine", "barred": ""},
    ),
    ("order", {}, ev.OrderCommand, {"body": {}, "confirm": None, "key": ""}),
    (
        "amend",
        {"ticket": "ab", "limit_price": "1", "stop_loss": None, "who": "ann"},
        ev.AmendCommand,
        {"ticket": "ab", "changes": {"limit_price": "1", "stop_loss": None}},
    ),
    ("cancel", {"ticket": "ab"}, ev.CancelCommand, {"ticket": "ab", "order": None, "everything": False}),
    ("cancel", {"everything": True}, ev.CancelCommand, {"ticket": None, "everything": True}),
    ("cancel", {"everything": "yes"}, ev.CancelCommand, {"everything": False}),
    ("close", {"symbol": "BTCUSD"}, ev.CloseCommand, {"symbol": "BTCUSD", "ticket": None, "everything": False}),
    ("close_all", {}, ev.CloseCommand, {"everything": True}),
    (
        "adopt",
        {"symbol": "BTCUSD", "quantity": -3, "phrase": "ADOPT BTCUSD -3"},
        ev.AdoptCommand,
        {"symbol": "BTCUSD", "quantity": -3, "phrase": "ADOPT BTCUSD -3"},
    ),
    ("adopt", {"symbol": "BTCUSD", "quantity": "x"}, ev.AdoptCommand, {"quantity": 0}),
]


def row(kind: str, body: dict[str, Any]) -> Command:
    return Command(command_id="c", account="a", kind=kind, issued_at=AT, issued_by="api", body=body)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "body", "event", "fields"), ROWS)
def test_a_row_is_heard_as_it_was_written(
    kind: str, body: dict[str, Any], event: type[ev.Event], fields: dict[str, Any]
) -> None:
    heard = event_of(row(kind, body), Now(AT, None))
    assert type(heard) is event
    assert {name: getattr(heard, name) for name in fields} == fields


def test_an_order_says_why_nothing_new_may_be_sent_on_it() -> None:
    late = row("order", {"tickets": [TICKET]})
    heard = event_of(late, Now(AT, None), lambda: too_late(late, AT + timedelta(minutes=5)))
    assert isinstance(heard, ev.OrderCommand) and "300 s ago" in heard.barred
