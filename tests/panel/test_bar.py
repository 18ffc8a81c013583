"""The bar at the bottom of every page: what it says, and Stop & Exit in every state."""

import html
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from tests.panel import test_pages
from tests.panel.fake_books import ticket, works
from tests.panel.fake_desk import FakeDesk
from tests.panel.seen import read
from trader.desk import Status
from trader.engine.records import Phase
from trader.engine.view import RunView
from trader.panel import parts, service, stop_words, words

PAGES = (
    "pages/dashboard.py",
    "pages/configure.py",
    "pages/history.py",
    "pages/chain.py",
    "pages/account.py",
    "pages/system.py",
    "pages/orders.py",
    "pages/analytics.py",
)
RUN = "k3fa-20261121-1"
OPEN = ("waiting", "entering", "holding", "exiting", "dead", "unreachable")
M = parts.MINUS + parts.JOINER
Open = Callable[..., Any]


def keys(at: AppTest) -> list[str]:
    return [button.key for button in at.button if button.key is not None and button.key.startswith("stop")]


def status(scenario: str = "holding", **changes: object) -> Status:
    seen = FakeDesk(scenario).status()
    assert seen.run is not None
    run = msgspec.structs.replace(seen.run, **changes)
    return msgspec.structs.replace(seen, run=run, runs=(run,))


def run_of(picture: Status) -> RunView:
    assert picture.run is not None
    return picture.run


def said(at: AppTest) -> str:
    return html.unescape(test_pages.said(at))


def bar(at: AppTest) -> str:
    """What the bar says, without its markup."""
    [text] = [element.value for element in at.markdown if 'class="sd-bar"' in element.value]
    return str(text)


@pytest.mark.parametrize("page", PAGES)
def test_stop_stood_on_the_dashboard_only(open_panel: Open, page: str) -> None:
    at, desk = open_panel("holding", page=page)
    at.button(key="stop").click().run()
    assert desk.asked == [], "the first press only asks"
    at.button(key="stop_yes").click().run()
    assert desk.asked == [("stop", (RUN, "panel"))]


@pytest.mark.parametrize("scenario", [*OPEN])
def test_stop_is_there_in_every_state_where_something_might_be_open(open_panel: Open, scenario: str) -> None:
    at, desk = open_panel(scenario)
    at.button(key="stop").click().run()
    assert desk.asked == []
    at.button(key="stop_yes").click().run()
    assert desk.asked == [("stop", (None if scenario == "unreachable" else RUN, "panel"))]
    assert at.button(key="stop").disabled is False, "and it can be pressed again"


@pytest.mark.parametrize(("scenario", "words"), [("empty", "No run yet"), ("done", "Flat")])
def test_nothing_to_stop_means_no_button(open_panel: Open, scenario: str, words: str) -> None:
    at, _ = open_panel(scenario)
    assert keys(at) == [] and f"<b>{words}</b>" in bar(at)


def test_a_run_that_is_done_but_not_flat_can_be_stopped(open_panel: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at, desk = open_panel("holding")
    monkeypatch.setattr(desk, "status", lambda run_id=None: status(phase=Phase.DONE, flat="unknown"))
    service.forget()
    at.run()
    at.button(key="stop").click().run()
    at.button(key="stop_yes").click().run()
    assert desk.asked == [("stop", (RUN, "panel"))]


def test_stop_can_be_declined(open_panel: Open) -> None:
    at, desk = open_panel("holding")
    at.button(key="stop").click().run()
    assert keys(at) == ["stop", "stop_yes", "stop_no"], "the button stays where it is, the answers follow it"
    at.button(key="stop_no").click().run()
    assert desk.asked == [] and keys(at) == ["stop"]


def test_stop_pressed_before_keep_running_was_answered_asks_again(open_panel: Open) -> None:
    at, _ = open_panel("holding")
    at.button(key="stop").click().run()
    at.button(key="stop_no").click()
    at.button(key="stop").click().run()
    assert keys(at) == ["stop", "stop_yes", "stop_no"]


def test_keys_that_stop_and_that_keep_running(open_panel: Open) -> None:
    at, _ = open_panel("holding")
    at.button(key="stop").click().run()
    assert at.button(key="stop").proto.shortcut == "ctrl+shift+x"
    assert at.button(key="stop_no").proto.shortcut == "escape"


def test_a_second_press_says_it_is_recorded(open_panel: Open) -> None:
    at, desk = open_panel("holding")
    at.button(key="stop").click().run()
    at.button(key="stop_yes").click().run()
    at.button(key="stop").click().run()
    assert keys(at) == ["stop", "stop_no"] and "Stop changes nothing" in said(at)
    assert len(desk.asked) == 1


def test_steps_then_flat(open_panel: Open) -> None:
    at, desk = open_panel("exiting")
    assert "Entry orders cancelled and confirmed" in said(at)
    desk.scenario = "done"
    service.forget()
    at.run()
    assert "<b>Flat</b>" in bar(at) and "confirmed by the exchange" in bar(at)


def test_outage_is_said_and_stop_still_tries(open_panel: Open) -> None:
    at, desk = open_panel("unreachable")
    assert "what is open is not known" in bar(at)
    at.button(key="stop").click().run()
    at.button(key="stop_yes").click().run()
    assert desk.asked == [("stop", (None, "panel"))]
    assert "the journal cannot be written: disk full" in said(at) and "python -m trader stop --wait 60" in said(at)


def test_a_waiting_run_was_said_to_be_bought_back(open_panel: Open) -> None:
    at, _ = open_panel("waiting")
    assert "Cancel the wait" in at.button(key="stop").label
    at.button(key="stop").click().run()
    assert (
        "Nothing is sold yet: the wait is cancelled." in said(at) and at.button(key="stop_yes").label == "Yes, cancel"
    )


def test_the_question_names_the_environment(open_panel: Open) -> None:
    at, _ = open_panel("holding", env="production")
    at.button(key="stop").click().run()
    assert 'sd-red">LIVE</span> Buy back' in said(at)


def test_the_question_says_what_exiting_would_realise() -> None:
    picture = status(premium=Decimal("30.37"), pnl=Decimal("-2.48"))
    legs = tuple(
        msgspec.structs.replace(leg, closing_px=Decimal(price))
        for leg, price in zip(run_of(picture).legs, ("167.4", "155.3"), strict=True)
    )
    run = msgspec.structs.replace(run_of(picture), legs=legs)
    asked = stop_words.question(msgspec.structs.replace(picture, run=run, runs=(run,)))
    assert asked == f"Buy back 100 C 95,000 at ≈ 167.40 and 100 P 86,500 at ≈ 155.30: realises ≈ {parts.MINUS}$2.48."


def test_what_is_not_known_is_not_said_to_be_zero() -> None:
    picture = status(pnl=None)
    legs = tuple(msgspec.structs.replace(leg, closing_px=None) for leg in run_of(picture).legs)
    run = msgspec.structs.replace(run_of(picture), legs=legs)
    asked = stop_words.question(msgspec.structs.replace(picture, run=run, runs=(run,)))
    assert asked == (
        "Buy back 100 C 95,000 at a price not known now and 100 P 86,500 at a price not known now: "
        "what that realises is not known now."
    )


def two(first: Status, **changes: object) -> Status:
    """Another run on the same underlying, the newest, which is shown."""
    named = {"run_id": "other-20261121-2", "preset": "wide"} | changes
    other = msgspec.structs.replace(run_of(first), **named)
    return msgspec.structs.replace(first, run=other, runs=(run_of(first), other))


@pytest.fixture
def both(open_panel: Open, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A page over two runs, as a function of the desk's picture: it answers with the run that it is asked for."""
    at, desk = open_panel("holding", page="pages/history.py")

    def show(picture: Status) -> None:
        def told(run_id: str | None = None) -> Status:
            asked = next((run for run in picture.runs if run.run_id == run_id), picture.run)
            return msgspec.structs.replace(picture, run=asked)

        monkeypatch.setattr(desk, "status", told)
        service.forget()
        at.run()

    return at, desk, show


def test_of_several_runs_the_one_that_is_stopped_is_named_on_the_button(both: Any) -> None:
    at, desk, show = both
    show(two(status()))
    assert "Stop &amp; Exit: BTC wide 95,000 / 86,500" in html.escape(at.button(key="stop").label)
    at.button(key="stop").click().run()
    assert "BTC wide 95,000 / 86,500: Buy back" in said(at) and "1 other run goes on." in said(at)
    at.button(key="stop_yes").click().run()
    assert desk.asked == [("stop", ("other-20261121-2", "panel"))]


def test_all_runs_are_stopped_by_a_question_of_their_own(both: Any) -> None:
    at, desk, show = both
    show(two(status(pnl=Decimal("-2.48"), premium=Decimal("30.37")), pnl=Decimal("1.20")))
    at.button(key="stop").click().run()
    at.button(key="stop_all").click().run()
    assert desk.asked == [] and keys(at) == ["stop", "stop_all_yes", "stop_no"]
    assert f"Stop all 2 runs: in all realises ≈ {M}$1.28." in said(at)
    assert "BTC default 95,000 / 86,500: Buy back" in said(at) and "BTC wide 95,000 / 86,500: Buy back" in said(at)
    at.button(key="stop_all_yes").click().run()
    assert desk.asked == [("stop", (None, "panel"))]


def test_a_question_about_one_run_was_answered_for_another(both: Any) -> None:
    """The run that was asked about ends while its question is open: the other one's button asks anew."""
    at, desk, show = both
    picture = two(status())
    show(picture)
    at.button(key="stop").click().run()
    assert "stop_yes" in keys(at)
    first = picture.runs[0]
    show(msgspec.structs.replace(picture, run=first, runs=(first,)))
    assert keys(at) == ["stop"] and desk.asked == []


def test_what_all_runs_would_realise_is_not_guessed() -> None:
    _, sum_ = stop_words.question_of_all(two(status(pnl=Decimal("-2.48")), pnl=None))
    assert sum_ == "Stop all 2 runs: what they would realise in all is not known now."


def test_a_silent_runner_is_told_before_one_says_yes() -> None:
    assert stop_words.question(status("dead")).endswith("carried out as soon as a runner is up.")


@pytest.mark.parametrize(
    ("scenario", "changes", "state", "wide", "short"),
    [
        ("holding", {"pnl": Decimal("-2.48"), "pnl_pct": Decimal("-8.2"), "premium": Decimal("30.37")}, "Holding",
         [f"{M}$2.48 ({parts.MINUS}8\u00a0%)", "out 16:30 IST in 16 h 16 m"], [f"{M}$2.48 ({parts.MINUS}8\u00a0%)", "16 h 16 m"]),
        ("waiting", {}, "Waiting", ["sells 09:30 IST in 9 h 16 m"], ["9 h 16 m"]),
        ("dead", {"pnl": None}, "Not watched", ["was holding", "–"], ["was holding", "–"]),
        ("done", {"realized_pnl": Decimal("-2.51")}, "Flat",
         ["confirmed by the exchange", f"last run {M}$2.51, Stop & Exit"], ["confirmed by the exchange", f"{M}$2.51"]),
    ],
)  # fmt: skip
def test_the_bar_says_state_result_and_what_comes_next(
    scenario: str, changes: dict[str, object], state: str, wide: list[str], short: list[str]
) -> None:
    picture = status(scenario)
    now = run_of(picture).market_at
    assert now is not None
    now = now.replace(hour=18, minute=44, second=0, microsecond=0)
    picture = status(
        scenario, market_at=now, exit_at=now + timedelta(hours=16, minutes=16), entry_at=now + timedelta(hours=9, minutes=16),
        **changes,
    )  # fmt: skip
    told, pieces = stop_words.bar_text(msgspec.structs.replace(picture, day=None))
    assert (told, [p.text for p in pieces], [p.short for p in pieces]) == (state, wide, short)


def test_a_question_left_open_is_not_asked_of_the_next_run(open_panel: Open) -> None:
    at, desk = open_panel("holding")
    at.button(key="stop").click().run()
    for scenario in ("done", "holding"):
        desk.scenario = scenario
        service.forget()
        at.run()
    assert keys(at) == ["stop"]


def test_a_cancelled_wait_was_asked_to_keep_running() -> None:
    assert stop_words.refusal(status("waiting")) == "Keep waiting"
    assert stop_words.refusal(status("holding")) == stop_words.refusal("unreadable") == "Keep running"


def test_the_bar_said_flat_while_single_orders_held_something(open_panel: Open) -> None:
    at, desk = open_panel("done")
    desk.tickets = [ticket()]
    service.forget()
    at.run()
    assert "<b>Run flat</b>" in bar(at) and "1 order ticket not finished, see Orders &amp; positions" in bar(at)
    seen = desk.status()
    assert "Single orders are not finished" in words.lost(seen)


def with_tickets(open_panel: Open, scenario: str, *tickets: Any, page: str | None = None) -> Any:
    at, desk = open_panel(scenario, page=page)
    desk.tickets = list(tickets)
    service.forget()
    at.run()
    assert not at.exception, at.exception
    return at, desk


@pytest.mark.parametrize(("page", "scenario"), [*((page, "empty") for page in PAGES), ("pages/dashboard.py", "done")])
def test_single_orders_alone_left_no_way_out_but_one_page(open_panel: Open, page: str, scenario: str) -> None:
    at, desk = with_tickets(open_panel, scenario, ticket(), works(), page=page)
    assert "Close all" in at.button(key="stop").label
    at.button(key="stop").click().run()
    words = read(at)
    assert desk.asked == [], "the first press only asks"
    assert "Close 2 order tickets: in all realises ≈ +$0.95." in words
    assert "ticket t1ck3t0001: Sells 5 BTCUSD at ≈ 91,240.00" in words
    assert "ticket t1ck3t0002: cancels what is left of buy 10 BTCUSD" in words
    assert keys(at) == ["stop", "stop_yes", "stop_no"] and at.button(key="stop_yes").label == "Yes, close all"
    at.button(key="stop_yes").click().run()
    assert desk.asked == [("stop", (None, "panel"))]


def test_orders_that_hold_nothing_are_cancelled_not_closed(open_panel: Open) -> None:
    at, desk = with_tickets(open_panel, "empty", works())
    assert "Cancel all orders" in at.button(key="stop").label
    at.button(key="stop").click().run()
    assert (
        "Cancel 1 order ticket; nothing is held." in said(at) and at.button(key="stop_yes").label == "Yes, cancel all"
    )
    at.button(key="stop_no").click().run()
    assert desk.asked == [] and keys(at) == ["stop"]


def test_stopping_all_closed_single_orders_without_a_word(open_panel: Open) -> None:
    at, desk = with_tickets(open_panel, "several", ticket())
    at.button(key="stop").click().run()
    assert "1 order ticket goes on." in said(at) and at.button(key="stop_all").label == "All: 2 runs, 1 order ticket …"
    at.button(key="stop_all").click().run()
    assert "Stop all 2 runs and close 1 order ticket: in all realises" in said(at)
    assert "ticket t1ck3t0001: Sells 5 BTCUSD" in said(at)
    at.button(key="stop_all_yes").click().run()
    assert desk.asked == [("stop", (None, "panel"))]


def test_beside_one_run_single_orders_can_be_closed_with_it(open_panel: Open) -> None:
    at, desk = with_tickets(open_panel, "holding", ticket())
    at.button(key="stop").click().run()
    assert at.button(key="stop_all").label == "All: 1 run, 1 order ticket …"
    at.button(key="stop_yes").click().run()
    assert desk.asked == [("stop", (RUN, "panel"))], "the button itself is of the run"


def test_a_question_about_single_orders_goes_with_the_last_of_them(open_panel: Open) -> None:
    at, desk = with_tickets(open_panel, "empty", ticket())
    at.button(key="stop").click().run()
    desk.tickets = []
    service.forget()
    at.run()
    assert keys(at) == [] and desk.asked == []
