"""What on the account is ours: known by client order ids alone, bounded by the position the exchange shows. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from trader.domain.fill import Position
from trader.domain.order import OrderSnapshot, Purpose, Side
from trader.engine.account.allocation import shares
from trader.engine.ids import OrderName, parse_client_order_id


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """One contract our orders have traded. Quantities are signed contracts, negative = short.

    `net` is what our own orders add up to, `seen` what the exchange shows, `ours` the part of it that is ours to close.
    """

    symbol: str
    product_id: int
    name: OrderName
    net: int
    seen: int

    @property
    def ours(self) -> int:
        if self.net * self.seen <= 0:
            return 0
        return self.net if abs(self.net) <= abs(self.seen) else self.seen

    @property
    def closing_side(self) -> Side:
        return Side.BUY if self.ours < 0 else Side.SELL


class OurOrders:
    """Every order of ours seen so far, however often and in whatever order the exchange tells of it."""

    def __init__(self, installation: str | None) -> None:
        """`installation` None: any order that carries this program's form of id counts as ours."""
        self._installation = installation
        self._orders: dict[str, OrderSnapshot] = {}
        self._names: dict[str, OrderName] = {}
        self.newest: datetime | None = None  # exchange time of the youngest order of the account

    def is_ours(self, order: OrderSnapshot) -> bool:
        name = parse_client_order_id(order.client_order_id)
        return name is not None and self._installation in (None, name.installation)

    def learn(self, orders: Iterable[OrderSnapshot]) -> None:
        """Take snapshots in; of two of the same order the one that is filled further is the younger."""
        for order in orders:
            if order.created_at is not None and (self.newest is None or order.created_at > self.newest):
                self.newest = order.created_at
            name = parse_client_order_id(order.client_order_id)
            if name is None or not self.is_ours(order):
                continue
            known = self._orders.get(order.venue_order_id)
            if known is None or order.filled_qty >= known.filled_qty:
                self._orders[order.venue_order_id] = order
                self._names[order.venue_order_id] = name

    @property
    def installations(self) -> tuple[str, ...]:
        return tuple(sorted({name.installation for name in self._names.values()}))

    def epoch_after(self) -> int:
        """An epoch no order of ours carries yet."""
        return max((name.epoch for name in self._names.values()), default=0) + 1

    def holdings(self, positions: Iterable[Position]) -> list[Holding]:
        """One per contract and run, in the order of their symbols, the youngest run first: where less is left than our
        orders have made, it is one that ended long ago of which somebody else has closed a part."""
        seen = {p.symbol: p.quantity for p in positions}
        net: dict[tuple[str, str], int] = {}
        for key, order in self._orders.items():
            of = (order.symbol, self._names[key].run)
            net[of] = net.get(of, 0) + order.side.sign * order.filled_qty
        found = []
        for symbol in sorted({symbol for symbol, _ in net}):
            entries = sorted((self._entry(symbol, run) for one, run in net if one == symbol), key=_age, reverse=True)
            nets = [net[symbol, name.run] for _, name in entries]
            for (order, name), own, share in zip(entries, nets, shares(seen.get(symbol, 0), nets), strict=True):
                product_id = order.product_id
                found.append(Holding(symbol=symbol, product_id=product_id, name=name, net=own, seen=share))
        return found

    def _entry(self, symbol: str, run: str) -> tuple[OrderSnapshot, OrderName]:
        """The youngest order of a run in a contract, an entry where there is one: it tells run and leg."""
        named = [
            (order, self._names[key])
            for key, order in self._orders.items()
            if order.symbol == symbol and self._names[key].run == run
        ]
        return max(named, key=lambda pair: (pair[1].purpose is Purpose.ENTRY, _age(pair)))


def _age(named: tuple[OrderSnapshot, OrderName]) -> int:
    return _number(named[0].venue_order_id)


def _number(venue_order_id: str) -> int:
    return int(venue_order_id) if venue_order_id.isdecimal() else 0


def first_to_close(open_now: Sequence[Holding]) -> list[Holding]:
    """Those that may be closed now: short ones, and long ones beside which no short one of their kind is open. What covers is
    closed last. Of several runs in one contract one at a time: reduce-only bounds the position, not each run's part of it."""
    bare = {_kind(h.symbol) for h in open_now if h.ours < 0}
    ready = [h for h in open_now if h.ours < 0 or _kind(h.symbol) not in bare]
    return list({h.symbol: h for h in reversed(ready)}.values())[::-1]


def _kind(symbol: str) -> str:
    """Calls or puts of which underlying: the head of an option's symbol."""
    return "-".join(symbol.split("-")[:2])


def foreign(positions: Iterable[Position], holdings: Iterable[Holding]) -> list[str]:
    """What the account holds that is not ours to close, in words."""
    ours: dict[str, int] = {}
    for holding in holdings:
        ours[holding.symbol] = ours.get(holding.symbol, 0) + holding.ours
    left = [(p.symbol, p.quantity - ours.get(p.symbol, 0)) for p in positions]
    return [f"{symbol} {quantity:+d}" for symbol, quantity in sorted(left) if quantity != 0]
