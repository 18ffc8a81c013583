"""How one leg is worked: what an algorithm is told, what it answers, and the bound that the gate holds it to.

An algorithm cuts a leg into slices and says when the next may begin; `next_child` makes an order of it. Within a slice one
order follows another until it has filled, as in a chase. Everything is derived from recorded orders, fills and instants, so a
restart or another runner goes on in the right slice. Two rules hold for every algorithm: a leg has one order at a time, and no
leg begins a slice before the other legs of its rank have filled the one before.
"""

from typing import Literal, Protocol

import msgspec

from trader.config.orders import Orders
from trader.domain.clock import Now
from trader.domain.order import Purpose
from trader.engine.execution.iceberg import Iceberg
from trader.engine.execution.twap import Twap
from trader.engine.execution.whole import Whole
from trader.engine.records import LegTerms, Phase
from trader.engine.state import Order, Run, seconds_since

# A protective exit, and whatever ends a run that went wrong, does not wait for slices.
PATIENT_REASONS = frozenset({"time", "max_profit"})
_CLOSING = (Purpose.EXIT, Purpose.UNWIND, Purpose.FLATTEN)
_ENDLESS = 10**9  # tries of an exit: it is never given up


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the preset says of an entry, or of an exit."""

    algo: Literal["chase", "market", "twap", "iceberg"] = "chase"
    duration_secs: int = 0  # market time
    slices: int = 1
    visible_pct: float = 100.0
    refresh_secs: int = 0
    child: Literal["limit", "market"] = "limit"

    @property
    def takes(self) -> bool:
        """Whether every order takes what the book has, instead of standing in it."""
        return self.algo == "market" or (self.algo != "chase" and self.child == "market")


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What an algorithm is told of one leg."""

    terms: Terms
    size: int  # contracts to be worked in all
    done: int = 0  # of them filled
    others: tuple[tuple[int, int], ...] = ()  # size and done of the legs that it keeps in step with
    tries: int = 0  # orders of the present slice so far
    most_tries: int = 1
    limits: int = 1  # after so many limit orders one takes what the book has
    elapsed: float = 0.0  # market seconds since the first order of the rank was decided
    quiet: float = float("inf")  # wall seconds since an order of the rank has ended
    rate: float = 1.0  # market seconds in a wall second


class Child(msgspec.Struct, frozen=True):
    """The next order. `attempt` counts within the slice, from 0; `late`: for how many wall seconds it could have gone out."""

    quantity: int
    attempt: int = 0
    at_market: bool = False
    late: float = float("inf")


class Wait(msgspec.Struct, frozen=True):
    """Nothing is due for so many market seconds; None: until another leg has filled its slice."""

    secs: float | None = None


class Done(msgspec.Struct, frozen=True):
    """All of it has filled."""


class Failed(msgspec.Struct, frozen=True):
    """No further order makes sense, and why."""

    why: str


class Bound(msgspec.Struct, frozen=True):
    """The most an algorithm may ask for, whatever it answers: orders and contracts at once, contracts by now (what has filled
    is counted), and orders in a row of which none has filled whole."""

    live: int
    at_once: int
    by_now: int
    unfilled: int


class Algorithm(Protocol):
    """How a leg is cut into slices, numbered from 0."""

    def edge(self, context: Context, size: int, number: int) -> int:
        """Contracts of a leg of that size in its first `number` slices."""

    def filled(self, context: Context, size: int, done: int) -> int:
        """How many whole slices are in `done` contracts of a leg of that size."""

    def opens_in(self, context: Context, number: int) -> float:
        """Market seconds until a slice may begin; it may when this is 0 or less."""

    def patience(self, context: Context) -> float:
        """Wall seconds after which an order that rests has had its slice's time."""

    def lead(self, terms: Terms, size: int) -> int:
        """Contracts in the largest slice of a leg of that size; 0 where it is not cut."""


ALGORITHMS: dict[str, Algorithm] = {"chase": Whole(), "market": Whole(), "twap": Twap(), "iceberg": Iceberg()}
# Those that cut a leg, and so ask for the time.
_SLICED = frozenset(name for name, algorithm in ALGORITHMS.items() if not isinstance(algorithm, Whole))


def next_child(context: Context) -> Child | Wait | Done | Failed:
    """What is to be done about a leg of which no order is live."""
    algorithm = ALGORITHMS[context.terms.algo]
    if context.done >= context.size:
        return Done()
    if context.tries >= context.most_tries:
        return Failed(f"not filled after {context.tries} attempts")
    number = algorithm.filled(context, context.size, context.done)
    if number > _slowest(algorithm, context):
        return Wait()
    opens_in = algorithm.opens_in(context, number)
    if opens_in > 0:
        return Wait(opens_in)
    quantity = algorithm.edge(context, context.size, number + 1) - context.done
    late = min(-opens_in / context.rate, context.quiet) if opens_in > float("-inf") else float("inf")
    return Child(quantity, context.tries, context.tries >= context.limits, late)


def bound(context: Context, unfilled: int) -> Bound:
    """What the gate holds a leg's entry to."""
    algorithm = ALGORITHMS[context.terms.algo]
    number = algorithm.filled(context, context.size, context.done)
    may_begin = number <= _slowest(algorithm, context) and algorithm.opens_in(context, number) <= 0
    since, until = (algorithm.edge(context, context.size, at) for at in (number, number + 1))
    return Bound(live=1, at_once=until - since, by_now=until if may_begin else since, unfilled=unfilled)


def lags(context: Context) -> bool:
    """Whether another leg has filled the slice that this one is in."""
    algorithm = ALGORITHMS[context.terms.algo]
    own = algorithm.filled(context, context.size, context.done)
    return any(algorithm.filled(context, size, done) > own for size, done in context.others)


def _slowest(algorithm: Algorithm, context: Context) -> float:
    """Whole slices that the slowest of the other legs has filled."""
    left = ((size, done) for size, done in context.others if done < size)
    return min((algorithm.filled(context, size, done) for size, done in left), default=float("inf"))


# ------------------------------------------------------------ from a run


def entry_terms(orders: Orders) -> Terms:
    return Terms(
        algo=orders.entry_algo,
        duration_secs=orders.entry_duration_secs,
        slices=orders.entry_slices,
        visible_pct=float(orders.entry_visible_pct),
        refresh_secs=orders.entry_refresh_secs,
        child=orders.entry_child,
    )


def exit_terms(orders: Orders, *, at_once: bool) -> Terms:
    """Of a closing order; `at_once`: without slices."""
    if at_once and orders.exit_algo != "market":
        return Terms()
    return Terms(
        algo=orders.exit_algo,
        duration_secs=orders.exit_duration_secs,
        slices=orders.exit_slices,
        visible_pct=float(orders.exit_visible_pct),
        refresh_secs=orders.exit_refresh_secs,
        child=orders.exit_child,
    )


def entry_context(run: Run, leg: LegTerms, now: Now) -> Context:
    """What the entry of a leg knows of itself."""
    orders, own = run.preset.orders, run.leg_orders(leg.key, Purpose.ENTRY)
    terms = entry_terms(orders)
    limits = 0 if terms.takes else orders.retries + 1
    tries = max(limits + orders.market_fallback, orders.retries + 1)
    return Context(
        terms=terms,
        size=leg.quantity,
        done=_entered(run, leg),
        others=tuple((other.quantity, _entered(run, other)) for other in _rank(run, leg) if other is not leg),
        tries=len(since_filled(own)),
        most_tries=min(tries, run.preset.risk.max_orders_per_leg),
        limits=limits,
        elapsed=_elapsed(run, leg, now, Purpose.ENTRY) if terms.algo in _SLICED else 0.0,
        quiet=_quiet(run, leg, now, Purpose.ENTRY) if terms.algo in _SLICED else float("inf"),
        rate=now.rate or 1.0,  # a clock that is held
    )


def exit_context(run: Run, leg: LegTerms, now: Now, *, at_once: bool) -> Context:
    """What the exit of a leg knows of itself. Other legs are waited for as long as one may stand alone, and not at all where
    they are held to their settlement: closing must come to an end."""
    own = run.leg_orders(leg.key, *_CLOSING)
    begun = seconds_since(run.exit_decided_at, now.wall)
    idle = min((seconds_since(order.ended_at, now.wall) for order in own), default=begun)
    others = [other for other in _rank(run, leg) if other is not leg and other.key not in run.kept]
    if idle > run.preset.risk.naked_leg_secs:
        others = []
    terms = exit_terms(run.preset.orders, at_once=at_once)
    elapsed = _elapsed(run, leg, now, *_CLOSING) if terms.algo in _SLICED else 0.0
    if not elapsed and _closed(run, leg):
        # Closed in part elsewhere it is ahead before its first order, and from that no time would ever be counted.
        elapsed = begun * (now.rate or 1.0)
    return Context(
        terms=terms,
        size=run.entered(leg.key),
        done=_closed(run, leg),
        others=tuple((run.entered(other.key), _closed(run, other)) for other in others),
        tries=len(since_filled(own)),
        most_tries=_ENDLESS,
        limits=0 if terms.takes else _ENDLESS,
        elapsed=elapsed if elapsed >= 0 else float("inf"),  # a clock set back must not hold an exit up
        quiet=_quiet(run, leg, now, *_CLOSING) if terms.algo in _SLICED else float("inf"),
        rate=now.rate or 1.0,  # a clock that is held
    )


def entry_bound(run: Run, leg: LegTerms, now: Now) -> Bound:
    """The most that may be asked for of a leg that is being entered."""
    return bound(entry_context(run, leg, now), run.preset.risk.max_orders_per_leg)


def largest_child(orders: Orders, size: int) -> int:
    """Contracts of the largest order that the entry of a leg of that size sends."""
    terms = entry_terms(orders)
    return ALGORITHMS[terms.algo].lead(terms, size) or size


def allowed_lead(run: Run, leg: LegTerms) -> int:
    """Contracts by which a leg may be ahead of the others of its rank without that being an imbalance: one slice, while it is
    worked in slices."""
    orders = run.preset.orders
    if run.phase is Phase.ENTERING and orders.entry_algo in _SLICED:
        terms, size = entry_terms(orders), leg.quantity
    elif run.phase is Phase.EXITING and is_sliced(orders) and is_patient(run):
        terms, size = exit_terms(orders, at_once=False), run.entered(leg.key)
    else:
        return 0
    return ALGORITHMS[terms.algo].lead(terms, size)


def is_sliced(orders: Orders) -> bool:
    """Whether an exit that may take its time is worked in slices."""
    return orders.exit_algo in _SLICED


def is_patient(run: Run) -> bool:
    """Whether what ended the run leaves time for slices."""
    if run.stop_command is not None:
        return run.preset.orders.stop_in_slices and run.exit_reason in (*PATIENT_REASONS, "manual")
    return run.exit_reason in PATIENT_REASONS


def since_filled(orders: list[Order]) -> list[Order]:
    """The orders after the last that filled whole: what has been tried in the present slice."""
    for number in range(len(orders), 0, -1):
        if orders[number - 1].done_qty >= orders[number - 1].intent.quantity:
            return orders[number:]
    return orders


def _rank(run: Run, leg: LegTerms) -> list[LegTerms]:
    return [other for other in run.legs if other.rank == leg.rank]


def _entered(run: Run, leg: LegTerms) -> int:
    """By either witness."""
    return max(run.entered(leg.key), sum(order.done_qty for order in run.leg_orders(leg.key, Purpose.ENTRY)))


def _closed(run: Run, leg: LegTerms) -> int:
    """Contracts that have been closed, those too of which an order tells before its fill does."""
    untold = sum(order.untold_qty for order in run.leg_orders(leg.key, *_CLOSING))
    return run.entered(leg.key) - run.open_quantity(leg.key) + untold


def _elapsed(run: Run, leg: LegTerms, now: Now, *purposes: Purpose) -> float:
    """Market seconds since the first order of the leg's rank; the wall clock stands in where the exchange's time is not known."""
    keys = {other.key for other in _rank(run, leg)}
    first = next((o for o in run.orders.values() if o.intent.leg in keys and o.intent.purpose in purposes), None)
    if first is None:
        return 0.0
    if now.market is not None and first.intended_market is not None:
        return (now.market - first.intended_market).total_seconds()
    return seconds_since(first.intended_at, now.wall) * now.rate


def _quiet(run: Run, leg: LegTerms, now: Now, *purposes: Purpose) -> float:
    """Wall seconds since an order of the leg's rank has ended."""
    keys = {other.key for other in _rank(run, leg)}
    ends = [
        o.ended_at
        for o in run.orders.values()
        if o.ended_at is not None and o.intent.purpose in purposes and o.intent.leg in keys
    ]
    return seconds_since(max(ends), now.wall) if ends else float("inf")
