"""How well orders are carried out: of the running client as its runner counts it, and of the orders that the journal tells."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from trader.desk.books.lines import SETTLED_IN, OrderLine
from trader.desk.books.orders import newest_lines
from trader.domain.order import OrderStatus
from trader.domain.statistics import Statistics
from trader.engine.state import ZERO
from trader.journal import Journal
from trader.journal.listings import Wanted

LONGEST_HOURS = 24 * 366
MOST_ORDERS = 5_000  # newest first; more are not looked at


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of this machine's clock; None where there is none to tell."""

    p50: float | None
    p95: float | None
    p99: float | None


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """Orders intended since `since` (at most the newest 5,000: then `whole` is False). `orders` were sent, `denied` were not: our own
    gate refused them; `risk_passed` and `risk_failed` count its checks, tickets refused before among them. Rates are shares: of
    contracts of ended orders that filled, and of sent orders that the exchange rejected. `slippage_usd` and `fees` are sums; fees of
    fills that are not told yet are not in them (`fees_missing` orders). USD."""

    since: datetime
    whole: bool
    orders: int
    by_status: dict[str, int]
    denied: int
    risk_passed: int
    risk_failed: int
    contracts_sent: int
    contracts_filled: int
    fill_rate: float | None
    rejection_rate: float | None
    answer_secs: Spread
    fill_secs: Spread
    slippage_usd: Decimal
    slippage_pct: Decimal | None  # mean over the orders that have filled
    fees: Decimal
    fees_missing: int
    fee_currency: str


class DeskStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """`client`: of the runner's connection since the runner began, as it counted last; None while there was none. `alive`: whether
    that runner is."""

    alive: bool
    client: Statistics | None
    execution: Execution


def read_execution(journal: Journal, account: str, since: datetime) -> Execution:
    """The orders of an account since an instant.

    Raises:
        JournalError: The journal cannot be read.
    """
    lines = newest_lines(journal, account, Wanted(since=since), MOST_ORDERS + 1)
    whole, lines = len(lines) <= MOST_ORDERS, lines[:MOST_ORDERS]
    sent = [line for line in lines if line.status != OrderStatus.DENIED]
    ended = [line for line in sent if OrderStatus(line.status).terminal]
    wanted, filled = sum(line.quantity for line in ended), sum(line.filled for line in ended)
    told = [line for line in sent if line.fees is not None]
    slipped = [line.slippage_pct for line in sent if line.slippage_pct is not None]
    rejected = sum(line.status == OrderStatus.REJECTED for line in sent)
    passed, failed = journal.risk_checks(account, since)
    return Execution(
        since=since,
        whole=whole,
        orders=len(sent),
        by_status={status: count for status in OrderStatus if (count := sum(one.status == status for one in lines))},
        denied=len(lines) - len(sent),
        risk_passed=passed,
        risk_failed=failed,
        contracts_sent=sum(line.quantity for line in sent),
        contracts_filled=sum(line.filled for line in sent),
        fill_rate=filled / wanted if wanted else None,
        rejection_rate=rejected / len(sent) if sent else None,
        answer_secs=_spread(sent, "answer_secs"),
        fill_secs=_spread(sent, "fill_secs"),
        slippage_usd=sum((line.slippage_usd or ZERO for line in sent), ZERO),
        slippage_pct=sum(slipped, ZERO) / len(slipped) if slipped else None,
        fees=sum((line.fees or ZERO for line in told), ZERO),
        fees_missing=len(sent) - len(told),
        fee_currency=SETTLED_IN,
    )


def _spread(lines: Sequence[OrderLine], name: str) -> Spread:
    known = sorted(value for value in (getattr(line, name) for line in lines) if value is not None)

    def at(share: float) -> float | None:
        """The smallest that at least this share does not exceed."""
        return known[max(-int(-share * len(known) // 1), 1) - 1] if known else None

    return Spread(p50=at(0.5), p95=at(0.95), p99=at(0.99))
