"""Words are built from what happened: what is told of refusals, of legs and of times is what was so."""

import pytest
from msgspec.structs import replace

from tests.engine.scene import EXPIRY, PUT, Phase, Scene, entering, exiting, holding, preset, settlement
from trader.domain.fill import FillKind
from trader.domain.order import Side
from trader.domain.outcome import Rejected
from trader.domain.remedy import Remedy
from trader.domain.wording import clause, done_of, fill_verb, refusal_words
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.records import OperatorLevel

MARGIN = Rejected(
    "insufficient_margin",
    "insufficient_margin: The account's free margin does not cover the order.",
    remedy=Remedy.HALT,
)


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("insufficient_margin", "insufficient_margin: No margin.", "insufficient_margin: No margin"),
        ("SignatureExpired", "signatureexpired: late", "signatureexpired: late"),
        ("not_sent", "the process slept", "not_sent: the process slept"),
        ("not_sent", "", "not_sent"),
        ("", "reset by peer. ", "reset by peer"),
        ("", "", ""),
    ],
)
def test_a_refusal_says_its_code_once_and_ends_without_a_full_stop(code: str, message: str, words: str) -> None:
    assert refusal_words(code, message) == words


@pytest.mark.parametrize(("done", "meant", "words"), [(0, 2, "0/2"), (2, 2, "2/2"), (2, 1, "2, meant 1")])
def test_more_than_was_meant_is_not_told_as_a_fraction_of_it(done: int, meant: int, words: str) -> None:
    assert done_of(done, meant) == words


def texts(scene: Scene) -> list[str]:
    told = [r.text for r in scene.records if isinstance(r, rec.AlertRaised)]
    told += [r.reason for r in scene.records if isinstance(r, rec.LevelChanged)]
    told += [r.detail for r in scene.records if isinstance(r, rec.ExitDecided)]
    return told + list(scene.view.steps) + [order.message for order in scene.view.orders] + [scene.view.words]


@pytest.mark.parametrize("stage", [entering, exiting])
def test_no_refusal_repeats_its_code_or_doubles_a_full_stop(stage: object) -> None:
    scene = entering() if stage is entering else exiting()
    for _ in range(40):
        for intent in scene.submits():
            scene.answer(scene.take(intent.leg).client_order_id, MARGIN)
        scene.prices(after=0.5)
    assert any("insufficient_margin" in text for text in texts(scene))
    for text in texts(scene):
        assert ".." not in text and text.count("insufficient_margin") <= text.count("refused") + 1, text
        assert "insufficient_margin insufficient_margin" not in text


@pytest.mark.parametrize("reason", ["lunch.", "lunch", "lunch. "])
def test_a_persons_reason_keeps_no_full_stop_of_its_own(reason: str) -> None:
    scene = Scene()
    scene.feed(ev.LevelCommand, command_id="p1", level=OperatorLevel.PAUSE, issued_by="tester", reason=reason)
    assert [r.reason for r in scene.records if isinstance(r, rec.LevelChanged)] == ["lunch"]


def test_two_legs_that_are_open_are_uneven_and_none_of_them_stands_alone() -> None:
    scene = entering(preset(risk={"naked_leg_secs": 10}))
    scene.trade("P")
    call = scene.accept("C")
    scene.fill(call.client_order_id, 1)
    for _ in range(12):
        scene.prices(after=0.5)
    assert any("uneven" in text for text in texts(scene))
    assert not any("alone" in text for text in texts(scene)), texts(scene)


def test_a_leg_that_is_alone_is_told_with_the_time_it_has_stood_so() -> None:
    scene = entering(preset(risk={"naked_leg_secs": 10}))
    scene.trade("P")
    scene.accept("C")
    begun = scene.wall
    while scene.phase is Phase.ENTERING:
        scene.prices(after=0.5)
    assert f"one leg has stood alone for {(scene.wall - begun).total_seconds():.0f} s" in scene.run.exit_detail
    assert PUT not in scene.run.exit_detail


def test_an_entry_taken_back_before_anything_was_sold_buys_nothing_back() -> None:
    scene = entering()
    scene.answer(scene.take("C").client_order_id, replace(MARGIN, remedy=Remedy.GIVE_UP))
    assert scene.run.exit_reason == "unwind"
    assert scene.run.exit_detail.endswith("cancelling what was sent")
    sold = entering()
    sold.trade("P")
    sold.answer(sold.take("C").client_order_id, replace(MARGIN, remedy=Remedy.GIVE_UP))
    assert sold.run.exit_detail.endswith("buying back what was sold")


def test_clause_keeps_what_is_inside() -> None:
    assert clause(" v1.2 of 3. ") == "v1.2 of 3"


def test_a_leg_that_was_settled_or_liquidated_is_not_said_to_be_bought_back() -> None:
    scene = holding()
    scene.pass_time((EXPIRY - scene.wall).total_seconds() + 1)
    scene.prices()
    scene.read_account(fills=(*scene.exchange.fills, settlement("C", 2, "12", EXPIRY)))
    assert any(step.endswith(": settled") for step in scene.view.steps), scene.view.steps
    liquidated = holding()
    liquidated.tick(5)
    closed = replace(settlement("C", 2, "900", liquidated.market), kind=FillKind.LIQUIDATION)
    liquidated.read_account(fills=(*liquidated.exchange.fills, closed))
    assert any(step.endswith(": liquidated") for step in liquidated.view.steps), liquidated.view.steps
    assert "somebody" not in " ".join(liquidated.view.steps)


@pytest.mark.parametrize(
    ("kind", "side", "verb"),
    [
        (FillKind.NORMAL, Side.SELL, "sold"),
        (FillKind.NORMAL, Side.BUY, "bought"),
        (FillKind.SETTLEMENT, Side.BUY, "settled"),
        (FillKind.LIQUIDATION, Side.BUY, "liquidated"),
        (FillKind.ADL, Side.BUY, "deleveraged"),
    ],
)
def test_a_fill_is_told_by_what_it_was(kind: FillKind, side: Side, verb: str) -> None:
    assert fill_verb(replace(settlement("C", 1, "1", EXPIRY), kind=kind, side=side)) == verb
