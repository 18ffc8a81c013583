"""Every kind of order and algorithm as it is asked for, and one of them from its request to its end."""

from decimal import Decimal

from tests.e2e.faces import Face, Ticket
from tests.e2e.live import PATIENCE_SECS, PERP, Live
from tests.e2e.rig import await_value
from tests.e2e.same_books import await_same_books, order_lines, orders_at_venue
from trader.desk.books.lines import OrderLine
from trader.domain.order import OrderStatus

SEND = {"method": "POST", "path": "/v2/orders"}  # of a fault: it strikes when an order is sent
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


class Scene:
    """The live installation, its faces, and orders from their request to their end."""

    def __init__(self, live: Live, faces: dict[str, Face]) -> None:
        self.live, self.faces = live, faces
        self._before: set[str] = set()
        self._asked: dict[str, Ticket] = {}  # by ticket

    def order(self, kind: str, face: str) -> str:
        """Send one: the ticket's id. What reduces has something that it can reduce."""
        if kind == "reduce-only":
            if not any(one.open_quantity for one in self.live.desk.status().tickets):
                self.await_done("market", self.order("market", "api"))
            self._before = set(order_lines(self.live))
        asked = {"symbol": PERP, "side": "buy", "quantity": QUANTITY, **self._priced(KINDS[kind])}
        ticket = self.faces[face].order(asked)
        self._asked[ticket] = asked
        return ticket

    def order_both(self, first: Ticket, second: Ticket, face: str) -> list[str]:
        """Two of which one cancels the other."""
        common = {"symbol": PERP, "side": "buy", "quantity": QUANTITY}
        return self.faces[face].order_both({**common, **first}, {**common, **second})

    def is_over(self, ticket: str) -> bool:
        """It has filled, or was cancelled."""
        found = self.live.desk.ticket(ticket)
        return found is not None and found.status in ("holding", "cancelled", "done")

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
            if kind not in SLICED:
                assert len(lines) == (3 if kind == "bracket" else 1), lines
                self._assert_as_asked(kind, lines, self._asked[ticket])
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

    def _assert_as_asked(self, kind: str, lines: list[OrderLine], asked: Ticket) -> None:
        """What stands at the venue is what was typed."""
        rows = orders_at_venue(self.live)
        of = {one.closing or one.purpose: (one, rows[one.client_order_id][0]) for one in lines}
        line, row = of.get("entry") or next(iter(of.values()))
        assert (row.side.value, row.quantity, row.reduce_only) == (asked["side"], QUANTITY, kind == "reduce-only")
        assert (line.time_in_force, line.post_only) == (
            asked.get("time_in_force", line.time_in_force),
            kind == "post-only",
        )
        prices = {"limit_price": row.limit_price, "stop_price": row.stop_price, "trail_usd": row.trail}
        assert {name: found for name, found in prices.items() if name in asked} == {
            name: Decimal(asked[name]) for name in prices if name in asked
        }
        word = "take_profit_order" if kind.startswith("take") else "stop_loss_order"
        assert ("stop_price" not in asked and "trail_usd" not in asked) or row.stop_kind == word
        for closing, guard in (("L", "stop_loss"), ("G", "take_profit")) if kind == "bracket" else ():
            assert of[closing][1].stop_price == Decimal(asked[guard]["price"]) and of[closing][1].reduce_only

    def _has_ended(self, ticket: str) -> bool:
        found = self.live.desk.ticket(ticket)
        return found is not None and found.status in ("done", "cancelled")
