"""Acting on missed heartbeats: the orders they cover are cancelled, or moved away from the market."""

from decimal import Decimal

from trader.domain.rounding import round_price
from trader.venue.core.account import Account
from trader.venue.core.deadman import Heartbeat, HeartbeatAction
from trader.venue.core.floor import TradingFloor
from trader.venue.core.order_desk import Change, OrderDesk
from trader.venue.core.records import Order
from trader.venue.core.refusal import Refused

_BASIS_POINTS = Decimal(10_000)


class Guard:
    """The dead-man switches of a floor's accounts."""

    def __init__(self, floor: TradingFloor, desk: OrderDesk) -> None:
        self._floor = floor
        self._desk = desk
        self._next_ms: int | None = None  # the earliest deadline; None = nothing is armed

    def watch(self) -> None:
        """Look for the earliest deadline again."""
        due = [h.due_ms for a in self._floor.accounts.values() for h in a.heartbeats.values() if h.due_ms is not None]
        self._next_ms = min(due, default=None)

    def check(self, wall_ms: int) -> None:
        """Carry out what became due up to now."""
        if self._next_ms is None or wall_ms < self._next_ms:
            return
        for account in self._floor.accounts.values():
            for heartbeat in account.heartbeats.values():
                for action in heartbeat.miss_until(wall_ms):
                    self._act(account, heartbeat, action)
        self.watch()

    def _act(self, account: Account, heartbeat: Heartbeat, action: HeartbeatAction) -> None:
        floor = self._floor
        for order in account.live_orders:
            instrument = floor.products.by_id[order.product_id]
            if not order.live or not heartbeat.covers(order, instrument, action):
                continue
            if action.action == "cancel_orders":
                self._desk.matching.withdraw(account, order, "heartbeat_missed", None, floor.now)
            elif order.state == "open" and not order.reduce_only:
                self._widen(account, order, action, instrument.tick_size)

    def _widen(self, account: Account, order: Order, action: HeartbeatAction, tick: Decimal) -> None:
        assert order.limit_price is not None and action.value is not None
        away = -order.side.sign * order.limit_price * action.value / _BASIS_POINTS
        price = round_price(order.limit_price + away, tick, order.side)
        try:
            self._desk.edit(account, order, Change(limit_price=price), self._floor.now)
        except Refused:
            self._desk.matching.withdraw(account, order, "heartbeat_missed", None, self._floor.now)
