"""The strip, the tab's title, the notices and the beat that draws a page from one picture."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from tests.panel.fake_desk import FakeDesk
from tests.panel.test_bar import run_of, said, status
from trader.desk import RunnerHealth, Status
from trader.engine.records import Phase
from trader.engine.view import Ops
from trader.panel import parts, service, strip, toasts, words

NOW = datetime(2026, 11, 29, 18, 43, 1, tzinfo=UTC)
Open = Callable[..., Any]


def ops(**changes: object) -> Ops:
    found = FakeDesk("holding").status().ops
    assert found is not None
    return msgspec.structs.replace(found, **changes)


def picture(scenario: str = "holding", **changes: object) -> Status:
    seen = FakeDesk(scenario).status()
    return msgspec.structs.replace(seen, **{"open_alerts": (), **changes})


def bad(seen: Status, *, running: bool = True) -> list[str]:
    return [item.label for item in words.wrong(words.health(seen), running=running)]


def popovers(at: AppTest) -> list[str]:
    return [block.proto.popover.label for block in at.get("popover")]


# ------------------------------------------------------------------ strip


def test_ten_badges_stood_there_when_all_was_well() -> None:
    assert bad(picture()) == []


def test_only_what_is_wrong_is_shown_worst_first() -> None:
    seen = picture(
        ops=ops(public_socket="down", quota_left_pct=20.0, last_reconciled_at=None), trading=("PAUSED", "lunch")
    )
    assert bad(seen) == ["Market socket down", "Trading PAUSED", "Budget 20 %", "Not reconciled"]


def test_unknown_is_not_called_well_while_a_run_is_on() -> None:
    seen = picture(ops=None)
    assert bad(seen) == ["Machinery unknown"] and bad(seen, running=False) == []


def test_what_cannot_be_recorded_or_sent_is_wrong() -> None:
    troubled = ops(journal_fault="disk full", slowed="429", abnormal="entries pause: the index has jumped")
    assert bad(picture(ops=troubled)) == ["Cannot record", "Exits only", "Entries pause"]


def test_no_prices_needed_was_said_where_no_price_was_needed() -> None:
    labels = [item.label for item in words.health(picture("done"))]
    assert labels[:2] == ["Runner alive", "Trading ACTIVE"] and not [one for one in labels if "rice" in one]


def test_the_board_holds_everything(open_panel: Open) -> None:
    at, _ = open_panel("holding")
    for words_ in ("Runner alive", "Trading ACTIVE", "Call 0.7 s", "Market socket up", "Reconciled", "Budget", "Clock"):
        assert words_ in said(at)


def test_the_popover_is_called_all_well_or_by_the_worst(open_panel: Open) -> None:
    at, desk = open_panel("holding")
    desk.acknowledged = {11, 12}
    service.forget()
    at.run()
    assert ":green[:material/check: All well]" in popovers(at)
    desk.scenario = "dead"
    service.forget()
    at.run()
    assert any(label.startswith(":red[Runner dead 12 s") for label in popovers(at))


@pytest.mark.parametrize(("env", "color", "label"), [("paper", "blue", "PAPER"), ("testnet", "orange", "TESTNET"), ("production", "red", "LIVE")])  # fmt: skip
@pytest.mark.parametrize(
    "page", ["pages/dashboard.py", "pages/configure.py", "pages/history.py", "pages/chain.py", "pages/analytics.py"]
)
def test_environment_is_named_at_the_top_and_at_the_bottom(
    open_panel: Open, env: str, color: str, label: str, page: str
) -> None:
    at, _ = open_panel("holding", env=env, page=page)
    assert len(re.findall(f'<span class="sd-badge sd-{color}[^>]*>{label}</span>', said(at))) == 2


def test_the_size_is_told_with_all_its_faces(open_panel: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at, desk = open_panel("holding")
    seen = status(quantity=100, contract_value=Decimal("0.001"), notional=Decimal(7693))
    monkeypatch.setattr(desk, "status", lambda run_id=None: seen)
    service.forget()
    at.run()
    assert "100 contracts × 0.001\u00a0BTC = 0.1\u00a0BTC per leg ≈ $7,693 notional" in said(at)


# ------------------------------------------------------------------ one clock


@pytest.mark.parametrize(
    ("rate", "market", "alive", "at", "whose"),
    [
        (1.0, NOW + timedelta(seconds=2), True, NOW, ""),
        (60.0, NOW + timedelta(hours=7), True, NOW + timedelta(hours=7), "market time, 60×"),
        (60.0, NOW + timedelta(seconds=2), True, NOW + timedelta(seconds=2), "market time, 60×"),
        (1.0, NOW - timedelta(days=30), True, NOW - timedelta(days=30), "market time"),
        (1.0, NOW - timedelta(hours=5), False, NOW, ""),
        (1.0, None, True, NOW, ""),
    ],
    ids=["live", "fast", "fast, just begun", "replay", "old picture of a dead runner", "unknown"],
)  # fmt: skip
def test_wall_time_stood_beside_market_time(
    rate: float, market: datetime | None, alive: bool, at: datetime, whose: str
) -> None:
    seen = picture("empty", ops=ops(market_rate=rate), market=market, wall=NOW + timedelta(seconds=1), pictured_at=NOW,
                   runner=RunnerHealth(alive=alive, heartbeat_age_s=0.3, host="thread", pid=1))  # fmt: skip
    assert strip.clock(seen) == (at, whose)


def test_a_market_on_its_own_time_is_no_fault_of_the_clock() -> None:
    assert bad(picture(ops=ops(market_rate=60.0, clock_skew_s=30.0))) == []
    assert bad(picture(ops=ops(clock_skew_s=30.0))) == ["Clock +30.00 s"]


# ------------------------------------------------------------------ what the watchdog reads


@pytest.mark.parametrize(
    ("scenario", "changes", "title"),
    [
        ("holding", {"pnl_pct": Decimal("-8.2"), "spot": Decimal(76932)}, f"{parts.MINUS}8\u00a0% · BTC 76,932 · Holding"),
        ("holding", {"pnl_pct": None, "spot": None}, "Holding"),
        ("dead", {"pnl_pct": Decimal(3), "spot": None}, "+3\u00a0% · Not watched"),
        ("waiting", {"spot": Decimal(76932)}, "BTC 76,932 · Waiting"),
        ("done", {}, "Flat · Strangle Desk"),
        ("done", {"flat": "unknown"}, "NOT FLAT · BTC"),
    ],
)  # fmt: skip
def test_the_title_of_the_tab_told_nothing(scenario: str, changes: dict[str, object], title: str) -> None:
    assert words.tab_title(status(scenario, **changes)) == title


@pytest.mark.parametrize(
    ("scenario", "host", "told"),
    [
        ("holding", "thread", "The position is still open; if the server is down nothing watches it"),
        ("holding", "process", "The position is still open; its runner is another process and may be watching it"),
        ("waiting", "thread", "Nothing is sold; the run waits, and if the server is down it will not sell"),
        ("done", "thread", "Nothing was open when the desk was last heard"),
    ],
)  # fmt: skip
def test_what_is_at_stake_when_the_page_hears_no_more(scenario: str, host: str, told: str) -> None:
    seen = picture(scenario)
    seen = msgspec.structs.replace(seen, runner=msgspec.structs.replace(seen.runner, host=host))
    assert words.lost(seen) == told
    assert words.lost("disk I/O error") == "What is open is not known"


@pytest.mark.parametrize(
    "page", ["pages/dashboard.py", "pages/configure.py", "pages/history.py", "pages/chain.py", "pages/analytics.py"]
)
@pytest.mark.parametrize("scenario", ["holding", "empty", "unreachable"])
def test_every_beat_leaves_its_mark(open_panel: Open, page: str, scenario: str) -> None:
    at, _ = open_panel(scenario, page=page if scenario != "unreachable" else None)
    marks = [re.findall(r'data-beat="(\d+)"', said(at))]
    at.run()
    marks.append(re.findall(r'data-beat="(\d+)"', said(at)))
    assert [len(found) for found in marks] == [1, 1] and marks[0] != marks[1]


# ------------------------------------------------------------------ notices


def test_what_happens_is_said_once_and_never_of_what_was_before() -> None:
    steps = [
        status("waiting"),
        status("holding", trailing_level=None, premium=Decimal("30.37")),
        status("holding", trailing_level=Decimal(25)),
        status("holding", trailing_level=Decimal(25)),
        status("holding", trailing_level=Decimal("30.5")),
        status("exiting", trailing_level=Decimal("30.5"), exit_reason="trailing_stop"),
        status("done", realized_pnl=Decimal("-2.51"), premium=Decimal("30.37")),
        status("done", realized_pnl=Decimal("-2.51"), premium=Decimal("30.37")),
    ]
    before, told = None, []
    for seen in steps:
        seen = msgspec.structs.replace(seen, open_alerts=())
        told.append([notice.text for notice in toasts.news(before, seen)])
        before = toasts.look(seen, before)
    assert told == [
        [],
        ["BTC default 95,000 / 86,500: all legs filled for $30.37"],
        ["BTC default 95,000 / 86,500: trailing stop armed at +25.0\u00a0%"],
        [],
        ["BTC default 95,000 / 86,500: trailing stop raised at +30.5\u00a0%"],
        ["BTC default 95,000 / 86,500: exiting, trailing stop reached"],
        [f"BTC default 95,000 / 86,500: FLAT, confirmed by the exchange, {parts.MINUS}{parts.JOINER}$2.51"],
        [],
    ]


def test_only_a_critical_alert_that_is_new_is_said() -> None:
    first, later = picture(), FakeDesk("holding").status()
    before = toasts.look(first, None)
    assert [one.text for one in toasts.news(before, later)] == [
        "Positions differ from our own fills; somebody else traded."
    ]
    assert toasts.news(toasts.look(later, before), later) == []


def test_a_run_that_was_over_before_the_tab_knew_it_is_not_news() -> None:
    before = toasts.look(picture("empty"), None)
    assert toasts.news(before, picture("done")) == []


def test_a_tab_shows_the_notice(open_panel: Open) -> None:
    at, desk = open_panel("waiting")
    assert not at.toast
    desk.scenario = "holding"
    service.forget()
    at.run()
    assert any("all legs filled" in toast.value for toast in at.toast)
    at.run()
    assert not at.toast


# ------------------------------------------------------------------ one picture


def test_hero_and_ladder_were_of_different_pictures(open_panel: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every part of a page read for itself; now one round is one read."""
    at, desk = open_panel("holding", page="pages/history.py")
    asked = []
    read = desk.status

    def counted(run_id: str | None = None) -> Status:
        asked.append(run_id)
        return read(run_id)

    monkeypatch.setattr(desk, "status", counted)
    service.forget()
    at.run()
    assert asked == [None]


def test_layout_follows_what_stop_would_do(open_panel: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at, desk = open_panel("waiting")
    desk.scenario = "holding"
    service.forget()
    at.run()
    assert "Stop & Exit" in at.button(key="stop").label
    assert run_of(desk.status()).phase is Phase.HOLDING
