"""The start box, what it would sell, the pre-flight board and the lot sizer, over a desk in memory."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.panel.fake_desk import STRANGE, FakeDesk
from tests.panel.seen import read
from tests.panel.test_pages import said
from trader.config.preset import Preset, Schedule
from trader.desk import CheckResult, Preview
from trader.domain.errors import ExchangeError
from trader.panel import cards, launch, payoff, sell_now, service

Open = Callable[..., Any]


def seen(quantity: int = 25) -> Preview:
    preset = Preset.model_validate({"strategy": {"quantity": quantity}})
    return FakeDesk("empty").preview(preset)


def test_the_preview_never_told_what_one_starts_at(open_panel: Open) -> None:
    at, _ = open_panel("empty")
    assert "You start at −10 %: spread −3 %, fees in and out −7 %" in read(at)


@pytest.mark.parametrize(
    ("start", "spread", "words"),
    [
        ("-12.6", "5.5", "−15 %: spread −7 %, fees in and out −8 %"),
        ("-12.55", "5.51", "−15 %: spread −7 %, fees in and out −8 %"),
        ("-0.3", "-0.4", "0 %: spread 0 %, fees in and out 0 %"),
    ],
)
def test_the_parts_of_what_one_starts_at_add_up_as_shown(start: str, spread: str, words: str) -> None:
    one = replace(seen(100), start_pnl=Decimal(start), spread=Decimal(spread))
    assert sell_now.start_words(one).replace("\u00a0", " ").startswith(f"You start at {words}")


def test_what_one_starts_at_is_not_zero_while_it_is_not_known() -> None:
    assert sell_now.start_words(replace(seen(), start_pnl=None)) == "What you start at is not known."


def test_the_premium_says_its_arithmetic_and_the_size_its_three_faces(open_panel: Open) -> None:
    at, desk = open_panel("empty")
    desk.stored["default"] = Preset.model_validate({"name": "default", "strategy": {"quantity": 25}})
    at.run()
    told = read(at)
    assert "(431.50 + 410.50) × 0.025 BTC" in told and "$21.05" in told
    assert "25 contracts × 0.001 BTC = 0.025 BTC per leg ≈ $2,281 notional" in told


def test_both_legs_are_told_with_size_spread_and_iv(open_panel: Open) -> None:
    at, _ = open_panel("empty")
    told = read(at)
    for words in ("Sell C 95,000", "Sell P 86,500", "431.50 × 120", "443.50", "2.7 %", "41.0 %", "−0.127"):
        assert words in told, words


def test_reach_is_told_for_the_preset(open_panel: Open) -> None:
    at, _ = open_panel("empty")
    assert "trailing (arms at +40 %) and max profit (+80 %) need implied volatility to fall" in read(at)


def test_the_dearest_exit_stood_above_the_table(open_panel: Open) -> None:
    at, _ = open_panel("empty")
    assert "Closing pays at most" not in said(at)
    title = next(element for element in at.markdown if element.value == "**What it would sell now**")
    assert "Closing pays at most" in title.help


def test_a_preset_that_sells_nothing_says_why(open_panel: Open) -> None:
    at, desk = open_panel("empty")
    desk.stored["default"] = Preset.model_validate(
        {"name": "default", "strategy": {"delta_min": "0.45", "delta_max": "0.50"}}
    )
    at.run()
    told = read(at)
    assert "✗ no call with |delta| 0.45 to 0.50 has a bid" in told
    assert "nothing qualifies at this moment" in told


def test_start_says_what_it_will_do(open_panel: Open) -> None:
    at, _ = open_panel("empty")
    assert "1 C 95,000 + 1 P 86,500 for ≈ $0.8420" in read(at)
    at.segmented_control(key="dash_when").set_value("now").run()
    assert "Sell now: 1 C 95,000 + 1 P 86,500 for ≈ $0.8420" in read(at)
    assert at.button(key="dash_start").label == "Start"


def test_every_prerequisite_stands_on_the_board_and_what_is_not_met_comes_first(open_panel: Open) -> None:
    at, desk = open_panel("empty")
    desk.foreign_things = STRANGE
    service.forget()
    at.run()
    told = read(at)
    places = [told.index(words) for words in ("✗ nothing foreign", "? request budget", "✓ journal writable")]
    assert places == sorted(places)
    assert "1 not met" in told and "1 not known" in told and "1 met" in told


def test_a_reason_from_outside_stays_text_on_the_board() -> None:
    row = CheckResult(name="public API", ok=False, words='<img src=x onerror="alert(1)"> :red[x]')
    drawn = cards.row(row.ok, row.name, row.words)
    assert "<img" not in drawn and ":red" not in drawn and "&lt;img" in drawn


@pytest.mark.parametrize(
    ("by", "amount", "contracts"), [("contracts", 7.0, 7), ("premium", 8.5, 10), ("margin", 100.0, 5)]
)
def test_a_run_is_sized_by_a_target_and_the_preset_stays(
    open_panel: Open, by: str, amount: float, contracts: int
) -> None:
    at, desk = open_panel("empty")
    at.segmented_control(key="dash_size_by").set_value(by).run()
    at.number_input(key="dash_size_amount").set_value(amount).run()
    told = read(at)
    assert f"{contracts} for this run only; the preset stays at 1." in told
    assert f"{contracts} contracts × 0.001 BTC" in told and f"{contracts} C 95,000" in told
    at.button(key="dash_start").click().run()
    [(_, (preset, *_))] = desk.asked
    assert preset.strategy.quantity == contracts and preset.name == "default"
    assert desk.stored["default"].strategy.quantity == 1


def test_a_target_below_one_contract_starts_nothing(open_panel: Open) -> None:
    at, _ = open_panel("empty")
    at.segmented_control(key="dash_size_by").set_value("margin").run()
    at.number_input(key="dash_size_amount").set_value(3.0).run()
    assert at.button(key="dash_start").disabled
    assert "Nothing to start: One contract of each leg ties up 18.405 USD of margin, more than 3 USD." in read(at)


def test_start_right_after_changing_the_size_asks_to_look_again(open_panel: Open) -> None:
    at, desk = open_panel("empty")
    at.segmented_control(key="dash_size_by").set_value("contracts").run()
    at.number_input(key="dash_size_amount").set_value(2.0).run()
    at.number_input(key="dash_size_amount").set_value(50.0)
    at.button(key="dash_start").click().run()
    assert desk.asked == [] and "the size was just changed" in said(at)
    at.button(key="dash_start").click().run()
    assert [arguments[0].strategy.quantity for _, arguments in desk.asked] == [50]


def test_the_first_visit_teaches_the_first_paper_trade(open_panel: Open) -> None:
    at, _ = open_panel("empty")
    assert "First paper trade" in said(at)
    at, _ = open_panel("done")
    assert "First paper trade" not in said(at)


def test_an_outage_is_said_where_the_preview_stands(open_panel: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: FakeDesk, preset: Preset) -> Preview:
        raise ExchangeError("connection refused")

    monkeypatch.setattr(FakeDesk, "preview", refuse)
    at, _ = open_panel("empty")
    assert "The exchange cannot be asked" in said(at) and "connection refused" in said(at)
    assert "what would qualify is not known" in said(at)


def test_the_payoff_is_sent_again_only_when_it_is_another_one(
    open_panel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Preview] = []

    def spy(one: Preview) -> Any:
        drawn.append(one)
        return figure(one)

    figure = payoff.figure
    monkeypatch.setattr(payoff, "figure", spy)
    at, _ = open_panel("empty")
    at.run()
    assert len({id(one) for one in drawn}) == 1, "the same picture, so the browser keeps its chart"
    at.segmented_control(key="dash_size_by").set_value("contracts").run()
    at.number_input(key="dash_size_amount").set_value(5.0).run()
    assert len({id(one) for one in drawn}) == 2


def test_the_payoff_marks_the_stops_on_its_own_line() -> None:
    one = seen()
    stops = next(trace for trace in payoff.figure(one).data if trace.name == "max loss")
    assert list(stops.x) == [one.stop_low, one.stop_high]
    assert "maximum loss at 87,912 and 93,871" in payoff.in_words(one)


@pytest.mark.parametrize(
    ("entry", "words", "at_once"),
    [
        ("2026-11-30T14:30", "At 14:30 IST", False),
        ("2026-11-30T13:30", "Sell at once, the entry window of 13:30 IST is open", True),
        ("2026-12-01T09:30", "On Tue 01 Dec at 09:30 IST", False),
    ],
)
def test_a_time_that_has_gone_by_did_not_say_which_day(entry: str, words: str, at_once: bool) -> None:
    market, at = datetime.fromisoformat("2026-11-30T13:39+05:30"), datetime.fromisoformat(f"{entry}+05:30")
    schedule = Schedule(entry_time_ist=entry[-5:])
    assert launch.planned(schedule, at, market, now=False) == (words, at_once)
    assert launch.planned(schedule, None, None, now=False) == (f"At {entry[-5:]} IST", False)
    assert launch.planned(schedule, at, market, now=True) == ("Sell now", True)


def test_the_start_box_showed_one_preset_and_would_have_started_another(open_panel: Open) -> None:
    """The browser forgets a field that is not drawn for a while, the server may not: it is told the value each time."""
    at, _ = open_panel("empty")
    at.selectbox(key="dash_preset").set_value("aggressive").run()
    at.segmented_control(key="dash_when").set_value("now").run()
    at.run()
    assert at.selectbox(key="dash_preset").proto.set_value and at.selectbox(key="dash_preset").value == "aggressive"
    assert at.segmented_control(key="dash_when").proto.set_value


@pytest.mark.parametrize(
    ("sides", "premium", "words"),
    [
        (("sell", "sell"), "0.842", "1\u00a0C\u00a095,000 + 1\u00a0P\u00a086,500 for ≈ $0.8420"),
        (("sell", "buy"), "0.021", "sell 1\u00a0C\u00a095,000, buy 1\u00a0P\u00a086,500 for ≈ $0.0210"),
        (("buy", "buy"), "-0.842", "1\u00a0C\u00a095,000 + 1\u00a0P\u00a086,500 paying ≈ $0.8420"),
    ],
)
def test_the_promise_says_what_is_bought_and_what_is_paid(sides: tuple[str, str], premium: str, words: str) -> None:
    seen = FakeDesk("empty").preview(Preset())
    legs = tuple(replace(leg, side=side) for leg, side in zip(seen.legs, sides, strict=True))
    assert launch.legs_words(replace(seen, legs=legs, premium=Decimal(premium))) == words
