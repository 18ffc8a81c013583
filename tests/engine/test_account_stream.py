"""No entry while the account's stream tells nothing; a held position is watched over REST all the same."""

import pytest

from tests.engine.scene import SPOT, Phase, Scene, entering, holding, preset, waiting
from trader.domain.outcome import not_sent
from trader.engine import events as ev
from trader.engine.release import check_release


def change(scene: Scene, up: bool, detail: str = "") -> None:
    scene.feed(ev.StreamChanged, stream="private", up=up, gap=False, detail=detail)


def move(scene: Scene, number: int) -> None:
    """A second passes, and prices with it: a feed that stands still bars entries by itself."""
    scene.pass_time(1.0)
    scene.quotes(scene.around("C", "205"), scene.around("P", "205"), spot=SPOT + number % 2)


def test_an_armed_run_waits_for_the_accounts_stream() -> None:
    scene = waiting()
    change(scene, False, "login refused: api_key_not_found")
    for number in range(60 * 40):
        move(scene, number)
        scene.serve()
        if any("stream" in why for why in scene.watch.why_not):
            break
    assert scene.phase is Phase.WAITING and scene.sent() == []
    assert any("the account's stream is down: login refused" in why for why in scene.watch.why_not)
    change(scene, True)
    for number in range(20):
        move(scene, number)
        scene.serve()
    assert scene.phase is not Phase.WAITING


def test_a_gap_is_no_loss_of_the_stream() -> None:
    scene = waiting()
    scene.feed(ev.StreamChanged, stream="private", up=True, gap=True, detail="orders")
    assert scene.state.account_stream_fault == ""
    scene.feed(ev.StreamChanged, stream="public", up=False, gap=False, detail="silent")
    assert scene.state.account_stream_fault == ""


def test_a_held_strangle_is_held_without_it() -> None:
    scene = holding()
    change(scene, False, "silent for 35 s")
    for _ in range(10):
        scene.prices()
        scene.serve()
    assert scene.phase is Phase.HOLDING


def test_a_gap_does_not_open_what_a_refusal_has_closed() -> None:
    scene = waiting()
    change(scene, False, "channel orders refused: forbidden")
    scene.feed(ev.StreamChanged, stream="private", up=True, gap=True, detail="unreadable message")
    assert "orders refused" in scene.state.account_stream_fault
    change(scene, True)
    assert scene.state.account_stream_fault == ""


def test_an_entry_decided_before_the_loss_was_heard_is_not_signed() -> None:
    scene = entering()
    first, second = scene.submits()
    assert check_release(scene.state, first, scene.now) is None
    change(scene, False, "no answer within 10 s")
    denied = check_release(scene.state, first, scene.now)
    assert denied is not None and denied.code == "ACCOUNT_STREAM_DOWN"
    change(scene, True)
    scene.accept(first.leg)
    change(scene, False, "silent for 35 s")
    assert check_release(scene.state, second, scene.now) is None, "the other leg of what has begun"


@pytest.mark.parametrize("stays", [False, True])
def test_what_was_held_back_so_waits_for_the_stream_as_long_as_an_order_rests(stays: bool) -> None:
    scene = entering(preset(orders={"timeout_secs": 10}))
    for intent in scene.submits():
        scene.take(intent.leg)
        scene.answer(intent.client_order_id, not_sent("ACCOUNT_STREAM_DOWN"))
    change(scene, False, "silent for 35 s")
    for number in range(15 if stays else 6):
        move(scene, number)
        scene.serve()
    assert len(scene.sent()) == 2 and scene.phase is (Phase.DONE if stays else Phase.ENTERING)
    change(scene, True)
    for number in range(3):
        move(scene, number)
        scene.serve()
    assert scene.phase is (Phase.DONE if stays else Phase.HOLDING)
