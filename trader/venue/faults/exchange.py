"""The exchange under faults: thin books, cancels of its own, halts, changed terms, four ways with repeated client order ids."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from trader.domain.fill import FillKind
from trader.domain.instrument import Instrument
from trader.domain.order import OrderType, Side, TimeInForce
from trader.venue.core.account import Account
from trader.venue.core.events import Event, OrderEvent, TradeEvent
from trader.venue.core.exchange import Exchange
from trader.venue.core.records import Order, OrderRequest
from trader.venue.core.refusal import Refused
from trader.venue.core.settings import CoreSettings
from trader.venue.faults.catalogue import Where
from trader.venue.faults.rules import Occasion, Rule, RuleBook
from trader.venue.market.base import MarketSource

_OTHER_USER = 9_990_001  # the counterparty of an order that a rule wants filled
_ANY_SIZE = 1_000_000_000
_OTHER_BALANCE = Decimal(1_000_000_000)
_TERMS = ("tick_size", "contract_value", "taker_rate")

Later = Callable[[float, Callable[[], None]], None]


class FaultyExchange(Exchange):
    """An exchange that asks a book of rules. `later` runs work after so many wall seconds, on the venue's own thread."""

    def __init__(
        self,
        market: MarketSource,
        settings: CoreSettings,
        *,
        rules: RuleBook,
        later: Later,
        start: datetime | None = None,
    ) -> None:
        self._rules = rules
        self._later = later
        self._touched: dict[str, Instrument] = {}  # contracts whose terms or status a rule changed, as they were
        self._live_seen: object = None
        self._undelivered: list[Event] = []
        super().__init__(market, settings, start=start)

    # ------------------------------------------------------------ orders

    def place(self, account: Account, request: OrderRequest, now: datetime) -> Order:
        twin = account.by_client_id(request.client_order_id) if request.client_order_id is not None else None
        mode = self._coid_mode() if twin is not None else ""
        if twin is not None and mode == "refused":
            raise Refused("duplicate_client_order_id")
        if twin is not None and mode == "existing":
            return twin
        if twin is not None and mode == "accepted":
            account.newest_by_client_id.pop(request.client_order_id or "", None)
        occasion = _occasion("POST", request.symbol, request.side, request.reduce_only, request.client_order_id)
        self._check_reduce_only_early(account, request, now)
        thin = self._rules.strike(Where.ORDER, occasion, "partial")
        book = self.book(request.symbol) if thin is not None and request.symbol in self.products.live else None
        if book is not None and thin is not None:
            book.most = int(thin.args["contracts"])
        try:
            order = super().place(account, request, now)
        except Refused:
            if twin is not None and mode == "accepted":
                account.newest_by_client_id[request.client_order_id or ""] = twin.id
            raise
        finally:
            if book is not None:
                book.most = None
        if order.state == "open" and account.user_id != _OTHER_USER:
            self._maybe_cancel(account, order, occasion)
        return order

    def cancel(self, account: Account, order: Order, now: datetime, *, reason: str = "cancelled_by_user") -> Order:
        if order.state == "open" and reason == "cancelled_by_user":
            occasion = _occasion("DELETE", order.symbol, order.side, order.reduce_only, order.client_order_id)
            rule = self._rules.strike(Where.ORDER, occasion, "before_cancel")
            if rule is not None:
                self._trade_with(order, min(int(rule.args["contracts"]), order.unfilled_size), now)
        return super().cancel(account, order, now, reason=reason)

    def _check_reduce_only_early(self, account: Account, request: OrderRequest, now: datetime) -> None:
        rule = next((r for r in self._rules.standing(Where.STATE) if r.kind.fault == "X9"), None)
        held = account.holdings.get(request.symbol)
        if rule is None or held is None or not request.reduce_only or not rule.looks_at(_at(request.symbol)):
            return
        if (now - held.created_at).total_seconds() < float(rule.args["secs"]):
            rule.happened += 1
            raise Refused("no_position_for_reduce_only")

    def _coid_mode(self) -> str:
        modes = [rule.kind.kind for rule in self._rules.standing(Where.STATE) if rule.kind.fault == "X10"]
        return modes[-1] if modes else ""

    def _maybe_cancel(self, account: Account, order: Order, occasion: Occasion) -> None:
        rule = self._rules.strike(Where.ORDER, occasion, "cancels")
        if rule is None:
            return

        def cancel() -> None:
            if order.state == "open":
                super(FaultyExchange, self).cancel(account, order, self.now, reason=str(rule.args["reason"]))

        self._later(float(rule.args["secs"]), cancel)

    def _trade_with(self, order: Order, size: int, now: datetime) -> None:
        """Somebody sweeps the book up to a resting order and takes `size` contracts of it."""
        if size < 1 or order.limit_price is None:
            return
        side, ahead = order.side.opposite, 0
        for take in self.book(order.symbol).plan(side, order.limit_price, _ANY_SIZE, _OTHER_USER):
            if take.maker is order:
                break
            ahead += take.size
        request = _taking(order.symbol, side, ahead + size, order.limit_price)
        try:
            super().place(self._other(), request, now)
        except Refused:
            return  # no room in the price band: nobody traded

    def _other(self) -> Account:
        return self.open_account(_OTHER_USER, initial_balance=_OTHER_BALANCE)

    # ------------------------------------------------------------ states

    def advance(self, now: datetime) -> None:
        super().advance(now)
        if self.products.live is not self._live_seen:
            self.apply_states()

    def apply_states(self) -> list[Instrument]:
        """Bring contracts into the state the standing rules ask for; those whose trading status changed by it."""
        before = {symbol: instrument.trading_status for symbol, instrument in self.products.live.items()}
        for symbol, plain in self._touched.items():
            if symbol in self.products.live:
                self._list(plain)
        self._touched.clear()
        for rule in self._rules.standing(Where.STATE):
            self._apply_to_contracts(rule)
        self._live_seen = self.products.live
        live = self.products.live
        return [live[symbol] for symbol, status in before.items() if live[symbol].trading_status != status]

    def _apply_to_contracts(self, rule: Rule) -> None:
        changes: dict[str, Any] = {}
        if rule.kind.fault == "X4":
            changes["trading_status"] = str(rule.args["status"])
        elif (rule.kind.fault, rule.kind.kind) == ("X7", "cancel_only"):
            changes["trading_status"] = "disrupted_cancel_only"
        elif rule.kind.fault == "X12":
            changes = {name: Decimal(str(rule.args[name])) for name in _TERMS if rule.args[name] is not None}
        if not changes:
            return
        for symbol, instrument in list(self.products.live.items()):
            if rule.looks_at(_at(symbol)):
                self._touched.setdefault(symbol, instrument)
                self._list(msgspec.structs.replace(instrument, **changes))
                rule.happened += 1

    def _list(self, instrument: Instrument) -> None:
        self.products.live[instrument.symbol] = instrument
        self.products.by_id[instrument.product_id] = instrument

    def settle_contract(self, instrument: Instrument, index_price: Decimal) -> None:
        before = {account.user_id: len(account.fills) for account in self.accounts.values()}
        super().settle_contract(instrument, index_price)
        rules = [r for r in self._rules.standing(Where.STATE, _at(instrument.symbol)) if r.kind.kind == "no_fill"]
        if not rules or self.products.expired[instrument.symbol].settlement_price > 0:
            return
        for account in self.accounts.values():
            untold = {row.id for row in account.fills[before[account.user_id] :] if row.symbol == instrument.symbol}
            account.fills[:] = [row for row in account.fills if row.id not in untold]
            rules[0].happened += len(untold)
            events = self.drain_events()
            self._undelivered += [e for e in events if not (isinstance(e, TradeEvent) and e.fill.id in untold)]

    def drain_events(self) -> list[Event]:
        kept, self._undelivered = self._undelivered, []
        return [*kept, *super().drain_events()]

    # ------------------------------------------------------------ deeds

    def do(self, rule: Rule) -> int:
        """Carry out a deed of the exchange; how many orders or contracts it touched."""
        match rule.kind.kind:
            case "cancels_all":
                return self._cancel_matching(rule)
            case "settle_now":
                return self._settle_matching(rule)
            case _:
                return sum(self._liquidate(account, rule) for account in list(self.accounts.values()))

    def _cancel_matching(self, rule: Rule) -> int:
        done = 0
        for account in self.accounts.values():
            for order in list(account.open_orders.values()):
                occasion = _occasion("", order.symbol, order.side, order.reduce_only, order.client_order_id)
                if rule.looks_at(occasion):
                    super().cancel(account, order, self.now, reason=str(rule.args["reason"]))
                    done += 1
        return done

    def _settle_matching(self, rule: Rule) -> int:
        chosen = [
            instrument
            for instrument in list(self.products.live.values())
            if instrument.strike is not None and rule.looks_at(_at(instrument.symbol))
        ]
        for instrument in chosen:
            index = rule.args["index"]
            spot = self.market.spot(instrument.underlying)
            self.settle_contract(instrument, spot if index is None else Decimal(str(index)))
        return len(chosen)

    def _liquidate(self, account: Account, rule: Rule) -> int:
        """Buy back part of the account's matching shorts; the fills say that the exchange did it."""
        done = 0
        for holding in list(account.holdings.values()):
            instrument = self.products.live.get(holding.symbol)
            if holding.size >= 0 or instrument is None or not rule.looks_at(_at(holding.symbol)):
                continue
            size = min(int(rule.args["contracts"]), -holding.size)
            before = len(account.fills)
            _, high = self.band(instrument)
            try:
                order = super().place(account, _taking(holding.symbol, Side.BUY, size, high), self.now)
            except Refused:
                continue  # an empty book, or our own order in the way: nothing was closed
            for place in range(before, len(account.fills)):
                account.fills[place] = msgspec.structs.replace(account.fills[place], kind=FillKind.LIQUIDATION)
            self._relabel(account, order, told=bool(rule.args["told"]))
            done += order.filled_size
        return done

    def _relabel(self, account: Account, order: Order, *, told: bool) -> None:
        """The exchange's own order is nobody's on the orders channel; what is not told has to be found by reading."""
        rows = {row.id: row for row in account.fills if row.order_id == str(order.id)}
        for event in self.drain_events():
            ours = getattr(event, "user_id", None) == account.user_id
            own_order = isinstance(event, OrderEvent) and event.order.id == order.id
            if isinstance(event, TradeEvent):
                event = msgspec.structs.replace(event, fill=rows.get(event.fill.id, event.fill))
            if not ours or (told and not own_order):
                self._undelivered.append(event)


def _at(symbol: str) -> Occasion:
    return Occasion(symbols=(symbol,))


def _occasion(method: str, symbol: str, side: Side, reduce_only: bool, client_order_id: str | None) -> Occasion:
    return Occasion(
        method=method,
        path="/v2/orders",
        symbols=(symbol,),
        side=side.value,
        reduce_only=reduce_only,
        client_order_id=client_order_id or "",
    )


def _taking(symbol: str, side: Side, size: int, limit: Decimal) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=side,
        size=size,
        order_type=OrderType.LIMIT,
        limit_price=limit,
        time_in_force=TimeInForce.IOC,
    )
