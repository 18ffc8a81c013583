"""The scene of `tests.engine.scene`, with a perpetual listed beside the options, for single orders."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from tests.engine.scene import CALL, PUT, SPOT, D, Scene, option, quote
from tests.engine.several import serve
from trader.domain.instrument import Instrument, Kind
from trader.domain.order import OrderIntent, Purpose
from trader.domain.outcome import Ok
from trader.domain.quote import Quote
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.effects import AckCommand
from trader.engine.ids import ticket_id_for
from trader.engine.records import Phase
from trader.engine.state import Run
from trader.engine.tickets.adopting import adopt_phrase

PERP = "BTCUSD"


def perpetual(**changes: Any) -> Instrument:
    made = Instrument(
        symbol=PERP,
        product_id=27,
        underlying="BTC",
        kind=Kind.PERPETUAL,
        strike=None,
        expiry=None,
        contract_value=D("0.001"),
        tick_size=D("0.5"),
        taker_rate=D("0.0005"),
        maker_rate=D("0.0002"),
        fee_cap=None,
        initial_margin_pct=D("0.5"),
        maintenance_margin_pct=D("0.25"),
        position_size_limit=1000,
    )
    return replace(made, **changes)


def perp_quote(at: datetime, middle: str = "100000", **changes: Any) -> Quote:
    mark = D(middle)
    made = quote(PERP, at, bid=str(mark - 10), ask=str(mark + 10), mark=middle, greeks=None, mark_iv=None)
    return replace(made, band_low=mark * D("0.9"), band_high=mark * D("1.1"), **changes)


class Stage(Scene):
    """Tickets are sent by `order`, and named by the order in which they were."""

    perp_at = "100000"
    entry_price: Decimal | None = None  # of what the exchange shows, where a test gives one

    def list_strangle(self) -> None:
        at = self.market or self.wall
        self.chain = [
            (option(Kind.CALL, 104_000), quote(CALL, at, delta=0.125)),
            (option(Kind.PUT, 96_000), quote(PUT, at, delta=-0.125)),
            (perpetual(), perp_quote(at)),
        ]

    def order(self, *tickets: dict[str, Any], link: str = "none", serve: bool = True, **fields: Any) -> str:  # type: ignore[override]
        """Send a list of orders; the command's id. With `serve`, what has to be read is read."""
        self.commands += 1
        command_id = fields.pop("command_id", f"order-{self.commands}")
        body = {"tickets": list(tickets), "link": link}
        self.feed(ev.OrderCommand, command_id=command_id, body=body, issued_by="tester", **fields)
        if serve:
            self.read()
        return str(command_id)

    def read(self) -> None:
        """Answer every read that is due; orders stay where they are."""
        for _ in range(20):
            due = [e for e in self.due if isinstance(e, ef.ReadChain | ef.ReadAccount)]
            if not due:
                return
            if isinstance(due[0], ef.ReadChain):
                self.due.remove(due[0])
                self.read_chain(run_id=due[0].run_id)
            else:
                self.read_account(**self._as_asked())

    def _as_asked(self) -> dict[str, Any]:
        """Open orders of all contracts, or those of the runs' own."""
        asked = [e for e in self.due if isinstance(e, ef.ReadAccount)][-1]
        own = {leg.symbol for run_id in asked.runs for leg in self.state.runs[run_id].legs}
        listed = self.exchange.read(())["open_orders"]
        return {"whole": asked.whole, "open_orders": tuple(o for o in listed if asked.whole or o.symbol in own)}

    def moved(self, perp: str | None = None, call: str = "205", put: str = "205", after: float = 1.0) -> None:
        """New prices of everything, and what they make due is read."""
        self.perp_at = perp or self.perp_at
        self.pass_time(after)
        assert self.market is not None
        marks = (("C", call), ("P", put))
        self.quotes(perp_quote(self.market, self.perp_at), *(self.around(key, mark) for key, mark in marks))
        self.read()

    def cancel(self, **which: Any) -> list[ef.Effect]:
        self.commands += 1
        return self.feed(ev.CancelCommand, command_id=f"cancel-{self.commands}", issued_by="tester", **which)

    def close(self, **which: Any) -> list[ef.Effect]:
        self.commands += 1
        return self.feed(ev.CloseCommand, command_id=f"close-{self.commands}", issued_by="tester", **which)

    def amend(self, command_id: str = "order-1", number: int = 0, **changes: Any) -> list[ef.Effect]:
        self.commands += 1
        ticket = ticket_id_for(command_id, number)
        return self.feed(
            ev.AmendCommand, command_id=f"amend-{self.commands}", ticket=ticket, changes=changes, issued_by="tester"
        )

    def adopt(
        self, symbol: str, quantity: int, *, phrase: str | None = None, price: str | None = None, serve: bool = True
    ) -> None:
        """A person takes a position over; the exchange tells its entry price. With `serve`, what has to be read is read."""
        self.commands += 1
        self.entry_price = None if price is None else D(price)
        self.feed(
            ev.AdoptCommand, command_id=f"adopt-{self.commands}", symbol=symbol, quantity=quantity,
            phrase=adopt_phrase(symbol, quantity) if phrase is None else phrase, issued_by="tester",
        )  # fmt: skip
        if serve:
            self.read()

    def read_account(self, **fields: Any) -> list[ef.Effect]:
        """As ever, with the entry price of what is held, where a test gives one."""
        if self.entry_price is not None:
            held = self.exchange.read(())["positions"]
            fields.setdefault("positions", tuple(replace(one, entry_price=self.entry_price) for one in held))
        return super().read_account(**fields)

    def ticket(self, command_id: str = "order-1", number: int = 0) -> Run:
        return self.state.runs[ticket_id_for(command_id, number)]

    def take_up(self, intent: OrderIntent | None = None) -> OrderIntent:
        """The exchange accepts an order that is due (the oldest)."""
        taken = intent or self.submits()[0]
        self.due = [e for e in self.due if not (isinstance(e, ef.Submit) and e.intent == taken)]
        self.answer(taken.client_order_id, Ok(self.exchange.accept(taken)))
        return taken

    def traded(self, quantity: int | None = None, price: str | None = None) -> OrderIntent:
        """The same, and it fills."""
        intent = self.take_up()
        self.fill(intent.client_order_id, quantity, price=price)
        return intent

    def serve_cancels(self) -> None:
        for effect in self.cancels():
            self.due.remove(effect)
            outcome = Ok(self.exchange.cancel(effect.client_order_id))
            self.feed(ev.CancelAnswered, client_order_id=effect.client_order_id, outcome=outcome)

    def finish(self, seconds: int = 20, *, fill: bool = True) -> None:
        """A healthy exchange, second by second."""
        for _ in range(seconds):
            self.moved()
            serve(self, price=self.perp_at, fill=fill)

    def acks(self, command_id: str = "") -> list[AckCommand]:
        return [
            e for e in self.all_effects if isinstance(e, AckCommand) and (not command_id or e.command_id == command_id)
        ]

    def of(self, kind: type[rec.Record]) -> list[Any]:
        return [record for record in self.records if isinstance(record, kind)]


def staged(scene: Scene) -> Stage:
    """A scene with runs that has got somewhere, from now on with tickets."""
    scene.__class__ = Stage
    assert isinstance(scene, Stage)
    scene.list_strangle()
    return scene


def buy(symbol: str = PERP, quantity: int = 5, **fields: Any) -> dict[str, Any]:
    """A market order unless a price is given."""
    kind = "limit" if "limit_price" in fields else "market"
    return {"symbol": symbol, "side": "buy", "quantity": quantity, "order_type": kind, **fields}


def sell(symbol: str = PERP, quantity: int = 5, **fields: Any) -> dict[str, Any]:
    return {**buy(symbol, quantity, **fields), "side": "sell"}


def holding(stage: Stage | None = None, ticket: dict[str, Any] | None = None, price: str | None = None) -> Stage:
    """A ticket whose order has filled whole."""
    stage = stage or Stage()
    before = stage.commands
    stage.order(ticket or buy())
    kind = (ticket or buy())["symbol"]
    stage.traded(price=price or ("100010" if kind == PERP else "210"))
    assert stage.ticket(f"order-{before + 1}").phase is Phase.HOLDING
    return stage


__all__ = [
    "CALL",
    "PERP",
    "PUT",
    "SPOT",
    "D",
    "Decimal",
    "Phase",
    "Purpose",
    "Stage",
    "buy",
    "holding",
    "sell",
    "staged",
]
