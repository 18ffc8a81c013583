"""One contract's book: the market source's finite depth, less what users took, plus users' resting orders.

A level a user took stays taken until the source refreshes the book (its `version` changes). At one price the source's
size trades first, then users' orders in the order they came.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from trader.domain.order import Side
from trader.venue.core.records import Order
from trader.venue.market.base import Depth, Level

_EMPTY = Depth(bids=(), asks=(), version=-1)


class Take(msgspec.Struct, frozen=True):
    """`size` contracts at `price`, from a user's resting order or (None) from the source's depth, where they are offered at
    `level`."""

    price: Decimal
    size: int
    maker: Order | None
    level: Decimal


class OwnOrderMet(Exception):
    """The sweep would trade with a resting order of the same account."""


class Book:
    """Depth and resting orders of one contract."""

    def __init__(self) -> None:
        self.depth = _EMPTY
        self._taken: dict[tuple[Side, Decimal], int] = {}
        self._resting: dict[Side, list[Order]] = {Side.BUY: [], Side.SELL: []}
        self.unmatched = False  # the source's depth changed since resting orders were last matched with it
        self.most: int | None = None  # when set, an order takes no more contracts than this: a thin moment
        self.revision = 0  # changes whenever anything visible in the book changes

    def refresh(self, depth: Depth) -> bool:
        """Take the source's newest depth; True when it is another book than before."""
        if depth.version == self.depth.version:
            return False
        self.depth = depth
        self._taken.clear()
        self.unmatched = True
        self.revision += 1
        return True

    @property
    def has_resting(self) -> bool:
        return bool(self._resting[Side.BUY] or self._resting[Side.SELL])

    def resting(self, side: Side) -> tuple[Order, ...]:
        """Users' orders of one side, best price and oldest first."""
        return tuple(self._resting[side])

    def rest(self, order: Order) -> None:
        """Put an order with a limit price into its queue."""
        queue = self._resting[order.side]
        queue.append(order)
        queue.sort(key=_queue_key)
        self.revision += 1

    def remove(self, order: Order) -> None:
        """Take an order out of its queue; absent is fine."""
        queue = self._resting[order.side]
        if order in queue:
            queue.remove(order)
            self.revision += 1

    def market_levels(self, side: Side) -> Iterator[Level]:
        """The source's levels of one side with what is left of them; bids for BUY, asks for SELL."""
        for price, size in self.depth.bids if side is Side.BUY else self.depth.asks:
            left = size - self._taken.get((side, price), 0)
            if left > 0:
                yield price, left

    def levels(self, side: Side, limit: int | None = None) -> list[Level]:
        """What everyone sees: source and users merged by price, best first, at most `limit` levels."""
        queue = self._resting[side]
        if not queue:
            found = list(self.market_levels(side))
            return found if limit is None else found[:limit]
        merged: dict[Decimal, int] = dict(self.market_levels(side))
        for order in queue:
            price = _limit(order)
            merged[price] = merged.get(price, 0) + order.unfilled_size
        found = sorted(merged.items(), reverse=side is Side.BUY)
        return found if limit is None else found[:limit]

    def best(self, side: Side) -> Level | None:
        """Best price and its size, None when the side is empty."""
        if not self._resting[side]:
            return next(self.market_levels(side), None)
        top = self.levels(side, 1)
        return top[0] if top else None

    def plan(
        self, side: Side, limit: Decimal, quantity: int, user_id: int, reducible: Callable[[Order], int] | None = None
    ) -> list[Take]:
        """What an order of `side` would take up to `limit` (inclusive), best price first. `reducible` tells how many contracts
        a resting reduce-only order can still close: its account may hold less by now than the order is for.

        Raises:
            OwnOrderMet: An order of the same account would be traded with.
        """
        takes: list[Take] = []
        closed: dict[int, int] = {}  # user → contracts its reduce-only orders close by this plan
        quantity = quantity if self.most is None else min(quantity, self.most)
        for price, size, maker in self._offers(side.opposite):
            if quantity == 0 or (price > limit if side is Side.BUY else price < limit):
                break
            if maker is not None and maker.user_id == user_id:
                raise OwnOrderMet
            taken = min(size, quantity)
            if maker is not None and maker.reduce_only and reducible is not None:
                taken = min(taken, reducible(maker) - closed.get(maker.user_id, 0))
                if taken <= 0:
                    continue
                closed[maker.user_id] = closed.get(maker.user_id, 0) + taken
            takes.append(Take(price, taken, maker, price))
            quantity -= taken
        return takes

    def take(self, side: Side, price: Decimal, size: int) -> None:
        """Consume `size` of the source's level on `side`."""
        self._taken[side, price] = self._taken.get((side, price), 0) + size
        self.revision += 1

    def _offers(self, side: Side) -> Iterator[tuple[Decimal, int, Order | None]]:
        """Everything offered on a side, best price first, the source before users at one price."""
        queue = list(self._resting[side])
        for price, size in self.market_levels(side):
            while queue and _better(side, _limit(queue[0]), price):
                order = queue.pop(0)
                yield _limit(order), order.unfilled_size, order
            yield price, size, None
        for order in queue:
            yield _limit(order), order.unfilled_size, order


def _better(side: Side, price: Decimal, than: Decimal) -> bool:
    return price > than if side is Side.BUY else price < than


def _limit(order: Order) -> Decimal:
    assert order.limit_price is not None, "only orders with a limit rest in a book"
    return order.limit_price


def _queue_key(order: Order) -> tuple[Decimal, int]:
    price = _limit(order)
    return (-price if order.side is Side.BUY else price, order.priority)
