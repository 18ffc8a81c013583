"""The exchange as it is reached: its core, what arrived at it, and its own misbehaviour (X rows).

`arrivals` is the record the oracle reads: every order and cancel request as it came in, with the instant it was signed.
"""

from collections.abc import Callable, Collection
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from trader.domain.fill import Channel, Fill, FillKind, Position
from trader.domain.order import OrderIntent, OrderSnapshot, OrderType, Side, TimeInForce
from trader.domain.trigger import Stop
from trader.pricing.fees import option_liquidation_fee
from trader.simulation.agenda import Agenda
from trader.simulation.faults import Faults
from trader.simulation.market import UNDERLYING, SimMarket
from trader.simulation.planned import Plan
from trader.venue.core.account import Account
from trader.venue.core.events import OrderEvent, TradeEvent
from trader.venue.core.exchange import Exchange
from trader.venue.core.records import FillRow, Order, OrderRequest, StopKind, StopTerms, TriggerMethod
from trader.venue.core.refusal import Refused
from trader.venue.core.settings import CoreSettings

USER = 5_550_001
_CODES = (
    "insufficient_margin",
    "order_size_exceed_available",
    "limit_price_out_of_price_band",
    "stale_order",
    "max_orders_count_exceeded",
    "reduce_only_orders_allowed",
    "trading_blocked",
    "a_code_nobody_has_documented",
)
_UNPAYABLE = "close_position_insufficient_margin"
_LATELY_SECS = 10.0  # the next attempt comes within eight


class Arrival(msgspec.Struct, kw_only=True):
    """One request of the desk at the exchange. `signed` and `secs` are seconds of true time."""

    kind: str  # order, cancel
    secs: float
    signed: float
    epoch: int
    client_order_id: str | None
    symbol: str
    intent: OrderIntent | None = None
    order_id: int | None = None
    result: str = ""


class SimVenue:
    """One account at the core exchange; also the place where people and the exchange itself interfere."""

    def __init__(self, plan: Plan, agenda: Agenda, faults: Faults) -> None:
        self._plan = plan
        self._agenda = agenda
        self._faults = faults
        self.market = SimMarket(plan.market)
        settings = CoreSettings(
            seed=plan.seed,
            reduce_only_lag_secs=plan.reduce_only_lag,
            worthless_settlement_fill=plan.worthless_fill,
            twap_window_secs=2,
            margined_lag_secs=10.0,
            liquidates=plan.liquidates,
            initial_balance=Decimal(plan.balance),
            funding_interval_secs=3600,
        )
        self.core = Exchange(self.market, settings)
        self.account: Account = self.core.open_account(USER)
        self.account.margin_mode = plan.margin_mode
        self.mode_since = -1000.0  # when a person has changed it
        self.arrivals: list[Arrival] = []
        self.halted_until = 0.0
        self.cancels_only_until = 0.0  # X7
        self.other_since: float | None = None  # when another installation first placed an order
        self.human_orders: set[int] = set()
        self.accepted: dict[str, int] = {}  # orders accepted per client order id
        self.human_net: dict[str, int] = {}  # contracts that people and other installations have, signed
        self._fills_seen = 0
        self.strange_symbols: set[str] = (
            set()
        )  # contracts in which somebody has traded who had nothing to do with a run
        self.own_doing: dict[str, int] = {}  # contracts the exchange moved by itself (liquidation), signed
        self.swept: list[FillRow] = []  # what it has liquidated by its own rule
        self.strange_fills: set[str] = set()  # and of what no run had anything to do with
        self.touched: set[int] = set()  # stops set off by a price that no one else has seen
        self.charged: list[int] = []  # lines of the ledger that belong to no execution of a contract
        self.on_news: Callable[[], None] = lambda: None
        self.on_accept: Callable[[Order], None] = lambda order: None
        self.on_arrival: Callable[[Arrival], None] = lambda arrival: None

    def wake(self) -> None:
        """Bring the exchange to the present; resting orders meet the new depth, expiries settle."""
        self.core.advance(self._agenda.now)
        self._look_at_fills()

    def _look_at_fills(self) -> None:
        """What has been executed since the last look that no run ordered."""
        rows = self.account.fills[self._fills_seen :]
        self._fills_seen += len(rows)
        for row in rows:
            if row.kind is FillKind.NORMAL and not is_desks(row.client_order_id):
                self.human_net[row.symbol] = self.human_net.get(row.symbol, 0) + row.side.sign * row.size
        swept = [row for row in rows if row.kind is FillKind.LIQUIDATION and self._is_swept(row)]
        for symbol in dict.fromkeys(row.symbol for row in swept):
            self._note_swept(symbol, [row for row in swept if row.symbol == symbol])

    def _is_swept(self, row: FillRow) -> bool:
        """Whether the exchange has closed it by its own rule, not a fault of the plan."""
        stop = self.account.orders[int(row.order_id)].stop
        return stop is not None and stop.kind is StopKind.LIQUIDATION

    def _note_swept(self, symbol: str, rows: list[FillRow]) -> None:
        """A position was closed whole."""
        if self._note_closed(symbol, -sum(row.side.sign * row.size for row in rows), rows):
            self.swept += rows
            self._faults.note("X6")

    def _note_closed(self, symbol: str, held: int, rows: list[FillRow]) -> bool:
        """The exchange has closed these of `held` contracts by itself; whether any of them was a run's."""
        size = sum(row.side.sign * row.size for row in rows)
        if self.human_net.get(symbol, 0) != held:
            self.own_doing[symbol] = self.own_doing.get(symbol, 0) + size
            return True
        self.human_net[symbol] = held + size
        self.strange_fills.update(row.id for row in rows)
        return False

    # ------------------------------------------------------------ requests

    def place(self, intent: OrderIntent, signed: float, epoch: int) -> OrderSnapshot:
        """An order arrives.

        Raises:
            Refused: As the exchange would.
        """
        self.wake()
        arrival = Arrival(
            kind="order",
            secs=self._agenda.secs,
            signed=signed,
            epoch=epoch,
            client_order_id=intent.client_order_id,
            symbol=intent.symbol,
            intent=intent,
        )
        self.arrivals.append(arrival)
        self.on_arrival(arrival)
        try:
            order = self._accept(intent)
        except Refused as refusal:
            arrival.result = refusal.code
            raise
        arrival.result, arrival.order_id = "accepted", order.id
        self.on_accept(order)
        if order.live:
            self._maybe_cancel_itself(order)
        self.on_news()
        return snapshot_of(order)

    def _accept(self, intent: OrderIntent) -> Order:
        if self._agenda.secs < self.halted_until:
            raise Refused("invalid_contract")
        if self._agenda.secs < self.cancels_only_until:
            raise Refused("market_disrupted_cancel_only_mode")
        if self._faults.hit("X4"):
            self.halted_until = self._agenda.secs + self._faults.details("X4").uniform(1, 8)
            raise Refused("invalid_contract")
        if self._faults.hit("X2"):
            raise Refused(self._faults.details("X2").choice(_CODES))
        coid = intent.client_order_id
        twin = self.account.by_client_id(coid)
        if twin is not None:
            if self._plan.coid_mode == "refused":
                raise Refused("duplicate_client_order_id")
            if self._plan.coid_mode == "existing":
                return twin
            if self._plan.coid_mode == "accepted":
                self.account.newest_by_client_id.pop(coid, None)
        request = OrderRequest(
            symbol=intent.symbol,
            side=intent.side,
            size=intent.quantity,
            order_type=intent.order_type,
            limit_price=intent.limit_price,
            time_in_force=intent.time_in_force,
            post_only=intent.post_only,
            reduce_only=intent.reduce_only,
            client_order_id=coid,
            stop=_terms_of(intent.stop),
        )
        try:
            order = self.core.place(self.account, request, self._agenda.now)
        except Refused as refusal:
            if refusal.code == "no_position_for_reduce_only":
                self._faults.note("X9")
            raise
        self.accepted[coid] = self.accepted.get(coid, 0) + 1
        if self._plan.partial_ioc_closed and order.state == "cancelled" and order.filled_size:
            order.state = "closed"
        return order

    def refuses_repeat(self, coid: str) -> bool:
        """Whether a second request of this id makes no second order."""
        twin = self.account.by_client_id(coid)
        if twin is None or self._plan.coid_mode == "accepted":
            return False
        return self._plan.coid_mode != "open_only" or twin.live

    def _maybe_cancel_itself(self, order: Order) -> None:
        if self._faults.hit("X3"):
            wait = self._faults.details("X3").uniform(0.05, 2.0)
            self._agenda.after(wait, self._cancel_itself, order)

    def _cancel_itself(self, order: Order) -> None:
        self.wake()
        if order.live:
            self.core.cancel(self.account, order, self._agenda.now, reason="cancelled_by_system")
            self.on_news()

    def cancel(
        self, *, product_id: int, client_order_id: str | None, venue_order_id: str | None, signed: float, epoch: int
    ) -> OrderSnapshot:
        """A cancel arrives. Raises Refused as the exchange would."""
        self.wake()
        found = self._find(client_order_id, venue_order_id)
        arrival = Arrival(
            kind="cancel",
            secs=self._agenda.secs,
            signed=signed,
            epoch=epoch,
            client_order_id=client_order_id,
            symbol=found.symbol if found is not None else "",
            order_id=found.id if found is not None else None,
        )
        self.arrivals.append(arrival)
        self.on_arrival(arrival)
        if found is None or found.product_id != product_id:
            arrival.result = "open_order_not_found"
            raise Refused("open_order_not_found")
        if found.live and self._faults.hit("X1"):
            (self._fill_before_cancel if found.state == "open" else self._set_off)(found)
        try:
            order = self.core.cancel(self.account, found, self._agenda.now)
        except Refused as refusal:
            arrival.result = refusal.code
            raise
        finally:
            self.on_news()
        arrival.result = "cancelled"
        return snapshot_of(order)

    def _set_off(self, order: Order) -> None:
        """The price touches a stop's trigger for a moment, just before its cancel comes."""
        self._touch(order)
        self.core.wake_stops()

    def _touch(self, order: Order) -> None:
        assert order.stop is not None
        reference = self.core.reference(self.core.products.live[order.symbol], order.stop.method)
        if reference is not None:
            order.stop = replace(order.stop, price=reference, trail=None)
            self.touched.add(order.id)

    def wick(self, client_order_ids: Collection[str]) -> int:
        """The price touches the triggers of these stops and is back before anybody has seen it; how many it has set off."""
        self.wake()
        stops = [one for one in self.account.pending_orders.values() if one.client_order_id in client_order_ids]
        for order in stops:
            self._touch(order)
        self.core.wake_stops()
        self.on_news()
        return len(stops)

    def _fill_before_cancel(self, order: Order) -> None:
        """Somebody trades with the resting order just before its cancel comes, in part or whole."""
        size = self._faults.details("X1").randint(1, order.unfilled_size)
        self.trade_with(order, size)

    def trade_with(self, order: Order, size: int) -> None:
        """Another account takes `size` contracts of a resting order at its price."""
        assert order.limit_price is not None
        other = self.core.open_account(USER + 1, initial_balance=Decimal(10_000_000))
        request = OrderRequest(
            symbol=order.symbol,
            side=order.side.opposite,
            size=size,
            order_type=OrderType.LIMIT,
            limit_price=order.limit_price,
            time_in_force=TimeInForce.IOC,
        )
        try:
            self.core.place(other, request, self._agenda.now)
        except Refused:
            return  # the book had no room for it: nobody traded

    def _find(self, client_order_id: str | None, venue_order_id: str | None) -> Order | None:
        if venue_order_id is not None:
            return self.account.orders.get(int(venue_order_id))
        return self.account.by_client_id(client_order_id or "")

    def is_unpayable(self, symbol: str) -> bool:
        """Whether the last order to close it has been refused, lately, since the account has not the money to pay for that."""
        closing = (a for a in reversed(self.arrivals) if a.symbol == symbol and a.intent and a.intent.reduce_only)
        last = next(closing, None)
        return last is not None and last.result == _UNPAYABLE and self._agenda.secs - last.secs < _LATELY_SECS

    # ------------------------------------------------------------ people and the exchange itself

    def human_trade(self, symbol: str, side: Side, size: int) -> int:
        """A person trades on the exchange's own site; contracts done."""
        self.wake()
        if symbol not in self.core.products.live:
            return 0
        low, high = self.core.band(self.core.products.live[symbol])
        request = OrderRequest(
            symbol=symbol,
            side=side,
            size=size,
            order_type=OrderType.LIMIT,
            limit_price=high if side is Side.BUY else low,
            time_in_force=TimeInForce.IOC,
        )
        try:
            order = self.core.place(self.account, request, self._agenda.now)
        except Refused:
            return 0
        self.human_orders.add(order.id)
        self._look_at_fills()
        self.on_news()
        return order.filled_size

    def strange_trade(self, number: int, size: int, avoid: Collection[str]) -> bool:
        """Somebody buys (or sells, where `size` is negative) a contract that is none of these."""
        symbol = self._another(number, avoid)
        side = Side.BUY if size > 0 else Side.SELL
        if symbol is None or not self.human_trade(symbol, side, abs(size)):
            return False
        self.strange_symbols.add(symbol)
        return True

    def strange_order(self, number: int, size: int, avoid: Collection[str]) -> bool:
        """Somebody's order rests far from the market in a contract that is none of these."""
        self.wake()
        symbol = self._another(number, avoid)
        if symbol is None:
            return False
        low, high = self.core.band(self.core.products.live[symbol])
        request = OrderRequest(
            symbol=symbol,
            side=Side.BUY if size > 0 else Side.SELL,
            size=abs(size),
            order_type=OrderType.LIMIT,
            limit_price=low if size > 0 else high,
            time_in_force=TimeInForce.GTC,
        )
        try:
            order = self.core.place(self.account, request, self._agenda.now)
        except Refused:
            return False
        self.human_orders.add(order.id)
        self.strange_symbols.add(symbol)
        self.on_news()
        return True

    def _another(self, number: int, avoid: Collection[str]) -> str | None:
        others = sorted(symbol for symbol in self.core.products.live if symbol not in avoid)
        return others[number % len(others)] if others else None

    def strange_gone(self) -> bool:
        """Whoever it was takes his orders back and closes his positions."""
        self.wake()
        done = False
        for order in [o for o in self.account.open_orders.values() if o.id in self.human_orders]:
            self.core.cancel(self.account, order, self._agenda.now)
            done = True
        for symbol in sorted(self.strange_symbols):
            held = self.human_net.get(symbol, 0)
            done |= held != 0 and self.human_trade(symbol, Side.SELL if held > 0 else Side.BUY, abs(held)) > 0
        self.on_news()
        return done

    def withdraw(self) -> bool:
        """A person withdraws nearly all of what is free."""
        self.wake()
        amount = self.account.wallet().available_balance * 99 // 100
        if amount <= 0:
            return False
        self.core.ledger.transfer(self.account, -amount, "withdrawal", self._agenda.now)
        return True

    def deposit(self, amount: Decimal) -> bool:
        """A person pays in."""
        self.wake()
        self.core.ledger.transfer(self.account, amount, "deposit", self._agenda.now)
        return True

    def change_mode(self, mode: str) -> bool:
        """A person changes the account's margin mode, where it can be carried in the other."""
        self.wake()
        if self.account.margin_mode == mode:
            return False
        try:
            self.core.positions.set_margin_mode(self.account, mode)
        except Refused:
            return False
        self.mode_since = self._agenda.secs
        return True

    def set_leverage(self, product_id: int, leverage: Decimal) -> None:
        """Leverage of a contract's orders.

        Raises:
            Refused: As the exchange would.
        """
        self.wake()
        instrument = self.core.products.by_id.get(product_id)
        if instrument is None:
            raise Refused("invalid_contract")
        self.core.set_leverage(self.account, instrument, leverage, self._agenda.now)

    def charge(self, product_id: int, amount: Decimal, kind: str) -> bool:
        """X14: the exchange takes money for a contract, and no fill tells of it."""
        self.wake()
        self.charged.append(self.core.ledger.counters.transaction + 1)
        self.core.ledger.transfer(self.account, -amount, kind, self._agenda.now, product_id=product_id)
        return True

    def other_installation(self, symbol: str, number: int) -> bool:
        """W4: another runner with a journal of its own works on this account; its order rests far from the market."""
        self.wake()
        instrument = self.core.products.live.get(symbol)
        if instrument is None or self.core.book(symbol).best(Side.BUY) is None:
            return False
        request = OrderRequest(
            symbol=symbol,
            side=Side.SELL,
            size=1,
            order_type=OrderType.LIMIT,
            limit_price=self.core.band(instrument)[1],
            time_in_force=TimeInForce.GTC,
            client_order_id=f"sdothr-abcde-CE{number:02d}-001-zzzzzzzz",
        )
        try:
            self.core.place(self.account, request, self._agenda.now)
        except Refused:
            return False
        self.other_since = self._agenda.secs if self.other_since is None else self.other_since
        self.on_news()
        return True

    def human_cancel(self, symbol: str) -> bool:
        """A person cancels one of our resting orders."""
        self.wake()
        mine = (o for o in self.account.live_orders if o.symbol == symbol and is_desks(o.client_order_id))
        order = next(mine, None)
        if order is None:
            return False
        self.core.cancel(self.account, order, self._agenda.now)
        self.on_news()
        return True

    def liquidate(self, symbol: str, size: int) -> int:
        """The exchange closes part of a short position itself (X6); contracts done."""
        self.wake()
        held = -self.account.position_size(symbol)
        size = min(size, held)
        if size < 1 or symbol not in self.core.products.live:
            return 0
        before = len(self.account.fills)
        instrument = self.core.products.live[symbol]
        _, high = self.core.band(instrument)
        request = OrderRequest(
            symbol=symbol,
            side=Side.BUY,
            size=size,
            order_type=OrderType.LIMIT,
            limit_price=high,
            time_in_force=TimeInForce.IOC,
            reduce_only=False,
        )
        try:
            order = self.core.place(self.account, request, self._agenda.now)
        except Refused:
            return 0
        for index in range(before, len(self.account.fills)):
            row = self.account.fills[index]
            self.account.fills[index] = replace(row, kind=FillKind.LIQUIDATION)
            spot, value = self.market.spot(UNDERLYING), instrument.contract_value
            fee = option_liquidation_fee(spot=spot, price=row.price, quantity=row.size, contract_value=value)
            self.core.ledger.charge_liquidation(self.account, index, fee, self._agenda.now)
        self._note_closed(symbol, -held, self.account.fills[before:])
        self.core.drain_events()  # nothing of it is told on the stream: it has to be found
        return order.filled_size

    # ------------------------------------------------------------ views

    def told(self, row: FillRow, *, over_rest: bool) -> Fill:
        """An execution as one of the channels tells it."""
        fill = fill_of(row, self._plan, over_rest=over_rest)
        return fill if over_rest else replace(fill, venue_order_id=self._on_stream(fill.venue_order_id))

    def told_order(self, order: Order) -> OrderSnapshot:
        """An order as the stream tells it."""
        snapshot = snapshot_of(order)
        return replace(snapshot, venue_order_id=self._on_stream(snapshot.venue_order_id))

    def _on_stream(self, order_id: str) -> str:
        return order_id if self._plan.order_ids == "same" else f"9{order_id}"

    def drain(self) -> list[OrderEvent | TradeEvent]:
        """Private news of our account since the last call."""
        events = self.core.drain_events()
        return [e for e in events if isinstance(e, OrderEvent | TradeEvent) and e.user_id == USER]

    def _sizes(self) -> dict[str, int]:
        return {h.symbol: h.size for h in self.account.holdings.values() if h.size}

    def positions(self, lag_secs: float) -> list[Position]:
        now = self._agenda.now
        holdings = self.account.positions_as_of(now, lag_secs) if lag_secs > 0 else self.account.holdings.values()
        if lag_secs > 0 and {h.symbol: h.size for h in holdings} != self._sizes():
            self._faults.note("X11")
        return [
            Position(
                symbol=h.symbol,
                product_id=h.product_id,
                quantity=h.size,
                liquidation_price=self.core.liquidation(self.account, h.symbol).liquidation,
            )
            for h in holdings
        ]


def is_desks(client_order_id: str | None) -> bool:
    """Whether an order is of the installation that is simulated."""
    return client_order_id is not None and client_order_id.startswith("sdsimu-")


def _terms_of(stop: Stop | None) -> StopTerms | None:
    """What makes an order wait, in the exchange's own terms."""
    if stop is None:
        return None
    method = TriggerMethod.MARK if stop.trigger is None else TriggerMethod(stop.trigger)
    return StopTerms(kind=StopKind(stop.kind), price=stop.price, trail=stop.trail, method=method)


def snapshot_of(order: Order) -> OrderSnapshot:
    """An order as REST and stream tell it."""
    return OrderSnapshot(
        venue_order_id=str(order.id),
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        product_id=order.product_id,
        side=order.side,
        quantity=order.size,
        leaves_qty=order.unfilled_size,
        limit_price=order.limit_price,
        avg_px=order.average_fill_price,
        venue_state=order.state,
        reduce_only=order.reduce_only,
        cancellation_reason=order.cancellation_reason,
        stop_kind=order.stop.kind if order.stop is not None else "",
        stop_price=order.stop.price if order.stop is not None else None,
        trail=order.stop.trail if order.stop is not None else None,
        paid_commission=order.paid_commission,
        created_at=order.created_at,
        ts_event=order.updated_at,
    )


def _fill_id(row: FillRow, channel: Channel, mode: str) -> str:
    """What a channel calls an execution; see `plan.FILL_ID_MODES`."""
    if mode == "same":
        return row.id
    if mode == "crossed":
        return str(row.seq if channel is Channel.REST else row.seq + 1)
    return str(7_000_000 + row.seq) if channel is Channel.REST else f"t-{row.id}"


def fill_of(row: FillRow, plan: Plan, *, over_rest: bool) -> Fill:
    """A fill as told: REST knows the commission and no client order id, the fast stream the other way round."""
    channel = Channel.REST if over_rest else Channel.STREAM
    return Fill(
        fill_id=_fill_id(row, channel, plan.fill_ids),
        venue_order_id=row.order_id,
        client_order_id=None if over_rest else row.client_order_id,
        symbol=row.symbol,
        product_id=row.product_id,
        side=row.side,
        quantity=row.size,
        price=row.price,
        commission=row.commission + row.liquidation_fee if over_rest and plan.costs_told else None,
        role=row.role,
        kind=row.kind,
        ts_event=row.created_at,
        channel=channel,
    )
