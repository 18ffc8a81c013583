"""Sentences every face shows: what Stop would do, which exits are in reach, how many contracts meet a target."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desk.test_preview import BOOKS, books, seen_of
from tests.engine import boards
from tests.engine.scene import OPENING, D, Scene, done, entering, exiting, holding, preset, waiting
from trader.config.preset import Preset
from trader.desk import Preview, reach_of_preview, reach_of_run, stop_words
from trader.desk.sizing import SizeBy, size_for
from trader.engine.view import RunView


def said(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u2212", "-")


# ---------------------------------------------------------------- Stop


def test_stop_says_what_it_buys_back_and_what_that_realises_at_the_figures_of_the_picture() -> None:
    view = holding().view
    leg = view.legs[0]
    assert view.pnl is not None and leg.closing_px == D(210)
    assert said(stop_words(view)) == (
        f"Buy back 2 C 104,000 at ≈ 210.00 and 2 P 96,000 at ≈ 210.00: realises ≈ -${abs(view.pnl):.4f}."
    )
    thirty = replace(view, premium=D("30.37"), pnl=D("2.476"))
    assert stop_words(thirty).endswith("realises ≈ +$2.48.")
    assert stop_words(replace(thirty, premium=D(800))).endswith("realises ≈ +$2.")
    assert stop_words(replace(thirty, pnl=D("-0.001"))).endswith("realises ≈ $0.00.")


def half_bought() -> Scene:
    scene = exiting()
    scene.trade("C")
    return scene


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (waiting, "Nothing is sold yet: the wait is cancelled."),
        (entering, "Nothing is sold yet: the entry orders are cancelled, what fills meanwhile is bought back."),
        (half_bought, "The exit is under way; Stop changes nothing. Still to buy back: 2 P 96,000 at ≈ 210.00."),
        (done, "Nothing is left to stop: flat, confirmed by the exchange."),
    ],
)
def test_stop_says_what_is_so_in_every_phase(stage: Any, words: str) -> None:
    assert said(stop_words(stage().view)) == words


def test_stop_while_entering_buys_back_what_was_sold() -> None:
    scene = entering()
    scene.trade("C")
    words = stop_words(scene.view)
    assert words.startswith("The entry orders are cancelled. Buy back 2 C 104,000 at ≈ 210.00: realises ≈ ")


def test_stop_never_invents_a_price() -> None:
    view = holding().view
    legs = (replace(view.legs[0], closing_px=None), view.legs[1])
    assert stop_words(replace(view, legs=legs, pnl=None)) == (
        "Buy back 2 C 104,000 at a price not known now and 2 P 96,000 at ≈ 210.00: what that realises is not known now."
    )


def test_stop_tells_what_is_not_flat_after_the_end() -> None:
    view = replace(done().view, flat="false", words="Done (expiry) — NOT FLAT: C-BTC-1 -2 is not ours")
    assert stop_words(view) == "Done (expiry) — NOT FLAT: C-BTC-1 -2 is not ours."


# ---------------------------------------------------------------- reach


def seen(best: float | None) -> Preview:
    return replace(seen_of(preset(), books(*BOOKS[0])), best_pct=best, still_pct=best)


@pytest.mark.parametrize(
    ("best", "words"),
    [
        (
            23.8,
            "is +23 % of the net credit: trailing (arms at +40 %) and max profit (+80 %) need implied volatility to fall.",
        ),
        (
            39.96,
            "is +39.9 % of the net credit: trailing (arms at +40 %) and max profit (+80 %) need implied volatility to fall.",
        ),
        (
            40.0,
            "is +40 % of the net credit: trailing (arms at +40 %) is within reach, max profit (+80 %) needs implied volatility "
            "to fall.",
        ),
        (85.5, "is +85 % of the net credit: trailing (arms at +40 %) and max profit (+80 %) are within reach."),
        (
            -3.2,
            "is -4 % of the net credit: trailing (arms at +40 %) and max profit (+80 %) need implied volatility to fall.",
        ),
    ],
)
def test_which_exits_time_alone_can_reach(best: float, words: str) -> None:
    assert said(reach_of_preview(preset(), seen(best))) == f"Best case by 16:30 IST at today's volatility {words}"


def test_the_day_of_the_exit_is_named_when_it_is_another() -> None:
    late = OPENING + timedelta(hours=8)
    tomorrow = seen_of(preset(strategy={"expiry": "nearest"}), books(*BOOKS[0], at=late), at=late)
    assert "Best case by 16:30 IST on 16 Jan " in reach_of_preview(preset(), tomorrow)


def test_what_cannot_be_computed_is_said_to_be_unknown() -> None:
    words = "The best case by 16:30 IST is not known: prices or implied volatilities are missing."
    assert reach_of_preview(preset(), seen(None)) == words
    blind = holding()
    blind.tick(6)
    assert reach_of_run(blind.view) == words


@pytest.mark.parametrize(("side", "has_best"), [("buy", False), ("sell", True)])
def test_where_more_is_bought_than_sold_there_is_no_best_case(side: str, has_best: bool) -> None:
    """Looked for within half of spot, it was said to be +68,400 %."""
    held = boards.holding(boards.structured("one_leg", leg_side=side)).view
    assert held.outlook is not None and held.outlook.still_pnl is not None
    assert (held.outlook.best_pct is not None) is has_best
    assert ("the best case by 16:30 IST has no bound" in reach_of_run(held)) is not has_best


def test_without_a_trailing_stop_only_the_profit_is_a_goal() -> None:
    config = preset(exits={"trailing_enabled": False})
    assert said(reach_of_preview(config, seen(90.0))).endswith(": max profit (+80 %) is within reach.")


def test_nothing_is_said_of_what_cannot_be_sold_or_is_not_open() -> None:
    assert reach_of_preview(preset(), replace(seen(20.0), reasons=("no bid",))) == ""
    assert [reach_of_run(stage().view) for stage in (waiting, done)] == ["", ""]


def test_a_run_says_the_same_as_the_preview_and_an_armed_trailing_stop_is_no_goal() -> None:
    view: RunView = holding().view
    assert view.outlook is not None and view.outlook.best_pct is not None
    assert reach_of_run(view) == reach_of_preview(preset(), seen(view.outlook.best_pct))
    armed = tuple(
        replace(rung, arms_at_pct=None, at_pct=D(0), armed=True) if rung.code == "trailing_stop" else rung
        for rung in view.ladder
    )
    assert "trailing" not in reach_of_run(replace(view, ladder=armed))


# ---------------------------------------------------------------- size


ONE: Preset = preset(strategy={"quantity": 10}, risk={"max_order_quantity": 500})


@pytest.mark.parametrize(
    ("by", "amount", "contracts"),
    [
        ("contracts", "25", 25),
        ("contracts", "25.9", 25),
        ("premium", "5", 10),  # (200 + 300) x 0.001 = 0.50 a contract
        ("premium", "5.4999", 10),
        ("premium", "4.9999", 9),
        ("margin", "25.1", 10),  # 2 x 1 % of 100,000 + 206 + 304, x 0.001
        ("margin", "25.0999", 9),
        ("max_loss", "12", 24),
        ("max_loss", "11.99", 23),
    ],
)
def test_a_target_of_money_is_so_many_whole_contracts(by: SizeBy, amount: str, contracts: int) -> None:
    sized = size_for(ONE, seen_of(ONE, books(*BOOKS[0])), by, D(amount))
    assert (sized.contracts, sized.words) == (contracts, "")


def test_the_size_is_within_the_target_and_one_more_is_not() -> None:
    config = preset(
        strategy={"quantity": 7, "max_spread_pct": "200"},
        exits={"max_loss_pct": "33"},
        risk={"max_order_quantity": 100_000},
    )
    now = seen_of(config, books(*BOOKS[1]))
    for by in ("premium", "margin", "max_loss"):
        for cents in (37, 100, 999, 12_345):
            amount = D(cents) / 100
            count = size_for(config, now, by, amount).contracts  # type: ignore[arg-type]
            for contracts, fits in ((count, True), (count + 1, False)):
                sold = config.model_copy(
                    update={"strategy": config.strategy.model_copy(update={"quantity": max(contracts, 1)})}
                )
                then = seen_of(sold, books(*BOOKS[1]))
                assert then.premium is not None and then.margin is not None
                figure = {"premium": then.premium, "margin": then.margin, "max_loss": then.premium * 33 / 100}[by]
                assert contracts == 0 or (figure <= amount) is fits


@pytest.mark.parametrize(
    ("by", "amount", "words"),
    [
        ("contracts", "0.5", "Less than one contract."),
        ("premium", "0.2", "One contract of each leg brings 0.5 USD of premium, more than 0.2 USD."),
        ("margin", "2", "One contract of each leg ties up 2.51 USD of margin, more than 2 USD."),
        ("max_loss", "0.49", "One contract of each leg has its maximum loss at 0.5 USD, more than 0.49 USD."),
        ("margin", "0", "The target must be a number above 0."),
        ("premium", "NaN", "The target must be a number above 0."),
    ],
)
def test_no_contract_is_explained(by: SizeBy, amount: str, words: str) -> None:
    sized = size_for(ONE, seen_of(ONE, books(*BOOKS[0])), by, D(amount))
    assert (sized.contracts, sized.words) == (0, words)


def test_a_size_is_held_to_the_largest_order_and_a_thin_book_is_told() -> None:
    sized = size_for(ONE, seen_of(ONE, books(*BOOKS[0])), "premium", D("1e9"))
    assert sized.contracts == 500
    assert sized.words.startswith(
        "The largest order allowed is 500 contracts (risk.max_order_quantity). Only 100 of C-"
    )
    thin = books({**BOOKS[0][0], "bid_size": 12}, BOOKS[0][1])
    assert size_for(ONE, seen_of(ONE, thin), "contracts", D(20)).words == (
        "Only 12 of C-BTC-104000-160125 are bid for; the rest waits or sells lower."
    )


def test_what_cannot_be_sold_has_no_size() -> None:
    narrow = preset(strategy={"delta_min": "0.40", "delta_max": "0.45"})
    sized = size_for(narrow, seen_of(narrow, books(*BOOKS[0])), "premium", Decimal(5))
    assert sized.contracts == 0 and sized.words.startswith("Nothing can be sized now: no call has |delta| 0.40-0.45")
