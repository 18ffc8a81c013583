"""One account: cash, orders, fills, positions, and the wallet they add up to.

Invariant: balance = initial balance + Σ transactions, exactly.
"""

import bisect
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from trader.domain.order import Side
from trader.venue.core.deadman import Heartbeat
from trader.venue.core.holding import Holding
from trader.venue.core.mmp import MmpState
from trader.venue.core.records import FillRow, Order, Transaction


class Wallet(msgspec.Struct, frozen=True, kw_only=True):
    """USD. `blocked_margin` = order and position margin and the commissions kept for both; in portfolio mode
    it is `portfolio_margin`, commissions included, and the parts are zero."""

    balance: Decimal
    available_balance: Decimal
    blocked_margin: Decimal
    order_margin: Decimal
    position_margin: Decimal
    commission: Decimal
    portfolio_margin: Decimal = Decimal(0)


def _by_id(order: Order) -> int:
    return order.id


class Account:
    """State of one user. Fills and transactions only grow; orders keep their last state."""

    def __init__(self, user_id: int, initial_balance: Decimal) -> None:
        self.user_id = user_id
        self.initial_balance = initial_balance
        self.balance = initial_balance
        self.orders: dict[int, Order] = {}
        self.open_orders: dict[int, Order] = {}
        self.pending_orders: dict[int, Order] = {}  # stops that wait for their trigger
        self.newest_by_client_id: dict[str, int] = {}
        self.fills: list[FillRow] = []
        self.transactions: list[Transaction] = []
        self.holdings: dict[str, Holding] = {}
        self.leverage: dict[int, Decimal] = {}
        self.margin_mode = "isolated"
        self.default_auto_topup = False
        self.mmp: dict[tuple[str, str], MmpState] = {}  # by asset and group
        self.heartbeats: dict[str, Heartbeat] = {}
        self.preferences: dict[str, Any] = {}  # what the user set of the preferences that change nothing here
        self.order_seq: defaultdict[str, int] = defaultdict(int)
        self.trade_seq: defaultdict[str, int] = defaultdict(int)
        self.changed_orders: set[int] = set()
        self._past: dict[str, list[tuple[datetime, Holding]]] = {}

    def add_order(self, order: Order) -> None:
        """Record a new order."""
        self.orders[order.id] = order
        if order.client_order_id is not None:
            self.newest_by_client_id[order.client_order_id] = order.id
        self.touch(order)

    def touch(self, order: Order) -> None:
        """Note that an order changed; keeps the open ones apart."""
        self.changed_orders.add(order.id)
        state = order.state
        if state == "open":
            self.open_orders[order.id] = order
        else:
            self.open_orders.pop(order.id, None)
        if order.stop is not None:
            if state == "pending":
                self.pending_orders[order.id] = order
            else:
                self.pending_orders.pop(order.id, None)

    @property
    def live_orders(self) -> list[Order]:
        """Everything that may still trade, oldest first."""
        if not self.pending_orders:
            return list(self.open_orders.values())
        return sorted((*self.open_orders.values(), *self.pending_orders.values()), key=_by_id)

    def by_client_id(self, client_order_id: str) -> Order | None:
        """The newest order with that client id."""
        found = self.newest_by_client_id.get(client_order_id)
        return None if found is None else self.orders[found]

    def position_size(self, symbol: str) -> int:
        held = self.holdings.get(symbol)
        return held.size if held else 0

    def resting_reduce_only(self, symbol: str, side: Side) -> int:
        """Contracts already spoken for by resting reduce-only orders of that side."""
        return sum(
            o.unfilled_size
            for o in self.open_orders.values()
            if o.symbol == symbol and o.side is side and o.reduce_only
        )

    def wallet(self, *, without: Order | None = None) -> Wallet:
        """Balance and what of it is blocked, from positions and open orders as they stand (`without` one of them)."""
        order_margin, order_commission = self._blocked_by_orders(without)
        position_margin = sum((h.margin for h in self.holdings.values()), Decimal(0))
        commission = order_commission + sum((h.commission for h in self.holdings.values()), Decimal(0))
        blocked = order_margin + position_margin + commission
        return Wallet(
            balance=self.balance,
            available_balance=self.balance - blocked,
            blocked_margin=blocked,
            order_margin=order_margin,
            position_margin=position_margin,
            commission=commission,
        )

    def _blocked_by_orders(self, without: Order | None) -> tuple[Decimal, Decimal]:
        """Margin and commission of the parts of open orders that would open a position; closing parts block nothing."""
        margin = commission = Decimal(0)
        closable = {(h.symbol, Side.SELL if h.size > 0 else Side.BUY): abs(h.size) for h in self.holdings.values()}
        for order in self.open_orders.values():
            if order is without:
                continue
            key = (order.symbol, order.side)
            closing = min(closable.get(key, 0), order.unfilled_size)
            if closing:
                closable[key] -= closing
            opening = 0 if order.reduce_only else order.unfilled_size - closing
            margin += order.unit_margin * opening
            commission += order.unit_commission * opening
        return margin, commission

    def remember_position(self, symbol: str, holding: Holding, now: datetime) -> None:
        """Keep a copy for the lagging view of positions."""
        past = self._past.setdefault(symbol, [])
        past.append((now, msgspec.structs.replace(holding)))
        if len(past) > 64:
            del past[:32]

    def positions_as_of(self, now: datetime, lag_secs: float) -> list[Holding]:
        """Open positions as the lagging endpoint sees them: as they were `lag_secs` ago."""
        instant = now - timedelta(seconds=lag_secs)
        seen: list[Holding] = []
        for symbol in self._past.keys() | self.holdings.keys():
            past = self._past.get(symbol)
            if not past:
                seen.append(self.holdings[symbol])
                continue
            index = bisect.bisect_right(past, instant, key=lambda row: row[0]) - 1
            if index >= 0 and past[index][1].size:
                seen.append(past[index][1])
        return sorted(seen, key=lambda h: h.symbol)
