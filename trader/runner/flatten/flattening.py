"""The work itself: look, cancel what is ours, close what is ours, look again, until the exchange says flat."""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import msgspec

from trader.domain.errors import ExchangeError, RateLimited, WireError
from trader.domain.expiry import IST
from trader.domain.fill import Position
from trader.domain.instrument import parse_option_symbol
from trader.domain.order import OrderIntent, OrderSnapshot, OrderType, Purpose, TimeInForce
from trader.domain.outcome import Ok, Outcome, Rejected, Unknown
from trader.engine.ids import client_order_id, parse_client_order_id
from trader.exchange.ports import Trading
from trader.runner.flatten.books import Books, Say
from trader.runner.flatten.doubts import Doubts
from trader.runner.flatten.ownership import Holding, OurOrders, first_to_close, foreign
from trader.runner.flatten.pricing import Prices, limit_for, unmet

_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)  # before this program existed
MANAGED = ("BTC", "ETH")
HORIZON_SECS = 8.0  # after a fence nothing the old runner had signed is admitted any more
LAG_SECS = 5.0  # position reads may lag our fills by less than this
_PAUSE_SECS = 0.3
_SLOWED_SECS = 2.0  # between rounds while the exchange turns requests away: closing goes on, without pressing
_RESOLVE_SECS = 2.0  # an exit waits this long for the fate of the one before
_SETTLE_SECS = 20.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it. `flat` only when the exchange confirmed it; `realized_pnl` is USD, of the runs finished here."""

    flat: bool
    journal: str
    halted: bool
    cancelled: tuple[str, ...]
    closed: dict[str, int]
    remaining: dict[str, int]
    foreign: tuple[str, ...]
    runs_finished: tuple[str, ...] = ()
    runs_unfinished: tuple[str, ...] = ()
    realized_pnl: Decimal | None = None
    problem: str = ""


def flatten(
    gateway: Trading,
    books: Books,
    say: Say,
    *,
    wait_secs: float,
    horizon_secs: float = HORIZON_SECS,
    any_price: bool = False,
) -> Report:
    """Cancel every open order of ours and close every position of ours, reduce-only, until the exchange confirms.

    Args:
        gateway: The account.
        books: The journal, already fenced, or what stands in for it.
        say: Told each step in words.
        wait_secs: Give up (and say so) after this long; what was sent stays sent.
        horizon_secs: How long after the fence a request of the fenced runner may still be admitted.
        any_price: Pay whatever is asked; else at most twice the mark.
    """
    gateway = gateway.for_exit()
    work = _Flattening(gateway, books, say, horizon_secs, any_price)
    books.stop_runs()
    deadline = time.monotonic() + wait_secs
    while not work.flat and time.monotonic() < deadline:
        books.renew()
        work.round()
        if not work.flat:
            time.sleep(_SLOWED_SECS if work.is_slowed else _PAUSE_SECS)
    work.close()
    finished = books.settle(gateway, max(deadline, time.monotonic() + _SETTLE_SECS)) if work.flat else ()
    return Report(
        flat=work.flat,
        journal="used" if books.usable else f"not usable: {books.problem}",
        halted=books.halted,
        cancelled=tuple(work.cancelled),
        closed=work.closed,
        remaining={h.symbol: h.ours for h in work.holdings if h.ours},
        foreign=tuple(work.foreign),
        runs_finished=tuple(record.run_id for record in finished),
        runs_unfinished=books.open_runs,
        realized_pnl=sum((record.realized_pnl for record in finished), Decimal(0)) if finished else None,
        problem=work.problem,
    )


class _Flattening:
    """The state of one flatten: what was seen, sent and heard."""

    def __init__(self, gateway: Trading, books: Books, say: Say, horizon_secs: float, any_price: bool) -> None:
        self._gateway = gateway
        self._books = books
        self._say = say
        self._horizon_secs = horizon_secs
        self._any_price = any_price
        self._unmet: dict[str, str] = {}  # symbol → why its last order could meet nobody
        self._began = time.monotonic()
        self._orders = OurOrders(books.installation)
        self._prices = Prices(gateway)
        self._workers = ThreadPoolExecutor(4, thread_name_prefix="flatten")
        self._since: datetime = _EARLIEST
        self._epoch: int | None = None
        self._attempts: dict[str, int] = {}
        self._unknown: dict[str, float] = {}  # symbol → when an order of unknown fate was sent for it
        self._unknown_coid: dict[str, str] = {}
        self._resting: dict[str, float] = {}  # symbol → since when an order of ours is known to rest in it
        self._differs_since: float | None = None
        self._doubts = Doubts()
        self._told: set[str] = set()
        self.cancelled: list[str] = []
        self.closed: dict[str, int] = {}
        self.holdings: list[Holding] = []
        self.foreign: list[str] = []
        self.flat = False
        self.is_slowed = False  # a request of the last round was turned away by the rate limit
        self.problem = "the exchange has not been read yet"

    def close(self) -> None:
        self._workers.shutdown(wait=False)

    def round(self) -> None:
        """One look at the account, and what it asks for. An exchange that cannot be read is asked again."""
        self.is_slowed = False
        try:
            mine, positions = self._look()
        except ExchangeError as error:
            self.is_slowed = isinstance(error, RateLimited)
            self.problem = f"the exchange cannot be read ({type(error).__name__}: {error})"
            self._once(f"The exchange cannot be read, trying again: {error}")
            return
        if self._books.market is None:
            self._books.market = self._prices.refresh(set(MANAGED))
        self.holdings = self._orders.holdings(positions)
        self.foreign = foreign(positions, self.holdings)
        open_now = [h for h in self.holdings if h.ours != 0]
        self._introduce(mine, open_now)
        if mine:
            self.problem = f"orders are still open: {', '.join(o.symbol for o in mine)}"
            self._cancel_all(mine)
        if open_now:
            self._close_all([h for h in first_to_close(open_now) if self._may_close(h.symbol, mine)])
            self.problem = f"still open: {', '.join(self._words(h) for h in open_now)}"
        if not mine and not open_now:
            self._confirm()

    def _words(self, holding: Holding) -> str:
        """One open contract, and where nobody would trade: why, and when it is settled."""
        words, why = f"{holding.symbol} {holding.ours:+d}", self._unmet.get(holding.symbol)
        if not why:
            return words
        try:
            settled = parse_option_symbol(holding.symbol).expiry.astimezone(IST)
        except ValueError:
            return f"{words} ({why})"
        return f"{words} ({why}; held to settlement at {settled:%d %b %H:%M} IST unless it is closed before)"

    def _may_close(self, symbol: str, mine: Sequence[OrderSnapshot]) -> bool:
        """Whether nothing of ours rests in a contract, or its cancel has been awaited long enough: an order that cannot be
        cancelled must not keep a position open; closing orders are reduce-only."""
        if not any(order.symbol == symbol for order in mine):
            self._resting.pop(symbol, None)
            return True
        return time.monotonic() - self._resting.setdefault(symbol, time.monotonic()) >= _RESOLVE_SECS

    def _look(self) -> tuple[list[OrderSnapshot], list[Position]]:
        history = self._doubts.rows("history", lambda: self._gateway.order_history(self._since))
        listed = self._doubts.rows("open orders", self._gateway.open_orders)
        self._orders.learn([*history, *listed])
        if self._since == _EARLIEST and self._orders.newest is not None:
            # What ends from now on was open in this look or is made later: the long past need not be read again.
            created = [o.created_at for o in listed if o.created_at is not None]
            self._since = min([*created, self._orders.newest])
        for symbol, coid in list(self._unknown_coid.items()):
            found = self._gateway.lookup(coid)
            if found is not None:
                self._orders.learn([found])
                del self._unknown_coid[symbol], self._unknown[symbol]
        return [order for order in listed if self._orders.is_ours(order)], self._positions()

    def _positions(self) -> list[Position]:
        """Positions in every contract this program has traded. Where a row makes no sense these contracts are asked for one by one; what cannot be
        read then either is closed as far as our own orders go, reduce-only."""
        traded = self._orders.holdings(())
        positions: list[Position] = []
        for name in dict.fromkeys((*MANAGED, *sorted(_underlyings(h.symbol for h in traded)))):
            positions += self._doubts.rows(f"{name} positions", partial(self._gateway.positions, name))
        seen = {position.symbol for position in positions}
        for symbol, product_id in dict.fromkeys((h.symbol, h.product_id) for h in traded):
            if symbol not in seen and self._doubts.about_position(symbol, product_id):
                net = sum(h.net for h in traded if h.symbol == symbol)
                positions.append(self._position(symbol, product_id, net))
        return positions

    def _position(self, symbol: str, product_id: int, net: int) -> Position:
        try:
            quantity = self._gateway.position(product_id).quantity
        except WireError as error:
            self._once(f"The position of {symbol} makes no sense ({error}); going by our own orders.")
            return Position(symbol=symbol, product_id=product_id, quantity=net)
        self._doubts.settled(symbol, product_id)
        return Position(symbol=symbol, product_id=product_id, quantity=quantity)

    def _introduce(self, mine: list[OrderSnapshot], open_now: list[Holding]) -> None:
        if not self._books.usable and self._orders.installations:
            listed = ", ".join(f"sd{name}-" for name in self._orders.installations)
            self._once(f"Without the journal every order whose id begins like {listed} counts as ours.")
        held = ", ".join(f"{h.symbol} {h.ours:+d}" for h in open_now) or "no position"
        self._once(f"Ours at the exchange: {held}; {len(mine)} open orders.")
        for words in self.foreign:
            if not any(words.startswith(f"{h.symbol} ") for h in self.holdings):
                self._once(f"Not ours, left alone: {words}.")

    def _once(self, words: str) -> None:
        if words not in self._told:
            self._told.add(words)
            self._say(words)

    # ------------------------------------------------------------ cancelling

    def _cancel_all(self, orders: Sequence[OrderSnapshot]) -> None:
        for order in orders:
            self._books.intend_cancel(self._run_of(order), order.client_order_id or "")
        for order, outcome in zip(orders, self._workers.map(self._cancel, orders), strict=True):
            if isinstance(outcome, Ok):
                self.cancelled.append(order.client_order_id or "")
                self._orders.learn([outcome.order])
                self._books.resolve(self._run_of(order), order.client_order_id or "", outcome)
                self._say(f"Cancelled {order.side.value} {order.leaves_qty} {order.symbol} ({order.client_order_id}).")
            else:
                self._once(f"Cancel of {order.client_order_id} was not confirmed ({outcome}); reading the order again.")

    def _cancel(self, order: OrderSnapshot) -> Outcome:
        return self._gateway.cancel(product_id=order.product_id, venue_order_id=order.venue_order_id)

    def _run_of(self, order: OrderSnapshot) -> str:
        name = parse_client_order_id(order.client_order_id)
        assert name is not None
        return self._books.run_id_of(name.run)

    # ------------------------------------------------------------ closing

    def _close_all(self, open_now: list[Holding]) -> None:
        if self._epoch is None:
            self._epoch = self._books.epoch or self._orders.epoch_after()
        ready = [h for h in open_now if self._is_ready(h.symbol)]
        if not ready:
            return
        self._books.market = self._prices.refresh(_underlyings(h.symbol for h in ready))
        intents = [self._intent(holding) for holding in ready]
        for intent in intents:
            self._books.intend(intent)
            price = "at market" if intent.limit_price is None else f"up to {intent.limit_price}"
            self._say(f"Closing: {intent.side.value} {intent.quantity} {intent.symbol} {price}, reduce-only.")
        for intent, outcome in zip(intents, self._workers.map(self._gateway.submit, intents), strict=True):
            self._heard(intent, outcome)

    def _is_ready(self, symbol: str) -> bool:
        sent = self._unknown.get(symbol)
        return sent is None or time.monotonic() - sent >= _RESOLVE_SECS

    def _intent(self, holding: Holding) -> OrderIntent:
        attempt = self._attempts.get(holding.symbol, 0)
        self._attempts[holding.symbol] = attempt + 1
        run_id = self._books.run_id_of(holding.name.run)
        assert self._epoch is not None
        side = holding.closing_side
        quote, tick = self._prices.quote(holding.symbol), self._prices.tick(holding.symbol)
        limit = limit_for(side, quote, tick, attempt, any_price=self._any_price)
        self._unmet[holding.symbol] = unmet(side, quote, limit)
        return OrderIntent(
            client_order_id=client_order_id(
                installation=holding.name.installation,
                epoch=self._epoch,
                run_id=run_id,
                leg=holding.name.leg,
                purpose=Purpose.FLATTEN,
                attempt=attempt,
            ),
            run_id=run_id,
            leg=holding.name.leg,
            purpose=Purpose.FLATTEN,
            attempt=attempt,
            symbol=holding.symbol,
            product_id=holding.product_id,
            side=side,
            quantity=abs(holding.ours),
            order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            limit_price=limit,
            time_in_force=TimeInForce.IOC,
            reduce_only=True,
        )

    def _heard(self, intent: OrderIntent, outcome: Outcome) -> None:
        self._books.resolve(intent.run_id, intent.client_order_id, outcome)
        match outcome:
            case Ok(order=order):
                self._orders.learn([order])
                self.closed[intent.symbol] = self.closed.get(intent.symbol, 0) + order.filled_qty
                at = f" at {order.avg_px}" if order.avg_px is not None else ""
                self._say(f"{intent.symbol}: {order.filled_qty} of {intent.quantity} filled{at}.")
            case Rejected(message=message):
                self.is_slowed |= outcome.retry_after_secs is not None
                self._say(f"{intent.symbol}: refused ({message or outcome.code}); trying again.")
            case Unknown(cause=cause):
                self._unknown[intent.symbol] = time.monotonic()
                self._unknown_coid[intent.symbol] = intent.client_order_id
                self._say(f"{intent.symbol}: the answer was lost ({cause}); looking for the order.")

    # ------------------------------------------------------------ confirming

    def _confirm(self) -> None:
        """Flat: read successfully, agreeing with our orders or differing for longer than any lag, past the horizon."""
        now = time.monotonic()
        if any(h.net != h.seen for h in self.holdings):
            self._differs_since = self._differs_since or now
            if now - self._differs_since < LAG_SECS:
                self.problem = "position and orders have not agreed yet"
                return
        else:
            self._differs_since = None
        if self._books.runner_active and now - self._began < self._horizon_secs:
            self.problem = "a request of the fenced runner may still arrive"
            self._once(
                f"Nothing of ours is open. Looking again until {self._horizon_secs:.0f} s after the fence: a request the "
                "runner had already sent could still arrive."
            )
            return
        if words := self._doubts.words(self._orders, self.foreign, self._books.market):
            self.problem = f"part of the account could not be read: {words}"
            self._once(f"Nothing of ours is seen open, but {self.problem}. Look at the exchange's own page.")
            return
        self.flat = True
        self.problem = ""
        self._say("FLAT: the exchange shows no position and no open order of ours.")
        for words in self.foreign:
            self._say(f"NOT OURS and left alone: {words}.")


def _underlyings(symbols: Iterable[str]) -> set[str]:
    """What options are on; a symbol that is none is passed over, its contract being closed all the same."""
    found: set[str] = set()
    for symbol in symbols:
        try:
            found.add(parse_option_symbol(symbol).underlying)
        except ValueError:
            continue
    return found
