"""A stage for the pure engine: contracts, quotes, a very small exchange, and a `Scene` that feeds events and keeps what
comes out. Time moves only when a test moves it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from trader.config.preset import Preset
from trader.domain.clock import Now
from trader.domain.fill import Fill, FillKind, Position
from trader.domain.foreign import Foreign, beside_phrase
from trader.domain.instrument import Instrument, Kind, build_option_symbol
from trader.domain.margin import MarginTerms
from trader.domain.order import OrderIntent, OrderSnapshot, OrderStatus, OrderType, Purpose, Side
from trader.domain.outcome import Ok, Rejected, Unknown
from trader.domain.quote import Greeks, Quote
from trader.domain.remedy import Remedy
from trader.engine import effects as ef
from trader.engine import events as ev
from trader.engine import records as rec
from trader.engine.fold import durable, evolve
from trader.engine.isolation import RULES_FAILED
from trader.engine.records import Phase
from trader.engine.state import Order, Run, State, Watch
from trader.engine.step import step
from trader.engine.view import RunView
from trader.engine.viewing import build_view
from trader.exchange.delta.http.errors import explain

D = Decimal
OPENING = datetime(2025, 1, 15, 4, 0, tzinfo=UTC)  # a Wednesday, 09:30 IST
EXPIRY = datetime(2025, 1, 16, 12, 0, tzinfo=UTC)
SPOT = D(100_000)
CALL = "C-BTC-104000-160125"
PUT = "P-BTC-96000-160125"
SYMBOL = {"C": CALL, "P": PUT}
ISOLATED = MarginTerms(mode="isolated", portfolios=(), default_auto_topup=False)
UNREAD = "unread"  # a member of an account read that could not be read


def secs(count: float) -> timedelta:
    return timedelta(seconds=count)


def option(kind: Kind, strike: int, *, expiry: datetime = EXPIRY, **changes: Any) -> Instrument:
    """A Bitcoin option with the exchange's usual terms."""
    made = Instrument(
        symbol=build_option_symbol(kind, "BTC", D(strike), expiry),
        product_id=strike + (1 if kind is Kind.CALL else 2) + expiry.day * 1_000_000,
        underlying="BTC",
        kind=kind,
        strike=D(strike),
        expiry=expiry,
        contract_value=D("0.001"),
        tick_size=D("0.5"),
        taker_rate=D("0.0001"),
        maker_rate=D("0.0001"),
        fee_cap=D("0.035"),
        initial_margin_pct=D(1),
        maintenance_margin_pct=D("0.5"),
    )
    return replace(made, **changes)


def greeks(delta: float) -> Greeks:
    return Greeks(delta=delta, gamma=0.00001, theta=-50.0, vega=10.0, rho=0.1)


def quote(
    symbol: str,
    at: datetime,
    *,
    bid: str | None = "200",
    ask: str | None = "210",
    mark: str | None = "205",
    delta: float = 0.125,
    **changes: Any,
) -> Quote:
    made = Quote(
        symbol=symbol,
        mark=None if mark is None else D(mark),
        bid=None if bid is None else D(bid),
        ask=None if ask is None else D(ask),
        bid_size=100,
        ask_size=100,
        greeks=greeks(delta),
        mark_iv=0.5,
        spot=SPOT,
        open_interest=D(1000),
        ts_mark=at,
        ts_quote=at,
        ts_greeks=at,
    )
    return replace(made, **changes)


def preset(**sections: dict[str, Any]) -> Preset:
    """The default preset with the named fields of the named sections changed; quantity 2 so that parts exist, and one leg
    may stand alone for ten minutes so that the chase runs at its own pace (`test_naked_leg` is about the other one). Any trade
    is made (`test_entry_cost`, `test_liquidation`), and a stop at breakeven stands there (`test_exit_rules`)."""
    body: dict[str, Any] = {
        "strategy": {"quantity": 2},
        "risk": {
            "naked_leg_secs": 600,
            "max_start_loss_pct": 100,
            "max_fee_share_pct": 100,
            "liquidation": "warn",
        },
        "exits": {"max_loss_pct": 100, "breakeven_cushion": "none"},
    }
    for section, fields in sections.items():
        body[section] = {**body.get(section, {}), **fields}
    return Preset.model_validate(body)


class Listed(msgspec.Struct):
    """One order as the small exchange holds it."""

    intent: OrderIntent
    venue_order_id: str
    filled: int = 0
    state: str = "open"


class Exchange:
    """Just enough exchange: orders by client id, fills, positions. It does exactly what a test tells it."""

    def __init__(self) -> None:
        self.orders: dict[str, Listed] = {}
        self.fills: list[Fill] = []
        self.foreign: dict[str, int] = {}
        self.others: list[OrderSnapshot] = []  # other people's orders, on whatever contract
        self.available = D(10_000)

    def accept(self, intent: OrderIntent) -> OrderSnapshot:
        self.orders[intent.client_order_id] = Listed(intent, str(1000 + len(self.orders)))
        return self.snapshot(intent.client_order_id)

    def fill(self, coid: str, quantity: int, price: Decimal, commission: Decimal | None, at: datetime) -> Fill:
        listed = self.orders[coid]
        listed.filled += quantity
        if listed.filled == listed.intent.quantity:
            listed.state = "closed"
        made = Fill(
            fill_id=f"f{len(self.fills) + 1}",
            venue_order_id=listed.venue_order_id,
            client_order_id=coid,
            symbol=listed.intent.symbol,
            product_id=listed.intent.product_id,
            side=listed.intent.side,
            quantity=quantity,
            price=price,
            commission=commission,
            ts_event=at,
        )
        self.fills.append(made)
        return made

    def cancel(self, coid: str) -> OrderSnapshot:
        if self.orders[coid].state == "open":
            self.orders[coid].state = "cancelled"
        return self.snapshot(coid)

    def snapshot(self, coid: str) -> OrderSnapshot:
        listed = self.orders[coid]
        return OrderSnapshot(
            venue_order_id=listed.venue_order_id,
            client_order_id=coid,
            symbol=listed.intent.symbol,
            product_id=listed.intent.product_id,
            side=listed.intent.side,
            quantity=listed.intent.quantity,
            leaves_qty=listed.intent.quantity - listed.filled,
            limit_price=listed.intent.limit_price,
            avg_px=listed.intent.limit_price,
            venue_state=listed.state,
            reduce_only=listed.intent.reduce_only,
        )

    def positions(self) -> dict[str, int]:
        held = dict(self.foreign)
        for fill in self.fills:
            held[fill.symbol] = held.get(fill.symbol, 0) + fill.side.sign * fill.quantity
        return held

    def open_for(self, intent: OrderIntent) -> int:
        """Contracts an order may trade: reduce-only ones no more than what is held on the other side."""
        held = self.positions().get(intent.symbol, 0)
        return max(-held * intent.side.sign, 0) if intent.reduce_only else intent.quantity

    def read(self, lookups: tuple[str, ...]) -> dict[str, Any]:
        """The members of a complete account read."""
        return {
            "positions": tuple(
                Position(symbol=symbol, product_id=1, quantity=held)
                for symbol, held in self.positions().items()
                if held
            ),
            "open_orders": (*(self.snapshot(c) for c, o in self.orders.items() if o.state == "open"), *self.others),
            "history": tuple(self.snapshot(c) for c, o in self.orders.items() if o.state != "open"),
            "fills": tuple(self.fills),
            "available_usd": self.available,
            "balance_usd": D(10_000),
            "lookups": {coid: self.snapshot(coid) if coid in self.orders else None for coid in lookups},
            "whole": True,
        }


def rejected(code: str, message: str = "", retry_after_secs: float | None = None) -> Rejected:
    """A refusal as the exchange's client hands it on."""
    known = explain(code)
    return Rejected(code, message, retry_after_secs, known.remedy if known else Remedy.GIVE_UP)


class Scene:
    """One engine, one small exchange, two clocks. Every event fed is checked against what must always hold."""

    def __init__(self, *, wall: datetime = OPENING, market: datetime | None = OPENING, epoch: int = 1) -> None:
        self.wall = wall
        self.market = market
        self.exchange = Exchange()
        self.state = State(
            installation="abcd1234", epoch=epoch, env="paper", account_key="acc", margin=ISOLATED, margin_asked=wall
        )
        self.records: list[rec.AnyRecord] = []
        self.effects: list[ef.Effect] = []
        self.due: list[ef.Effect] = []  # Submit, Cancel, ReadAccount, ReadChain not performed yet
        self.all_effects: list[ef.Effect] = []
        self.chain: list[tuple[Instrument, Quote]] = []
        self.list_strangle()
        self.commands = 0
        self.rules_may_fail = False

    # -- time ----------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> Now:
        return Now(self.wall, self.market)

    def pass_time(self, seconds: float) -> None:
        """Both clocks move; nobody is told."""
        self.wall += secs(seconds)
        if self.market is not None:
            self.market += secs(seconds)

    def tick(self, seconds: float = 0.0) -> list[ef.Effect]:
        self.pass_time(seconds)
        return self.feed(ev.ClockTicked)

    # -- events --------------------------------------------------------------------------------------------------------

    def feed(self, kind: Callable[..., ev.AnyEvent], **fields: Any) -> list[ef.Effect]:
        """Step the engine; its records are kept, its requests become due."""
        self.state, self.effects = step(self.state, kind(at=self.now, **fields))
        self.all_effects += self.effects
        if not self.rules_may_fail:
            failed = [e.text for e in self.effects if isinstance(e, rec.AlertRaised) and e.code == RULES_FAILED]
            assert not failed, failed
        self.records += [e for e in self.effects if isinstance(e, rec.Record)]  # type: ignore[misc]
        self.due += [e for e in self.effects if isinstance(e, ef.Submit | ef.Cancel | ef.ReadAccount | ef.ReadChain)]
        return self.effects

    def start(self, config: Preset | None = None, *, now: bool = True, **fields: Any) -> list[ef.Effect]:
        config = config or preset()
        self.commands += 1
        return self.feed(
            ev.StartCommand,
            command_id=f"start-{self.commands}",
            config=config.model_dump(mode="json"),
            config_hash=config.config_hash,
            start_now=now,
            issued_by="tester",
            **fields,
        )

    def beside(self, *foreign: Foreign, phrase: str | None = None, run_id: str | None = None) -> list[ef.Effect]:
        """A person confirms what stands on the account, by its phrase unless another is given."""
        self.commands += 1
        return self.feed(
            ev.BesideCommand,
            command_id=f"beside-{self.commands}",
            run_id=run_id or self.run.run_id,
            foreign=foreign,
            phrase=beside_phrase(foreign) if phrase is None else phrase,
            issued_by="tester",
        )

    def stop(self, run_id: str | None = None) -> list[ef.Effect]:
        self.commands += 1
        return self.feed(ev.StopCommand, command_id=f"stop-{self.commands}", run_id=run_id, issued_by="tester")

    def quotes(self, *quotes: Quote, spot: Decimal | None = SPOT) -> list[ef.Effect]:
        assert self.market is not None
        spots = (("BTC", spot),) if spot is not None else ()
        return self.feed(ev.MarketMoved, quotes=quotes, spots=spots, newest=self.market)

    def prices(self, call: str = "205", put: str = "205", *, after: float = 1.0) -> list[ef.Effect]:
        """Both legs quoted 5 around these marks, `after` seconds from the last word."""
        self.pass_time(after)
        assert self.market is not None
        return self.quotes(*(self.around(key, mark) for key, mark in (("C", call), ("P", put))))

    def around(self, key: str, mark: str) -> Quote:
        assert self.market is not None
        middle = D(mark)
        delta = 0.125 if key == "C" else -0.125
        bid, ask = str(max(middle - 5, D("0.5"))), str(middle + 5)
        return quote(SYMBOL[key], self.market, bid=bid, ask=ask, mark=mark, delta=delta)

    def read_account(self, *, asked: datetime | None = None, **members: Any) -> list[ef.Effect]:
        """Answer the outstanding account read from the exchange; a member given as UNREAD could not be read."""
        pending = [e for e in self.due if isinstance(e, ef.ReadAccount)]
        lookups = pending[-1].lookups if pending else ()
        self.due = [e for e in self.due if not isinstance(e, ef.ReadAccount)]
        asked = asked or self.watch.account_asked or self.wall
        fields = {**self.exchange.read(lookups), **members}
        fields = {name: None if value is UNREAD else value for name, value in fields.items()}
        runs = {"runs": pending[-1].runs if pending else tuple(self.state.runs)}
        return self.feed(ev.AccountRead, asked=asked, **{**runs, **fields})

    def read_chain(self, **fields: Any) -> list[ef.Effect]:
        self.due = [e for e in self.due if not isinstance(e, ef.ReadChain)]
        answer: dict[str, Any] = {
            "instruments": tuple(i for i, _ in self.chain),
            "quotes": tuple(replace(q, ts_mark=self.market, ts_quote=self.market) for _, q in self.chain),
            "spot": SPOT,
        }
        return self.feed(ev.ChainRead, **{"run_id": self.run.run_id, **answer, **fields})

    def list_strangle(self) -> None:
        at = self.market or OPENING
        self.chain = [
            (option(Kind.CALL, 104_000), quote(CALL, at, delta=0.125)),
            (option(Kind.PUT, 96_000), quote(PUT, at, delta=-0.125)),
        ]

    # -- orders --------------------------------------------------------------------------------------------------------

    def submits(self) -> list[OrderIntent]:
        """Orders asked for and not yet performed."""
        return [e.intent for e in self.due if isinstance(e, ef.Submit)]

    def cancels(self) -> list[ef.Cancel]:
        return [e for e in self.due if isinstance(e, ef.Cancel)]

    def sent(self, *purposes: Purpose) -> list[OrderIntent]:
        """Every order ever asked for."""
        made = [e.intent for e in self.all_effects if isinstance(e, ef.Submit)]
        return [i for i in made if not purposes or i.purpose in purposes]

    def take(self, key: str) -> OrderIntent:
        """The order due for a leg; it leaves the list of what is due."""
        intent = next(i for i in self.submits() if i.leg == key)
        self.due = [e for e in self.due if not (isinstance(e, ef.Submit) and e.intent is intent)]
        return intent

    def accept(self, key: str) -> OrderIntent:
        """The exchange takes the leg's due order and says so."""
        intent = self.take(key)
        self.answer(intent.client_order_id, Ok(self.exchange.accept(intent)))
        return intent

    def lose(self, key: str, *, accepted: bool) -> OrderIntent:
        """The answer to the leg's due order is lost, whether or not the exchange took it."""
        intent = self.take(key)
        if accepted:
            self.exchange.accept(intent)
        self.answer(intent.client_order_id, Unknown("read timed out"))
        return intent

    def reject(self, key: str, code: str, message: str = "") -> OrderIntent:
        intent = self.take(key)
        self.answer(intent.client_order_id, rejected(code, message))
        return intent

    def answer(self, coid: str, outcome: Ok | Rejected | Unknown) -> list[ef.Effect]:
        return self.feed(ev.SubmitAnswered, client_order_id=coid, outcome=outcome)

    def fill(
        self,
        coid: str,
        quantity: int | None = None,
        *,
        price: str | None = None,
        commission: str | None = "0.01",
        told: bool = True,
    ) -> Fill:
        """Fill an accepted order (at its limit unless a price is given); `told` False: no stream message."""
        listed = self.exchange.orders[coid]
        at = D(price) if price is not None else listed.intent.limit_price or D(205)
        left = listed.intent.quantity - listed.filled
        assert (quantity or left) <= self.exchange.open_for(listed.intent), "an exchange keeps reduce-only orders to it"
        made = self.exchange.fill(
            coid, quantity or left, at, None if commission is None else D(commission), self.market or self.wall
        )
        if told:
            self.feed(ev.FillSeen, fill=made)
        return made

    def trade(self, key: str, *, price: str | None = None, commission: str | None = "0.01") -> OrderIntent:
        """Accept and completely fill the leg's due order."""
        intent = self.accept(key)
        self.fill(intent.client_order_id, price=price, commission=commission)
        return intent

    def confirm_cancel(self, key: str) -> None:
        """Perform the leg's due cancel and answer it."""
        order = next(c for c in self.cancels() if self.run.orders[c.client_order_id].intent.leg == key)
        self.due = [e for e in self.due if e is not order]
        outcome = Ok(self.exchange.cancel(order.client_order_id))
        self.feed(ev.CancelAnswered, client_order_id=order.client_order_id, outcome=outcome)

    def serve(self, *, fill: bool = True) -> None:
        """Be a healthy exchange until nothing is due: answer reads, accept orders (and fill them), cancel."""
        for _ in range(50):
            if not self.due:
                return
            effect = self.due[0]
            match effect:
                case ef.ReadChain():
                    self.read_chain()
                case ef.ReadAccount():
                    self.read_account()
                case ef.Submit(intent=intent) if intent.reduce_only and not self.exchange.open_for(intent):
                    self.reject(intent.leg, "no_position_for_reduce_only")
                case ef.Submit(intent=intent):
                    self.accept(intent.leg)
                    if fill:
                        self.fill(intent.client_order_id, min(intent.quantity, self.exchange.open_for(intent)))
                case ef.Cancel(client_order_id=coid):
                    self.due.remove(effect)
                    known = coid in self.exchange.orders
                    outcome = Ok(self.exchange.cancel(coid)) if known else Rejected("open_order_not_found")
                    self.feed(ev.CancelAnswered, client_order_id=coid, outcome=outcome)
        raise AssertionError(f"still due after 50 answers: {self.due}")

    def restart(self, *, down_secs: float = 5.0) -> None:
        """Kill the engine and start another on the same records: only what was recorded survives."""
        state = State(installation="abcd1234", epoch=self.state.epoch + 1, env="paper", account_key="acc")
        for record in self.records:
            state = evolve(state, record)
        self.state = state
        self.due = []
        self.pass_time(down_secs)
        self.feed(ev.Booted)

    # -- looking -------------------------------------------------------------------------------------------------------

    @property
    def run(self) -> Run:
        return list(self.state.runs.values())[-1]

    @property
    def watch(self) -> Watch:
        return self.state.watches[self.run.run_id]

    @property
    def phase(self) -> Phase:
        return self.run.phase

    @property
    def view(self) -> RunView:
        return build_view(self.state, self.run, self.now)

    def order(self, key: str, index: int = -1, *purposes: Purpose) -> Order:
        return self.run.leg_orders(key, *purposes)[index]

    def alerts(self) -> list[str]:
        return [r.code for r in self.records if isinstance(r, rec.AlertRaised)]

    def refolded(self) -> bytes:
        """The durable run as a fresh fold over the records tells it."""
        state = State(installation="abcd1234", epoch=1, env="paper", account_key="acc")
        for record in self.records:
            state = evolve(state, record)
        return durable(state.runs[self.run.run_id])


# -- scenes that have got somewhere --------------------------------------------------------------------------------------


def waiting(config: Preset | None = None) -> Scene:
    """Armed, entry at 10:00 IST: half an hour away."""
    scene = Scene()
    scene.start(config or preset(schedule={"entry_time_ist": "10:00"}), now=False)
    scene.prices()
    assert scene.phase is Phase.WAITING
    return scene


def entering(config: Preset | None = None) -> Scene:
    """Both entry orders have just been asked for; nobody has answered."""
    scene = Scene()
    scene.start(config)
    scene.read_chain()
    scene.prices()
    scene.read_account()
    assert scene.phase is Phase.ENTERING, scene.watch.why_not
    assert {i.leg for i in scene.submits()} == {"C", "P"}
    return scene


def holding(config: Preset | None = None, *, price: str = "200") -> Scene:
    """Short both legs, confirmed by the exchange; commissions 0.01 a leg."""
    scene = entering(config)
    scene.trade("C", price=price)
    scene.trade("P", price=price)
    assert scene.phase is Phase.HOLDING
    scene.prices(after=5)
    scene.read_account()
    assert scene.phase is Phase.HOLDING
    return scene


def exiting(config: Preset | None = None) -> Scene:
    """Stop pressed while holding: both exits asked for, nobody has answered."""
    scene = holding(config)
    scene.stop()
    assert scene.phase is Phase.EXITING
    assert {i.leg for i in scene.submits()} == {"C", "P"}
    return scene


def kept(config: Preset | None = None) -> Scene:
    """The put is bought back, the call is offered by nobody and held to its settlement; Stop was pressed, so a bid stands."""
    scene = exiting(config or preset(exits={"settle_within_mins": 1440}))
    scene.trade("P", price="210")
    scene.pass_time((EXPIRY - scene.wall).total_seconds() - 3600)
    scene.feed(ev.ClockTicked)
    for _ in range(40):
        scene.pass_time(1)
        unoffered = replace(scene.around("C", "205"), bid=None, ask=None, mark=D("0.5"))
        scene.quotes(unoffered, scene.around("P", "205"))
        scene.serve(fill=False)
    assert scene.phase is Phase.EXITING and "C" in scene.run.kept
    return scene


def done(config: Preset | None = None) -> Scene:
    scene = exiting(config)
    scene.trade("C")
    scene.trade("P")
    finish(scene)
    assert scene.phase is Phase.DONE
    return scene


def finish(scene: Scene, *, limit_secs: float = 120.0, fill: bool = True) -> None:
    """Let a healthy exchange answer, second by second, until the run is DONE or time is up."""
    end = scene.wall + secs(limit_secs)
    while scene.phase is not Phase.DONE and scene.wall < end:
        scene.prices(after=0.5)
        scene.serve(fill=fill)


def settlement(key: str, quantity: int, price: str, at: datetime = EXPIRY) -> Fill:
    return Fill(
        fill_id=f"settle-{key}",
        venue_order_id="x-1",
        client_order_id=None,
        symbol=SYMBOL[key],
        product_id=1,
        side=Side.BUY,
        quantity=quantity,
        price=D(price),
        commission=D(0),
        kind=FillKind.SETTLEMENT,
        ts_event=at,
    )


def kinds(effects: list[ef.Effect]) -> list[str]:
    """Names of what a step asked for, without repetition, records and requests alike."""
    return sorted({type(e).__name__ for e in effects})


__all__ = [
    "CALL",
    "EXPIRY",
    "OPENING",
    "PUT",
    "SPOT",
    "SYMBOL",
    "UNREAD",
    "D",
    "Exchange",
    "OrderStatus",
    "OrderType",
    "Phase",
    "Scene",
    "done",
    "entering",
    "exiting",
    "finish",
    "holding",
    "kept",
    "kinds",
    "option",
    "preset",
    "quote",
    "secs",
    "settlement",
    "waiting",
]
