"""How a run ended: the verdict, how it comes about, and what one can do next."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.panel.fake_desk import FakeDesk
from tests.panel.seen import read
from tests.panel.test_pages import said
from trader.config.preset import Preset
from trader.desk import Outcome
from trader.domain.errors import JournalError
from trader.engine.view import RunView
from trader.panel import result, service

Open = Callable[..., Any]


def done(**more: Any) -> tuple[RunView, Outcome]:
    desk = FakeDesk("done")
    run, outcome = desk.status().run, desk.outcome("k3fa-20261121-1")
    assert run is not None and outcome is not None
    return run, replace(outcome, **more)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2060", "")


def test_the_result_is_one_sentence(open_panel: Open) -> None:
    at, _ = open_panel("done")
    assert "Kept +$31.87 = 37.8 % of net credit in 2 h 00 m · Stop & Exit" in read(at)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            {"premium": Decimal("0.28"), "result": Decimal("0.1152"), "result_pct": Decimal("41.1")},
            "Kept +$0.1152 = 41.1 % of net credit in 2 h 00 m · Stop & Exit",
        ),
        (
            {"premium": Decimal("61.23"), "result": Decimal("-13.9"), "result_pct": Decimal("-22.7")},
            "Lost −$13.90 = −22.7 % of net credit in 2 h 00 m · Stop & Exit",
        ),
        ({"ended_at": None}, "Kept +$31.87 = 37.8 % of net credit · Stop & Exit"),
    ],
)
def test_verdicts(more: dict[str, Any], words: str) -> None:
    run, outcome = done(**more)
    assert plain(result.verdict(run, outcome)) == words


def test_a_run_that_sold_nothing_has_no_result() -> None:
    run, _ = done()
    assert (
        result.verdict(replace(run, exit_reason="missed_entry"), None) == "Ended without a trade · entry window missed"
    )
    assert result._facts(replace(run, legs=()), None) == ["Nothing was sold on BTC"], "was the underlying alone"


def test_the_steps_to_the_result_are_exact(open_panel: Open) -> None:
    _, outcome = done()
    trace = result.waterfall(outcome).data[0]
    shown = ["Premium +$84.20", "Bought back −$50.02", "Fees −$2.31", "Result +$31.87"]
    assert [plain(label) for label in trace.y] == shown
    assert list(trace.x) == [84.2, -50.02, -2.31, 31.87] and sum(trace.x[:3]) == pytest.approx(31.87)
    assert list(trace.measure) == ["relative"] * 3 + ["total"]


def test_the_amounts_as_shown_add_up_to_the_result_as_shown() -> None:
    odd = {
        "premium": Decimal("11.956"),
        "closed_for": Decimal("12.644"),
        "fees": Decimal("0.908"),
        "result": Decimal("-1.596"),
    }
    _, outcome = done(**odd)
    assert (
        plain(result.in_words(outcome)).replace("result ", "")
        == "premium +$11.9560, bought back −$12.6440, fees −$0.9080: −$1.5960"
    )
    large = {
        "premium": Decimal("1145.6310"),
        "closed_for": Decimal("1167.3600"),
        "fees": Decimal("85.9449"),
        "result": Decimal("-107.6739"),
    }
    _, outcome = done(**large)  # were four decimals beside a result of −$108
    assert (
        plain(result.in_words(outcome)) == "premium +$1,145.63, bought back −$1,167.36, fees −$85.94: result −$107.67"
    )
    _, outcome = done()
    assert plain(result.in_words(outcome)) == "premium +$84.20, bought back −$50.02, fees −$2.31: result +$31.87"


def test_a_settled_leg_was_not_bought_back() -> None:
    _, outcome = done(settled=True)
    assert result.waterfall(outcome).data[0].y[1].startswith("Bought back, settled ")


def test_flat_is_said_only_when_the_exchange_confirmed_it(open_panel: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at, _ = open_panel("done")
    assert "FLAT] confirmed by the exchange." in read(at)
    honest = FakeDesk._run

    def not_flat(self: FakeDesk, now: Any) -> RunView | None:
        run = honest(self, now)
        return None if run is None else replace(run, flat="false")

    monkeypatch.setattr(FakeDesk, "_run", not_flat)
    service.forget()
    at.run()
    assert "FLAT] confirmed by the exchange." not in read(at)


def test_run_again_prepares_the_start_box_and_sells_nothing(open_panel: Open) -> None:
    at, desk = open_panel("done")
    at.selectbox(key="dash_preset").select("aggressive").run()
    at.button(key="dash_again").click().run()
    assert desk.asked == []
    assert at.selectbox(key="dash_preset").value == "default"
    assert at.segmented_control(key="dash_when").value == "now"
    assert "press Start" in said(at) and "has been changed" not in said(at)


def test_run_again_says_that_the_preset_has_changed_since(open_panel: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at, _ = open_panel("done")
    pinned = Preset.model_validate({"name": "default", "strategy": {"quantity": 9}})
    monkeypatch.setattr(FakeDesk, "preset_of", lambda self, run_id: pinned)
    at.button(key="dash_again").click().run()
    assert "The preset has been changed since this run." in said(at)


def test_a_result_that_cannot_be_read_says_so(open_panel: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: FakeDesk, run_id: str) -> Outcome | None:
        raise JournalError("disk I/O error")

    monkeypatch.setattr(FakeDesk, "outcome", broken)
    at, _ = open_panel("done")
    assert "The result cannot be read." in said(at) and "disk I/O error" in said(at)


def test_held_time_is_the_exchanges() -> None:
    _, outcome = done()
    assert outcome.held == timedelta(hours=2)
