"""Every kind of order and algorithm from every face to the venue; and with a lost answer, a death of the runner and a restart in the
middle. Each stands there once, and the books are the venue's."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.e2e.faces import Cli, Face, api_of, panel_of
from tests.e2e.live import PATIENCE_SECS, Live, faulty_venue
from tests.e2e.orders import KINDS, QUANTITY, SEND, Scene
from tests.e2e.rig import await_value
from tests.e2e.same_books import await_same_books

pytestmark = pytest.mark.slow

FACES = ("panel", "cli", "api")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    server = faulty_venue(speed=2.0)
    made = Live(server, tmp_path_factory.mktemp("orders") / "home")
    made.launch()
    yield made
    made.close()
    server.stop()


@pytest.fixture(scope="module")
def shared(live: Live) -> Iterator[dict[str, Face]]:
    with ExitStack() as stack:
        yield {"panel": stack.enter_context(panel_of(live)), "api": stack.enter_context(api_of(live))}


@pytest.fixture
def scene(
    live: Live, shared: dict[str, Face], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    yield Scene(live, {**shared, "cli": Cli(live, capsys, monkeypatch)})
    live.faults.clear()


Orders = tuple[tuple[str, str], ...]  # kind and face


def in_turn(together: int, every: int = 1) -> list[Any]:
    """Each kind once, from one face after the other, so many at a time; what reduces stands alone, for it lets nothing be opened
    beside it; `make test` has each so-manieth of these groups. And for `make t1` each kind from each face alone."""
    turns = [(kind, FACES[number % len(FACES)]) for number, kind in enumerate(KINDS)]
    groups: list[Orders] = [tuple(turns[at : at + together]) for at in range(0, len(turns) - 1, together)]
    groups = [tuple(one for one in group if one != turns[-1]) for group in groups] + [(turns[-1],)]
    alone: list[Orders] = [((kind, face),) for kind in KINDS for face in FACES]
    marked = [(group, pytest.mark.t1 if number % every else ()) for number, group in enumerate(groups)] + [
        (group, pytest.mark.t1) for group in alone if group not in groups
    ]
    return [pytest.param(group, marks=marks, id=" ".join(map("-".join, group))) for group, marks in marked]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_order_from_each_face_stands_in_books_and_venue_alike(scene: Scene, kind: str, face: str) -> None:
    scene.assert_once({kind: scene.order(kind, face)})


@pytest.mark.parametrize("orders", in_turn(2))
def test_an_order_whose_answer_is_lost_stands_once(scene: Scene, orders: Orders) -> None:
    """The venue takes it and the connection breaks: of slices and protection as of the first."""
    lost = scene.live.faults.add("N2", match=SEND, times=3 * len(orders))
    tickets = {kind: scene.order(kind, face) for kind, face in orders}
    lost.await_happened(len(orders), secs=PATIENCE_SECS)
    scene.assert_once(tickets)


@pytest.mark.parametrize("orders", in_turn(2, every=2))  # so many entries are on their way at a time
def test_an_order_stands_once_when_the_runner_is_killed_before_it_hears_the_answer(
    scene: Scene, orders: Orders
) -> None:
    silent = scene.live.faults.add("N2", match=SEND, hang=True, times=len(orders))
    tickets = {kind: scene.order(kind, face) for kind, face in orders}
    silent.await_happened(len(orders), secs=PATIENCE_SECS)
    scene.live.kill()
    scene.live.launch()
    scene.assert_once(tickets)


@pytest.mark.parametrize("orders", in_turn(len(KINDS)))
def test_an_order_goes_on_when_the_runner_is_begun_again_in_the_middle(scene: Scene, orders: Orders) -> None:
    tickets = {kind: scene.order(kind, face) for kind, face in orders}
    for kind, ticket in tickets.items():
        await_value(
            lambda what=(kind, ticket): [one for one in scene.lines(*what) if one.venue_order_id] or None,  # type: ignore[misc]
            PATIENCE_SECS, f"{kind} at the exchange",
        )  # fmt: skip
    scene.live.end()
    scene.live.launch()
    scene.assert_once(tickets)


@pytest.mark.parametrize("answer", ["heard", "lost"])
@pytest.mark.parametrize("face", ["cli", "api"])
def test_of_two_that_cancel_each_other_one_fills_and_the_other_ends(scene: Scene, face: str, answer: str) -> None:
    """The panel's form sends one order at a time; two come from the command line or a program."""
    if answer == "lost":
        scene.live.faults.add("N2", match=SEND, times=2)
    now, later = scene.live.at("1.005"), scene.live.at("1.03")
    both = scene.order_both(
        {"limit_price": now, "order_type": "limit"}, {"stop_price": later, "order_type": "stop_market"}, face
    )
    for ticket in both:
        await_value(lambda name=ticket: scene.is_over(name) or None, PATIENCE_SECS, f"{ticket} filled or cancelled")  # type: ignore[misc]
    assert [sum(one.filled for one in scene.lines("limit", ticket)) for ticket in both] == [QUANTITY, 0]
    assert all(len(scene.lines("limit", ticket)) == 1 for ticket in both)
    await_same_books(scene.live)
