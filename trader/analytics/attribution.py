"""Where a run's P&L came from: delta, gamma, theta, vega, what the spread, slippage and fees have cost, and what is left.

The P&L of one contract between two samples is its change of mark, and is explained by what delta, theta and vega were on the way
(`trader.analytics.steps`): theta and vega are their sums over time and volatility, delta is that of the beginning times the move of
spot, and `gamma` all that the change of delta has made, the part of it by time and volatility (charm, vanna) among it. An
execution is parted at the mark of its instant, read off between the samples around it: from the mark to the price that the
order was decided on is spread, from there to the price paid is slippage. What the exchange closed by itself (a settlement, a
liquidation) has no such price: all of its distance from the mark is `exchange`. Funding is a perpetual's alone. All parts and the residual add up to the P&L.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from trader.analytics.steps import APART, Option, Seen, explain
from trader.domain.order import Side

ZERO = Decimal(0)
FAITHFUL = 0.05  # of what moved may be left over before it is told why


class Traded(msgspec.Struct, frozen=True, kw_only=True):
    """An execution of the leg: contracts and USD per unit. `reference` is the price its order was decided on, None where the
    exchange traded by itself; `fee` USD."""

    at: datetime
    side: Side
    quantity: int
    price: Decimal
    reference: Decimal | None
    fee: Decimal


class LegPath(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one leg: samples and executions in order of time. `contract_value`: units of underlying in a contract.
    `option`: None for a perpetual. `funding`: USD received, below 0 paid."""

    key: str
    contract_value: Decimal
    seen: Sequence[Seen]
    traded: Sequence[Traded]
    option: Option | None = None
    funding: Decimal = ZERO


class Attribution(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """USD, signed: what each has made (below 0: cost). `moved` is the sum of all sizes of the changes of mark and of the costs, which
    the residual is judged by. `longest_gap`: the longest stretch between samples while something was open. `unseen`: sizes of the changes
    of mark through which neither greeks nor a volatility were known. `misfit`: sizes of what is left where the option was priced along the
    way: there marks do not follow from spot and volatility. `most_left`: the most that one stretch leaves over, from `most_left_at` on."""

    pnl: Decimal
    delta: float
    gamma: float
    theta: float
    vega: float
    spread: Decimal
    slippage: Decimal
    exchange: Decimal
    funding: Decimal
    fees: Decimal
    residual: float
    moved: float
    longest_gap: timedelta
    unseen: float
    misfit: float
    most_left: float
    most_left_at: datetime | None

    @property
    def why(self) -> str | None:
        """What a residual of more than 5 % of `moved` comes from, as far as it is known; None for a smaller one."""
        share = self.residual_share
        if share is None or share <= FAITHFUL:
            return None
        words = []
        if self.unseen:
            words.append(f"for changes of mark of {self.unseen:.2f} USD neither greeks nor a volatility were known")
        if self.misfit > abs(self.residual) / 2:
            words.append(f"marks moved by {self.misfit:.2f} USD that do not follow from spot and volatility")
        if self.longest_gap > APART:
            words.append(f"samples lay up to {self.longest_gap / timedelta(minutes=1):.0f} minutes apart")
        if self.most_left_at is not None:
            began = f"{self.most_left_at:%Y-%m-%d %H:%M:%S} UTC"
            words.append(f"the largest part, {self.most_left:+.2f} USD, is left by the step from {began}")
        return "; ".join(words) or "no sample was taken while it was held"

    @property
    def residual_share(self) -> float | None:
        """Size of the residual over `moved`; None where nothing moved."""
        return abs(self.residual) / self.moved if self.moved else None


def attribute(legs: Sequence[LegPath]) -> Attribution:
    """The parts of the P&L of legs that are closed again."""
    parts = [_Leg(path) for path in legs]
    greeks = [sum(getattr(one, name) for one in parts) for name in ("delta", "gamma", "theta", "vega")]
    money = [
        sum((getattr(one, name) for one in parts), ZERO) for name in ("spread", "slippage", "exchange", "fees", "cash")
    ]
    spread, slippage, exchange, fees, cash = money
    funding = sum((path.funding for path in legs), ZERO)
    pnl = cash + fees + funding
    worst = max(parts, key=lambda one: abs(one.left), default=None)
    return Attribution(
        pnl=pnl,
        delta=greeks[0],
        gamma=greeks[1],
        theta=greeks[2],
        vega=greeks[3],
        spread=spread,
        slippage=slippage,
        exchange=exchange,
        funding=funding,
        fees=fees,
        residual=float(pnl - spread - slippage - exchange - funding - fees) - sum(greeks),
        moved=sum(one.moved for one in parts)
        + float(abs(spread) + abs(slippage) + abs(exchange) + abs(funding) + abs(fees)),
        longest_gap=max((one.gap for one in parts), default=timedelta(0)),
        unseen=sum(one.unseen for one in parts),
        misfit=sum(one.misfit for one in parts),
        most_left=worst.left if worst else 0.0,
        most_left_at=worst.left_at if worst else None,
    )


class _Leg:
    """The sums of one leg."""

    def __init__(self, path: LegPath) -> None:
        self._value = path.contract_value
        self._option = path.option
        self._seen = path.seen
        self._times = [one.at for one in path.seen]
        self.delta = self.gamma = self.theta = self.vega = self.moved = self.unseen = self.misfit = self.left = 0.0
        self.left_at: datetime | None = None
        self.spread = self.slippage = self.exchange = self.fees = self.cash = ZERO
        self.gap = timedelta(0)
        for trade in path.traded:
            self._book(trade)
        self._follow(path.traded)

    def _book(self, trade: Traded) -> None:
        size = trade.side.sign * trade.quantity * self._value  # bought is positive
        self.cash -= size * trade.price
        self.fees -= trade.fee
        mark = self._mark(trade.at)
        mark = trade.price if mark is None else mark
        if trade.reference is None:
            self.exchange += size * (mark - trade.price)
        else:
            self.spread += size * (mark - trade.reference)
            self.slippage += size * (trade.reference - trade.price)

    def _follow(self, traded: Sequence[Traded]) -> None:
        """Every step between two samples, by how many contracts were held through it on average."""
        held, number = 0, 0
        while number < len(traded) and self._seen and traded[number].at <= self._times[0]:
            held += traded[number].side.sign * traded[number].quantity
            number += 1
        for before, after in zip(self._seen, self._seen[1:], strict=False):
            span = after.at - before.at
            average = float(held)
            while number < len(traded) and traded[number].at <= after.at:
                change = traded[number].side.sign * traded[number].quantity
                average += change * ((after.at - traded[number].at) / span)
                held += change
                number += 1
            if average:
                self._step(before, after, average * float(self._value))
                self.gap = max(self.gap, span)

    def _step(self, before: Seen, after: Seen, size: float) -> None:
        change = after.mark - before.mark
        self.moved += abs(size * change)
        parts = explain(before, after, self._option)
        if parts is None:
            self.unseen += abs(size * change)
        else:
            delta, gamma, theta, vega, priced = parts
            self.delta += size * delta
            self.gamma += size * gamma
            self.theta += size * theta
            self.vega += size * vega
            change -= delta + gamma + theta + vega
            if priced:
                self.misfit += abs(size * change)
        left = size * change
        if abs(left) > abs(self.left):
            self.left, self.left_at = left, before.at

    def _mark(self, at: datetime) -> Decimal | None:
        """Between the samples around an instant in a straight line; the nearest beyond them."""
        if not self._seen:
            return None
        place = bisect_right(self._times, at)
        before, after = self._seen[max(place - 1, 0)], self._seen[min(place, len(self._seen) - 1)]
        if after.at <= before.at:
            return Decimal(str(before.mark))
        share = (at - before.at) / (after.at - before.at)
        return Decimal(str(before.mark + share * (after.mark - before.mark)))
