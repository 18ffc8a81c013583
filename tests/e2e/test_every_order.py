"""Every kind of order and algorithm from every face to the venue; and with a lost answer, a death of the runner and a restart in the
middle. Each stands there once, and the books are the venue's."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.e2e.faces import Cli, Face, Ticket, api_of, panel_of
from tests.e2e.live import PATIENCE_SECS, PERP, Live, faulty_venue
from tests.e2e.rig import await_value
from tests.e2e.same_books import await_same_books, order_lines
from trader.desk.books.lines import OrderLine
from trader.domain.order import OrderStatus

pytestmark = pytest.mark.slow

QUANTITY = 6
_LOOK_SECS = 0.05
# What is asked for; prices as shares of the index. A buy throughout: tickets of one contract stand on one side.
KINDS: dict[str, Ticket] = {
    "market": {"order_type": "market"},
    "limit": {"order_type": "limit", "limit_price": "0.985"},
    "ioc": {"order_type": "limit", "limit_price": "1.005", "time_in_force": "ioc"},
    "post-only": {"order_type": "limit", "limit_price": "0.986", "post_only": True},
    "stop market": {"order_type": "stop_market", "stop_price": "1.05"},
    "stop limit": {"order_type": "stop_limit", "stop_price": "1.05", "limit_price": "1.051"},
    "take profit market": {"order_type": "take_profit_market", "stop_price": "0.95"},
    "take profit limit": {"order_type": "take_profit_limit", "stop_price": "0.95", "limit_price": "0.951"},
    "trailing stop": {"order_type": "trailing_stop", "trail_usd": "500"},
    "bracket": {"order_type": "market", "stop_loss": {"price": "0.95"}, "take_profit": {"price": "1.05"}},
    "iceberg": {"order_type": "market", "work": "iceberg", "orders": {"entry_visible_pct": 40, "entry_refresh_secs": 1, "timeout_secs": 2}},
    "twap": {"order_type": "market", "work": "twap", "orders": {"entry_slices": 3, "entry_duration_secs": 6}},
    "chase": {"order_type": "market", "work": "chase", "orders": {"timeout_secs": 2}},
    "reduce-only": {"order_type": "market", "reduce_only": True, "side": "sell"},
}  # fmt: skip
WAITS = {"limit", "post-only", "stop market", "stop limit", "take profit market", "take profit limit", "trailing stop"}
SLICED = {"chase", "twap", "iceberg"}
FACES = ("panel", "cli", "api")
SEND = {"method": "POST", "path": "/v2/orders"}


class Scene:
    """The live installation, its faces, and orders from their request to their end."""

    def __init__(self, live: Live, faces: dict[str, Face]) -> None:
        self.live, self.faces = live, faces
        self._before: set[str] = set()

    def order(self, kind: str, face: str) -> str:
        """Send one: the ticket's id. What reduces has something that it can reduce."""
        if kind == "reduce-only":
            if not any(one.open_quantity for one in self.live.desk.status().tickets):
                self.await_done("market", self.order("market", "api"))
            self._before = set(order_lines(self.live))
        return self.faces[face].order(
            {"symbol": PERP, "side": "buy", "quantity": QUANTITY, **self._priced(KINDS[kind])}
        )

    def _priced(self, fields: Ticket) -> Ticket:
        return {
            name: self._priced(value) if isinstance(value, dict) and name != "orders"
            else self.live.at(value) if name.endswith("price") else value
            for name, value in fields.items()
        }  # fmt: skip

    def lines(self, kind: str, ticket: str) -> list[OrderLine]:
        """Its orders. What reduces has none of its own: they are closing orders of what it closes."""
        if kind != "reduce-only":
            return list(self.live.desk.orders(run_id=ticket).orders)
        ours = order_lines(self.live).values()
        return [one for one in ours if one.closing.startswith("R") and one.client_order_id not in self._before]

    def await_done(self, kind: str, ticket: str) -> list[OrderLine]:
        """Wait until its order rests, or all of it has filled and nothing works any more but what protects it."""
        last: list[OrderLine] = []

        def look() -> list[OrderLine] | None:
            last[:] = lines = self.lines(kind, ticket)
            works = [one.status for one in lines if OrderStatus(one.status).live]
            if kind in WAITS:
                return lines if works == ["accepted"] and len(lines) == 1 else None
            protects = ["accepted", "accepted"] if kind == "bracket" else []
            return lines if sum(one.filled for one in lines) == QUANTITY and works == protects else None

        try:
            return list(await_value(look, PATIENCE_SECS, kind, _LOOK_SECS))
        except AssertionError:
            raise AssertionError(f"{kind}: {last}; {self.live.said.read_text()[-500:]}") from None

    def assert_once(self, tickets: dict[str, str]) -> None:
        """By kind: nothing stands twice, the books are the venue's; then what works is taken away, and they still are."""
        for kind, ticket in tickets.items():
            lines = self.await_done(kind, ticket)
            assert len(lines) == (3 if kind == "bracket" else 1) or kind in SLICED, lines
        await_same_books(self.live)
        works = {kind: ticket for kind, ticket in tickets.items() if kind in WAITS or kind == "bracket"}
        for kind, ticket in works.items():
            if kind == "bracket":
                self.live.desk.close_position(ticket=ticket, issued_by="cli")
            else:
                self.live.desk.cancel(ticket=ticket, issued_by="cli")
        for ticket in works.values():
            await_value(
                lambda name=ticket: self._has_ended(name) or None, PATIENCE_SECS, f"the end of {ticket}", _LOOK_SECS
            )  # type: ignore[misc]
        if works:
            await_same_books(self.live)

    def _has_ended(self, ticket: str) -> bool:
        found = self.live.desk.ticket(ticket)
        return found is not None and found.status in ("done", "cancelled")


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


def in_turn(together: int) -> list[Any]:
    """Each kind once, from one face after the other, so many at a time; what reduces stands alone, for it lets nothing be opened
    beside it. And for `make t1` each kind from each face alone."""
    turns = [(kind, FACES[number % len(FACES)]) for number, kind in enumerate(KINDS)]
    groups: list[Orders] = [tuple(turns[at : at + together]) for at in range(0, len(turns) - 1, together)]
    groups = [tuple(one for one in group if one != turns[-1]) for group in groups] + [(turns[-1],)]
    alone: list[Orders] = [((kind, face),) for kind in KINDS for face in FACES]
    marked = [(group, ()) for group in groups] + [(group, pytest.mark.t1) for group in alone if group not in groups]
    return [pytest.param(group, marks=marks, id=" ".join(map("-".join, group))) for group, marks in marked]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_order_from_each_face_stands_in_books_and_venue_alike(scene: Scene, kind: str, face: str) -> None:
    scene.assert_once({kind: scene.order(kind, face)})


@pytest.mark.parametrize("orders", in_turn(1))
def test_an_order_whose_answer_is_lost_stands_once(scene: Scene, orders: Orders) -> None:
    """The venue takes it and the connection breaks: of slices and protection as of the first."""
    lost = scene.live.faults.add("N2", match=SEND, times=3)
    tickets = {kind: scene.order(kind, face) for kind, face in orders}
    lost.await_happened(secs=PATIENCE_SECS)
    scene.assert_once(tickets)


@pytest.mark.parametrize("orders", in_turn(2))  # so many entries are on their way at a time
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
